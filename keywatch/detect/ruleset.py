"""A set of rules that is scanned with as one, and the hash by which it is remembered."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TypeVar

from keywatch.detect.rule import Allowlist, Rule

ENGINE_REVISION = 10
"""Raised when the engine or a filter finds other things with the same rules, so that content is scanned again."""

_T = TypeVar("_T")
_PROSE = frozenset({"matches", "ignores", "source"})


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """Rules and the allow-lists that hold for all of them."""

    rules: Sequence[Rule]
    allowlists: tuple[Allowlist, ...] = ()
    filters: tuple[str, ...] = ()
    """Expressions, each of which drops the hits of all rules that it is true of."""
    prefilters: tuple[str, ...] = ()
    """The same, looking at the path alone: what one is true of is not looked through at all."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What was read but is not followed, for a person: unknown keys, features of other scanners."""

    @cached_property
    def hash(self) -> str:
        """64 hexadecimal digits over everything that decides what is found, and the engine's revision."""
        digest = hashlib.sha256(f"engine {ENGINE_REVISION}\n".encode())
        for rule in self.rules:
            digest.update(
                repr([(f.name, getattr(rule, f.name)) for f in fields(rule) if f.name not in _PROSE]).encode()
            )
        for allowlist in self.allowlists:
            digest.update(repr(sorted(allowlist.rules)).encode() + repr(replace(allowlist, rules=frozenset())).encode())
        if self.filters or self.prefilters:
            digest.update(repr((self.filters, self.prefilters)).encode())
        return digest.hexdigest()

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Of every rule, in order."""
        return tuple(rule.id for rule in self.rules)

    def extended(self, other: "RuleSet") -> "RuleSet":
        """
        Return these rules and those of `other`; where both have a rule of one id, `other` has the say.

        As in gitleaks, only what `other` sets replaces, while tags, keywords, allow-lists and filters add up.
        """
        mine = {rule.id: rule for rule in self.rules}
        for rule in other.rules:
            mine[rule.id] = overridden(mine[rule.id], rule) if rule.id in mine else rule
        return RuleSet(
            rules=tuple(mine.values()),
            allowlists=_together(self.allowlists, other.allowlists),
            filters=_together(self.filters, other.filters),
            prefilters=_together(self.prefilters, other.prefilters),
            warnings=_together(self.warnings, other.warnings),
        )

    def without(self, ids: frozenset[str]) -> "RuleSet":
        """Return the set with the rules named in `ids` reporting nothing; those others rest on stay as their parts."""
        needed = {part.id for rule in self.rules if rule.id not in ids for part in rule.required}
        kept = [rule for rule in self.rules if rule.id not in ids or rule.id in needed]
        gone = ids - {rule.id for rule in kept}
        return replace(
            self,
            rules=tuple(replace(rule, skip_report=True) if rule.id in ids else rule for rule in kept),
            # One that is for rules that are gone alone is not left, as it would be for all then.
            allowlists=tuple(
                replace(one, rules=one.rules - gone) for one in self.allowlists if not one.rules or one.rules - gone
            ),
        )


def overridden(base: Rule, rule: Rule) -> Rule:
    """Return `base` as changed by `rule`, which has the same id."""
    return replace(
        base,
        info=replace(
            base.info,
            description=rule.info.description or base.info.description,
            tags=_together(base.info.tags, rule.info.tags),
        ),
        regex=rule.regex or base.regex,
        path=rule.path or base.path,
        entropy=rule.entropy or base.entropy,
        secret_group=rule.secret_group or base.secret_group,
        anchor=rule.anchor if rule.regex else base.anchor,
        span=rule.span if rule.regex else base.span,
        filter=rule.filter or base.filter,
        keywords=_together(base.keywords, rule.keywords),
        allowlists=_together(base.allowlists, rule.allowlists),
        required=_together(base.required, rule.required),
    )


def _together(one: "tuple[_T, ...]", other: "tuple[_T, ...]") -> "tuple[_T, ...]":
    return one + tuple(item for item in other if item not in one) if other else one
