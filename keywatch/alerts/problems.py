"""Everything that is wrong now, from everything that is known now. Pure; the clock is an argument."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from keywatch.alerts.key_problems import key_problem, undecidable
from keywatch.alerts.secret_problems import SeenFinding, secret_problem
from keywatch.alerts.source_problems import BlindSource, SourceRole, source_problem
from keywatch.model.alert import AlertId, Problem
from keywatch.model.standing import Standing

__all__ = ["BlindSource", "Grace", "SeenFinding", "SourceRole", "inhibited", "problems"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grace:
    """How long something may be wrong before it is told."""

    first_use: timedelta = timedelta(days=7)
    """A key that was made so recently need not have been used yet."""
    blindness: timedelta = timedelta(0)
    """A source may fail so long without an alert."""


def problems(
    standings: Iterable[Standing],
    findings: Iterable[SeenFinding],
    blind: Iterable[BlindSource],
    *,
    now: datetime,
    grace: Grace | None = None,
) -> list[Problem]:
    """
    Return everything that is wrong now, each thing once.

    Args:
        standings: of every key in the inventory.
        findings: with their life; resolved and ignored ones are passed over.
        blind: the sources whose last run failed.
        now: aware UTC.
        grace: None for the defaults.
    """
    grace = grace or Grace()
    standings = list(standings)
    by_key = {standing.key.id: standing for standing in standings}
    found: dict[AlertId, Problem] = {}
    for standing in standings:
        _add(found, key_problem(standing, now=now, grace=grace.first_use))
    for seen in findings:
        _add(found, secret_problem(seen, by_key))
    for source in blind:
        # A clock may have been set back since: it is blind all the same.
        if max(now - source.since, timedelta(0)) >= grace.blindness:
            _add(found, source_problem(source))
    return list(found.values())


def inhibited(standings: Iterable[Standing]) -> frozenset[AlertId]:
    """Return the alerts that must stay as they are, because the evidence they rest on cannot be had now."""
    return frozenset(alert for standing in standings for alert in undecidable(standing))


def _add(found: dict[AlertId, Problem], problem: Problem | None) -> None:
    if problem is not None:
        found.setdefault(problem.id, problem)
