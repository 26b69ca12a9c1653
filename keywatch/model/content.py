"""Content: bytes to look at, and where they came from."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""From this byte up to before that one."""
LINE_END = ord("\n")
COUNTED = 1 << 12
"""Bytes of a block for which line ends are counted together."""
Mark: TypeAlias = tuple[int, int, int, int]
"""
A span, the number of what was sighted there, and how many bytes away something new may concern it. Only the detector
that made it knows what the number means.
"""


_GOES_ON = bytes(range(0x80, 0xC0))


def characters(text: bytes) -> int:
    """
    Count the characters of UTF-8: what an editor calls a column, and SARIF a code point.

    Counted are all bytes but those that go on with a character: so parts of a text add up wherever it is cut.
    """
    return len(text) if text.isascii() else len(text.translate(None, _GOES_ON))


@dataclass(frozen=True, slots=True)
class Part:
    """One of the short texts that an origin was put together from: a log event among its neighbours."""

    offset: int
    """Bytes of the origin before it."""
    line: int
    """The origin's line on which it begins, counted from 1."""
    name: str
    """What tells it from the others: when it was logged."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where bytes came from."""

    target: str
    """What was asked to be scanned: a repository, a directory, a log glob, `-`."""
    path: str
    """The file inside the target; inner paths of archives joined by `!`."""
    blob: str | None = None
    """The git object id whose content this is; who committed it is looked up for findings only."""
    parts: tuple[Part, ...] = field(default=(), repr=False)
    """By offset. Where there are any, a place is told as one inside its part: `path@name`."""

    @property
    def held(self) -> int:
        """Bytes of content that it keeps in memory, to name them if somebody asks."""
        return 0

    def part(self, offset: int) -> Part | None:
        """Return the part that the byte at `offset` is in; None if the origin is one text."""
        if not self.parts:
            return None
        return self.parts[max(0, bisect_right(self.parts, offset, key=lambda part: part.offset) - 1)]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of bytes from one origin. Long content comes as several chunks that overlap."""

    data: bytes = field(repr=False)
    origin: Origin
    offset: int = 0
    """Bytes of the origin before this chunk."""
    first_line: int = 1
    """Line number of the chunk's first byte, counted from 1. Zero: line numbers are unknown."""
    first_column: int = 1
    """Column of the chunk's first byte in its line, in characters, counted from 1."""
    overlap: int = 0
    """Leading bytes that the previous chunk has shown already: a match that ends inside them is a repeat."""
    more: bool = False
    """The origin goes on in a chunk that repeats this one's end: what ends here may be cut off, and is left to it."""
    newlines: Sequence[int] = field(default=(), repr=False, compare=False)
    """Line ends before each block of `COUNTED` bytes, where whoever cut it has counted them."""
    changed: "Changed | None" = None
    """What in it is new, if it is a version of something that was looked at before. None: everything."""
    sighted: Sequence[Mark] | None = field(default=None, repr=False)
    """What was seen in it, or in what is new in it, if it was glanced at: see `Glance`. By their ends, ascending."""


@dataclass(frozen=True, slots=True)
class Glance:
    """Pieces of many texts, with gaps that nothing goes across: what is seen here tells which need to be looked at."""

    data: memoryview = field(repr=False)
    """Good until the glance is answered."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A text in which nothing needs to be looked at, but what was found in another one stands in it as well."""

    data: bytes = field(repr=False)
    origin: Origin
    before: str
    """The git object id of the other one. Both lie at the same path."""
    spans: Sequence[tuple[int, Span]]
    """Where something begins in the other one, and where that stands here, with all that could matter to it."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Texts that need not be looked at, after a glance."""

    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What is new in a version of something that was looked at before."""

    stretches: Sequence[Span]
    """
    Ascending: what they do not touch was looked at, and need not be again. An empty one is where text was taken out.
    """
    marks: Sequence[Mark] = ()
    """What was sighted before, and is still there, that may concern something new farther away from it; ascending."""
    path: str = ""
    """Where the earlier version lay."""
