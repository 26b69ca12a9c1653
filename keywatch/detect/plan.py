"""What the engine must know of a set of rules before it has seen anything: numbers, so that no rule need be made."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from keywatch.detect.allow import MARKERS
from keywatch.detect.database import Expressions
from keywatch.detect.rule import Required, Rule
from keywatch.detect.ruleset import RuleSet
from keywatch.detect.trigger import Encoding, Trigger, triggers


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a set of rules is looked for. A rule is meant by its place in the set."""

    seen: tuple[int, ...]
    """Rules with a number of their own in the database: in this order, after the markers."""
    near: tuple[tuple[int, int, str], ...]
    """A rule that is looked for near a part alone, which of the parts it requires that is, and that part's id."""
    paths: tuple[int, ...]
    """Rules that look at paths alone, and tell of them."""
    path_parts: tuple[int, ...]
    """Rules that look at paths alone, and which others require."""
    span: int
    """Bytes. The longest text any of the rules may match."""
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
            paths=tuple(item["paths"]),
            path_parts=tuple(item["path_parts"]),
            span=item["span"],
            triggers=tuple(Trigger(Encoding(trigger["encoding"]), trigger["phase"]) for trigger in item["triggers"]),
        )


def planned(rules: RuleSet, *, decoding: bool) -> tuple[Plan, Expressions]:
    """Return how `rules` are looked for, and the expressions to compile; with or without those for encoded text."""
    leads = _leads(rules.rules)
    seen = [(place, rule) for place, rule in enumerate(rules.rules) if rule.regex is not None and rule.id not in leads]
    by_path = [(place, rule) for place, rule in enumerate(rules.rules) if rule.regex is None]
    parts = {part.id for rule in rules.rules for part in rule.required}
    encoded = triggers(rules.rules) if decoding else {}
    plan = Plan(
        seen=tuple(place for place, _ in seen),
        near=tuple((place, *leads[rule.id]) for place, rule in enumerate(rules.rules) if rule.id in leads),
        paths=tuple(place for place, rule in by_path if not rule.skip_report),
        path_parts=tuple(place for place, rule in by_path if rule.id in parts),
        span=max((rule.span for rule in rules.rules), default=0),
        triggers=tuple(encoded),
    )
    patterns = [marker.regex for marker in MARKERS] + [rule.anchor or rule.regex or "" for _, rule in seen]
    return plan, Expressions(patterns, tuple(encoded.values()), plan.dumped())


def _leads(rules: Sequence[Rule]) -> dict[str, tuple[int, str]]:
    """
    Return, by rule, the part near which alone it need be looked for: such rules are too noisy to stand alone.

    A part that is itself looked for near another does not lead: it may not have been looked for yet. Nor does one that
    looks at the path alone, which is near everything.
    """
    named = {rule.id for rule in rules if rule.regex is None}
    leads = {
        rule.id: (number, part.id)
        for rule in rules
        for number, part in enumerate(rule.required)
        if rule.regex is not None and _leading(part) and part.id not in named
    }
    return {rule_id: (number, part) for rule_id, (number, part) in leads.items() if part not in leads}


def _leading(part: Required) -> bool:
    return part.within_lines is not None and not part.optional
