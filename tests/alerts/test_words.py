"""Text from outside, made fit to be read."""

import pytest

from keywatch.alerts.words import count, days_from_now, one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\nb\tc", "a b c", id="line breaks are blanks"),
        pytest.param("a\x1b[31mb", "a\ufffd[31mb", id="no terminal escapes"),
        pytest.param("evil\u202egpj.exe", "evil\ufffdgpj.exe", id="no change of direction"),
        pytest.param("a\u2028b", "a b", id="no Unicode line break"),
        pytest.param("bad\udc80byte", "bad\ufffdbyte", id="no lone surrogate"),
        pytest.param("  much   space ", "much space", id="no runs of blanks"),
    ],
)
def test_one_line_is_one_clean_line(text: str, expected: str) -> None:
    """A file may be called anything; what a person reads is one line without tricks."""
    assert expected == one_line(text)


def test_long_text_is_cut_in_the_middle() -> None:
    """Both ends of a path mean something; the length is exact."""
    assert "aaaa…bbbbb" == one_line("a" * 50 + "b" * 50, 10)
    assert "" == one_line("", 10)


def test_numbers_read_as_a_person_writes_them() -> None:
    """Singular, plural, none; today, tomorrow, past and future."""
    assert ["no keys", "1 key", "2 keys", "2 boxes"] == [
        count(0, "key"),
        count(1, "key"),
        count(2, "key"),
        count(2, "box", "boxes"),
    ]
    assert ["2 days ago", "1 day ago", "today", "tomorrow", "in 2 days"] == [days_from_now(n) for n in range(-2, 3)]
