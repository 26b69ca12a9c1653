"""
Sightings in every line of a log, nearly all of which come to nothing: told apart before any is confirmed.

Confirming one takes ten microseconds, which nobody minds in a source file. A log of requests has two of them in each
line (`NextToken=…`), and millions of lines. So where they crowd, two questions are asked first that are answered for
many at once:

- Is it the name that is excused, whatever stands behind it? Names repeat.
- Is it but a part that others are looked for beside, and does any of these stand near it at all?
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple, TypeAlias

from keywatch.detect.compose import WINDOW
from keywatch.detect.filters import Sheet
from keywatch.detect.pattern import Pattern, compiled
from keywatch.detect.rule import GENERIC, Condition, RegexTarget, Rule
from keywatch.detect.ruleset import RuleSet

Seen: TypeAlias = tuple[list[int], list[int]]
"""Where sightings start, and their ends, which ascend."""

_FEW = 100
_APART = 4096
"""Bytes of a chunk to one sighting: where they stand closer, and are not few, they crowd."""
_LINES = 3
"""Lines beyond those within which a part is looked for: what is found there may go on into them."""
_BEFORE = 20
_BEHIND = 7
"""Bytes before and behind the place where a match begins: what there is of most names, and hardly any of a value."""
_SHORT = 128
"""Bytes. A sighting longer than that may hold a second name."""
_MOST_NAMES = 50_000
_OF_NAMES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_NO_NAMES = bytes(byte if byte in _OF_NAMES else 0 for byte in range(256))
_GROUP = "[I-Za-f][C-HS-Xi-nyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
_ENCODED = f"(?:{_GROUP}){{3}}|H4sI|[I-Za-f][AQgw][AB].A[C-H].A"
"""What base64 of text, of gzip, or of UTF-16 has in it, and one value of chance in hundreds."""


class Hint(NamedTuple):
    """What shows where a part may come to something, if only such rules ask for it as are looked for near it."""

    part: str
    asking: str
    """The patterns of the rules that look near it, as one."""
    is_decoded: bool
    """Whether what is encoded is decoded whatever stands near it: nothing but its name told this to be a value."""
    lines: int
    reach: int
    """Lines and bytes around what asks."""


def hints(rules: Sequence[Rule], near: Iterable[tuple[int, int, str]]) -> Iterator[Hint]:
    """
    Yield what is known of parts: it takes all rules to know it, so that is done once for a set of them.

    Args:
        rules: all of them.
        near: which are looked for near a part alone; see `Plan.near`.
    """
    asking: dict[str, list[tuple[Rule, int]]] = {}
    for place, number, part in near:
        asking.setdefault(part, []).append((rules[place], rules[place].required[number].within_lines or 0))
    asked = Counter(part.id for rule in rules for part in rule.required)
    for rule in rules:
        by = asking.get(rule.id, ())
        if by and asked[rule.id] == len(by):
            yield Hint(
                part=rule.id,
                asking="|".join(f"(?:{other.regex})" for other, _ in by),
                is_decoded=rule.specificity <= GENERIC,
                lines=max(lines for _, lines in by) + _LINES,
                reach=max(other.span for other, _ in by) + WINDOW,
            )


@dataclass(frozen=True, slots=True)
class _Hints:
    """A hint, its patterns compiled."""

    asking: Pattern
    """One of the rules that look near it."""
    any: Pattern
    """The same in its first group; else what shows an encoded value."""
    lines: int
    reach: int

    @classmethod
    def of(cls, hint: Hint) -> "_Hints":
        encoded = f"|(?:{_ENCODED})" if hint.is_decoded else ""
        return cls(compiled(hint.asking), compiled(f"({hint.asking}){encoded}"), hint.lines, hint.reach)


class Crowds:
    """Knows what can be asked of many sightings of a rule at once. Safe to share between threads."""

    def __init__(self, rules: RuleSet, known: Iterable[Hint]) -> None:
        """
        Remember what there is to ask.

        Args:
            rules: all of them.
            known: what is known of their parts; see `hints`.
        """
        self._rules = rules
        self._known = {hint.part: hint for hint in known}
        self._hints: dict[str, _Hints] = {}
        self._names: dict[str, dict[bytes, bool | None]] = {}
        self._excusing: dict[str, Sequence[str]] = {}

    def thinned(self, rule: Rule, sheet: Sheet, seen: Seen) -> Seen:
        """Return those sightings that the rule has to confirm."""
        if len(seen[0]) <= _FEW or len(seen[0]) * _APART <= len(sheet.data):
            return seen
        if rule.skip_report and rule.id in self._known:
            if rule.id not in self._hints:
                self._hints[rule.id] = _Hints.of(self._known[rule.id])
            seen = _beside(self._hints[rule.id], rule, sheet, seen)
        if rule.id not in self._excusing:
            self._excusing[rule.id] = _excusing(rule)
        return self._unexcused(rule, sheet.data, seen) if self._excusing[rule.id] else seen

    def _unexcused(self, rule: Rule, data: bytes, seen: Seen) -> Seen:
        """Leave out what begins in a name that is excused."""
        names = self._names.setdefault(rule.id, {})
        left: list[bool] = []
        for start in seen[0]:
            before = data[start - _BEFORE : start].translate(_NO_NAMES) if start >= _BEFORE else b""
            name = before[before.rfind(b"\0") + 1 :] + data[start : start + _BEHIND]
            excused = names.get(name)
            if excused is None:
                # A name that is met for the first time may be one of many that come once.
                excused = name in names and self._is_excused(rule, name, whole=start >= _BEFORE)
                if len(names) >= _MOST_NAMES:
                    names.clear()
                names[name] = excused if name in names else None
            left.append(not excused)
        if all(left):
            return seen
        left = [kept or end - start > _SHORT for kept, start, end in zip(left, *seen, strict=True)]
        return list(compress(seen[0], left)), list(compress(seen[1], left))

    def _is_excused(self, rule: Rule, name: bytes, *, whole: bool) -> bool:
        """Tell whether a name is; of one that is longer than what is looked at here, nothing is known."""
        if not whole or len(name) >= _BEFORE + _BEHIND:
            return False
        return any(compiled(pattern).search(name) is not None for pattern in self._excusing[rule.id])


def _beside(hints: _Hints, rule: Rule, sheet: Sheet, seen: Seen) -> Seen:
    """Keep what stands near one of the hints."""
    data, (starts, ends) = sheet.data, seen
    most = len(starts) // 8
    spans: list[tuple[int, int]] = []
    position = 0
    # One pass for both: what takes the time is to go over a chunk in which there are none.
    while (hit := hints.any.search(data, position)) is not None:
        position = max(hit.end(), position + 1)
        if len(spans) >= most:
            return seen
        if hit.start(1) < 0:
            spans.append((hit.start() - rule.span, position))
            begun = hints.asking.search(data, hit.start() + 1, position + hints.reach)
            if begun is None or begun.start() >= position:
                continue
            hit, position = begun, max(begun.end(), position)
        begin, _ = sheet.lines.around(hit.start(), hints.lines, hints.reach)
        # What the next one would be found in may have begun in this one.
        _, end = sheet.lines.around(min(position + hints.reach - WINDOW, len(data)), hints.lines, hints.reach)
        spans.append((min(begin, hit.start() - rule.span), end))
    kept: Seen = ([], [])
    reached = 0
    for begin, end in sorted(spans):
        first = max(reached, bisect_left(ends, begin))
        reached = max(reached, bisect_right(ends, end + rule.span))
        kept[0].extend(starts[first:reached])
        kept[1].extend(ends[first:reached])
    return kept


def _excusing(rule: Rule) -> Sequence[str]:
    """Return patterns that excuse a name by what it begins with, whatever follows."""
    lists = [one for one in rule.allowlists if one.target is RegexTarget.NAME and one.condition is Condition.OR]
    return [pattern for one in lists for pattern in one.regexes if _is_open(pattern)]


def _is_open(pattern: str) -> bool:
    """Tell whether what matches the beginning of a text matches the text."""
    return not any(mark in pattern for mark in ("$", r"\b", r"\B", r"\z"))
