"""A rule that is looked for, and all that is worked out about it once: what its matches and its filters look at."""

from collections.abc import Iterable, Sequence

from keywatch.detect.candidate import Stretch
from keywatch.detect.database import Mode
from keywatch.detect.filters import looks_at_lines, looks_at_path, looks_before
from keywatch.detect.pattern import longest
from keywatch.detect.ruleset import RuleSet


class Sought:
    """One rule of a set."""

    __slots__ = ("before", "by_line", "by_path", "longest", "number", "rule", "words")

    def __init__(self, number: int, rules: RuleSet) -> None:
        """Take the rule with this number in the set."""
        rule = rules.rules[number]
        self.number = number
        self.rule = rule
        self.longest = min(rule.span, longest(rule.regex or ""))
        """Bytes of the longest match."""
        self.words = [word.encode() for word in rule.keywords]
        self.by_line = looks_at_lines(rule, rules)
        """Whether its filters look at whole lines; if not, at no more than `before` bytes before a match."""
        self.before = looks_before(rule, rules)
        self.by_path = looks_at_path(rule, rules)

    def has_keyword(self, text: bytes) -> bool:
        """Tell whether the rule finds its keyword in the text itself, so that the chunk around that does not matter."""
        if not self.words:
            return True
        lower = text.lower()
        return any(word in lower for word in self.words)

    def stretches(self, mode: Mode, seen: tuple[Sequence[int], Sequence[int]], size: int) -> Iterable[Stretch]:
        """
        Return where the exact pattern has to look, ascending.

        Args:
            mode: how the rule was looked for.
            seen: starts and ends of what was sighted of it.
            size: of the chunk.
        """
        span, most = self.rule.span, self.longest
        if mode is Mode.WHOLE:
            return ((0, size, size),)
        if mode is Mode.END:
            return _before(sorted(seen[1]), span, size)
        found: list[Stretch] = []
        for start, end in sorted(zip(*seen, strict=True)) if len(seen[0]) > 1 else zip(*seen, strict=True):
            stop = end if end > start else start + 1
            # What begins before `stop` has ended by `stop + most`, and so has the byte behind it.
            found.append((start, stop, min(size, start + span, stop + most)))
            if end > start + span:
                # The leftmost start is far away (a pattern that begins with `.*`): look just before the end as well.
                found.append((end - span, end, min(size, end + span)))
        return found


def _before(ends: list[int], span: int, size: int) -> Iterable[Stretch]:
    """Yield what lies before `ends` by up to `span` bytes; stretches that touch are one, and looked through once."""
    begin, previous = max(0, ends[0] - span), ends[0]
    for end in ends:
        if end - span > previous:
            yield (begin, previous, min(size, previous + span))
            begin = end - span
        previous = end
    yield (begin, previous, min(size, previous + span))
