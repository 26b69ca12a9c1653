"""The packaged rules: each carries its own proof."""

from pathlib import Path

import pytest

from keywatch.detect import rules
from keywatch.detect.candidate import Budget, Candidate, confirmed
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.filters import Sheet, survives
from keywatch.detect.rules import Rule, RuleSet, packaged
from keywatch.model.content import Chunk, Origin

RULES = packaged().rules
ALONE = RuleSet(rules=())
REPORTED = [rule for rule in RULES if not rule.skip_report]


@pytest.fixture(scope="module")
def detector() -> Detector:
    """All packaged rules, compiled once."""
    return Detector(packaged())


def chunk(text: str) -> Chunk:
    """Return a chunk of `text` from nowhere in particular."""
    return Chunk(data=text.encode(), origin=Origin(target="t", path="notes.txt"))


def exactly(rule: Rule, text: str) -> list[Candidate]:
    """Return what the exact pattern of one rule confirms, without the engine's first pass."""
    sheet = Sheet(chunk(text))
    size = len(sheet.data)
    return [c for c in confirmed(rule, sheet.data, [(0, size, size)], Budget(size)) if survives(c, sheet, ALONE)]


EACH = pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in RULES])


@EACH
def test_exact_pattern_finds_every_promised_match(rule: Rule) -> None:
    """A rule finds what its examples promise, by its exact pattern and filters alone."""
    assert [template for template in rule.matches if not exactly(rule, expand(template))] == []


@EACH
def test_engine_finds_what_is_promised_and_nothing_harmless(rule: Rule, detector: Detector) -> None:
    """With all rules at once each match is told by its rule alone, and what is called harmless not by that rule."""
    parts = {part.id for part in rule.required}
    for template in rule.matches:
        found = [match.rule.id for match in detector.scan(chunk(expand(template))) if match.rule.id not in parts]
        assert found == ([] if rule.skip_report else [rule.id]), template
    for template in rule.ignores:
        assert rule.id not in [match.rule.id for match in detector.scan(chunk(expand(template)))], template


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_packaged_rule_is_complete(rule: Rule) -> None:
    """A packaged rule without proof, words for a person or a source is refused."""
    assert rule.matches
    assert rule.ignores
    assert rule.info.description
    assert rule.source.startswith(("https://", "http://docs.developer.amazonservices.com/"))
    assert rule.info.category != "custom"
    assert rule.skip_report or rule.info.remedy


def test_packaged_files_hold_nothing_unknown() -> None:
    """The packaged files use no key that the loader does not follow."""
    assert packaged().warnings == ()


def test_there_are_four_hundred_rules_and_more() -> None:
    """The packaged set covers the Amazon family and every issuer a user of another scanner would expect."""
    assert len(REPORTED) > 400


def test_no_packaged_rule_needs_the_slow_way(detector: Detector) -> None:
    """Hyperscan finds the start of every packaged rule's hits; none falls back to a looser pattern."""
    assert {mode.value for mode in detector._database.modes} == {"start"}


def test_rules_and_their_tests_can_be_scanned_clean(detector: Detector) -> None:
    """Neither the packaged rule files nor these tests hold anything the rules would find: examples are templates."""
    here = Path(__file__).parent
    files = [*here.glob("*.py"), *Path(rules.__file__).parent.glob("*")]
    found = [
        (file.name, match.rule.id, match.line)
        for file in files
        if file.is_file()
        for match in detector.scan(chunk(file.read_text()))
    ]
    assert len(files) > 20
    assert found == []


def test_packaged_patterns_hold_what_a_users_file_is_checked_for() -> None:
    """They are not checked each time keywatch starts, so they are here: every pattern, and every group's number."""
    from importlib import resources

    from keywatch.detect import rules
    from keywatch.detect.rulefile import RuleFile

    files = [file for file in resources.files(rules).iterdir() if file.name.endswith(".toml")]
    assert sum(len(RuleFile(file.name, file.read_text("utf-8")).read().rules) for file in files) >= 700
