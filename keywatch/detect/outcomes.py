"""
What the text around a sighting came to is said again of the same text: versions and copies repeat nearly all of a file.

What is kept of a text is Python's own hash of it, 64 bits under a key that dies with the process, and places in it.
With the most texts that are remembered, one in ten million million others would be mistaken for one.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from keywatch.detect.candidate import Budget, Candidate, Places, Stretch, behind, outlines, outlines_of, seen
from keywatch.detect.filters import Sheet
from keywatch.detect.ruleset import RuleSet
from keywatch.detect.sought import Sought
from keywatch.detect.verdicts import Verdicts
from keywatch.model.finding import Confidence

_LINE = 512
_MOST_BARREN = 340_000
"""Texts with nothing in them that are remembered, of all rules; some 25 MB."""
_MOST_FRUITFUL = 40_000
"""Texts with something in them; some 15 MB."""


Texts: TypeAlias = dict[tuple[int, int, int, int], int]
"""By stretch, and how much before it matters (below 0: whole lines): what stands for it and the text around it."""


class _Outcome(NamedTuple):
    """What survives in a text; places are counted from where a match may first begin."""

    read: int
    """How far it was read: what begins before that is part of what was looked at."""
    told: Sequence[tuple[Places, Confidence]]


class Outcomes:
    """What stretches of text came to. Safe to share between threads; forgets everything once it is full."""

    def __init__(self, rules: RuleSet) -> None:
        """`rules` is the set all rules that are asked about belong to. Filters may look at more than is known here."""
        self._verdicts = Verdicts(rules)
        self._barren: dict[int, int] = {}
        self._fruitful: dict[int, _Outcome] = {}

    def surviving(  # noqa: PLR0917 - asked a hundred thousand times
        self,
        sought: Sought,
        sheet: Sheet,
        stretches: Iterable[Stretch],
        place: int,
        overrun: set[str],
        texts: Texts | None = None,
    ) -> list[Candidate]:
        """
        Return what the exact pattern confirms, and nothing speaks against.

        Args:
            sought: the rule.
            sheet: the chunk.
            stretches: where to look, ascending.
            place: the class of the chunk's path, if the rule looks at that.
            overrun: gets the rule's id if it was cut off.
            texts: what other rules that looked in the same stretches of this chunk left here, and gets more of it.
        """
        rule, data, barren, fruitful = sought.rule, sheet.data, self._barren, self._fruitful
        before, by_line, name = sought.before, sought.by_line, hash((sought.number, place)) if place else sought.name
        kept: list[Candidate] = []
        look = outlines_of if sought.sighted else outlines
        budget: Budget | None = None
        cursor = 0
        for start, end, limit in stretches:
            if start < cursor:
                if end <= cursor:
                    continue  # inside of a match
                start = cursor  # noqa: PLW2901
            # How much of the text lies before the first place where a match may start, and behind the last, counts too;
            # and the byte behind it all, where a word may end.
            if by_line or texts is not None:
                text = _text(name, data, (start, end, limit, -1 if by_line else before), texts)
            else:
                first = start - before if start > before else 0
                text = hash((name, start - first, end - start, data[first : limit + 1]))
            if (read := barren.get(text)) is not None:
                cursor = start + read
                continue
            if (outcome := fruitful.get(text)) is not None:
                cursor = start + outcome.read
                kept += [seen(rule, data, _from(start, places), sure) for places, sure in outcome.told]
                continue
            budget = budget or Budget(len(data))
            matches = look(rule, data, (start, end, limit), budget)
            found = self._verdicts.surviving(sought, sheet, matches, name) if matches else []
            cursor = behind(*matches[-1][:2]) if matches else start
            kept += found
            if budget.left <= 0:
                overrun.add(rule.id)
                break
            if text and (not matches or sought.has_keyword(data[matches[0][0] : cursor])):
                self._note(text, start, cursor - start, found)
        return kept

    def _note(self, text: int, start: int, read: int, found: Sequence[Candidate]) -> None:
        """Remember what was found from `start` on, and how far that was read."""
        if not found:
            if len(self._barren) >= _MOST_BARREN:
                self._barren.clear()
            self._barren[text] = read
            return
        if len(self._fruitful) >= _MOST_FRUITFUL:
            self._fruitful.clear()
        told = [
            ((c.start - start, c.end - start, c.secret_start - start, c.secret_end - start), c.confidence)
            for c in found
        ]
        self._fruitful[text] = _Outcome(read, told)


def _text(name: int, data: bytes, place: tuple[int, int, int, int], texts: Texts | None) -> int:
    """Return what stands for a stretch and the text around it, to the rule of this name; 0: the text has no end."""
    around = None if texts is None else texts.get(place)
    if around is None:
        around = _around(data, place)
        if texts is not None:
            texts[place] = around
    return hash((name, around)) if around else 0


def _around(data: bytes, place: tuple[int, int, int, int]) -> int:
    start, end, limit, before = place
    if before >= 0:
        first, last = max(0, start - before), limit + 1
    else:
        first, last = data.rfind(b"\n", max(0, start - _LINE), start), data.find(b"\n", limit, limit + _LINE)
    return hash((start - first, end - start, data[first:last])) if min(first, last) >= 0 else 0


def _from(start: int, places: Places) -> Places:
    return (start + places[0], start + places[1], start + places[2], start + places[3])
