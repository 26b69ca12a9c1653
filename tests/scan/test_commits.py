"""Allow-lists by commit: they excuse what the commit brought in, and nothing else."""

from datetime import UTC, datetime

import pytest

from keywatch.detect.rule import Allowlist, Condition, Rule
from keywatch.detect.ruleset import RuleSet
from keywatch.model.finding import Confidence, Finding, Place, RuleInfo
from keywatch.model.secret import Fingerprint, Redacted
from keywatch.scan.commits import CommitLists

INFO = RuleInfo(id="tok", description="", category="custom")
OLD, NEW, WIP = "a" * 40, "b" * 40, None


def place(path: str, commit: str | None, day: int = 1) -> Place:
    """Return a place brought in on a day of January."""
    when = datetime(2026, 1, day, tzinfo=UTC) if commit else None
    return Place(target="t", path=path, line=1, column=1, offset=day, commit=commit, committed_at=when)


def finding(*places: Place) -> Finding:
    return Finding(
        rule=INFO,
        redacted=Redacted(Fingerprint("0" * 64), "tok_…"),
        confidence=Confidence.HIGH,
        places=places,
    )


def left(rules: RuleSet, *places: Place) -> list[str]:
    """Return the paths of what is told."""
    rest = CommitLists([rules]).without(finding(*places))
    return [one.path for one in rest.places] if rest else []


def everywhere(allowlist: Allowlist) -> RuleSet:
    return RuleSet(rules=(), allowlists=(allowlist,))


OF_OLD = Allowlist(commits=(OLD,))


@pytest.mark.parametrize(
    ("places", "told"),
    [
        pytest.param([place("a", OLD)], [], id="its-own"),
        pytest.param([place("a", NEW)], ["a"], id="another-commit"),
        pytest.param([place("a", OLD, 1), place("a", NEW, 2)], [], id="carried-on-by-a-later-commit"),
        pytest.param([place("a", OLD, 2), place("a", NEW, 1)], ["a", "a"], id="not-the-first"),
        pytest.param([place("a", OLD, 1), place("b", NEW, 2)], ["b"], id="copied-to-another-file"),
        pytest.param([place("a", OLD, 1), place("a", WIP)], [], id="still-in-the-working-tree"),
        pytest.param([place("a", WIP)], ["a"], id="not-committed"),
    ],
)
def test_what_a_commit_brought_in_is_excused(places: list[Place], told: list[str]) -> None:
    """The first commit with the value at a path decides for all places of that path."""
    assert left(everywhere(OF_OLD), *places) == told


@pytest.mark.parametrize(
    ("allowlist", "told"),
    [
        pytest.param(Allowlist(commits=(OLD,), paths=("^src/",)), [], id="or-a-path"),
        pytest.param(Allowlist(commits=(OLD,), paths=("^src/",), condition=Condition.AND), ["docs/a"], id="and-a-path"),
        pytest.param(Allowlist(commits=(OLD,), regexes=("x",)), [], id="or-a-value"),
        pytest.param(
            Allowlist(commits=(OLD,), regexes=("x",), condition=Condition.AND), ["docs/a", "src/a"], id="and-a-value"
        ),
        pytest.param(Allowlist(paths=("a",)), ["docs/a", "src/a"], id="no-commit"),
        pytest.param(Allowlist(commits=(OLD,), rules=frozenset({"tok"})), [], id="for-its-rule"),
        pytest.param(Allowlist(commits=(OLD,), rules=frozenset({"other"})), ["docs/a", "src/a"], id="for-another"),
    ],
)
def test_what_else_the_list_wants(allowlist: Allowlist, told: list[str]) -> None:
    """AND with a path needs both; AND with a value cannot be judged any more, and excuses nothing."""
    assert left(everywhere(allowlist), place("docs/a", OLD), place("src/a", OLD)) == told


def test_a_rules_own_list_is_for_that_rule() -> None:
    """An allow-list beneath a rule excuses what that rule finds."""
    other = RuleInfo(id="other", description="", category="custom")
    assert left(RuleSet(rules=(Rule(info=INFO, regex="a", allowlists=(OF_OLD,)),)), place("a", OLD)) == []
    assert left(RuleSet(rules=(Rule(info=other, regex="a", allowlists=(OF_OLD,)),)), place("a", OLD)) == ["a"]
