"""A delta: what a version is made of, given the one it is stored against; and what in it is new."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Protocol, TypeAlias

from keywatch.collect.content.pack import Damaged
from keywatch.model.content import Mark, Span
from keywatch.native import deltas

Marks: TypeAlias = "array[int]"
"""Marks, in fours: see `Mark`."""
Copy: TypeAlias = tuple[int, int, int]
"""Where the bytes stood in the base, where they stand now, and how many they are."""

_COPY = 0x80
_DEFAULT_SIZE = 0x10000
_NEAR = 32
"""Bytes between two changes that are told as one."""


class Changes(Protocol):
    """How a version differs from its base."""

    @property
    def stretches(self) -> list[Span]:
        """Ascending: what is new, and what lies between. Without a length: two pieces meet that did not before."""
        ...

    def moved(self, marks: Marks, most: int) -> tuple[Marks, bool]:
        """
        Return those of `marks` of the base that are still there whole, where they stand now, and if news concern one.

        Args:
            marks: ascending, as what is returned.
            most: of more than these, some are left out.
        """
        ...


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
    if deltas.are_compiled():
        made = deltas.applied(delta, base, largest)
        if made is None:
            raise Damaged("a delta is for another base, breaks off, or makes too much of it")
        return made
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


def changes(delta: bytes) -> Changes:
    """
    Return what `delta` changes. It has been applied, so it is known to be whole.

    Raises:
        Damaged: it is not after all.
    """
    if deltas.are_compiled():
        return _Compiled(delta)
    return _parsed(delta)


class _Compiled:
    """Changes, as the kernel tells them."""

    def __init__(self, delta: bytes) -> None:
        self._delta = delta
        stretches = deltas.changes(delta)
        if stretches is None:
            raise Damaged("a delta breaks off")
        self._stretches = stretches

    @property
    def stretches(self) -> list[Span]:
        """See `Changes.stretches`."""
        return list(zip(self._stretches[::2], self._stretches[1::2], strict=True))

    def moved(self, marks: Marks, most: int) -> tuple[Marks, bool]:
        """See `Changes.moved`."""
        return deltas.moved(self._delta, self._stretches, marks, most) if marks else (marks, False)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """Changes, as Python finds them."""

    stretches: list[Span]
    copies: list[Copy]
    """Ascending by where they stand now."""

    def moved(self, marks: Marks, most: int) -> tuple[Marks, bool]:
        """See `Changes.moved`."""
        if not marks:
            return marks, False
        begins = list(marks[::4])
        moved: list[Mark] = []
        for start, at, count in self.copies:
            if start > begins[-1] or start + count <= begins[0]:
                continue
            place = bisect_left(begins, start)
            while place < len(begins) and begins[place] < start + count:
                begin, end, number, reach = marks[4 * place : 4 * place + 4]
                if end <= start + count:
                    moved.append((begin + at - start, end + at - start, number, reach))
                place += 1
            if len(moved) >= most:
                break
        moved = moved[:most]
        news = [begin for begin, _ in self.stretches]

        def concerns(mark: Mark) -> bool:
            last = bisect_right(news, mark[1] + mark[3])
            return last > 0 and self.stretches[last - 1][1] >= mark[0] - mark[3]

        return packed(moved), any(map(concerns, moved))


def packed(marks: Iterable[Mark]) -> Marks:
    """Return marks as they are kept."""
    return array("Q", chain.from_iterable(marks))


def unpacked(marks: Marks) -> list[Mark]:
    """Return marks that were kept."""
    return list(zip(*[iter(marks)] * 4, strict=True))


def _parsed(delta: bytes) -> _Parsed:  # noqa: C901, PLR0912, PLR0915 - one loop over instructions, spelled out
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
                if copies and start == follows and copies[-1][1] + copies[-1][2] == at:
                    # One piece, however many instructions it takes to copy it.
                    start, count, at = copies[-1][0], copies[-1][2] + count, copies.pop()[1]
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
    if follows != known:
        if at - reached >= _NEAR:
            begins.append(at)
            ends.append(at)
        ends[-1] = at
    return _Parsed(list(zip(begins, ends, strict=True)), copies)


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
