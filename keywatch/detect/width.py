"""How long a text a pattern may match: what is farther off need not be looked at."""

import re

_RUNE = 4
"""Bytes of one character, at most."""
_ATOM = re.compile(
    r"(?P<flags>\(\?[a-zA-Z-]+\))|(?P<opens>\((?:\?(?:P?<\w+>|[a-zA-Z-]*:))?)|(?P<closes>\))|(?P<other>\|)"
    r"|(?P<times>[*+?]\??|\{(?P<least>\d+)(?P<more>,)?(?P<most>\d+)?\}\??)|(?P<nothing>[\^$]|\\[bBAzZ])"
    r"|\\x\{\w+\}|\\x\w\w|\\[pP](?:\{\^?\w+\}|\w)|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|.",
    re.DOTALL,
)
"""What a pattern is made of, https://github.com/google/re2/wiki/Syntax."""


class _Group:
    """What is known of a group, as far as it was read."""

    def __init__(self) -> None:
        self.longest = 0
        """Of its choices before."""
        self.this = 0
        self.last = 0
        """How much of this choice may be repeated."""

    def add(self, size: int) -> None:
        self.this += size
        self.last = size

    def end(self) -> int:
        """Begin another choice; return how long the longest one may be."""
        self.longest, self.this, self.last = max(self.longest, self.this), 0, 0
        return self.longest

    def repeat(self, times: re.Match[str]) -> bool:
        """Take the last thing several times; tell whether there is an end to that."""
        most = _most(times)
        if most is None:
            return not self.last
        self.this += self.last * max(0, most - 1)
        self.last *= max(1, most)
        return True


def width(pattern: str) -> int | None:
    """Return how many bytes `pattern` may match at most; None: there is no end to it, or it cannot be told."""
    if r"\Q" in pattern:  # what is quoted would be taken for more than letters
        return None
    groups = [_Group()]
    for atom in _ATOM.finditer(pattern):
        kind = atom.lastgroup
        if kind is None:
            groups[-1].add(_RUNE)
        elif kind == "opens":
            groups.append(_Group())
        elif kind == "closes":
            closed = groups.pop().end()
            if not groups:
                return None
            groups[-1].add(closed)
        elif kind == "other":
            groups[-1].end()
        elif kind == "times" and not groups[-1].repeat(atom):
            return None
    return groups[0].end() if len(groups) == 1 else None


def _most(times: re.Match[str]) -> int | None:
    """Return how often something may be there; None: as often as it likes."""
    if times["least"] is None:
        return 1 if times["times"].startswith("?") else None
    if times["most"] is not None:
        return int(times["most"])
    return None if times["more"] else int(times["least"])
