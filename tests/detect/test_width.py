"""How long a text a pattern may match is never told to be less than it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.detect.rules import packaged
from keywatch.detect.width import width

ATOMS = st.sampled_from(
    ("a", r"\d", "[^b]", "[]x]", r"[\]y]", r"\.", ".", r"\x41", "ä", "(?i:k)", "(?:ab|c)", "(x|yz{2})", "^", "$", r"\b")
)
TIMES = st.sampled_from(("", "", "?", "{2}", "{0,3}", "{1,4}?", "{3,}", "*", "+?"))


@st.composite
def patterns(draw: st.DrawFn, depth: int = 2) -> str:
    """Return a pattern that Python takes as RE2 does."""
    made = ""
    for _ in range(draw(st.integers(1, 3))):
        if depth and draw(st.booleans()):
            made += "(?:" + draw(patterns(depth - 1)) + "|" + draw(patterns(depth - 1)) + ")" + draw(TIMES)
        else:
            atom = draw(ATOMS)
            made += atom + (draw(TIMES) if atom not in {"^", "$", r"\b"} else "")
    return made


@given(patterns(), st.data())
def test_nothing_that_matches_is_longer(pattern: str, data: st.DataObject) -> None:
    longest = width(pattern)
    try:
        text = data.draw(st.from_regex(pattern, fullmatch=True))
    except (re.error, ValueError):  # nothing matches it, as of `a^`
        return
    if longest is not None:
        assert len(text.encode("utf-8", "surrogatepass")) <= longest


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", 0),
        ("abc|d", 12),
        ("(?i)(?:ab){3}c?", 28),
        (r"\x{1F600}\pL\p{Greek}[[:alpha:]]", 16),
        (r"(?P<a>x)(?<b>y)$\z", 8),
        ("a{,3}", 20),
        ("(?:^)*", 0),
        ("a*", None),
        ("(?:a|b+)c", None),
        ("(?:a{2,}){3}", None),
        ("(a", None),
        ("a)", None),
        (r"\Qa|b\E", None),
    ],
)
def test_what_is_told_of_a_pattern(pattern: str, expected: int | None) -> None:
    assert width(pattern) == expected


def test_most_of_our_rules_end_soon() -> None:
    """Then no more than that is looked at, where they are sighted, and compared with what was looked at before."""
    known = [width(rule.regex) for rule in packaged().rules if rule.regex]
    assert sum(longest is not None and longest <= 2048 for longest in known) > 0.8 * len(known)
