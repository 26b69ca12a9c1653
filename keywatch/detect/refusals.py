"""
Text in which a rule confirmed nothing is not held against it again: versions and copies repeat nearly all of a file.

What is kept of a text is Python's own hash of it, 64 bits under a key that dies with the process. With the most texts
that are remembered, one in ten million million others would be mistaken for one.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from keywatch.detect.candidate import Candidate, Stretch
from keywatch.detect.rule import RegexTarget, Rule

_BEFORE = 64
"""Bytes before a match that patterns and filters look at, but for filters that look at lines."""
_LINE = 512
_MOST = 400_000
"""Texts remembered, of all rules; some 25 MB."""


class Refusals:
    """What was refused. Safe to share between threads; forgets everything once it is full."""

    def __init__(self) -> None:
        self._texts: set[int] = set()

    def fresh(
        self, rule: Rule, data: bytes, stretches: Iterable[Stretch], place: object
    ) -> tuple[list[Stretch], list[int]]:
        """
        Return the stretches whose text is not known to be refused, and what to remember each by.

        Args:
            rule: the rule.
            data: the chunk.
            stretches: as `confirmed` takes them.
            place: what is looked for depends on this as well.
        """
        left: list[Stretch] = []
        names: list[int] = []
        of_lines = any(allowlist.target is RegexTarget.LINE for allowlist in rule.allowlists)
        texts, name = self._texts, (rule.id, place)
        for stretch in stretches:
            start, end, limit = stretch
            first = max(0, start - _BEFORE)
            if of_lines:
                first = data.rfind(b"\n", max(0, start - _LINE), start)
                if first < 0 or data.find(b"\n", end, limit) < 0:
                    left.append(stretch)
                    names.append(0)
                    continue
            # How much of the text lies before the match, and behind the last place where one may start, matters too.
            known = hash((name, start - first, end - start, data[first:limit]))
            if known not in texts:
                left.append(stretch)
                names.append(known)
        return left, names

    def note(
        self,
        rule: Rule,
        data: bytes,
        stretches: Sequence[Stretch],
        names: Sequence[int],
        kept: Sequence[Candidate],
    ) -> None:
        """Remember the texts in which nothing was `kept`, which ascends, and a keyword was not what was missing."""
        if len(self._texts) > _MOST:
            self._texts.clear()
        words = [word.encode() for word in rule.keywords]
        ends = [candidate.end for candidate in kept]
        for (start, _, limit), name in zip(stretches, names, strict=True):
            following = bisect_right(ends, start)
            if following < len(kept) and kept[following].start < limit:
                continue
            if words:
                text = data[start:limit].lower()
                if not any(word in text for word in words):
                    continue
            self._texts.add(name)
