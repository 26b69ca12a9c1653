"""What the exact patterns confirm of what was sighted, and the parts that rules ask for."""

from collections.abc import Iterable, Sequence

from keywatch.detect.allow import MARKERS
from keywatch.detect.candidate import Budget, Candidate, Stretch, confirmed
from keywatch.detect.compose import composed, windows
from keywatch.detect.crowd import Crowds, Seen
from keywatch.detect.database import Mode, Sightings
from keywatch.detect.filters import Sheet, has_keyword, rule_fits, survives
from keywatch.detect.outcomes import Outcomes, Texts
from keywatch.detect.paths import PathClasses
from keywatch.detect.plan import Plan
from keywatch.detect.rule import Rule
from keywatch.detect.ruleset import RuleSet
from keywatch.detect.sought import Sought

_NEVER: Seen = ([], [])


class Confirmer:
    """Makes candidates of sightings. Safe to share between threads."""

    def __init__(self, rules: RuleSet, plan: Plan, modes: Sequence[Mode], paths: PathClasses) -> None:
        """
        Remember how rules are looked for.

        Args:
            rules: all of them.
            plan: how they are.
            modes: by number, as the database has them.
            paths: tells what of a path matters.
        """
        self._rules = rules
        self._plan = plan
        self._modes = modes
        self._paths = paths
        self._whole = [number for number, mode in enumerate(modes) if mode is Mode.WHOLE]
        self._ruled = range(len(MARKERS), len(MARKERS) + len(plan.seen))
        self._crowds = Crowds(rules, plan.hints)
        self._by_number: dict[int, Sought] = {}
        self._by_place: dict[int, Sought] = {}
        self.forget()

    def forget(self) -> None:
        """Let go of what is remembered of texts."""
        self._outcomes = Outcomes(self._rules)

    def rule(self, number: int) -> Rule:
        """Return the rule with this number in the database."""
        return self._rules.rules[self._plan.seen[number - len(MARKERS)]]

    def candidates(self, sheet: Sheet, sightings: Sightings, overrun: set[str]) -> dict[str, list[Candidate]]:
        """Return what each rule confirms in the chunk; a rule that was cut off is added to `overrun`."""
        found: dict[str, list[Candidate]] = {}
        ruled, by_number = self._ruled, self._by_number
        for number in sorted({*sightings, *self._whole} if self._whole else sightings):
            if number in ruled:
                sought = by_number.get(number) or self._numbered(number)
                kept = self._sighted(sought, sheet, sightings.get(number, _NEVER), overrun)
                if kept:
                    found[sought.rule.id] = kept
        if not found:
            return found
        spots: dict[tuple[str, int], Sequence[Stretch]] = {}
        texts: Texts = {}
        for rule, number, part in self._plan.near:
            if part in found:
                sought = self._beside(rule)
                lines = sought.rule.required[number].within_lines or 0
                if (part, lines) not in spots:
                    spots[part, lines] = windows(lines, found[part], sheet)
                _add(found, self._confirmed(sought, sheet, spots[part, lines], overrun, texts=texts))
        self._find_late(found, sheet, overrun)
        return self._with_parts(found, sheet)

    def _numbered(self, number: int) -> Sought:
        """Return the rule with this number in the database, which is made when it is first sighted."""
        place = self._plan.seen[number - len(MARKERS)]
        sought = Sought(place, self._rules, self._plan.spans[place], self._modes[number])
        return self._by_number.setdefault(number, sought)

    def _beside(self, place: int) -> Sought:
        """Return the rule with this place in the set, which is looked for beside others."""
        if place not in self._by_place:
            self._by_place[place] = Sought(place, self._rules, self._plan.spans[place])
        return self._by_place[place]

    def _sighted(self, sought: Sought, sheet: Sheet, seen: Seen, overrun: set[str]) -> list[Candidate]:
        """Return what the rule confirms of its sightings."""
        if sought.sighted:
            stretches = sought.stretches(self._crowds.thinned(sought.rule, sheet, seen), len(sheet.data))
            return self._confirmed(sought, sheet, stretches, overrun)
        if not has_keyword(sought.rule, sheet):
            return []  # the first pass was loose: gitleaks' own first pass is cheaper than the exact pattern
        # What was looked for loosely is looked for in long stretches, and none of them is met again.
        return self._confirmed(sought, sheet, sought.stretches(seen, len(sheet.data)), overrun, repeats=False)

    def _confirmed(
        self,
        sought: Sought,
        sheet: Sheet,
        stretches: Iterable[Stretch],
        overrun: set[str],
        *,
        repeats: bool = True,
        texts: Texts | None = None,
    ) -> list[Candidate]:
        """
        Return what the exact pattern confirms.

        Args:
            sought: the rule.
            sheet: the chunk.
            stretches: where to look.
            overrun: gets the rule's id if it was cut off.
            repeats: whether what came of a text before may be said of it again.
            texts: see `Outcomes.surviving`.
        """
        rule = sought.rule
        if rule.path is not None and not rule_fits(rule, sheet.path):
            return []
        if repeats and self._paths.suffices:
            place = self._paths.of(sheet.chunk.origin.path) if sought.by_path else 0
            return self._outcomes.surviving(sought, sheet, stretches, place, overrun, texts)
        budget = Budget(len(sheet.data))
        kept = [c for c in confirmed(rule, sheet.data, stretches, budget) if survives(c, sheet, self._rules)]
        if budget.left <= 0:
            overrun.add(rule.id)
        return kept

    def _find_late(self, found: dict[str, list[Candidate]], sheet: Sheet, overrun: set[str]) -> None:
        """Add the parts that are looked for near secrets alone."""
        told = [c for candidates in found.values() if not candidates[0].rule.skip_report for c in candidates]
        told.sort(key=lambda candidate: candidate.start)
        for part, lines in self._plan.late if told else ():
            near = windows(lines, told, sheet)
            _add(found, self._confirmed(self._beside(part), sheet, near, overrun))

    def _with_parts(self, found: dict[str, list[Candidate]], sheet: Sheet) -> dict[str, list[Candidate]]:
        whole = dict(found)
        by_path = (self._rules.rules[place] for place in self._plan.path_parts)
        parts = {**found, **{rule.id: [of_path(rule, sheet)] for rule in by_path if rule_fits(rule, sheet.path)}}
        for candidates in found.values():
            rule = candidates[0].rule
            for required in rule.required:
                whole[rule.id] = composed(whole[rule.id], required, parts, sheet)
        return whole


def of_path(rule: Rule, sheet: Sheet) -> Candidate:
    """Return the candidate of a rule whose secret is the file itself: it stands before the file's first byte."""
    return Candidate(
        rule=rule,
        start=0,
        end=0,
        secret_start=0,
        secret_end=0,
        secret=sheet.path,
        confidence=rule.info.confidence,
    )


def _add(found: dict[str, list[Candidate]], candidates: list[Candidate]) -> None:
    if candidates:
        found[candidates[0].rule.id] = candidates
