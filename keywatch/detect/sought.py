"""A rule that is looked for, and all that is worked out about it once: what its matches and its filters look at."""

from collections.abc import Iterable, Sequence

from keywatch.detect.candidate import Stretch
from keywatch.detect.database import Mode
from keywatch.detect.filters import looks_at_lines, looks_at_path, looks_before
from keywatch.detect.ruleset import RuleSet


class Sought:
    """One rule of a set."""

    __slots__ = ("before", "by_line", "by_path", "mode", "name", "number", "rule", "sighted", "span", "words")

    def __init__(self, number: int, rules: RuleSet, span: int, mode: Mode | None = None) -> None:
        """
        Take a rule of a set.

        Args:
            number: its place in the set.
            rules: the set.
            span: bytes it may match at most, as in `Plan.spans`.
            mode: how it is sighted; None: it is looked for beside others alone.
        """
        rule = rules.rules[number]
        self.span = span
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
        span, most = self.span, self.rule.span
        if self.mode is Mode.WHOLE:
            return ((0, size, size),)
        if self.mode is Mode.END:
            return _before(sorted(seen[1]), span, size)
        found: list[Stretch] = []
        spans = [*zip(*seen, strict=True)]
        if len(spans) > 1:
            spans.sort()
        for start, end in spans:
            stop = end if end > start else start + 1
            # The byte behind it counts, where a word may end.
            found.append((start, stop, min(stop + span + 1, start + most, size)))
            if end > start + most:
                # The leftmost start is far away (a pattern that begins with `.*`): look just before the end as well.
                found.append((end - most, end, min(size, end + most)))
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
