"""
Looking up what Vault lists by accessor: tokens, and AppRole's secret-ids.

An accessor opens nothing, but it can revoke and renew; so it is never kept, logged or told, only a digest of it and its
first characters, by which whoever may list accessors finds it again.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from keywatch.collect.vault import Fields, Vault
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.source import Json, Skipped
from keywatch.model.time import parse_rfc3339

_SHOWN = 4
_NEVER = 1970
"""What has no end ends in the year 1, in Go."""


@dataclass(frozen=True, slots=True)
class Found:
    """One that was looked up."""

    digest: str
    shown: str
    """Its first characters."""
    fields: Fields


def looked_up(
    listed: Callable[[], Sequence[str]], look: Callable[[str], Fields | None], *, most: int, what: str
) -> Iterator[Found | Skipped]:
    """
    Yield what is behind each accessor.

    One that has run out since it was listed cannot be looked up, and neither can one that is refused; which it was is
    seen by listing again.

    Raises:
        SourceError: they may not be listed, or not one of them may be looked up.
    """
    accessors = listed()
    refused: dict[str, SourceDenied | SourceMalformed] = {}
    shown = 0
    for accessor in accessors[:most]:
        try:
            fields = look(accessor)
        except (SourceDenied, SourceMalformed) as error:
            refused[accessor] = error
            continue
        if fields is not None:
            shown += 1
            yield Found(digest(accessor), accessor[:_SHOWN], fields)
    if refused:
        there = set(listed())
        real = [(accessor, why) for accessor, why in refused.items() if accessor in there]
        if real and not shown:
            raise real[0][1]
        for accessor, why in real:
            yield Skipped(f"{what} {accessor[:_SHOWN]}…", why.message, why.hint)
    if len(accessors) > most:
        yield Skipped(f"{what}s beyond the first {most}", f"more than {most} of them")


def require_life(vault: Vault, who: str, *, lived: bool | None) -> None:
    """
    See at the end of a run that what was not shown was not hidden by a token that had died.

    Raises:
        SourceDenied: it had.
    """
    if lived and not vault.token_lives():
        raise SourceDenied(f"{who}: the token was revoked or ran out during the walk", hint="give it a new token")


def digest(accessor: str) -> str:
    """Return what an accessor is known by: it has enough chance in it for a plain hash to hide it."""
    return hashlib.sha256(accessor.encode()).hexdigest()[:32]


def instant(value: Json) -> datetime | None:
    """Read a time as Vault writes it, in seconds or as text; None: none, or none that makes sense."""
    try:
        if isinstance(value, str) and value:
            moment = parse_rfc3339(value)
        elif isinstance(value, int | float) and value > 0:
            moment = datetime.fromtimestamp(value, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year > _NEVER else None


def seconds(value: Json) -> int:
    """Read a duration as Vault writes it: a number of seconds, or `768h0m0s`; 0: none, or none that makes sense."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int | float):
        return max(0, int(value))
    if not isinstance(value, str):
        return 0
    if value.isdecimal() and len(value) < 16:  # noqa: PLR2004 - more seconds than anything lasts
        return int(value)
    total, number = 0, ""
    for letter in value:
        if letter.isdecimal() and letter.isascii() and len(number) < 16:  # noqa: PLR2004
            number += letter
        elif number and letter in _UNITS:
            total, number = total + int(number) * _UNITS[letter], ""
        else:
            return 0
    return 0 if number else total


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
