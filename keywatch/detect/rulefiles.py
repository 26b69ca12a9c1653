"""Rule files and what they extend, joined as gitleaks joins them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from keywatch.detect.rule import Rule
from keywatch.detect.rulefile import RuleFile, all_of, check_whole
from keywatch.detect.ruleset import RuleSet
from keywatch.model.errors import RuleError

if TYPE_CHECKING:
    from keywatch.detect.table import Table

DEEPEST = 2
"""Files that may be extended in a row, as in gitleaks."""
_SPELLING = "check the spelling of the id"

Read: TypeAlias = Callable[[Path], str]
"""
Returns a rule file's text.

Raises:
    RuleError: it cannot be read.
"""


class Loader:
    """One rule file on its way to a `RuleSet`, with all that it extends."""

    def __init__(self, default: RuleSet, read: Read, *, costliest: int | None = None) -> None:
        """
        Prepare to load a file.

        Args:
            default: what `useDefault = true` stands for.
            read: opens the files.
            costliest: RE2 instructions the patterns of one file may have in all; None: as many as they like.
        """
        self._default = default
        self._read = read
        self._costliest = costliest
        self._file = ""
        self.places: dict[str, Table] = {}
        """By id: where a rule stands; for one that stands in several of the files, in the last that has a say."""
        self.used_default = False
        self.unmet: frozenset[str] = frozenset()
        """Rules that are to be switched off and are not there."""

    def follow(self, path: Path, depth: int = DEEPEST) -> RuleSet:
        """
        Return what the file at `path` and those it extends say; not yet checked as a whole.

        Raises:
            RuleError: a file cannot be read, or something in it cannot be used: file, line, rule, reason.
        """
        file = RuleFile(str(path), self._read(path), costliest=self._costliest)
        self._file = self._file or str(path)
        use_default, other, disabled = file.extension()
        own = file.read()
        for rule_id, table in file.places.items():
            self.places.setdefault(rule_id, table)
        if not (use_default or other):
            return _warned(own, f"{path}: disabledRules has no effect without useDefault or path") if disabled else own
        if depth == 0:
            return _warned(own, f"{path}: extends a file, and is extended itself {DEEPEST} deep: it is not followed")
        self.used_default |= use_default
        base = self._default if use_default else self._extended(_beside(path, other), own, depth - 1)
        self.unmet |= disabled - {rule.id for rule in base.rules}
        return base.without(disabled).extended(own)

    def check(self, rules: Iterable[Rule], allowlists: RuleSet) -> None:
        """
        Check what can only be known of a whole set.

        Args:
            rules: of the set.
            allowlists: the set whose own allow-lists are checked.

        Raises:
            RuleError: all that is wrong, a line each.
        """
        rules = tuple(rules)
        errors: list[RuleError] = []
        ids = {rule.id for rule in rules}
        for rule in rules:
            table = self.places.get(rule.id)
            if table is None:
                continue
            try:
                check_whole(rule, table)
            except RuleError as error:
                errors.append(error)
            errors += [
                RuleError(f"{table.where}: requires {part.id!r}, which does not exist", hint=_SPELLING)
                for part in rule.required
                if part.id not in ids
            ]
        for allowlist in allowlists.allowlists:
            errors += [
                RuleError(f"{self._file}: an allow-list is for rule {target!r}, which does not exist", hint=_SPELLING)
                for target in sorted(allowlist.rules - ids)
            ]
        if errors:
            raise all_of(errors)

    def _extended(self, path: Path, own: RuleSet, depth: int) -> RuleSet:
        base = self.follow(path, depth)
        # Filters for the whole set are the one thing in which a file has the say over those it extends.
        return replace(
            base,
            filters=() if own.filters else base.filters,
            prefilters=() if own.prefilters else base.prefilters,
        )


def load(path: Path, *, packaged: RuleSet) -> RuleSet:
    """
    Read a rule file and what it extends.

    Args:
        path: the file.
        packaged: what `useDefault = true` stands for.

    Raises:
        RuleError: a file cannot be read, or something in it cannot be used: file, line, rule, reason.
    """
    loader = Loader(packaged, text_of)
    found = loader.follow(path)
    loader.check(found.rules, found)
    return _with_unmet(found, path, loader)


def added(path: Path, *, to: RuleSet) -> RuleSet:
    """
    Return the rules of `to` with those of a rule file added, which may change or switch off some of them.

    Args:
        path: the file.
        to: what it is added to, and what `useDefault = true` stands for.

    Raises:
        RuleError: as `load`.
    """
    loader = Loader(to, text_of)
    own = loader.follow(path)
    found = own if loader.used_default else to.extended(own)
    loader.check(found.rules, found)
    return _with_unmet(found, path, loader)


def text_of(path: Path) -> str:
    """
    Return the text of a rule file.

    Raises:
        RuleError: it cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RuleError(f"{path}: not UTF-8 text", hint="a rule file is TOML in UTF-8") from None
    except OSError as error:
        raise RuleError(
            f"{path}: cannot be read: {error.strerror}", hint="check the path and its permissions"
        ) from None


def _beside(path: Path, other: str) -> Path:
    """Find `other` where the file that names it lies; gitleaks looks in the working directory, so look there too."""
    near = path.parent / other
    return near if near.exists() else Path(other)


def _with_unmet(found: RuleSet, path: Path, loader: Loader) -> RuleSet:
    if not loader.unmet:
        return found
    return _warned(found, f"{path}: disabledRules names what is not there: {', '.join(sorted(loader.unmet))}")


def _warned(found: RuleSet, warning: str) -> RuleSet:
    return replace(found, warnings=(*found.warnings, warning))
