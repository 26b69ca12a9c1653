"""A delta: what a version is made of, given the one it is stored against; and what in it is new."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from keywatch.collect.content.pack import Damaged
from keywatch.model.content import Span

Copy: TypeAlias = tuple[int, int, int]
"""Where the bytes stood in the base, where they stand now, and how many they are."""

_COPY = 0x80
_DEFAULT_SIZE = 0x10000
_NEAR = 32
"""Bytes between two changes that are told as one."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How a version differs from its base."""

    stretches: list[Span]
    """Ascending: what is new, and what lies between; without a length, where two pieces meet that did not before."""
    copies: list[Copy]
    """Ascending by where they stand now."""


def sizes(delta: bytes) -> tuple[int, int, int]:
    """
    Return the size a delta's base must have, the size it makes, and where its instructions begin.

    Raises:
        Damaged: it breaks off.
    """
    base, at = _size(delta, 0)
    result, at = _size(delta, at)
    return base, result, at


def applied(delta: bytes, base: bytes, largest: int) -> bytes:
    """
    Return what `delta` makes of `base`.

    Raises:
        Damaged: it is no delta of this base, or makes more than `largest` bytes of it.
    """
    expected, size, _ = sizes(delta)
    if expected != len(base) or size > largest:
        raise Damaged("a delta is for another base, or makes too much of it")
    apply, refused = _applying()
    try:
        data = b"".join(apply(base, delta))
    except (refused, ValueError, IndexError, AssertionError):
        raise Damaged("a delta cannot be applied") from None
    if len(data) != size:
        raise Damaged("a delta makes another size than it says")
    return data


@cache
def _applying() -> tuple[Callable[[bytes, bytes], Iterable[bytes]], type[Exception]]:
    """Return what applies deltas, and what it raises. Dulwich is loaded where it is needed, and asked for once."""
    from dulwich.errors import ApplyDeltaError
    from dulwich.pack import apply_delta

    return apply_delta, ApplyDeltaError


def changes(delta: bytes) -> Changes:  # noqa: C901, PLR0912, PLR0915 - one loop over instructions, spelled out
    """
    Return what `delta` changes. It has been applied, so it is known to be whole.

    Raises:
        Damaged: it is not after all.
    """
    known, _, position = sizes(delta)
    copies: list[Copy] = []
    begins: list[int] = []
    ends: list[int] = []
    reached = -_NEAR  # where the last change ends
    at = follows = 0  # `follows`: what comes next in the base
    end = len(delta)
    try:
        # The hottest loop of a scan through history: a million instructions in a few thousand blobs.
        while position < end:
            code = delta[position]
            position += 1
            if code & _COPY:
                start = count = 0
                if code & 0x01:
                    start = delta[position]
                    position += 1
                if code & 0x02:
                    start |= delta[position] << 8
                    position += 1
                if code & 0x04:
                    start |= delta[position] << 16
                    position += 1
                if code & 0x08:
                    start |= delta[position] << 24
                    position += 1
                if code & 0x10:
                    count = delta[position]
                    position += 1
                if code & 0x20:
                    count |= delta[position] << 8
                    position += 1
                if code & 0x40:
                    count |= delta[position] << 16
                    position += 1
                count = count or _DEFAULT_SIZE
                if start != follows:
                    if at - reached < _NEAR:
                        ends[-1] = at
                    else:
                        begins.append(at)
                        ends.append(at)
                    reached = at
                copies.append((start, at, count))
                follows = start + count
                at += count
            else:
                if at - reached >= _NEAR:
                    begins.append(at)
                    ends.append(at)
                position += code
                at += code
                ends[-1] = reached = at
    except IndexError:
        raise Damaged("a delta breaks off") from None
    if follows != known and reached != at:
        begins.append(at)
        ends.append(at)
    return Changes(list(zip(begins, ends, strict=True)), copies)


def _size(delta: bytes, at: int) -> tuple[int, int]:
    size = shift = 0
    while True:
        if at >= len(delta) or shift > 63:  # noqa: PLR2004 - bits of the largest size there is
            raise Damaged("a delta breaks off")
        byte = delta[at]
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return size, at
