"""A pattern is asked through an easier one, and nothing it says is another for that."""

import random
import sys

import pytest

from keywatch.detect.easier import Easier, easier, grouped
from keywatch.detect.pattern import compiled, outlined

PIECES = (b"key", b"=", b'"', b" ", b"\n", b"a", b"b", b"ab", b"x" * 40, b"a" * 63, b"b" * 65, b"a" * 130, b"7", b"\\n")
PATTERNS = (
    r"key=[a-z]{2,100}",
    r"key=[a-z]{2,100}\b",
    r"key[^\n]{0,70}?=(?:(a{1,64})|(b{1,90}))",
    r'(?:key|b)"?([a-z0-9]{3,80})(?:"|\s|$)',
    r"a{1,64}(x{0,80})(b{2,66})?",
    r"(?s:.{0,64}?)(7[a-z]{1,128}7)",
    r"(?i)(?:k|\b)[A-Z]{1,64}(?:[\s\"]{0,3}([AB]{64,65}))?",
)


@pytest.mark.parametrize("regex", PATTERNS)
def test_an_easier_pattern_matches_where_the_exact_one_does(regex: str) -> None:
    """Whether what a repeat took is shorter than its bound, as long or longer: places and groups are the same."""
    exact, outline, asked = compiled(regex), outlined(regex), Easier(regex)
    assert easier(regex)[0] != regex
    chance = random.Random(regex)  # noqa: S311 - nothing is kept secret by it
    for _ in range(2000):
        text = b"".join(chance.choices(PIECES, k=chance.randint(1, 9)))
        start = chance.randrange(len(text))
        end = chance.randint(start, len(text))
        assert asked.here(text, start, end) == outline.here(text, start, end)[0]
        begin, stop = asked.anywhere(text, start, end)
        assert (begin, stop) == outline.anywhere(text, start, end)[0]
        if begin >= 0:
            hit, same = exact.match(text, begin, stop), grouped(regex, stop - begin).match(text, begin, stop)
            assert hit is not None
            assert same is not None
            assert [hit.span(group) for group in range(exact.groups + 1)] == [
                same.span(group) for group in range(exact.groups + 1)
            ]


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        pytest.param(r"[a-z]{12,400}", (r"[a-z]{12,}", 400), id="a-class"),
        pytest.param(r"\d{1,70}?\x41{2,90}.{0,64}", (r"\d{1,}?\x41{2,}.{0,}", 64), id="escapes-and-any"),
        pytest.param(r"k{1,63}", (r"k{1,63}", sys.maxsize), id="a-small-bound-stays"),
        pytest.param(r"k{99,99}", (r"k{99,99}", sys.maxsize), id="a-fixed-number-stays"),
        pytest.param(r"(?:ab?){1,99}", (r"(?:ab?){1,99}", sys.maxsize), id="what-may-be-longer-than-a-byte-stays"),
        pytest.param(r"[]{1,99}]x\{1,99}", (r"[]{1,99}]x\{1,99}", sys.maxsize), id="what-only-looks-like-a-repeat"),
        pytest.param(r"[[:alpha:]{1,99}]{1,99}", (r"[[:alpha:]{1,99}]{1,}", 99), id="a-class-with-a-repeat-in-it"),
        pytest.param(r"\Qa{1,99}\Eb{1,99}", (r"\Qa{1,99}\Eb{1,99}", sys.maxsize), id="a-quotation"),
    ],
)
def test_only_larger_bounds_of_single_bytes_are_left_out(regex: str, expected: tuple[str, int]) -> None:
    """What is left out is the bound alone, never a letter of the pattern."""
    assert easier(regex) == expected
