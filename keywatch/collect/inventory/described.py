"""
What the tags and the name of something kept in AWS or Vault say of the key that it holds, or that it holds none.

Most secrets of a company are passwords of databases and the like, which no policy of Amazon's speaks of. So one is
taken for a key where its tags, a configured pattern or the words of its name say so. A guess from words is weak: it
names a kind only where something also says by which name the calls of such a key are known. Else no call would be seen
of it, and it would be called never used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from keywatch.collect.inventory.declared_words import moment
from keywatch.collect.inventory.handles import handles_of, kind_of
from keywatch.collect.inventory.name_words import guessed
from keywatch.collect.inventory.named import NamePattern
from keywatch.model.key import Handle, KeyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class TagNames:
    """Under which tags its owner wrote what the key is. Neither case nor `-` instead of `_` matters."""

    kind: str = "kind"
    owner: str = "owner"
    application: str = "application"
    seller: str = "seller"
    region: str = "region"
    client_id: str = "client_id"
    access_key_id: str = "access_key_id"
    developer_account: str = "developer_account"
    """The developer account at Amazon that an application is of."""
    authorised_at: str = "authorised_at"
    """When the key was issued, or the seller authorised the application. `authorized_at`, `issued_at`: the same."""
    expires_at: str = "expires_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is known of a key beside where it is kept."""

    kind: KeyKind
    handles: tuple[Handle, ...]
    owner: str | None
    application: str | None
    region: str | None
    seller: str | None
    developer_account: str | None = None
    issued_at: datetime | None = None
    """Where somebody wrote it down: when the value was stored says less."""
    expires_at: datetime | None = None
    doubts: tuple[str, ...] = ()
    """What somebody wrote that cannot be what it should be, for a person."""


class Describer:
    """Tells what holds a key from what does not, and what the key is."""

    def __init__(
        self, *, tags: TagNames | None = None, patterns: Iterable[NamePattern] = (), everything: bool = False
    ) -> None:
        """
        Args:
            tags: which tags say what.
            patterns: of names; the first that fits counts, and counts more than the words of the name.
            everything: whether what nothing is known of is a key too, of kind `other`.
        """  # noqa: D205
        self._tags = tags or TagNames()
        self._patterns = tuple(patterns)
        self._everything = everything

    def pattern_says(self, name: str) -> bool | None:
        """Whether a pattern says that this is a key, or that it is none; None: no pattern fits."""
        pattern, _ = self._fitting(name)
        return None if pattern is None else pattern.holds_key

    def describe(
        self, name: str, tags: Mapping[str, str], *, sealed: bool = True, parts: Sequence[str] = ()
    ) -> Description | None:
        """
        Say what key this is; None: it holds none.

        Args:
            name: of the secret or parameter.
            tags: as its place has them.
            sealed: whether it is kept as a secret. What is not is no key merely because everything is.
            parts: the names of what it consists of, where they are known; they are read as the end of its name.
        """
        told = self._told(tags)
        pattern, found = self._fitting(name)
        said = {field: told.get(field) or found.get(field) for field in _FIELDS}
        kind = _kind(said, pattern)
        if kind is None and (pattern is None or pattern.holds_key):
            guesses = [guess for text in (name, *(f"{name}/{part}" for part in parts)) if (guess := guessed(text))]
            if guesses:
                said["access_key_id"] = said["access_key_id"] or guesses[0].access_key_id
                known = (guess.kind for guess in guesses if _can_be_known(guess.kind, said))
                kind = next(known, KeyKind.OTHER)
            elif (self._everything and sealed) or pattern is not None:
                kind = KeyKind.OTHER
        if kind is None:
            return None
        issued, expires, doubts = _dates(said)
        return Description(
            kind=kind,
            handles=_handles(kind, said),
            owner=said["owner"],
            application=said["application"],
            region=said["region"],
            seller=said["seller"],
            developer_account=said["developer_account"] or None,
            issued_at=issued,
            expires_at=expires,
            doubts=doubts,
        )

    def _told(self, tags: Mapping[str, str]) -> dict[str, str]:
        plain = {_plain(name): value.strip() for name, value in tags.items()}
        told = {field: plain.get(_plain(getattr(self._tags, field)), "") for field in _FIELDS}
        if not told["authorised_at"]:
            told["authorised_at"] = plain.get("authorized_at") or plain.get("issued_at") or ""
        return told

    def _fitting(self, name: str) -> tuple[NamePattern | None, Mapping[str, str]]:
        for pattern in self._patterns:
            parts = pattern.parts_of(name)
            if parts is not None:
                return pattern, parts
        return None, {}


_FIELDS = tuple(field.name for field in fields(TagNames))


def _kind(said: Mapping[str, str | None], pattern: NamePattern | None) -> KeyKind | None:
    """The kind that somebody wrote down, or that follows from a public id. A tag speaks before a pattern does."""
    # `kind` is a word that others tag with as well: only what keywatch knows makes a key of a secret.
    written = (said["kind"] or "").casefold().replace("_", "-")
    if written in set(KeyKind):
        return KeyKind(written)
    if pattern is not None and pattern.kind is not None:
        return pattern.kind
    if said["access_key_id"] or said["client_id"]:
        return kind_of(None, access_key_id=said["access_key_id"], client_id=said["client_id"], seller=said["seller"])
    return None


def _dates(said: Mapping[str, str | None]) -> tuple[datetime | None, datetime | None, tuple[str, ...]]:
    """Read when a key was issued and when it ends. What is no date is said, and the key is there without it."""
    found: dict[str, datetime | None] = {"authorised_at": None, "expires_at": None}
    doubts = []
    for field in found:
        if text := said.get(field):
            try:
                found[field] = moment(text)
            except ValueError as error:
                doubts.append(f"{field}: {error}")
    return found["authorised_at"], found["expires_at"], tuple(doubts)


def _can_be_known(kind: KeyKind, said: Mapping[str, str | None]) -> bool:
    # Nothing can prove a call with an MWS key any more, so it needs no name to be judged by.
    return kind is KeyKind.MWS_KEY or bool(_handles(kind, said))


def _handles(kind: KeyKind, said: Mapping[str, str | None]) -> tuple[Handle, ...]:
    return handles_of(
        kind,
        access_key_id=said["access_key_id"],
        client_id=said["client_id"],
        application=said["application"],
        seller=said["seller"],
    )


def _plain(tag: str) -> str:
    return tag.casefold().replace("-", "_")
