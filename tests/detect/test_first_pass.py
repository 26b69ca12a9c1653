"""What the first pass looks for is looser than a rule's own pattern, wherever that may match."""

import re

import pytest

from keywatch.detect.candidate import Budget, confirmed
from keywatch.detect.database import loosened
from keywatch.detect.examples import expand
from keywatch.detect.pattern import compiled, outlined
from keywatch.detect.rules import Rule, packaged

_NEAR = r"""[\w.:\[\]{"'\s-]{0,24}"""
_WORDS = re.compile(re.escape(_NEAR) + r"\??\(\?i:(?P<words>[^()]*)\)")
NEAR = [rule for rule in packaged().rules if rule.anchor and _WORDS.search(rule.regex or "")]
"""Rules whose value stands behind a name, with a word for a key in between."""


def farthest(rule: Rule, text: str) -> list[bytes]:
    """Return what of an example matches with everything between its name and its value as long as it may be."""
    data = text.encode()
    made: list[bytes] = []
    for candidate in confirmed(rule, data, [(0, len(data), len(data))], Budget(len(data))):
        regex = rule.regex or ""
        words = _WORDS.search(regex)
        name = compiled(regex[: regex.index(_NEAR)]).match(data, candidate.start)
        assert words is not None
        assert name is not None
        for word in words["words"].replace(r"\b", "").split("|"):
            spelled = re.sub(r"\[(.)[^\]]*\]|\?", r"\1", word)
            between = " " * 24 + spelled + "_" * 16 + " " * 12
            made.append(data[candidate.start : name.end()] + between.encode() + candidate.secret + b"\n")
    return made


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in NEAR])
def test_a_value_is_sighted_as_far_behind_its_name_as_the_rule_allows(rule: Rule) -> None:
    """Wherever the pattern of a rule matches, what is sighted of it matches from the same place on."""
    texts = [text for example in rule.matches for text in farthest(rule, expand(example))]
    matched = [text for text in texts if outlined(rule.regex or "").here(text, 0, len(text))[0][0] == 0]

    assert matched
    for text in matched:
        assert outlined(loosened(rule.anchor or "")).here(text, 0, len(text))[0][0] == 0
