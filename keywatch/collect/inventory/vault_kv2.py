"""
Keys kept in Vault's KV v2, known by their metadata alone: no request ever goes to `data/`.

`list` and `read` on `<mount>/metadata/*` are another path than the values for Vault's policies, so a token that may do
this cannot read a single value.
https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-metadata
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from keywatch.collect.inventory.handles import handles_of, kind_of
from keywatch.collect.vault import Fields, Vault, VaultAccess, VaultSession
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed
from keywatch.model.key import Handle, HandleSpace, Key, KeyStatus, Location, SourceId
from keywatch.model.secret import Secret
from keywatch.model.source import KeySource, Skipped
from keywatch.model.time import parse_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataNames:
    """Under which names of a secret's custom metadata its owner wrote what the key is. The first that is set wins."""

    kind: tuple[str, ...] = ("kind",)
    owner: tuple[str, ...] = ("owner",)
    application: tuple[str, ...] = ("application",)
    seller: tuple[str, ...] = ("seller",)
    region: tuple[str, ...] = ("region",)
    access_key_id: tuple[str, ...] = ("access_key_id", "key_id")
    client_id: tuple[str, ...] = ("client_id",)


@dataclass(slots=True)
class _Walk:
    """How far one run has come."""

    opened: int = 0
    secrets: int = 0
    refused: list[SourceDenied | SourceMalformed] = field(default_factory=list)


class VaultKv2Keys:
    """
    Every secret below the given mounts.

    A refused folder is a `Skipped`, and the rest goes on. If the token died on the way, the walk fails instead: else
    everything it could no longer see would seem to have vanished.
    """

    def __init__(
        self,
        name: str,
        access: VaultAccess,
        token: Secret | VaultSession,
        *,
        now: Callable[[], datetime],
        mounts: tuple[str, ...] = (),
        names: MetadataNames | None = None,
        most_depth: int = 20,
        most_secrets: int = 100_000,
    ) -> None:
        """
        Args:
            name: The source's name in the settings; the first part of its keys' Vault handles.
            access: How the Vault is reached.
            token: Needs `list` and `read` on `<mount>/metadata/*`.
            now: The clock, to tell a deletion that is scheduled from one that happened.
            mounts: KV v2 mounts without slashes at their ends. Empty: all that the token may see.
            names: How custom metadata is read.
            most_depth: Folders below each other before a subtree is skipped.
            most_secrets: Secrets of one run before the rest is skipped.
        """  # noqa: D205
        self._id = SourceId(f"vault-kv2:{name}")
        self._name = name
        self._access = access
        self._token = token
        self._now = now
        self._mounts = tuple(mount.strip("/") for mount in mounts)
        self._names = names or MetadataNames()
        self._most_depth = most_depth
        self._most_secrets = most_secrets

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        vault.require_health()
        lived = vault.token_lives()
        walk = _Walk()
        for mount in self._mounts or self._discovered(vault):
            yield from self._below(vault, mount, walk)
        if walk.refused and not walk.opened:
            raise walk.refused[0]
        if walk.refused and lived and not vault.token_lives():
            hint = "give it a new token"
            raise SourceDenied(f"{self._id}: the token was revoked or ran out during the walk", hint=hint)

    def check(self) -> Iterator[str | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        try:
            vault.require_health()
            yield "sys/health"
            yield from vault.check()
            mounts = self._mounts or self._discovered(vault)
        except SourceError as error:
            yield Skipped("sys/health", error.message, error.hint)
            return
        for mount in mounts:
            yield from self._check(vault, mount)

    def _check(self, vault: Vault, mount: str) -> Iterator[str | Skipped]:
        try:
            self._require(vault, mount)
            yield f"list {mount}/metadata/"
            # A name that nobody uses: Vault decides on the right to read before it looks for the secret.
            vault.read(f"{mount}/metadata/keywatch-check")
            yield f"read {mount}/metadata/"
        except SourceError as error:
            yield Skipped(f"{mount}/metadata/", error.message, error.hint)

    def _discovered(self, vault: Vault) -> tuple[str, ...]:
        found = (vault.read("sys/internal/ui/mounts") or {}).get("secret")
        tables = found if isinstance(found, dict) else {}
        mounts = sorted(path.strip("/") for path, table in tables.items() if _is_kv2(table))
        if not mounts:
            hint = "name the mounts in the settings, or give the token rights on their metadata/"
            raise SourceDenied(f"{self._id}: the token sees no KV v2 mount", hint=hint)
        return tuple(mounts)

    def _require(self, vault: Vault, mount: str) -> None:
        if not vault.mounted(mount):
            raise SourceMalformed(f"{self._id}: nothing is mounted at {mount}/", hint="correct `mounts`")

    def _below(self, vault: Vault, mount: str, walk: _Walk) -> Iterator[Key | Skipped]:
        # Our own stack, not recursion: depth is the tree owner's choice, up to our bound.
        folders: list[tuple[str, int]] = [("", 0)]
        while folders:
            folder, depth = folders.pop()
            try:
                if not folder:
                    self._require(vault, mount)
                names = vault.list(f"{mount}/metadata/{folder}")
            except (SourceDenied, SourceMalformed) as error:
                walk.refused.append(error)
                yield Skipped(f"{mount}/{folder}", error.message, error.hint)
                continue
            walk.opened += 1
            for name in names:
                path = folder + name
                if name.strip("/") in ("", ".", ".."):
                    yield Skipped(f"{mount}/{path}", "a name that cannot be asked for safely")
                elif name.endswith("/"):
                    if depth < self._most_depth:
                        folders.append((path, depth + 1))
                    else:
                        yield Skipped(f"{mount}/{path}", f"more than {self._most_depth} folders deep")
                elif walk.secrets < self._most_secrets:
                    walk.secrets += 1
                    yield from self._secret(vault, mount, path, walk)
                else:
                    yield Skipped(f"{mount}/{path} and what follows", f"more than {self._most_secrets} secrets")
                    return

    def _secret(self, vault: Vault, mount: str, path: str, walk: _Walk) -> Iterator[Key | Skipped]:
        try:
            metadata = vault.read(f"{mount}/metadata/{path}")
            # None: deleted since it was listed, which is no error.
            if metadata is not None:
                yield self._key(mount, path, metadata)
        except SourceDenied as error:
            walk.refused.append(error)
            yield Skipped(f"{mount}/{path}", error.message, error.hint)
        except SourceMalformed as error:
            yield Skipped(f"{mount}/{path}", error.message, error.hint)

    def _key(self, mount: str, path: str, metadata: Fields) -> Key:
        names, place = self._names, f"{mount}/{path}"
        custom = metadata.get("custom_metadata")
        notes = custom if isinstance(custom, dict) else {}
        access_key_id, client_id = _first(notes, names.access_key_id), _first(notes, names.client_id)
        application, seller = _first(notes, names.application), _first(notes, names.seller)
        kind = kind_of(_first(notes, names.kind), access_key_id=access_key_id, client_id=client_id, seller=seller)
        own = handles_of(kind, access_key_id=access_key_id, client_id=client_id, application=application, seller=seller)
        status, written = _current(metadata, self._now())
        return Key(
            kind=kind,
            handles=(*own, Handle(HandleSpace.VAULT, f"{self._name}/{place}")),
            name=place,
            locations=(Location(self._id, place),),
            status=status,
            created_at=written,
            owner=_first(notes, names.owner),
            application=application,
            region=_first(notes, names.region),
            seller=seller,
        )


def _current(metadata: Fields, now: datetime) -> tuple[KeyStatus, datetime | None]:
    """Status and age of the current version: the time it was written is the rotation clock."""
    versions = metadata.get("versions")
    version = versions.get(str(metadata.get("current_version"))) if isinstance(versions, dict) else None
    if not isinstance(version, dict):
        return KeyStatus.INACTIVE, None
    deleted = _time(version.get("deletion_time"))
    gone = version.get("destroyed") is True or (deleted is not None and deleted <= now)
    return KeyStatus.INACTIVE if gone else KeyStatus.ACTIVE, _time(version.get("created_time"))


def _time(text: object) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise SourceMalformed("a time in its metadata is not a time") from None


def _first(notes: Fields, names: tuple[str, ...]) -> str | None:
    values = (notes.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)


def _is_kv2(table: object) -> bool:
    options = table.get("options") if isinstance(table, dict) else None
    return isinstance(options, dict) and options.get("version") == "2"


_: type[KeySource] = VaultKv2Keys
