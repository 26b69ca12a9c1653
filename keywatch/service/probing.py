"""From the settings to the probe of our own keys."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from keywatch.model.key import Handle
from keywatch.model.secret import Fingerprint, Pepper
from keywatch.service.declarations import Declarations
from keywatch.service.vault_sessions import VaultSessions
from keywatch.settings.schema import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from keywatch.collect.calls.probe import Probe
    from keywatch.collect.stored_values import VaultDoor

Foreign = Callable[[Fingerprint, tuple[Handle, ...]], bool]
"""Whether a value, or what is called so, is known to be somebody else's."""
_LOOK = 0.5
"""Seconds between two looks at whether the daemon is to end."""


def probe_of(
    settings: Settings,
    declarations: Declarations,
    vaults: VaultSessions,
    pepper: Pepper,
    *,
    now: "Callable[[], datetime]",
    stopping: Callable[[], bool],
    foreign: Callable[[], Foreign],
    attempts: int,
) -> "Probe":
    """Return what tries the keys that are declared."""
    from keywatch.collect.aws import AwsAccess
    from keywatch.collect.calls.probe import Probe, ProbeRules
    from keywatch.collect.calls.probe_try import ID
    from keywatch.collect.lwa import Amazon
    from keywatch.collect.stored_values import AwsValues, Stores, VaultValues

    probe = settings.probe
    access = AwsAccess(
        profile=probe.profile, role_arn=probe.role, endpoint_url=probe.endpoint_url, attempts=attempts, adaptive=True
    )
    return Probe(
        declarations.rows,
        declarations.stamp,
        Stores(VaultValues(ID, _doors(settings, vaults)), AwsValues(ID, access)),
        Amazon(base_url=probe.base_url, proxy=probe.proxy),
        pepper=pepper,
        now=now,
        wait=lambda seconds: _waited(seconds, stopping),
        rules=ProbeRules(
            every=probe.every, counts_as_use=probe.counts_as_use, applications=frozenset(probe.applications)
        ),
        foreign=_when_asked(foreign),
    )


def _when_asked(make: Callable[[], Foreign]) -> Foreign:
    """Look the inventory and all findings through only where a value is about to be shown."""
    made: list[Foreign] = []

    def foreign(value: Fingerprint, names: tuple[Handle, ...]) -> bool:
        if not made:
            made.append(make())
        return made[0](value, names)

    return foreign


def _doors(settings: Settings, vaults: VaultSessions) -> "Mapping[str, VaultDoor]":
    from keywatch.collect.stored_values import VaultDoor

    doors = {}
    for vault in settings.vault:
        token = settings.probe.vault_tokens.get(vault.name)
        doors[vault.name] = VaultDoor(
            access=vaults.access(vault.name),
            token=token.resolve if token else partial(vaults.session, vault.name),
            mounts=tuple(mount.strip("/") for mount in vault.mounts),
        )
    return doors


def _waited(seconds: float, stopping: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if stopping():
            return True
        time.sleep(min(left, _LOOK))
    return stopping()
