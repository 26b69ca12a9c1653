"""
Patterns that look at where a text begins or ends: put behind others, with a gap between, it does so no more.

What most patterns of that kind mean is the end of a word (`(?:[^a-z]|$)`), and the gap's line ends are that as well.
"""

import re
from collections.abc import Iterator, Sequence

_GAP = "\n"
_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\(\?[a-zA-Z-]*[:)]|.", re.DOTALL)
_LINES = re.compile(r"^\(\?[a-z]*m[a-z]*\)")
"""Flags under which the beginning and the end of a line are meant."""
_BOUNDS = frozenset({"^", r"\A", "$", r"\z", r"\Z"})


def is_bound(pattern: str) -> bool:
    """Return whether `pattern` may match a text that has nothing before it, or behind it, and no other one."""
    atoms = _ATOM.findall(pattern)
    bounds = _BOUNDS - {"^", "$"} if _LINES.match(pattern) else _BOUNDS
    return any(atom in bounds and not _is_optional(atoms, place) for place, atom in enumerate(atoms))


def _is_optional(atoms: Sequence[str], place: int) -> bool:
    """Tell whether the atom there is one of a choice, all by itself, and another one is content with the gap."""
    choices = [list[str]()]
    for atom in _around(atoms, place):
        if atom == "|":
            choices.append([])
        else:
            choices[-1].append(atom)
    return [atoms[place]] in choices and any(len(choice) == 1 and _takes_gap(choice[0]) for choice in choices)


def _around(atoms: Sequence[str], place: int) -> Iterator[str]:
    """Yield the atoms of the group that the one at `place` is in; for a group within it, one that is no choice."""
    depth, begin = 0, place
    while begin and (depth := depth + _closes(atoms[begin - 1])) >= 0:
        begin -= 1
    depth = 0
    for atom in atoms[begin:]:
        depth -= _closes(atom)
        if depth < 0:
            return
        yield atom if atom != "|" or not depth else ""


def _closes(atom: str) -> int:
    """Return how many groups end with a atom; below 0: one begins."""
    return (atom == ")") - atom.startswith("(")


def _takes_gap(atom: str) -> bool:
    try:
        return atom not in _BOUNDS and re.fullmatch(atom, _GAP) is not None
    except re.error:
        return False
