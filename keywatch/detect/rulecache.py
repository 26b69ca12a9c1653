"""A parsed set of rules as bytes and back: each rule is made when it is asked for, which for most of them is never."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, overload

from keywatch.detect.rule import Allowlist, Condition, RegexTarget, Required, Rule, ValueTest
from keywatch.detect.ruleset import RuleSet
from keywatch.model.finding import Confidence, RuleInfo, Severity
from keywatch.model.key import HandleSpace


class KeptRules(Sequence[Rule]):
    """Rules, each as the line it was written as until somebody looks at it. Equal to a tuple of the same rules."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines
        self._made: dict[int, Rule] = {}

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Rule: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Rule, ...]: ...
    def __getitem__(self, index: int | slice) -> Rule | tuple[Rule, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        rule = self._made.get(index)
        if rule is None:
            rule = self._made[index] = _rule(json.loads(self._lines[index]))
        return rule

    def __iter__(self) -> Iterator[Rule]:
        return (self[number] for number in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == (tuple(other) if isinstance(other, KeptRules) else other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def dumped(rules: RuleSet) -> bytes:
    """Return `rules` as lines of JSON: what holds for the whole set, then a line for each rule."""
    whole = {field.name: getattr(rules, field.name) for field in fields(rules) if field.name != "rules"}
    head = {"hash": rules.hash, "ids": rules.ids, "whole": whole}
    return b"\n".join(json.dumps(item, default=_plain).encode() for item in (head, *rules.rules))


def loaded(body: bytes) -> RuleSet:
    """
    Return what `dumped` was given.

    Raises:
        ValueError, KeyError, TypeError: it was given something else.
    """
    first, *lines = body.split(b"\n")
    head = json.loads(first)
    whole = head["whole"]
    whole["allowlists"] = tuple(map(_allowlist, whole["allowlists"]))
    found = RuleSet(rules=KeptRules(lines), **_frozen(whole))
    # To work them out would mean to make every rule.
    vars(found).update(hash=head["hash"], ids=tuple(head["ids"]))
    return found


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"a rule holds a {type(value).__name__}, which cannot be kept")


def _frozen(item: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}


def _rule(item: dict[str, Any]) -> Rule:
    item["info"] = _info(item["info"])
    item["allowlists"] = tuple(map(_allowlist, item["allowlists"]))
    item["required"] = tuple(map(_required, item["required"]))
    item["test"] = ValueTest(item["test"])
    return Rule(**_frozen(item))


def _info(item: dict[str, Any]) -> RuleInfo:
    item["severity"], item["confidence"] = Severity(item["severity"]), Confidence(item["confidence"])
    return RuleInfo(**_frozen(item))


def _allowlist(item: dict[str, Any]) -> Allowlist:
    item["condition"], item["target"] = Condition(item["condition"]), RegexTarget(item["target"])
    item["rules"] = frozenset(item["rules"])
    return Allowlist(**_frozen(item))


def _required(item: dict[str, Any]) -> Required:
    item["handle"] = HandleSpace(item["handle"]) if item["handle"] else None
    return Required(**_frozen(item))
