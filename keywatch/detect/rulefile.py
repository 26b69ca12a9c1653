"""
Rule files: the TOML of gitleaks and of betterleaks, read as they read it, and the keys we add to it.

https://github.com/gitleaks/gitleaks/blob/master/README.md#configuration
https://github.com/betterleaks/betterleaks/blob/main/docs/config.md

Ours, in `[[rules]]`: severity, confidence, category, remedy, source, matches, ignores, specificity, canonical, anchor,
test, span; in `[[rules.required]]`: optional, handle; a `[defaults]` table with any of the first five for a whole file;
and two tables for what patterns share: `{key}` in a regex or an anchor stands for any of the words under that key in
`[names]`, or for the piece of a pattern under it in `[parts]`. One file's content becomes a `RuleSet` here; what it
extends: `keywatch.detect.rulefiles`.
"""

import re
import tomllib
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from keywatch.detect.pattern import BadPattern, compiled
from keywatch.detect.positions import positions
from keywatch.detect.rule import DEFAULT_SPAN, Allowlist, Condition, RegexTarget, Required, Rule, ValueTest
from keywatch.detect.ruleset import RuleSet
from keywatch.detect.table import Table
from keywatch.model.errors import RuleError
from keywatch.model.finding import Confidence, RuleInfo, Severity
from keywatch.model.key import HandleSpace

_T = TypeVar("_T")
_CONDITIONS = {"||": "OR", "&&": "AND"}
_HEADER_KEYS = ("title", "description", "minversion", "betterleaksminversion")
_THEIRS = ("betterleaksminversion", "prefilter", "filter")
_CATEGORY = "custom"
_SPECIFICITY = 50
_TOLD = 50
"""Problems of one file that are told; whoever has more will run it again."""


class RuleFile:
    """One file on its way to a `RuleSet`."""

    def __init__(self, name: str, text: str, *, proven: bool = False, costliest: int | None = None) -> None:
        """
        Parse `text`.

        Args:
            name: of the file, for errors.
            text: its content.
            proven: its patterns are known to be good (ours are, by the tests): they are compiled when they are first
                needed, which for most of 700 is never.
            costliest: RE2 instructions its patterns may have in all; None: as many as they like.

        Raises:
            RuleError: it is not TOML.
        """
        self._name = name
        self._proven = proven
        self._costliest = self._left = costliest
        self._warnings: list[str] = []
        self._errors: list[RuleError] = []
        self.places: dict[str, Table] = {}
        """By id: the table of each rule, which knows its line."""
        try:
            content = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
            raise RuleError(f"{name}: not TOML: {reason}", hint="check quotes and brackets at that position") from None
        self._top = Table(content, name, lines={} if proven else positions(text))
        self._scale = 2 if any(self._top.has(key) for key in _THEIRS) else 1
        self._defaults = self._top.table("defaults") or Table({}, name)
        self._shared = _alternations(self._top.table("names")) | _parts(self._top.table("parts"))
        self._unrun = 0

    def read(self) -> RuleSet:
        """
        Return what the file itself says, without what it extends.

        Raises:
            RuleError: rules or allow-lists cannot be used: all of them are told.
        """
        for key in _HEADER_KEYS:
            self._try(partial(self._top.text, key))
        rules = [self._try(partial(self._rule, table)) for table in self._tables("rules")]
        allowlists = self._try(lambda: self._allowlists(self._top)) or ()
        found = RuleSet(
            rules=self._without_twins(rule for rule in rules if rule is not None),
            allowlists=allowlists,
            filters=self._filters("filter", hit=True),
            prefilters=self._filters("prefilter", hit=False),
        )
        self._note_left_over(self._top)
        if self._unrun:
            self._warnings.append(
                f"{self._name}: `validate` ({self._unrun}x) is never run: keywatch tries no secret it finds"
            )
        if self._errors:
            raise all_of(self._errors)
        return RuleSet(
            rules=found.rules,
            allowlists=found.allowlists,
            filters=found.filters,
            prefilters=found.prefilters,
            warnings=tuple(self._warnings),
        )

    def extension(self) -> tuple[bool, str, frozenset[str]]:
        """
        Return what `[extend]` asks for: the packaged rules, another file, rules to leave out.

        Raises:
            RuleError: both a file and the packaged rules are asked for.
        """
        table = self._top.table("extend") or Table({}, self._name)
        use_default, path = table.flag("usedefault"), table.text("path")
        disabled = frozenset(table.texts("disabledrules"))
        if use_default and path:
            raise table.wrong("path", "cannot stand beside useDefault", hint="remove one of the two")
        if table.text("url"):
            self._warnings.append(table.note("url", "url is not followed: rules are read from local files only"))
        self._note_left_over(table)
        return (use_default, path, disabled)

    def _try(self, read: Callable[[], _T]) -> _T | None:
        """Return what `read` returns; None, and a note of the error, where that fails."""
        try:
            return read()
        except RuleError as error:
            self._errors.append(error)
            return None

    def _tables(self, key: str) -> tuple[Table, ...]:
        return self._try(lambda: self._top.tables(key)) or ()

    def _note_left_over(self, table: Table) -> None:
        self._warnings += [table.note(key, f"key {key!r} is not known and not followed") for key in table.left_over()]

    def _rule(self, table: Table) -> Rule:
        rule_id = table.text("id")
        if not rule_id.strip():
            raise RuleError(f"{table.where}: has no id", hint="give every rule an id of its own")
        table.label = f"rule {rule_id!r}"
        if not rule_id.isprintable():
            raise table.wrong(
                "id", "has characters that do not print", hint="reports and ignore files name rules by id"
            )
        self.places[rule_id] = table
        skip_report = table.flag("skipreport")
        keywords = tuple(word.lower() for word in table.texts("keywords"))
        rule = Rule(
            info=self._info(table, rule_id),
            regex=self._named(table.text("regex")) or None,
            path=table.text("path") or None,
            secret_group=table.whole("secretgroup") or 0,
            entropy=table.number("entropy"),
            # A part is looked for wherever its whole may be, as gitleaks does: the keywords of the whole decide.
            keywords=() if skip_report and not self._proven else keywords,
            allowlists=self._allowlists(table),
            required=tuple(self._required(item) for item in table.tables("required")),
            skip_report=skip_report,
            matches=table.texts("matches"),
            ignores=table.texts("ignores"),
            source=table.text("source") or self._defaults.text("source"),
            filter=self._filter(table, "filter", hit=True),
            token_efficiency=table.flag("tokenefficiency"),
            specificity=self._specificity(table),
            canonical=table.flag("canonical"),
            anchor=self._named(table.text("anchor")) or None,
            test=table.choice("test", ValueTest, ValueTest.NONE),
            span=_or(table.whole("span"), DEFAULT_SPAN),
        )
        self._unrun += bool(table.text("validate"))
        if not self._proven:
            for key, pattern in (("regex", rule.regex), ("path", rule.path), ("anchor", rule.anchor)):
                if pattern is not None:
                    self._check_pattern(pattern, key, table)
        self._note_left_over(table)
        return rule

    def _named(self, pattern: str) -> str:
        """Return `pattern` with what it shares with others written out where it is named."""
        for key, piece in self._shared.items():
            pattern = pattern.replace("{" + key + "}", piece)
        return pattern

    def _specificity(self, table: Table) -> int:
        # betterleaks' scale has its middle at 100, ours at 50.
        given = table.whole("specificity")
        return _SPECIFICITY if given is None else given // self._scale

    def _info(self, table: Table, rule_id: str) -> RuleInfo:
        severity = self._defaults.choice("severity", Severity, Severity.HIGH)
        confidence = self._defaults.choice("confidence", Confidence, Confidence.MEDIUM)
        return RuleInfo(
            id=rule_id,
            description=table.text("description"),
            category=table.text("category") or self._defaults.text("category") or _CATEGORY,
            severity=table.choice("severity", Severity, severity),
            confidence=table.choice("confidence", Confidence, confidence),
            remedy=table.text("remedy") or self._defaults.text("remedy"),
            tags=table.texts("tags"),
        )

    def _required(self, table: Table) -> Required:
        other = table.text("id")
        if not other:
            raise table.wrong("id", "is missing", hint="name the rule that must match nearby")
        handle = table.text("handle")
        if handle and handle not in set(HandleSpace):
            raise table.wrong("handle", f"is {handle!r}", hint="use one of: " + ", ".join(HandleSpace))
        found = Required(
            id=other,
            within_lines=table.whole("withinlines"),
            within_columns=table.whole("withincolumns"),
            optional=table.flag("optional"),
            handle=HandleSpace(handle) if handle else None,
        )
        self._note_left_over(table)
        return found

    def _allowlists(self, table: Table) -> tuple[Allowlist, ...]:
        old = table.table("allowlist")
        new = table.tables("allowlists")
        if old is not None and new:
            raise table.wrong("allowlist", "cannot stand beside allowlists", hint="move it into [[allowlists]]")
        return tuple(self._allowlist(item) for item in ((old,) if old is not None else new))

    def _allowlist(self, table: Table) -> Allowlist:
        found = Allowlist(
            description=table.text("description"),
            condition=table.choice(
                "condition", Condition, Condition.OR, lambda text: _CONDITIONS.get(text, text.upper())
            ),
            commits=tuple(commit.strip().lower() for commit in table.texts("commits")),
            paths=table.texts("paths"),
            regexes=table.texts("regexes"),
            target=table.choice("regextarget", RegexTarget, RegexTarget.SECRET),
            stopwords=tuple(word.lower() for word in table.texts("stopwords")),
            rules=frozenset(table.texts("targetrules")),
        )
        if not (found.commits or found.paths or found.regexes or found.stopwords):
            raise RuleError(
                f"{table.where}: allows nothing", hint="give it commits, paths, regexes or stopwords, or remove it"
            )
        if found.commits and found.condition is Condition.AND and (found.regexes or found.stopwords):
            text = "commits AND a value are not followed: when the commit is known, the value is gone"
            self._warnings.append(table.note("commits", text))
        for key, patterns in (("paths", found.paths), ("regexes", found.regexes)):
            for pattern in patterns:
                self._check_pattern(pattern, key, table)
        self._note_left_over(table)
        return found

    def _filters(self, key: str, *, hit: bool) -> tuple[str, ...]:
        found = self._try(lambda: self._filter(self._top, key, hit=hit))
        return (found,) if found else ()

    def _filter(self, table: Table, key: str, *, hit: bool) -> str:
        """Return the expression under `key`; nothing where it cannot be followed, which is told."""
        text = table.text(key)
        if not text.strip():
            return ""
        from keywatch.detect.expression import ExpressionError, expression

        self._require_means(key, table)
        try:
            found = expression(text, hit=hit)
            self._spend(found.cost)
        except ExpressionError as error:
            self._warnings.append(table.note(key, f"{key} {error}; hits are kept as if it were not there"))
            return ""
        for part in found.left_out:
            self._warnings.append(table.note(key, f"{key}: {part}, which is not known here; that part is not followed"))
        return text if found.term is not None else ""

    def _check_pattern(self, pattern: str, key: str, table: Table) -> None:
        self._require_means(key, table)
        try:
            self._spend(compiled(pattern).programsize)
        except BadPattern as error:
            hint = "patterns are in RE2's syntax: no look-around, no back-references, repeats up to 1000"
            raise table.wrong(key, f"is not a pattern: {error}", hint=hint) from None

    def _require_means(self, key: str, table: Table) -> None:
        if self._left is not None and self._left <= 0:
            hint = "use fewer patterns, or smaller repeats; a file given with --rules may have any number"
            raise table.wrong(key, f"is beyond the {self._costliest} instructions all patterns may have", hint=hint)

    def _spend(self, instructions: int) -> None:
        if self._left is not None:
            self._left -= instructions

    def _without_twins(self, rules: Iterable[Rule]) -> tuple[Rule, ...]:
        """Return the rules; of two with one id the later one, as gitleaks does."""
        found: dict[str, Rule] = {}
        for rule in rules:
            if rule.id in found:
                where = self.places[rule.id].where
                if self._proven:
                    raise RuleError(f"{where}: stands in it twice", hint="rename one of the two")
                self._warnings.append(f"{where}: stands in the file twice; the last one counts")
            found[rule.id] = rule
        return tuple(found.values())


def _alternations(names: Table | None) -> dict[str, str]:
    """Return what `{key}` stands for, by key: any of its words as it is, but for `?`: a separator, or none."""
    if names is None:
        return {}
    return {
        key: f"(?:{'|'.join(map(re.escape, names.text(key).split()))})".replace(r"\?", "[-_. ]?")
        for key in names.left_over()
    }


def _parts(parts: Table | None) -> dict[str, str]:
    """Return the pieces of patterns, by key; a piece may name those that stand before it in the alphabet."""
    found: dict[str, str] = {}
    for key in parts.left_over() if parts is not None else ():
        piece = parts.text(key) if parts is not None else ""
        for other, known in found.items():
            piece = piece.replace("{" + other + "}", known)
        found[key] = piece
    return found


def all_of(errors: list[RuleError]) -> RuleError:
    """Return one error that tells all of `errors`, a line each."""
    lines = [error.message for error in errors[:_TOLD]]
    if len(errors) > _TOLD:
        lines.append(f"and {len(errors) - _TOLD} more of the kind")
    hints = dict.fromkeys(error.hint for error in errors[:_TOLD] if error.hint)
    return RuleError("\n".join(lines), hint="; ".join(hints) or None)


def check_whole(rule: Rule, table: Table) -> None:
    """
    Check what can only be known of a rule with all that it extends.

    Raises:
        RuleError: it looks at nothing, or for a group it has not got.
    """
    if rule.regex is None and rule.path is None:
        hint = "give it a regex; or, where it changes a rule of another file, name that file in [extend]"
        raise RuleError(f"{table.where}: has neither regex nor path", hint=hint)
    groups = compiled(rule.regex).groups if rule.regex is not None else 0
    if rule.secret_group > groups:
        raise table.wrong("secretGroup", f"is {rule.secret_group}, but the regex has {groups} groups")


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
