"""What the engine must know of a set of rules before it has seen anything: numbers, so that no rule need be made."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain

from keywatch.detect.allow import MARKERS
from keywatch.detect.changed import MARGIN
from keywatch.detect.crowd import Hint, hints
from keywatch.detect.database import Expressions
from keywatch.detect.rule import GENERIC, Required, Rule
from keywatch.detect.ruleset import RuleSet
from keywatch.detect.trigger import Encoding, Trigger, triggers

_LINE = 160
"""Bytes of a line, for what is looked for within so many lines."""
_ANYWHERE = 25
"""Lines that stand for a whole chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a set of rules is looked for. A rule is meant by its place in the set."""

    seen: tuple[int, ...]
    """Rules with a number of their own in the database: in this order, after the markers."""
    near: tuple[tuple[int, int, str], ...]
    """A rule that is looked for near a part alone, which of the parts it requires that is, and that part's id."""
    hints: tuple[Hint, ...]
    """What shows where parts may come to something."""
    late: tuple[tuple[int, int], ...]
    """A part that is looked for near what other rules found alone, and within how many lines of it."""
    paths: tuple[int, ...]
    """Rules that look at paths alone, and tell of them."""
    path_parts: tuple[int, ...]
    """Rules that look at paths alone, and which others require."""
    path_patterns: tuple[str, ...] | None
    """All patterns that paths are held against; None: filters look at paths as well."""
    far: tuple[tuple[int, int], ...]
    """Places in `seen` of rules whose sightings concern what stands farther off than a match is wide, and how far."""
    span: int
    """Bytes. The longest text any of the rules may match."""
    spans: tuple[int, ...]
    """The same of each rule, and no longer than its pattern allows."""
    is_bound: bool
    """Whether what is seen of a text may depend on nothing being before it, or behind it: see `bounds`."""
    triggers: tuple[Trigger, ...]
    """What gives encoded text away; each has a number in the database, after the rules."""

    def dumped(self) -> bytes:
        """Return the plan as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def loaded(cls, body: bytes) -> "Plan":
        """
        Return what was `dumped`.

        Raises:
            ValueError, KeyError, TypeError: it is something else.
        """
        item = json.loads(body)
        return cls(
            seen=tuple(item["seen"]),
            near=tuple((rule, number, part) for rule, number, part in item["near"]),
            hints=tuple(Hint(*hint) for hint in item["hints"]),
            late=tuple((rule, lines) for rule, lines in item["late"]),
            paths=tuple(item["paths"]),
            path_parts=tuple(item["path_parts"]),
            path_patterns=None if item["path_patterns"] is None else tuple(item["path_patterns"]),
            far=tuple((place, reach) for place, reach in item["far"]),
            span=item["span"],
            spans=tuple(item["spans"]),
            is_bound=item["is_bound"],
            triggers=tuple(Trigger(Encoding(trigger["encoding"]), trigger["phase"]) for trigger in item["triggers"]),
        )


def planned(rules: RuleSet, *, decoding: bool) -> tuple[Plan, Expressions]:
    """Return how `rules` are looked for, and the expressions to compile; with or without those for encoded text."""
    from keywatch.detect.bounds import is_bound  # of no use to a scan with rules that were compiled before

    leads = _leads(rules.rules)
    late = _late(rules.rules, leads)
    apart = {rules.rules[place].id for place, _ in late} | leads.keys()
    seen = [(place, rule) for place, rule in enumerate(rules.rules) if rule.regex is not None and rule.id not in apart]
    by_path = [(place, rule) for place, rule in enumerate(rules.rules) if rule.regex is None]
    parts = {part.id for rule in rules.rules for part in rule.required}
    encoded = triggers(rules.rules) if decoding else {}
    patterns = [marker.regex for marker in MARKERS] + [rule.anchor or rule.regex or "" for _, rule in seen]
    near = tuple((place, *leads[rule.id]) for place, rule in enumerate(rules.rules) if rule.id in leads)
    plan = Plan(
        seen=tuple(place for place, _ in seen),
        near=near,
        hints=tuple(hints(rules.rules, near)),
        late=late,
        paths=tuple(place for place, rule in by_path if not rule.skip_report),
        path_parts=tuple(place for place, rule in by_path if rule.id in parts),
        path_patterns=_path_patterns(rules),
        far=tuple(_far([rule for _, rule in seen], rules.rules, leads)),
        span=max((rule.span for rule in rules.rules), default=0),
        spans=tuple(map(_span, rules.rules)),
        is_bound=any(map(is_bound, chain(patterns, *encoded.values()))),
        triggers=tuple(encoded),
    )
    return plan, Expressions(patterns, tuple(encoded.values()), plan.dumped())


def _span(rule: Rule) -> int:
    from keywatch.detect.width import width

    longest = width(rule.regex) if rule.regex else None
    return rule.span if longest is None else min(rule.span, longest)


def _path_patterns(rules: RuleSet) -> tuple[str, ...] | None:
    if rules.filters or rules.prefilters or any(rule.filter for rule in rules.rules):
        return None
    lists = [*rules.allowlists, *(allowlist for rule in rules.rules for allowlist in rule.allowlists)]
    of_rules = {rule.path for rule in rules.rules if rule.path is not None}
    return tuple(sorted(of_rules.union(*(allowlist.paths for allowlist in lists))))


def _far(
    seen: Sequence[Rule], rules: Sequence[Rule], leads: Mapping[str, tuple[int, str]]
) -> Iterator[tuple[int, int]]:
    """Yield the places of rules that are sighted away from what they match, or lead to others; and how far away."""
    led: dict[str, int] = {}
    for rule in rules:
        if rule.id in leads:
            number, part = leads[rule.id]
            led[part] = max(led.get(part, 0), (rule.required[number].within_lines or 0) * _LINE)
    for place, rule in enumerate(seen):
        parts = [(part.within_lines or _ANYWHERE) * _LINE for part in rule.required]
        reach = max(led.get(rule.id, 0), _span(rule) if rule.anchor else 0, *parts, 0)
        if reach > MARGIN:
            yield place, reach


def _leads(rules: Sequence[Rule]) -> dict[str, tuple[int, str]]:
    """
    Return, by rule, the part near which alone it need be looked for: such rules are too noisy to stand alone.

    Of several parts the one that must be nearest leads. One that is itself looked for near another does not: it may
    not have been looked for yet. Nor does one that looks at the path alone, which is near everything. A rule with an
    anchor is looked for by that, and its parts near it.
    """
    named = {rule.id for rule in rules if rule.regex is None}
    leads = {
        rule.id: (number, part.id)
        for rule in rules
        for number, part in sorted(enumerate(rule.required), key=lambda item: -(item[1].within_lines or 0))
        if rule.regex is not None and rule.anchor is None and _leading(part) and part.id not in named
    }
    return {rule_id: (number, part) for rule_id, (number, part) in leads.items() if part not in leads}


def _leading(part: Required) -> bool:
    return part.within_lines is not None and not part.optional


def _late(rules: Sequence[Rule], leads: Mapping[str, tuple[int, str]]) -> tuple[tuple[int, int], ...]:
    """
    Return the parts that can wait until something was found, and within how many lines of it they are looked for.

    They stand in every other line, and mean nothing alone. Those of the least specificity may be encoded secrets.
    """
    asked: defaultdict[str, list[int | None]] = defaultdict(list)
    for part in (part for rule in rules for part in rule.required):
        asked[part.id].append(part.within_lines)
    awaited = {part for _, part in leads.values()} | leads.keys()
    return tuple(
        (place, max(lines for lines in asked[rule.id] if lines is not None))
        for place, rule in enumerate(rules)
        if rule.regex is not None
        and rule.skip_report
        and rule.specificity > GENERIC
        and rule.id not in awaited
        and asked[rule.id]
        and None not in asked[rule.id]
    )
