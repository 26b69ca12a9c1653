"""
The values that a Vault holds, read once each, and known again wherever they leak: for Vaults that may give them.

This is the one module that asks for values, with a token of its own whose policy says which. A value is reduced to a
fingerprint and a sealed anchor where it is read, and nothing else of it is kept. What is at a path is told by its
metadata, so a value that was read once is not read again; KV v1 has none, and is read again now and then.
https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from keywatch.collect.inventory.named import NamePattern
from keywatch.collect.inventory.secret_values import read_values
from keywatch.collect.vault import Fields, Vault, VaultAccess, VaultSession
from keywatch.collect.vault_rights import Right, rights
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed
from keywatch.model.held_value import ReadSecret, ReadValue, ValueBatch
from keywatch.model.key import SourceId
from keywatch.model.secret import Pepper, Secret
from keywatch.model.source import Skipped, ValueSource
from keywatch.model.time import parse_rfc3339, to_rfc3339

_MANNER = 1
"""Raised when more, or something else, is made of the same value: then all are read again."""
_STEP = 100
"""Secrets between two commits, so that a crash costs no more than these are read twice."""
_DIGITS = 9
"""Of the number of a version."""
_PROBE = "keywatch-check"


@dataclass(frozen=True, slots=True)
class _Mount:
    """Where a pattern's secrets are."""

    path: str
    """Without slashes at its ends."""
    first: bool
    """Whether it is KV version 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which values are read."""

    paths: tuple[str, ...]
    """Mount and path: `kv/orders/*`. `*` stands for anything."""
    exclude: tuple[str, ...] = ()
    """Of these, what is not: paths, and fields as `kv/orders/lwa#note`."""
    again: timedelta = timedelta(days=1)
    """How often a secret of KV v1 is read again."""
    most: int = 100_000
    """Secrets of one run."""
    most_depth: int = 20


@dataclass(slots=True)
class _Walk:
    """How far one run has come."""

    read: int = 0
    seen: set[str] = field(default_factory=set)
    refused: list[SourceDenied | SourceMalformed] = field(default_factory=list)


class VaultValues:
    """
    The values at the wanted paths. Never changes anything, and keeps no plaintext.

    A secret that is refused is a `Skipped`, and the rest goes on; where all are refused, or the token has died on the
    way, the reading fails.
    """

    def __init__(
        self,
        name: str,
        vault: str,
        access: VaultAccess,
        token: Secret | VaultSession,
        *,
        wanted: Wanted,
        pepper: Pepper,
        now: Callable[[], datetime],
    ) -> None:
        """
        Args:
            name: the source's name in the settings.
            vault: the Vault's name in the settings; the first part of each place.
            access: how it is reached.
            token: needs `list` and `read` on metadata/, and `read` on data/, of the wanted paths.
            wanted: which values.
            pepper: fingerprints and seals them.
            now: the clock.
        """  # noqa: D205
        self._id = SourceId(f"vault-values:{name}")
        self._vault = vault
        self._access = access
        self._token = token
        self._wanted = wanted
        self._pepper = pepper
        self._now = now
        self._paths = [NamePattern(path) for path in wanted.paths]
        self._excluded = [NamePattern(path) for path in wanted.exclude]

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def manner(self) -> str:
        # Another pepper's fingerprints mean nothing: with a new one everything is read anew.
        fields = sorted(path for path in self._wanted.exclude if "#" in path)
        return f"{_MANNER} {self._pepper.id} {hashlib.sha256(repr(fields).encode()).hexdigest()[:8]}"

    def covers(self, place: str, field: str) -> bool:
        vault, _, path = place.partition("/")
        return vault == self._vault and self._is_wanted(path) and not self._is_excluded(f"{path}#{field}")

    def values(self, marks: Mapping[str, str]) -> Iterator[ValueBatch]:
        vault = Vault(self._id, self._access, self._token)
        vault.require_health()
        lived = vault.token_lives()
        walk = _Walk()
        secrets: list[ReadSecret] = []
        seen: list[str] = []
        for item in self._walked(vault, walk):
            if isinstance(item, Skipped):
                yield ValueBatch(skipped=(item,))
                continue
            mount, path = item
            place = f"{self._vault}/{mount.path}/{path}"
            try:
                read = self._secret(vault, mount, path, place, marks.get(place, ""))
            except (SourceDenied, SourceMalformed) as error:
                walk.refused.append(error)
                yield ValueBatch(seen=(place,), skipped=(Skipped(place, error.message, error.hint),))
                continue
            except SourceError:
                yield ValueBatch(secrets=tuple(secrets), seen=tuple(seen))  # what was read is not read again
                raise
            walk.read += 1
            seen.append(place)
            secrets += [read] if read else []
            if len(secrets) >= _STEP:
                yield ValueBatch(secrets=tuple(secrets), seen=tuple(seen))
                secrets, seen = [], []
        yield ValueBatch(secrets=tuple(secrets), seen=tuple(seen))
        if walk.refused and not walk.read:
            raise walk.refused[0]
        if walk.refused and lived and not vault.token_lives():
            hint = "give it a new token"
            raise SourceDenied(f"{self._id}: the token was revoked or ran out during the walk", hint=hint)

    def check(self) -> Iterator[str | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        try:
            vault.require_health()
            yield "sys/health"
            tables = self._tables(vault)
            needed = [right for path in self._wanted.paths for right in self._needed(tables, path)]
            yield from rights(vault, list(dict.fromkeys(needed)))
        except SourceError as error:
            yield Skipped("what the token may do", error.message, error.hint)

    def _needed(self, tables: Mapping[str, str], pattern: str) -> Iterator[Right]:
        mount, rest = _mount(tables, pattern)
        folder = rest.partition("*")[0].rpartition("/")[0] if "*" in rest else ""
        below = f"{folder}/" if folder else ""
        secret = rest if "*" not in rest else f"{below}{_PROBE}"
        data, metadata = ("", "") if mount.first else ("data/", "metadata/")
        if "*" in rest:
            yield Right(f"{mount.path}/{metadata}{below}", frozenset({"list"}), "the names of secrets")
        if not mount.first:
            yield Right(f"{mount.path}/metadata/{secret}", frozenset({"read"}), "which versions are new")
        yield Right(f"{mount.path}/{data}{secret}", frozenset({"read"}), "values, once each")
        if secret != _PROBE and not any(self._is_wanted(f"{mount.path}/{name}") for name in (_PROBE, f"{_PROBE}/x")):
            yield Right(f"{mount.path}/{data}{_PROBE}", frozenset(), "no value that `paths` does not name")

    def _walked(self, vault: Vault, walk: _Walk) -> Iterator[tuple[_Mount, str] | Skipped]:
        """Yield each wanted secret once."""
        tables = self._tables(vault)
        for pattern in self._wanted.paths:
            mount, rest = _mount(tables, pattern)
            if "*" not in rest:
                found: Iterator[str | Skipped] = iter((rest,))
            else:
                found = self._below(vault, mount, rest.partition("*")[0].rpartition("/")[0], walk)
            for item in found:
                if isinstance(item, Skipped):
                    yield item
                    continue
                path = f"{mount.path}/{item}"
                if path in walk.seen or not self._is_wanted(path):
                    continue
                if len(walk.seen) >= self._wanted.most:
                    yield Skipped(f"{path} and what follows", f"more than {self._wanted.most} secrets")
                    return
                walk.seen.add(path)
                yield mount, item

    def _below(self, vault: Vault, mount: _Mount, start: str, walk: _Walk) -> Iterator[str | Skipped]:
        folders = [(f"{start}/" if start else "", 0)]
        while folders:
            folder, depth = folders.pop()
            try:
                names = vault.list(f"{mount.path}/{folder}" if mount.first else f"{mount.path}/metadata/{folder}")
            except (SourceDenied, SourceMalformed) as error:
                walk.refused.append(error)
                yield Skipped(f"{mount.path}/{folder}", error.message, error.hint)
                continue
            for name in names:
                path = folder + name
                if name.strip("/") in ("", ".", ".."):
                    yield Skipped(f"{mount.path}/{path}", "a name that cannot be asked for safely")
                elif not name.endswith("/"):
                    yield path
                elif depth < self._wanted.most_depth:
                    folders.append((path, depth + 1))
                else:
                    yield Skipped(f"{mount.path}/{path}", f"more than {self._wanted.most_depth} folders deep")

    def _tables(self, vault: Vault) -> Mapping[str, str]:
        """The version of each KV mount that the token is shown."""
        try:
            found = (vault.read("sys/internal/ui/mounts") or {}).get("secret")
        except SourceDenied:
            return {}
        tables: dict[str, str] = {}
        for path, table in found.items() if isinstance(found, dict) else ():
            if isinstance(table, dict) and table.get("type") in ("kv", "generic"):
                options = table.get("options")
                version = options.get("version") if isinstance(options, dict) else None
                tables[path.strip("/")] = str(version or "1")
        return tables

    def _is_wanted(self, path: str) -> bool:
        return _fits(path, self._paths) and not self._is_excluded(path)

    def _is_excluded(self, path: str) -> bool:
        return _fits(path, self._excluded)

    def _secret(self, vault: Vault, mount: _Mount, path: str, place: str, mark: str) -> ReadSecret | None:
        """Read what is new of one secret; None: nothing."""
        if mount.first:
            return self._first(vault, mount, path, place, mark)
        metadata = vault.read(f"{mount.path}/metadata/{path}")
        if metadata is None:
            return None  # deleted since it was listed
        state = _State(metadata, self._now())
        if state.mark == mark:
            return None
        before = _marked(mark)
        anew = any(before[number][0] != told for number, (told, _) in state.versions.items() if number in before)
        # Nothing is left of another reading, or it was in KV v1: what is known of its versions is of other ones.
        anew |= ";" not in mark
        read: dict[int, tuple[ReadValue, ...]] = {}
        for number, (told, gone) in state.versions.items():
            if gone or (not anew and before.get(number) == (told, False)):
                continue
            answer = vault.read(f"{mount.path}/data/{path}", version=str(number))
            values = (answer or {}).get("data")
            if isinstance(values, dict):
                read[number] = self._reduced(f"{mount.path}/{path}", values)
            # Else it was deleted meanwhile, or holds nothing.
        return ReadSecret(
            place=place,
            mark=state.mark,
            current=state.current,
            gone=state.versions.get(state.current, ("", True))[1],
            times=state.times,
            read=read,
            anew=anew,
        )

    def _first(self, vault: Vault, mount: _Mount, path: str, place: str, mark: str) -> ReadSecret | None:
        """Read a secret of KV v1: its value is all there is, so its version is the time it was read."""
        now = self._now().astimezone(UTC)
        if mark and ";" not in mark and now - parse_rfc3339(mark) < self._wanted.again:
            return None
        values = vault.read(f"{mount.path}/{path}")
        if values is None:
            return None
        number = int(now.timestamp())
        read = {number: self._reduced(f"{mount.path}/{path}", values)}
        return ReadSecret(place=place, mark=to_rfc3339(now), current=number, times={number: now}, read=read)

    def _reduced(self, path: str, values: Fields) -> tuple[ReadValue, ...]:
        found = read_values(values, self._pepper)
        return tuple(value for value in found if not self._is_excluded(f"{path}#{value.field}"))


def _fits(path: str, patterns: Sequence[NamePattern]) -> bool:
    return any(pattern.parts_of(path) is not None for pattern in patterns)


def _mount(tables: Mapping[str, str], pattern: str) -> tuple[_Mount, str]:
    """Return the mount that a pattern is of, and what of the pattern is below it."""
    fixed = pattern.partition("*")[0]
    mounts = [path for path in tables if fixed.startswith(f"{path}/")]
    # A token without the default policy is not shown the mounts: then it is the first part, and of version 2.
    path = max(mounts, key=len, default=pattern.partition("/")[0])
    return _Mount(path, path in tables and tables[path] != "2"), pattern.removeprefix(f"{path}/")


class _State:
    """What metadata says of a secret's versions."""

    def __init__(self, metadata: Fields, now: datetime) -> None:
        current, versions = metadata.get("current_version"), metadata.get("versions")
        if not isinstance(current, int) or not isinstance(versions, dict):
            raise SourceMalformed("its metadata are not those of a secret")
        self.current = current
        self.versions: dict[int, tuple[str, bool]] = {}
        """By number: what tells it from another of this number, and whether it is gone."""
        self.times: dict[int, datetime] = {}
        for number, version in versions.items():
            if not number.isdecimal() or len(number) > _DIGITS or not isinstance(version, dict):
                raise SourceMalformed("its metadata are not those of a secret")
            created = str(version.get("created_time"))
            deleted = _time(version.get("deletion_time"))
            gone = version.get("destroyed") is True or (deleted is not None and deleted <= now)
            self.versions[int(number)] = (hashlib.sha256(created.encode()).hexdigest()[:8], gone)
            self.times[int(number)] = _time(created) or now

    @property
    def mark(self) -> str:
        parts = (f"{number}={told}{'-' * gone}" for number, (told, gone) in sorted(self.versions.items()))
        return f"{self.current};{';'.join(parts)}"


def _marked(mark: str) -> dict[int, tuple[str, bool]]:
    """Read the versions that a mark speaks of."""
    _, _, rest = mark.partition(";")
    pairs = (part.partition("=") for part in rest.split(";") if part)
    return {int(number): (told.rstrip("-"), told.endswith("-")) for number, _, told in pairs if number.isdecimal()}


def _time(text: object) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise SourceMalformed("a time in its metadata is not a time") from None


_: type[ValueSource] = VaultValues
