"""A fuzzer's work in small: the same changed inputs each time, and whatever they are, what is told is sound."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzz.corpus import Mutator, seeds
from benchmarks.fuzz.target import Broken, check, holds
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin

DETECTOR = Detector(packaged())
SEEDS = list(seeds())
FILLER = "def total(orders, currency):\n    # what they come to\n    return sum(order.amount for order in orders)\n"


@pytest.mark.parametrize("seed", range(8))
def test_changed_inputs_break_nothing(seed: int) -> None:
    """No crash, no place outside of the input, no line or column but the true one, no secret away from its place."""
    changed = Mutator(seed, SEEDS)
    assert sum(len(check(DETECTOR, changed())) for _ in range(600)) > 20


def test_every_seed_is_sound() -> None:
    """The examples of all rules, plain and in each container and encoding."""
    assert sum(len(check(DETECTOR, seed)) for seed in SEEDS) > len(packaged().rules)


@pytest.mark.parametrize("data", [b"", b"\0", b"\n", b"\xff" * 40, b"%", b"\\", b"=" * 9, b"\r\n" * 9])
def test_the_smallest_inputs_are_sound(data: bytes) -> None:
    """Nothing, and next to nothing."""
    assert check(DETECTOR, data) == []


def test_a_wrong_place_would_be_seen() -> None:
    """What checks the engine can fail: a secret that is elsewhere is not held, in plain or encoded."""
    secret = expand("{alnum:32}").encode()
    assert holds(secret, b"x" + secret)
    assert holds(secret, secret.hex().encode())
    assert not holds(secret, secret[1:])
    assert not holds(secret, secret[:-1].hex().encode())
    assert issubclass(Broken, AssertionError)


def told(chunk: Chunk) -> set[tuple[str, int, int, int, bytes]]:
    return {(m.rule.id, m.offset, m.line, m.column, m.secret.reveal()) for m in DETECTOR.scan(chunk)}


def pieces(data: bytes, cuts: list[int]) -> list[Chunk]:
    """Cut `data` before each of `cuts`; each piece repeats of the one before what the detector asks for."""
    chunks = []
    for begin, end in pairwise([0, *cuts, len(data)]):
        start = max(0, begin - DETECTOR.overlap)
        line, column = data.count(b"\n", 0, start) + 1, start - data.rfind(b"\n", 0, start)
        chunks.append(Chunk(data[start:end], Origin("t", "p"), start, line, column, begin - start))
    return chunks


PLANTED = [expand(rule.matches[0]) for rule in packaged().rules if rule.matches and not rule.required]


@given(st.integers(0, 1 << 32), st.lists(st.integers(1, 79_999), min_size=1, max_size=4, unique=True))
def test_a_text_in_pieces_tells_what_the_whole_tells(seed: int, cuts: list[int]) -> None:
    """Wherever the cuts fall, the pieces together tell every secret of the whole, at its line and column."""
    choice = random.Random(seed)  # noqa: S311 - not for secrets
    text = ""
    while len(text) < 80_000:
        text += FILLER * choice.randint(1, 60) + choice.choice(PLANTED) + "\n"
    data = text.encode()
    found = set().union(*map(told, pieces(data, sorted(cuts))))
    whole = told(Chunk(data, Origin("t", "p")))
    assert whole <= found
    # What only a piece tells is a secret that its end cut through.
    assert all(any(begin < cut <= begin + len(secret) for cut in cuts) for _, begin, *_, secret in found - whole)
