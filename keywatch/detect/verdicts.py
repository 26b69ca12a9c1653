"""
What a match is worth is worked out once for the same text: in a history each is seen again in hundreds of versions.

What is kept of a text is Python's own hash of it, 64 bits under a key that dies with the process, and where in it the
secret stands.
"""

from collections.abc import Iterable
from typing import NamedTuple

from keywatch.detect.candidate import Candidate, Outline, candidate, seen
from keywatch.detect.filters import Sheet, is_credible, is_worthy
from keywatch.detect.ruleset import RuleSet
from keywatch.detect.sought import Sought
from keywatch.model.finding import Confidence

_LINE = 512
_MOST = 300_000
"""Texts remembered, of all rules; some 30 MB."""
_MOST_VALUES = 50_000
"""Values remembered, of all rules; some 4 MB."""


class _Verdict(NamedTuple):
    """Where the secret stands in a match, counted from its beginning, and how sure it is."""

    start: int
    end: int
    confidence: Confidence


class Verdicts:
    """What was said of matches. Safe to share between threads; forgets everything once it is full."""

    def __init__(self, rules: RuleSet) -> None:
        """`rules` is the set all rules that are asked about belong to. Filters may look at more than is known here."""
        self._rules = rules
        self._known: dict[int, _Verdict | None] = {}
        self._values: dict[int, bool] = {}

    def surviving(self, sought: Sought, sheet: Sheet, matches: Iterable[Outline], name: int) -> list[Candidate]:
        """
        Return those of a rule's matches that survive, as candidates.

        Args:
            sought: the rule.
            sheet: the chunk.
            matches: as `candidate.outlines` returns them.
            name: of the rule, and the class of the path if it looks at that.
        """
        rule, data, known, before = sought.rule, sheet.data, self._known, sought.before
        kept: list[Candidate] = []
        for match in matches:
            begin, stop, reach = match
            # One byte behind the match tells whether a word ends there; at an end of text more patterns match.
            first, last = max(0, begin - before), stop + 1
            if sought.by_line:
                first = data.rfind(b"\n", max(0, begin - _LINE), begin)
                last = data.find(b"\n", stop, stop + _LINE)
            whole = min(first, last) >= 0
            text = hash((name, begin - first, stop - begin, data[first:last])) if whole else 0
            if whole and text in known:
                if (verdict := known[text]) is not None:
                    start, end, sure = verdict
                    kept.append(seen(rule, data, (begin, stop, begin + start, begin + end), sure))
                continue
            one = candidate(rule, data, match)
            survived = self._is_worthy(sought, one.secret) and is_credible(one, sheet, self._rules)
            if survived:
                kept.append(one)
            if whole and stop < reach and sought.has_keyword(data[begin:stop]):
                if len(known) > _MOST:
                    known.clear()
                places = _Verdict(one.secret_start - begin, one.secret_end - begin, one.confidence)
                known[text] = places if survived else None
        return kept

    def _is_worthy(self, sought: Sought, secret: bytes) -> bool:
        """Tell what the rule says of the value itself, which stands under ever other text."""
        value = hash((sought.number, secret))
        worthy = self._values.get(value)
        if worthy is None:
            if len(self._values) >= _MOST_VALUES:
                self._values.clear()
            worthy = self._values[value] = is_worthy(sought.rule, secret)
        return worthy
