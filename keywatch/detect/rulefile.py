"""
Rule files: gitleaks' TOML, read as gitleaks reads it, and the keys we add to it.

https://github.com/gitleaks/gitleaks/blob/master/README.md#configuration

Ours, in `[[rules]]`: severity, confidence, category, remedy, source, matches, ignores, specificity, canonical, anchor,
test, span; in `[[rules.required]]`: optional, handle; and a `[defaults]` table with any of the first five
for a whole file.
"""

import tomllib
from pathlib import Path

from keywatch.detect.pattern import BadPattern, compiled
from keywatch.detect.rule import DEFAULT_SPAN, Allowlist, Condition, RegexTarget, Required, Rule, ValueTest
from keywatch.detect.ruleset import RuleSet
from keywatch.detect.table import Table
from keywatch.model.errors import RuleError
from keywatch.model.finding import Confidence, RuleInfo, Severity
from keywatch.model.key import HandleSpace

_CONDITIONS = {"||": "OR", "&&": "AND"}
_HEADER_KEYS = ("title", "description", "minversion", "betterleaksminversion")
_CATEGORY = "custom"


class RuleFile:
    """One file on its way to a `RuleSet`."""

    def __init__(self, name: str, text: str, *, proven: bool = False) -> None:
        """
        Parse `text`.

        Args:
            name: of the file, for errors.
            text: its content.
            proven: its patterns are known to be good (ours are, by the tests): they are compiled when they are first
                needed, which for most of 700 is never.

        Raises:
            RuleError: it is not TOML.
        """
        self._name = name
        self._proven = proven
        self._lines = [
            number for number, line in enumerate(text.splitlines(), 1) if line.strip().lower() == "[[rules]]"
        ]
        self._warnings: list[str] = []
        try:
            self._top = Table(tomllib.loads(text), name)
        except tomllib.TOMLDecodeError as error:
            raise RuleError(f"{name}: not TOML: {error}", hint="check quotes and brackets at that position") from None
        self._defaults = self._top.table("defaults") or Table({}, name)

    def read(self) -> RuleSet:
        """
        Return what the file itself says, without what it extends.

        Raises:
            RuleError: a rule or an allow-list cannot be used.
        """
        for key in _HEADER_KEYS:
            self._top.text(key)
        rules = tuple(self._rule(table, number) for number, table in enumerate(self._top.tables("rules")))
        _refuse_twins(self._name, rules)
        found = RuleSet(rules=rules, allowlists=self._allowlists(self._top))
        self._note_left_over(self._top)
        return RuleSet(rules=found.rules, allowlists=found.allowlists, warnings=tuple(self._warnings))

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
            self._warnings.append(f"{table.where}: url is not followed: rules are read from local files only")
        self._note_left_over(table)
        return (use_default, path, disabled)

    def _note_left_over(self, table: Table) -> None:
        self._warnings += [f"{table.where}: key {key!r} is not known and not followed" for key in table.left_over()]

    def _rule(self, table: Table, number: int) -> Rule:
        rule_id = table.text("id")
        line = f":{self._lines[number]}" if number < len(self._lines) else ""
        table.where = f"{self._name}{line}: rule {rule_id!r}" if rule_id else f"{self._name}{line}: rule {number + 1}"
        if not rule_id:
            raise RuleError(f"{table.where}: has no id", hint="give every rule an id of its own")
        rule = Rule(
            info=self._info(table, rule_id),
            regex=table.text("regex") or None,
            path=table.text("path") or None,
            secret_group=table.whole("secretgroup") or 0,
            entropy=table.number("entropy"),
            keywords=tuple(word.lower() for word in table.texts("keywords")),
            allowlists=self._allowlists(table),
            required=tuple(self._required(item) for item in table.tables("required")),
            skip_report=table.flag("skipreport"),
            matches=table.texts("matches"),
            ignores=table.texts("ignores"),
            source=table.text("source") or self._defaults.text("source"),
            specificity=_or(table.whole("specificity"), 50),
            canonical=table.flag("canonical"),
            anchor=table.text("anchor") or None,
            test=table.choice("test", ValueTest, ValueTest.NONE),
            span=_or(table.whole("span"), DEFAULT_SPAN),
        )
        if not self._proven:
            _check_patterns(rule, table)
        self._note_left_over(table)
        return rule

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
            commits=table.texts("commits"),
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
        for key, patterns in (("paths", found.paths), ("regexes", found.regexes)):
            for pattern in patterns:
                _check_pattern(pattern, key, table)
        self._note_left_over(table)
        return found


def load(path: Path, *, packaged: RuleSet) -> RuleSet:
    """
    Read a rule file and what it extends.

    Args:
        path: the file.
        packaged: what `useDefault = true` stands for.

    Raises:
        RuleError: the file cannot be read, or a rule in it cannot be used: file, line, rule, reason.
    """
    found = _load(path, packaged, depth=2)
    _check_references(str(path), found)
    return found


def _load(path: Path, packaged: RuleSet, depth: int) -> RuleSet:
    file = RuleFile(str(path), _text(path))
    use_default, other, disabled = file.extension()
    own = file.read()
    if depth == 0 or not (use_default or other):
        return own.without(disabled)
    base = packaged if use_default else _load(_beside(path, other), packaged, depth - 1)
    return base.without(disabled).extended(own)


def _beside(path: Path, other: str) -> Path:
    """Find `other` where the file that names it lies; gitleaks looks in the working directory, so look there too."""
    near = path.parent / other
    return near if near.exists() else Path(other)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RuleError(f"{path}: not UTF-8 text", hint="a rule file is TOML in UTF-8") from None
    except OSError as error:
        raise RuleError(
            f"{path}: cannot be read: {error.strerror}", hint="check the path and its permissions"
        ) from None


def _check_patterns(rule: Rule, table: Table) -> None:
    if rule.regex is None and rule.path is None:
        raise RuleError(f"{table.where}: has neither regex nor path", hint="give it a regex")
    for key, pattern in (("regex", rule.regex), ("path", rule.path), ("anchor", rule.anchor)):
        if pattern is not None:
            _check_pattern(pattern, key, table)
    groups = compiled(rule.regex).groups if rule.regex is not None else 0
    if rule.secret_group > groups:
        raise table.wrong("secretGroup", f"is {rule.secret_group}, but the regex has {groups} groups")


def _check_pattern(pattern: str, key: str, table: Table) -> None:
    try:
        compiled(pattern)
    except BadPattern as error:
        hint = "patterns are in RE2's syntax: no look-around, no back-references, repeats up to 1000"
        raise table.wrong(key, f"is not a pattern: {error}", hint=hint) from None


def _refuse_twins(name: str, rules: tuple[Rule, ...]) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise RuleError(f"{name}: rule {rule.id!r} stands in it twice", hint="rename one of the two")
        seen.add(rule.id)


def _check_references(name: str, found: RuleSet) -> None:
    ids = {rule.id for rule in found.rules}
    for rule in found.rules:
        for required in rule.required:
            if required.id not in ids:
                raise RuleError(f"{name}: rule {rule.id!r}: requires {required.id!r}, which does not exist")
    for allowlist in found.allowlists:
        for target in sorted(allowlist.rules - ids):
            raise RuleError(f"{name}: an allow-list is for rule {target!r}, which does not exist")


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
