"""Allow-lists that name commits: they can only be followed when it is known who brought a finding in."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from keywatch.detect.pattern import compiled
from keywatch.detect.rule import Allowlist, Condition
from keywatch.detect.ruleset import RuleSet
from keywatch.model.finding import Finding, Place

_LAST = datetime.max.replace(tzinfo=UTC)


class CommitLists:
    """
    What rule sets allow of certain commits.

    A commit is named for what it brought in. Later commits to the same file have the value in their blobs too, so what
    decides is the first commit that had the value at a path: all places of that path go with it.
    """

    def __init__(self, sets: Iterable[RuleSet]) -> None:
        """`sets` are looked at when there is a finding: for most scans no rule need be made for this."""
        self._sets = tuple(sets)
        self._by_rule: dict[str, tuple[Allowlist, ...]] = {}

    def without(self, finding: Finding) -> Finding | None:
        """Return what is left of `finding`; None where that is nothing."""
        rule_id = finding.rule.id
        lists = self._by_rule.get(rule_id)
        if lists is None:
            lists = self._by_rule[rule_id] = tuple(filter(_decidable, self._of(rule_id)))
        if not lists:
            return finding
        first: dict[tuple[str, str], Place] = {}
        for place in sorted(finding.places, key=lambda place: place.committed_at or _LAST):
            if place.commit is not None:
                first.setdefault((place.target, place.path), place)
        allowed = {where for where, place in first.items() if any(_allows(one, place) for one in lists)}
        kept = tuple(place for place in finding.places if (place.target, place.path) not in allowed)
        return replace(finding, places=kept) if kept else None

    def _of(self, rule_id: str) -> Iterator[Allowlist]:
        """Yield the allow-lists for one rule, its own ones included."""
        for rules in self._sets:
            yield from (one for one in rules.allowlists if not one.rules or rule_id in one.rules)
            if rule_id in rules.ids:
                yield from rules.rules[rules.ids.index(rule_id)].allowlists


def _decidable(allowlist: Allowlist) -> bool:
    """Tell whether the list names commits, and needs no value beside them, which is gone by then."""
    alone = not (allowlist.regexes or allowlist.stopwords)
    return bool(allowlist.commits) and (alone or allowlist.condition is Condition.OR)


def _allows(allowlist: Allowlist, place: Place) -> bool:
    if (place.commit or "").lower() not in allowlist.commits:
        return False
    path = place.path.replace("\\", "/").encode(errors="surrogateescape")
    both = allowlist.condition is Condition.AND and allowlist.paths
    return not both or any(compiled(regex).search(path) is not None for regex in allowlist.paths)
