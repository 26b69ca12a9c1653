"""What is mounted in a Vault: where its secrets are, and where it lets people and programs in."""

from collections.abc import Mapping
from dataclasses import dataclass

from keywatch.collect.vault import Vault
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.source import Json, Skipped

_SHOWN = "sys/internal/ui/mounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One secrets engine or auth method."""

    path: str
    """Without slashes at its ends."""
    type: str
    version: int = 0
    """Of KV; 0 for whatever is none."""
    accessor: str | None = None
    """By which identities name an auth method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts:
    """A table of mounts, sorted by path."""

    mounts: tuple[Mount, ...]
    whole: bool
    """Whether these are all there are: else only those are known that the token is shown, and others may be there."""

    def of_type(self, *types: str) -> tuple[Mount, ...]:
        return tuple(mount for mount in self.mounts if mount.type in types)

    def kv(self, version: int) -> tuple[str, ...]:
        """The paths of the KV mounts of that version."""
        return tuple(mount.path for mount in self.mounts if mount.version == version)


def secret_mounts(vault: Vault) -> Mounts:
    """Return what keeps secrets."""
    return _mounts(vault, "sys/mounts", "secret")


def auth_mounts(vault: Vault) -> Mounts:
    """Return the ways to log in."""
    return _mounts(vault, "sys/auth", "auth")


def unseen(table: str) -> Skipped:
    """Say that there may be more than the token is shown, so that nothing is taken for gone that is merely hidden."""
    hint = f"give the token `read` on {table}, or name the `mounts` that are to be read"
    return Skipped(f"GET {table}", "refused: mounts that the token is not shown are not known", hint)


def _mounts(vault: Vault, table: str, shown: str) -> Mounts:
    try:
        found, whole = vault.read(table) or {}, True
    except SourceDenied:
        part, whole = (vault.read(_SHOWN) or {}).get(shown), False
        found = part if isinstance(part, dict) else {}
    mounts = (_mount(path, entry) for path, entry in sorted(found.items()) if isinstance(entry, dict))
    return Mounts(mounts=tuple(mount for mount in mounts if mount is not None), whole=whole)


def _mount(path: str, entry: Mapping[str, Json]) -> Mount | None:
    kind, options, accessor = entry.get("type"), entry.get("options"), entry.get("accessor")
    if not isinstance(kind, str) or not path.strip("/"):
        return None
    # `generic` is what KV was called before it had versions.
    said = options.get("version") if isinstance(options, dict) else None
    version = {"kv": 2 if said == "2" else 1, "generic": 1}.get(kind, 0)
    return Mount(
        path=path.strip("/"), type=kind, version=version, accessor=accessor if isinstance(accessor, str) else None
    )


def require(vault: Vault, who: str, mount: str) -> None:
    """
    See that something answers at a mount: a misspelt one would look like an empty one.

    Raises:
        SourceMalformed: nothing does.
    """
    if not vault.mounted(mount):
        raise SourceMalformed(f"{who}: nothing is mounted at {mount}/", hint="correct `mounts`")
