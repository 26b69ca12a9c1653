r"""
Exact patterns, asked through easier ones that match the same.

What makes a pattern large is how often something may be repeated: RE2 writes `[a-z]{12,400}` out four hundred times,
which takes milliseconds to compile, memory for as many states, and its slowest engine to tell groups. As long as a
match is no longer than 400 bytes, `[a-z]{12,}` finds it as well, and finds no other: it differs in nothing but what it
may go on with, and it prefers the same of two. So that one is asked, and the exact one where a match is longer than
the least of the bounds that were left out. Where the easier one matches nowhere the exact one does not either.
"""

import re
import sys
from functools import cache

from keywatch.detect.pattern import Pattern, compiled, outlined
from keywatch.model.content import Span

_LEAST = 64
"""Times. Bounds under this one are left as they are: many matches are longer."""
_ATOM = r"""
      (?P<run>[A-Za-z0-9_\ :|?,()]+(?=[A-Za-z0-9_\ :|?,()]))              # what no repeat follows
    | \[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*\]                            # a class
    | \\x[0-9A-Fa-f]{2} | \\[dDwWsSnrtfv] | \\[^A-Za-z0-9]               # an escape that stands for one character
    | [A-Za-z0-9\ "'/:;,<>=!@\#%&~_`\n.-]                                # a character, or any one
    | (?P<other>\\.|.)
"""
_REPEAT = r"\{(\d+),(\d+)\}"


@cache
def _parts() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds an atom, and a repeat: a scan in which nothing is sighted has no use for them."""
    return re.compile(_ATOM, re.VERBOSE | re.DOTALL), re.compile(_REPEAT)


@cache
def easier(regex: str) -> tuple[str, int]:
    """Return a pattern without the larger bounds of what one byte repeats, and the longest match that is then exact."""
    atoms, repeats = _parts()
    if r"\Q" in regex or not any(int(repeat[2]) >= _LEAST for repeat in repeats.finditer(regex)):
        return regex, sys.maxsize
    parts: list[str] = []
    position, longest = 0, sys.maxsize
    while (atom := atoms.match(regex, position)) is not None:
        parts.append(atom[0])
        position = atom.end()
        repeat = None if atom["run"] or atom["other"] else repeats.match(regex, position)
        if repeat is not None and int(repeat[2]) >= max(_LEAST, int(repeat[1]) + 1):
            parts.append(f"{{{repeat[1]},}}")
            position, longest = repeat.end(), min(longest, int(repeat[2]))
    return "".join(parts), longest


class Easier:
    """Tells where an exact pattern matches. Safe to share between threads."""

    __slots__ = ("_anywhere", "_here", "_longest", "_regex")

    def __init__(self, regex: str) -> None:
        """
        Compile what `regex` is asked through.

        Raises:
            BadPattern: RE2 does not know its syntax.
        """
        self._regex = regex
        form, self._longest = easier(regex)
        pattern = outlined(form)
        self._anywhere, self._here = pattern.anywhere, pattern.here

    def anywhere(self, data: bytes, start: int, end: int) -> Span:
        """Return the first match that begins at `start` or later and ends by `end`; below 0: there is none."""
        found = self._anywhere(data, start, end)[0]
        return found if found[1] - found[0] <= self._longest else outlined(self._regex).anywhere(data, start, end)[0]

    def here(self, data: bytes, start: int, end: int) -> Span:
        """Return the match that begins at `start` and ends by `end`; below 0: there is none."""
        found = self._here(data, start, end)[0]
        return found if found[1] - found[0] <= self._longest else outlined(self._regex).here(data, start, end)[0]


@cache
def asked(regex: str) -> Easier:
    """Compile `regex` to be asked where it matches."""
    return Easier(regex)


def grouped(regex: str, size: int) -> Pattern:
    """Return what tells groups as `regex` does, in a text of `size` bytes."""
    form, longest = easier(regex)
    return compiled(form if size <= longest else regex)
