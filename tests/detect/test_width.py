"""How long a text a pattern may match is never told to be less than it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.detect.rules import packaged
from keywatch.detect.width import width

ATOMS = {
    "a": "a",
    r"\d": "7",
    "[^b]": "\U0001f511",
    "[]x]": "]",
    r"[\]y]": "y",
    r"\.": ".",
    ".": "\u20ac",
    r"\x41": "A",
    "ä": "ä",
    "(?i:k)": "\u212a",
    "(?:ab|c)": "ab",
    "(x|yz{2})": "yzz",
    "": "",
}
"""Parts of patterns, and the longest text that each matches."""
TIMES: dict[str, int | None] = {"": 1, "?": 1, "{2}": 2, "{0,3}": 3, "{1,4}?": 4, "{3,}": None, "*": None, "+?": None}
"""How often a part is there, at most."""


@st.composite
def patterns(draw: st.DrawFn, depth: int = 2) -> tuple[str, str | None]:
    """Return a pattern and the longest text that it matches; None: there is none."""
    pattern, text = "", ""
    endless = False
    for _ in range(draw(st.integers(1, 3))):
        if depth and draw(st.booleans()):
            (one, longer), (other, shorter) = draw(patterns(depth - 1)), draw(patterns(depth - 1))
            part, longest = f"(?:{one}|{other})", max(longer, shorter, key=len) if longer and shorter else None
            endless |= longest is None and (longer is None or shorter is None)
            longest = longest or longer or shorter or ""
        else:
            part, longest = draw(st.sampled_from([*ATOMS.items()]))
        times, most = draw(st.sampled_from([*TIMES.items()])) if part else ("", 1)
        pattern += part + times
        text += longest * (most or 1)
        endless |= most is None and longest != ""
    return pattern, None if endless else text


@given(patterns())
def test_nothing_that_matches_is_longer(made: tuple[str, str | None]) -> None:
    pattern, text = made
    longest = width(pattern)
    if text is None:
        assert longest is None
    else:
        assert re.fullmatch(pattern, text)
        assert longest is not None
        assert len(text.encode()) <= longest


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
