"""Texts may be looked at one behind the other, but for patterns that would miss where one of them begins or ends."""

import pytest

from keywatch.detect.bounds import is_bound
from keywatch.detect.engine import Detector
from keywatch.detect.rulefile import RuleFile
from keywatch.detect.rules import packaged


@pytest.mark.parametrize(
    "pattern",
    ["^key", "key$", r"\Akey", r"key\z", "(?:^|,)key", "(?:^key|x)", r"(?:\n|^key)", "(?:^|[^a-z])a|^b", "key|$"],
)
def test_what_only_a_texts_beginning_or_end_will_do_for_is_told(pattern: str) -> None:
    assert is_bound(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "key", "(?m)^key$", "(?:^|[^a-z])key", "(?:^|[,\\s])key(?:[^a-z]|$)", "[$^]key\\$", "(^|\\W)key",
        "(?:[^A-Z]|[ .](?:[^a-z]|$)|$)", "(?:(?:a|b)[x]|\\s|$)",
    ],
)  # fmt: skip
def test_what_a_line_end_will_do_for_is_not(pattern: str) -> None:
    assert not is_bound(pattern)


def test_texts_are_put_together_unless_a_rule_is_bound() -> None:
    """Ours are not; a rule file of somebody else's may hold one that is."""
    assert Detector(packaged()).harmless() is not None
    for pattern, is_together in (("(?:^|[^a-z])tok_[0-9]{8}", True), ("^tok_[0-9]{8}", False)):
        rules = RuleFile("own.toml", f"[[rules]]\nid = 'own'\nregex = '{pattern}'\n").read()
        assert (Detector(rules).harmless() is not None) is is_together
