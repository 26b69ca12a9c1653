"""Who may read what in a Vault, as its policies, logins and identities say: a few thousand rules, and no secret."""

from dataclasses import dataclass

from keywatch.model.source import Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRule:
    """What one policy allows on the paths that fit a pattern."""

    path: str
    """As it is written: `kv/data/*`, `kv/data/+/lwa`."""
    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """The rules of one policy that speak of places where secrets are."""

    name: str
    rules: tuple[PathRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A person or a program that policies are given to, or a door through which some come in."""

    name: str
    """As alerts name it: `approle orders`, `entity jane`, `group admins`."""
    ways: tuple[tuple[str, ...], ...]
    """The policies that it has together, for each way in which it can log in."""
    countless: str | None = None
    """Who that is, where nobody can say how many they are: `any service account of namespace orders`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMount:
    """Where secrets are, and where their values are read."""

    path: str
    reads: tuple[tuple[str, str], ...]
    """Beginnings of places and the beginnings of the paths that show their values: `kv/` and `kv/data/`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReaders:
    """Who may read one key's value."""

    names: tuple[str, ...]
    whole: bool
    """Whether that is everybody, as far as is known: all was read that says so, the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One Vault's word on who may read what."""

    vault: str
    """Its name in the settings."""
    mounts: tuple[SecretMount, ...]
    policies: tuple[AccessPolicy, ...]
    holders: tuple[Holder, ...]
    unread: tuple[Skipped, ...] = ()
    """What could not be read: there may be more readers by as much."""
