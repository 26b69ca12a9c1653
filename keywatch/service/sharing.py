"""What a person configured about the sharing of keys, and the databases that say where a network is."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from keywatch.alerts.sharing import Allowance, Dimension, SharingRules
from keywatch.alerts.sharing_problems import sharing_problems
from keywatch.collect.atlas import Atlas
from keywatch.model.alert import Problem
from keywatch.model.standing import Standing
from keywatch.settings.limits import Sharing, SharingAllow
from keywatch.store import Store

KEEP = timedelta(days=180)
"""A place that a key was not used from for so long is new again."""


class SharingWatch:
    """Finds the keys that more use than should."""

    def __init__(self, settings: Sharing) -> None:
        """
        Open the databases.

        Raises:
            ConfigError: one of them cannot be used.
        """
        self._rules = sharing_rules(settings)
        self._atlas = Atlas(_path(settings.asn_database), _path(settings.country_database))

    def problems(self, store: Store, standings: Iterable[Standing], now: datetime) -> list[Problem]:
        """Judge every key by all that is known of its uses."""
        self._atlas.refresh()
        return list(
            sharing_problems(
                (standing.key for standing in standings),
                store.uses(),
                store.coverages(),
                rules=self._rules,
                locate=self._atlas.locate,
                now=now,
            )
        )


def sharing_rules(settings: Sharing) -> SharingRules:
    """The limits and exceptions a person configured."""
    return SharingRules(
        window=timedelta(days=settings.window_days),
        history=timedelta(days=settings.history_days),
        limits={
            Dimension.PROVIDER: settings.most_providers,
            Dimension.NETWORK: settings.most_networks,
            Dimension.COUNTRY: settings.most_countries,
            Dimension.AGENT: settings.most_agents,
            Dimension.PRINCIPAL: settings.most_principals,
        },
        allowed=tuple(map(_allowance, settings.allow)),
    )


def _allowance(allow: SharingAllow) -> Allowance:
    return Allowance(
        keys=allow.key,
        owner=allow.owner,
        application=allow.application,
        networks=tuple(map(ip_network, allow.networks)),
        systems=frozenset(allow.providers),
        countries=frozenset(allow.countries),
        agents=allow.agents,
        principals=allow.principals,
    )


def _path(name: str | None) -> Path | None:
    return Path(name).expanduser() if name else None
