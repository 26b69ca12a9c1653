"""Audit logs of Vault: built here, of their settings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.model.key import Handle, SourceId
from keywatch.service.vault_sessions import VaultSessions
from keywatch.settings.keys import Vault
from keywatch.settings.schema import Settings
from keywatch.settings.vault_audit import VaultAudit

if TYPE_CHECKING:
    from keywatch.collect.calls.vault_audit import VaultAuditLog
    from keywatch.collect.calls.vault_audit_accessors import AccessorHashes
    from keywatch.collect.content.shared_log import SharedLog
    from keywatch.collect.inventory.vault_oracle import VaultOracle
    from keywatch.collect.tail_batch import Lines
    from keywatch.collect.vault import Vault as OpenVault

_LATE = timedelta(hours=1)
"""How late a shipper may put a log into a bucket."""
_CONNECTIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an audit log is read with."""

    vaults: tuple[Vault, ...]
    sessions: VaultSessions
    now: Callable[[], datetime]
    attempts: int
    lines: Callable[[VaultAudit], "Lines"]
    """Makes what reads a file or the journal."""
    memory: Path | None = None
    inventoried: Callable[[], frozenset[Handle]] = frozenset
    """What keys of the inventory are known by."""
    hashes: dict[str, "AccessorHashes"] = field(default_factory=dict)
    """By audit log: what was asked is remembered from run to run."""


def audit_log(entry: VaultAudit, around: Surroundings) -> "VaultAuditLog | SharedLog":
    """Return the source that a `[[vault_audit]]` describes."""
    from keywatch.collect.calls.vault_audit import AuditRules, VaultAuditLog
    from keywatch.collect.calls.vault_audit_names import VaultNames
    from keywatch.collect.content.shared_log import SharedLog

    log = VaultAuditLog(
        entry.name,
        around.lines(entry) if entry.s3 is None else _bucket(entry, entry.s3, around),
        now=around.now,
        names=VaultNames(
            vault=entry.vault,
            namespaces=_namespaces(entry.vault, around.vaults),
            tokens=entry.tokens,
            ignored=frozenset(entry.ignore),
        ),
        rules=AuditRules(
            every_node=entry.every_node,
            mixed=entry.journal is not None,
            may_be_clear=frozenset(entry.may_be_clear),
            keeps_hashes=entry.confirm,
            late=timedelta() if entry.s3 is None else _LATE,
        ),
        accessors=_accessors(entry, entry.device, around) if entry.device else None,
    )
    return SharedLog(log) if entry.scan else log


def oracles(settings: Settings, sessions: VaultSessions) -> "dict[SourceId, Callable[[], VaultOracle]]":
    """How the Vault of each audit log is asked about what was found, where that is wanted."""
    wanted = [log for log in settings.vault_audit if log.confirm]
    return {SourceId(f"vault-audit:{log.name}"): partial(_oracle, log, sessions) for log in wanted}


def _oracle(log: VaultAudit, sessions: VaultSessions) -> "VaultOracle":
    from keywatch.collect.inventory.vault_oracle import VaultOracle
    from keywatch.collect.vault import Vault as OpenVault

    vault = OpenVault(f"vault-audit:{log.name}", sessions.access(log.vault), sessions.session(log.vault))
    return VaultOracle(vault, log.device or "")


def _namespaces(name: str, vaults: Iterable[Vault]) -> dict[str, str]:
    """Other entries of the settings that are a namespace of the same Vault."""
    mine = next((vault for vault in vaults if vault.name == name), None)
    if mine is None:
        return {}
    found = {(vault.namespace or "").strip("/"): vault.name for vault in vaults if vault.address == mine.address}
    # What is in the root namespace must not be taken for what is in the one that this name stands for.
    return {"": f"{name}:root"} | found


def _accessors(entry: VaultAudit, device: str, around: Surroundings) -> "AccessorHashes":
    from keywatch.collect.calls.vault_audit_accessors import AccessorHashes

    if entry.name not in around.hashes:

        def connect() -> "OpenVault":
            from keywatch.collect.vault import Vault as OpenVault

            sessions, name = around.sessions, entry.vault
            return OpenVault(f"vault-audit:{entry.name}", sessions.access(name), sessions.session(name))

        around.hashes[entry.name] = AccessorHashes(entry.vault, device, connect, around.inventoried, now=around.now)
    return around.hashes[entry.name]


def _bucket(entry: VaultAudit, url: str, around: Surroundings) -> "Lines":
    from keywatch.collect.aws import AwsAccess
    from keywatch.collect.content.s3_lines import BucketLines

    access = AwsAccess(
        region=entry.region,
        profile=entry.profile,
        role_arn=entry.role,
        endpoint_url=entry.endpoint_url,
        attempts=around.attempts,
        adaptive=True,
        connections=_CONNECTIONS,
    )
    return BucketLines(
        url,
        access,
        SourceId(f"vault-audit:{entry.name}"),
        memory=around.memory,
        now=around.now,
        lookback=timedelta(days=entry.lookback_days),
    )
