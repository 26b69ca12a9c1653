"""A part of a name was sighted: where all of it stands."""

import random

import pytest

from keywatch.detect.names import name_at
from keywatch.detect.pattern import compiled

NAME = compiled(
    r"(?i)(?:(?:aws|amazon|amz|lwa|mws|sp|api|client|app|access|secret|selling|partner|oauth|developer|login|auth) )"
    r"{0,5}[a-z0-9_.:-]{0,48}(?:secret|passw(?:or)?d|token|key|pwd|credential)[a-z0-9_.-]{0,32}"
)
PIECES = (
    *(b"aws", b"secret", b"key", b"token", b"password", b"api", b"client ", b"app ", b"x" * 30, b"n", b"a.b"),
    *(b" ", b"  ", b"_", b":", b"=", b"\n", b"\\n", b"\\", b'"', b"-", "é".encode()),
)


def searched(data: bytes, end: int) -> tuple[int, int] | None:
    """Return the first name that reaches `end`, else the last one before, by going over them all."""
    position, last = max(0, end - 96), None
    while (hit := NAME.search(data, position, end + 32)) is not None:
        if data[hit.start() - 1 : hit.start()] == b"\\" and data[hit.start()] in b"nrt":
            position = hit.start() + 1
        elif hit.end() >= end:
            return hit.span()
        else:
            position, last = hit.end(), hit.span()
    return last


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(b"  aws_secret_key = 1", b"aws_secret_key", id="indented"),
        pytest.param(b"the aws secret access key is", b"aws secret access key", id="in-several-words"),
        pytest.param(b"my webapp secret_key: 1", b"app secret_key", id="the-end-of-a-word-before-it"),
        pytest.param(rb"id=1\nsecret_key=2", b"secret_key", id="behind-an-escape"),
        pytest.param(rb"id=1\token_key=2", b"oken_key", id="an-escape-that-takes-its-letter"),
        pytest.param(b"y" * 60 + b"_secret_key=", b"y" * 47 + b"_secret_key", id="longer-than-names-are"),
    ],
)
def test_a_name_is_told_from_what_stands_before_it(text: bytes, name: bytes) -> None:
    """It may have words before it, and a letter that an escape took is none of it."""
    found = name_at(text, text.index(b"key") + 3)
    assert found is not None
    assert name == text[slice(*found)]


def test_a_name_is_the_one_that_a_search_finds() -> None:
    """Whatever stands around, and wherever the part ends that was sighted."""
    chance = random.Random("names")  # noqa: S311 - nothing is kept secret by it
    for _ in range(20_000):
        text = b"".join(chance.choices(PIECES, k=chance.randint(1, 12)))
        end = chance.randint(0, len(text))
        assert searched(text, end) == name_at(text, end), (text, end)
