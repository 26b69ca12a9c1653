"""What is read of each Vault: a source for each kind of thing in it, so that each has its own rights and troubles."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from keywatch.alerts.problems import SourceRole
from keywatch.service.vault_sessions import VaultSessions
from keywatch.settings.keys import Vault

if TYPE_CHECKING:
    from keywatch.collect.inventory.described import Describer
    from keywatch.collect.inventory.vault_walk import Bounds
    from keywatch.collect.vault import VaultAccess, VaultSession
    from keywatch.model.source import AccessSource, KeySource


@dataclass(frozen=True, slots=True)
class Door:
    """One Vault, as its sources have to know it."""

    entry: Vault
    sessions: VaultSessions
    now: Callable[[], datetime]

    @property
    def access(self) -> "VaultAccess":
        """How it is reached."""
        return self.sessions.access(self.entry.name)

    def token(self) -> "VaultSession":
        """What opens it, shared by all sources of it."""
        return self.sessions.session(self.entry.name)

    @property
    def describer(self) -> "Describer":
        """What paths and metadata say of keys."""
        from keywatch.collect.inventory.described import Describer, TagNames
        from keywatch.collect.inventory.named import NamePattern

        inventory = self.entry.inventory
        return Describer(
            tags=TagNames(**inventory.metadata.model_dump()),
            patterns=[NamePattern(path.pattern, path.kind, path.key) for path in inventory.paths],
            everything=inventory.every_secret,
        )

    @property
    def bounds(self) -> "Bounds":
        """How far one run goes."""
        from keywatch.collect.inventory.vault_walk import Bounds

        return Bounds(depth=self.entry.inventory.most_depth, secrets=self.entry.inventory.most_secrets)


@dataclass(frozen=True, slots=True)
class VaultSource:
    """One kind of source that a Vault has."""

    kind: str
    build: "Callable[[Door], KeySource | AccessSource]"
    word: str | None = None
    """What in `also` asks for it; None: it is always read."""
    role: SourceRole = SourceRole.INVENTORY

    def wanted(self, entry: Vault) -> bool:
        """Whether it is asked for."""
        return self.word is None or self.word in entry.inventory.also


def _kv2(door: Door) -> "KeySource":
    from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys

    return VaultKv2Keys(
        door.entry.name,
        door.access,
        door.token(),
        now=door.now,
        mounts=door.entry.mounts,
        describer=door.describer,
        subkeys=door.entry.inventory.subkeys,
        bounds=door.bounds,
    )


def _kv1(door: Door) -> "KeySource":
    from keywatch.collect.inventory.vault_kv1 import VaultKv1Keys

    return VaultKv1Keys(
        door.entry.name,
        door.access,
        door.token(),
        mounts=door.entry.inventory.kv1_mounts,
        describer=door.describer,
        bounds=door.bounds,
    )


def _tokens(door: Door) -> "KeySource":
    from keywatch.collect.inventory.vault_tokens import VaultTokens

    inventory = door.entry.inventory
    return VaultTokens(
        door.entry.name,
        door.access,
        door.token(),
        now=door.now,
        least=timedelta(days=inventory.token_days),
        most=inventory.most_secrets,
    )


def _secret_ids(door: Door) -> "KeySource":
    from keywatch.collect.inventory.vault_approle import VaultSecretIds

    return VaultSecretIds(
        door.entry.name, door.access, door.token(), now=door.now, most=door.entry.inventory.most_secrets
    )


def _aws(door: Door) -> "KeySource":
    from keywatch.collect.inventory.vault_aws import VaultAwsKeys

    inventory = door.entry.inventory
    return VaultAwsKeys(
        door.entry.name, door.access, door.token(), mounts=inventory.aws_mounts, most=inventory.most_secrets
    )


def _readers(door: Door) -> "AccessSource":
    from keywatch.collect.inventory.vault_readers import VaultReaders

    return VaultReaders(door.entry.name, door.access, door.token(), now=door.now)


VAULT_SOURCES = (
    VaultSource("vault-kv2", _kv2),
    VaultSource("vault-kv1", _kv1, "kv1"),
    VaultSource("vault-tokens", _tokens, "tokens"),
    VaultSource("vault-secret-ids", _secret_ids, "secret-ids"),
    VaultSource("vault-aws", _aws, "aws"),
    VaultSource("vault-access", _readers, "access", SourceRole.ACCESS),
)
"""Whatever is added here is read of every Vault that asks for it."""
