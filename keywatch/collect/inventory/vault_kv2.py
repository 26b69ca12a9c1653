"""
Keys kept in Vault's KV v2, known by their metadata alone: no request ever goes to `data/`.

`list` and `read` on `<mount>/metadata/*` are another path than the values for Vault's policies, so a token that may do
this cannot read a single value. `<mount>/subkeys/*`, which is asked only where a person wants it, answers with the
names of a secret's fields, whose values Vault itself has taken out.
https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-metadata
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from keywatch.collect.inventory.described import Describer, Description
from keywatch.collect.inventory.vault_mounts import require, secret_mounts, unseen
from keywatch.collect.inventory.vault_walk import Bounds, Leaf, Walk
from keywatch.collect.vault import Fields, Vault, VaultAccess, VaultSession
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed
from keywatch.model.key import Gone, Handle, HandleSpace, Keeping, Key, KeyStatus, Location, SourceId, Versions
from keywatch.model.secret import Secret
from keywatch.model.source import Json, KeySource, Skipped
from keywatch.model.time import parse_rfc3339

_NOBODY = "keywatch-check"
"""A name that nobody uses: Vault decides on the right to read before it looks for the secret."""
_MOST_FIELDS = 50


class VaultKv2Keys:
    """Every secret below the given mounts."""

    def __init__(
        self,
        name: str,
        access: VaultAccess,
        token: Secret | VaultSession,
        *,
        now: Callable[[], datetime],
        mounts: tuple[str, ...] = (),
        describer: Describer | None = None,
        subkeys: bool = False,
        bounds: Bounds | None = None,
    ) -> None:
        """
        Args:
            name: The source's name in the settings; the first part of its keys' Vault handles.
            access: How the Vault is reached.
            token: Needs `list` and `read` on `<mount>/metadata/*`.
            now: The clock, to tell a deletion that is scheduled from one that happened.
            mounts: KV v2 mounts without slashes at their ends. Empty: all there are.
            describer: What custom metadata and paths say of a key.
            subkeys: Whether the names of fields are asked for, which is a request more for each secret.
            bounds: How far a run goes.
        """  # noqa: D205
        self._id = SourceId(f"vault-kv2:{name}")
        self._name = name
        self._access = access
        self._token = token
        self._now = now
        self._mounts = tuple(mount.strip("/") for mount in mounts)
        self._describer = describer or Describer(everything=True)
        self._subkeys = subkeys
        self._bounds = bounds or Bounds()

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        walk = Walk(self._id, Vault(self._id, self._access, self._token), self._bounds)
        walk.begin()
        mounts, hidden = self._chosen(walk.vault)
        for mount in mounts:
            for leaf in walk.leaves(mount, f"{mount}/metadata/", detailed=True):
                if isinstance(leaf, Skipped):
                    yield leaf
                else:
                    yield from self._secret(walk, leaf)
        walk.end()
        if hidden:
            yield hidden

    def check(self) -> Iterator[str | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        try:
            vault.require_health()
            yield "sys/health"
            yield from vault.check()
            mounts, hidden = self._chosen(vault)
        except SourceError as error:
            yield Skipped("sys/health", error.message, error.hint)
            return
        if hidden:
            yield hidden
        for mount in mounts:
            yield from self._check(vault, mount)

    def _check(self, vault: Vault, mount: str) -> Iterator[str | Skipped]:
        try:
            require(vault, self._id, mount)
            yield f"list {mount}/metadata/"
            vault.read(f"{mount}/metadata/{_NOBODY}")
            yield f"read {mount}/metadata/"
        except SourceError as error:
            yield Skipped(f"{mount}/metadata/", error.message, error.hint)
        if not self._subkeys:
            return
        try:
            vault.read(f"{mount}/subkeys/{_NOBODY}")
            yield f"read {mount}/subkeys/"
        except SourceError as error:
            yield Skipped(f"{mount}/subkeys/", error.message, error.hint)

    def _chosen(self, vault: Vault) -> tuple[tuple[str, ...], Skipped | None]:
        """The mounts to be read, and what may be missing from them."""
        if self._mounts:
            return self._mounts, None
        table = secret_mounts(vault)
        if not (mounts := table.kv(2)):
            hint = "name the mounts in the settings, or give the token rights on their metadata/"
            raise SourceDenied(f"{self._id}: the token sees no KV v2 mount", hint=hint)
        return mounts, None if table.whole else unseen("sys/mounts")

    def _secret(self, walk: Walk, leaf: Leaf) -> Iterator[Key | Skipped]:
        try:
            metadata = leaf.metadata or walk.vault.read(f"{leaf.mount}/metadata/{leaf.path}")
            # None: deleted since it was listed, which is no error.
            if metadata is None:
                return
            history = _history(metadata, self._now())
        except SourceDenied as error:
            yield walk.refused(leaf.place, error)
            return
        except SourceMalformed as error:
            yield Skipped(leaf.place, error.message, error.hint)
            return
        fields: tuple[str, ...] = ()
        if self._subkeys and history.status is KeyStatus.ACTIVE:
            try:
                fields = _fields(walk.vault.read(f"{leaf.mount}/subkeys/{leaf.path}"))
            except (SourceDenied, SourceMalformed) as error:
                # The key itself is known: that its fields are not must not make it seem half seen.
                yield walk.refused(f"fields of {leaf.place}", error)
        described = self._describer.describe(leaf.place, _notes(metadata.get("custom_metadata")), parts=fields)
        if described is not None:
            yield self._key(leaf.place, described, history, fields)
            yield from (Skipped(f"custom metadata of {leaf.place}", doubt) for doubt in described.doubts)

    def _key(self, place: str, described: Description, history: "_History", fields: tuple[str, ...]) -> Key:
        location = Location(self._id, place)
        return Key(
            kind=described.kind,
            handles=(*described.handles, Handle(HandleSpace.VAULT, f"{self._name}/{place}")),
            name=place,
            locations=(location,),
            status=history.status,
            created_at=described.issued_at or history.written_at,
            expires_at=described.expires_at,
            owner=described.owner,
            application=described.application,
            account=described.developer_account,
            region=described.region,
            seller=described.seller,
            keeping=(Keeping(location=location, versions=history.versions, fields=fields),),
        )


@dataclass(frozen=True, slots=True)
class _History:
    """Status and age of the current version (the time it was written is the rotation clock), and what lies below it."""

    status: KeyStatus
    written_at: datetime | None
    versions: Versions


def _history(metadata: Fields, now: datetime) -> _History:
    found = metadata.get("versions")
    table = found if isinstance(found, dict) else {}
    entries = {version: entry for version, entry in table.items() if isinstance(entry, dict)}
    number = metadata.get("current_version")
    if not isinstance(number, int) or isinstance(number, bool):
        number = 0
    states = {version: _state(entry, now) for version, entry in entries.items()}
    kept = [entries[version] for version, state in states.items() if state is None]
    current = entries.get(str(number))
    versions = Versions(
        current=number,
        kept=len(kept),
        deleted=sum(state is Gone.DELETED for state in states.values()),
        destroyed=sum(state is Gone.DESTROYED for state in states.values()),
        oldest_kept_at=min((at for entry in kept if (at := _time(entry.get("created_time")))), default=None),
        gone=states.get(str(number)),
        deletes_at=_time(current.get("deletion_time")) if current else None,
    )
    live = current is not None and versions.gone is None
    return _History(
        KeyStatus.ACTIVE if live else KeyStatus.INACTIVE,
        _time(current.get("created_time")) if current else None,
        versions,
    )


def _state(version: Mapping[str, Json], now: datetime) -> Gone | None:
    if version.get("destroyed") is True:
        return Gone.DESTROYED
    deleted = _time(version.get("deletion_time"))
    return Gone.DELETED if deleted is not None and deleted <= now else None


def _time(text: object) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise SourceMalformed("a time in its metadata is not a time") from None


def _notes(custom: object) -> dict[str, str]:
    """Custom metadata as tags. `key_id` is another word for an access key's id."""
    table = custom if isinstance(custom, dict) else {}
    notes = {name: value for name, value in table.items() if isinstance(value, str) and value}
    return ({"access_key_id": notes["key_id"]} if "key_id" in notes else {}) | notes


def _fields(answer: Fields | None) -> tuple[str, ...]:
    """The names of fields. Whatever else may stand in the answer is not looked at."""
    table = (answer or {}).get("subkeys")
    return tuple(sorted(table))[:_MOST_FIELDS] if isinstance(table, dict) else ()


_: type[KeySource] = VaultKv2Keys
