"""
A target's own rule files beside our rules: what they add, and what they excuse.

Their rules look for more, in a database of their own, and never stand in the way of ours: one that has the id of one of
ours gets another. Their allow-lists and filters hold for their rules as they do in gitleaks. For ours they hold too,
as the team that wrote them expects, but last, and counted: the scan says how much they left out.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from keywatch.detect.rule import Allowlist, Rule
from keywatch.detect.ruleset import RuleSet
from keywatch.model.errors import RuleError
from keywatch.model.source import Skipped
from keywatch.scan.baseline_file import GitleaksIgnore
from keywatch.scan.own_files import RULE_FILES, not_followed, own_files, own_ignored, tell, text_within

COSTLIEST = 250_000
"""RE2 instructions of all patterns of one file; those of betterleaks' own catalogue are 160,000."""
_MOST_RULES = 1000
_NOTHING = RuleSet(rules=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What one target says about scanning it."""

    rules: RuleSet = _NOTHING
    """Its own rules, with what its files allow of them."""
    spares: RuleSet = _NOTHING
    """No rules: the allow-lists and filters that hold for ours."""
    ignored: GitleaksIgnore = field(default_factory=lambda: GitleaksIgnore(frozenset()))
    files: tuple[str, ...] = ()


def read_own(top: Path, ours: RuleSet, note: Callable[[str], None]) -> tuple[Own, list[Skipped]]:
    """
    Read what the target says about scanning it.

    Args:
        top: the target; only a directory has such files.
        ours: the rules it is scanned with.
        note: is told what of the files is not followed.

    Returns:
        What it says, and which of its files cannot be used: those are left out whole, allow-lists too.
    """
    ignored, skipped = own_ignored(top, note)
    whole = Own(ignored=ignored)
    for path in own_files(top, RULE_FILES):
        try:
            one, told = _one(top, path, ours)
        except RuleError as error:
            skipped.append(not_followed(error))
            continue
        tell(told, path, note)
        whole = replace(
            whole,
            rules=whole.rules.extended(one.rules),
            spares=whole.spares.extended(one.spares),
            files=(*whole.files, str(path)),
        )
    return whole, skipped


def _one(top: Path, path: Path, ours: RuleSet) -> tuple[Own, list[str]]:
    from keywatch.detect.rulefiles import Loader  # only a target with such files needs the reader of TOML

    loader = Loader(_NOTHING, lambda file: text_within(top, file), costliest=COSTLIEST)
    found = loader.follow(path)
    if len(found.rules) > _MOST_RULES:
        raise RuleError(f"{path}: has more than {_MOST_RULES} rules", hint="give it to the scan with --rules")
    # With `useDefault` a rule without a pattern changes one of gitleaks' own.
    tweaks = [rule for rule in found.rules if loader.used_default and rule.regex is None and rule.path is None]
    changed = {rule.id for rule in tweaks}
    rules = [rule for rule in found.rules if rule.id not in changed]
    loader.check(rules, _NOTHING)
    told = list(found.warnings)
    if loader.unmet:
        told.append(f"{path}: disabledRules ({_named(loader.unmet)}) switches off none of keywatch's rules")
    reach = _Reach(path, frozenset(rule.id for rule in rules), ours, told)
    lists = [(one, reach.of(one.rules)) for one in found.allowlists]
    own = RuleSet(
        rules=tuple(_renamed(rules, reach.ours)),
        allowlists=tuple(
            replace(one, rules=frozenset(_new_name(name, reach.ours) for name in one.rules & reach.own))
            for one, _ in lists
            if not one.rules or one.rules & reach.own
        ),
        filters=found.filters,
        prefilters=found.prefilters,
    )
    spares = RuleSet(
        rules=(),
        allowlists=tuple(
            [replace(one, rules=targets) for one, targets in lists if targets or not one.rules]
            + [one for rule in tweaks for one in reach.of_tweak(rule)]
        ),
        filters=found.filters,
        prefilters=found.prefilters,
    )
    return Own(rules=own, spares=spares), told


class _Reach:
    """Which rules of ours a name of a rule stands for."""

    def __init__(self, path: Path, own: frozenset[str], ours: RuleSet, told: list[str]) -> None:
        self._path = path
        self.own = own
        self.ours = frozenset(rule.id for rule in ours.rules)
        self._generic = frozenset(rule.id for rule in ours.rules if rule.info.category == "generic")
        self._told = told

    def of(self, names: Iterable[str]) -> frozenset[str]:
        """Return the ids of ours that `names` mean; a note where one means neither ours nor the file's own."""
        found: set[str] = set()
        for name in sorted(names):
            meant = self._meant(name)
            found |= meant
            if not meant and name not in self.own:
                self._told.append(f"{self._path}: an allow-list is for rule {name!r}, which keywatch has not got")
        return frozenset(found)

    def of_tweak(self, rule: Rule) -> Iterator[Allowlist]:
        """Yield what a change of one of gitleaks' rules allows of ours."""
        if rule.entropy or rule.filter or rule.secret_group:
            text = "only the allow-lists of a changed rule are followed"
            self._told.append(f"{self._path}: rule {rule.id!r} is not one of its own: {text}")
        targets = self.of([rule.id]) if rule.allowlists else frozenset()
        if targets:
            yield from (replace(one, rules=targets) for one in rule.allowlists)

    def _meant(self, name: str) -> frozenset[str]:
        if name in self.own:
            return frozenset()
        if name in self.ours:
            return frozenset({name})
        # Each scanner has a handful of rules for secrets without an issuer, under names of its own.
        return self._generic if name.startswith("generic") else frozenset()


def _renamed(rules: Iterable[Rule], ours: frozenset[str]) -> Iterator[Rule]:
    """Yield the rules under names that are none of ours, so that what they find is not taken for what ours find."""
    own = list(rules)
    for rule in own:
        parts = tuple(replace(part, id=_new_name(part.id, ours)) for part in rule.required)
        yield replace(rule, info=replace(rule.info, id=_new_name(rule.id, ours)), required=parts)


def _new_name(name: str, ours: frozenset[str]) -> str:
    return f"own/{name}" if name in ours else name


def _named(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")  # noqa: PLR2004 - a taste
