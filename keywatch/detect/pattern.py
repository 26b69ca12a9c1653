"""
Exact patterns: RE2 on bytes, linear on any input. Python's own `re` never sees scanned content.

RE2's own module for Python wraps each search in a generator and each result in an object that asks the library again
whatever it is asked, which takes twice as long as the search: these do without.
"""

import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import TypeAlias

_Spans: TypeAlias = list[tuple[int, int]]


class BadPattern(ValueError):
    """RE2 refuses the pattern; the text says why."""


class Hit:
    """Where a pattern matched: the whole, and each group; below 0 where a group took no part."""

    __slots__ = ("_data", "_spans")

    def __init__(self, data: bytes, spans: _Spans) -> None:
        self._data = data
        self._spans = spans

    def start(self, group: int = 0) -> int:
        return self._spans[group][0]

    def end(self, group: int = 0) -> int:
        return self._spans[group][1]

    def span(self, group: int = 0) -> tuple[int, int]:
        return self._spans[group]

    def text(self) -> bytes:
        """Return what the whole pattern matched."""
        start, end = self._spans[0]
        return self._data[start:end]


class Pattern:
    """A compiled pattern. Safe to share between threads."""

    __slots__ = ("anywhere", "groups", "here", "programsize")

    anywhere: Callable[[bytes, int, int], _Spans]
    """
    As `search`, for who asks a hundred thousand times: no hit is made, but the spans it would hold are returned, with
    numbers below 0 where there is none; and the two places must lie in the text.
    """
    here: Callable[[bytes, int, int], _Spans]
    """The same of `match`."""
    groups: int
    programsize: int
    """Instructions it was compiled to: what it costs, about."""

    def __init__(self, pattern: bytes, *, latin1: bool, groups: bool = True) -> None:
        """
        Compile `pattern`; without `groups` hits tell where the whole matched alone, and are found ten times as fast.

        Raises:
            BadPattern: RE2 does not know this syntax (look-around, back-references, repeats over 1000).
        """
        import re2

        options = re2.Options()
        if latin1:
            options.encoding = re2.Options.Encoding.LATIN1
        options.log_errors = False
        options.max_mem = 64 << 20
        options.never_capture = not groups
        made = re2._re2.RE2(pattern, options)  # noqa: SLF001 - see above
        if not made.ok():
            reason = made.error()
            raise BadPattern(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason))
        self.anywhere = partial(made.Match, re2._Anchor.UNANCHORED)  # noqa: SLF001
        self.here = partial(made.Match, re2._Anchor.ANCHOR_START)  # noqa: SLF001
        self.groups = made.NumberOfCapturingGroups()
        self.programsize = made.ProgramSize()

    def search(self, data: bytes, pos: int = 0, endpos: int = sys.maxsize) -> Hit | None:
        """
        Return the first match that begins at `pos` or later and ends at `endpos` or before.

        What stands on both sides is seen where a word or the text may end.
        """
        size = len(data)
        if endpos > size:  # noqa: PLR1730 - a call would cost as much as all of this
            endpos = size
        if pos < 0:  # noqa: PLR1730
            pos = 0
        if pos > endpos:
            return None
        spans = self.anywhere(data, pos, endpos)
        return Hit(data, spans) if spans[0][0] >= 0 else None

    def match(self, data: bytes, pos: int = 0, endpos: int = sys.maxsize) -> Hit | None:
        """Return the match that begins at `pos`."""
        pos = max(0, pos)
        endpos = min(endpos, len(data))
        spans = self.here(data, pos, endpos) if pos <= endpos else [(-1, -1)]
        return Hit(data, spans) if spans[0][0] >= 0 else None

    def finds(self, data: bytes, pos: int = 0, endpos: int = sys.maxsize) -> Iterator[Hit]:
        """Yield the matches from `pos` on, left to right, none overlapping another."""
        while (hit := self.search(data, pos, endpos)) is not None:
            yield hit
            pos = max(hit.end(), pos + 1)


@cache
def compiled(regex: str) -> Pattern:
    """
    Compile `regex` to match bytes.

    Latin-1 makes every byte a character, so invalid UTF-8 can be searched; a character of the pattern beyond ASCII
    matches its UTF-8 bytes, which is right everywhere but inside a class.

    Raises:
        BadPattern: RE2 does not know this syntax (look-around, back-references, repeats over 1000).
    """
    return Pattern(regex.encode(), latin1=True)


@cache
def outlined(regex: str) -> Pattern:
    """Compile `regex` as `compiled` does, to tell where it matches and nothing of its groups."""
    return Pattern(regex.encode(), latin1=True, groups=False)
