"""A rule that is looked for, and all that is worked out about it once: what its matches and its filters look at."""

from collections.abc import Iterable, Sequence

from keywatch.detect.candidate import Stretch
from keywatch.detect.database import Mode
from keywatch.detect.filters import looks_at_lines, looks_at_path, looks_before
from keywatch.detect.ruleset import RuleSet


class Sought:
    """One rule of a set."""

    __slots__ = ("before", "by_line", "by_path", "mode", "name", "number", "rule", "sighted", "words")

    def __init__(self, number: int, rules: RuleSet, mode: Mode | None = None) -> None:
        """Take the rule with this number in the set. Without a mode it is looked for beside others alone."""
        rule = rules.rules[number]
        self.number = number
        self.name = hash((number, 0))
        """Of what is remembered of it where paths do not matter."""
        self.mode = mode
        self.sighted = mode is Mode.START
        self.rule = rule
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
        for word in self.words:  # noqa: SIM110 - asked of most of what matches for the first time
            if word in lower:
                return True
        return False

    def stretches(self, seen: tuple[Sequence[int], Sequence[int]], size: int) -> Iterable[Stretch]:
        """
        Return where the exact pattern has to look, ascending.

        Args:
            seen: starts and ends of what was sighted of the rule.
            size: of the chunk.
        """
        span = self.rule.span
        if self.mode is Mode.WHOLE:
            return ((0, size, size),)
        if self.mode is Mode.END:
            return _before(sorted(seen[1]), span, size)
        found: list[Stretch] = []
        spans = [*zip(*seen, strict=True)]
        if len(spans) > 1:
            spans.sort()
        last = size - span
        for start, end in spans:
            found.append((start, end if end > start else start + 1, start + span if start < last else size))
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
