"""Of what a sieve leaves out, nothing is missed: whatever may be sighted is sighted in what it takes out."""

import random
import re
from itertools import pairwise

import pytest

from keywatch.native.memory import _spare, let_go
from keywatch.native.sieve import LARGEST, Harmless, Mark, Sieve, Taken, sieve

SIGHTED = re.compile(rb"(?=(key\d+(?:\nvalue)?|\d\n\n[A-Z]{3}|(?:^|\n)start = 1|end = 1\d(?:\n|$)))")
"""What may stand in one line, across two or three, and at a text's beginning and its end."""


def new(harmless: Harmless | None = None) -> Sieve:
    made = sieve(harmless or Harmless())
    assert made is not None, "make native"
    return made


def sighted(text: bytes) -> list[Mark]:
    return [(*found.span(1), 7, 0) for found in SIGHTED.finditer(text)]


def told(sifting: Sieve) -> dict[int, list[Mark]]:
    """Look at what was taken, as patterns do that cannot go across a gap, and tell the sieve."""
    taken = bytes(sifting.taken)
    pieces = [0, *(found.end() for found in re.finditer(rb"\n\0\0\n", taken))]
    marks = []
    for begin, end in pairwise(pieces):
        marks += [(begin + at, begin + to, number, reach) for at, to, number, reach in sighted(taken[begin : end - 4])]
    return sifting.told(marks)


def line(chance: random.Random) -> bytes:
    kind = chance.randrange(300)
    if kind < 3:
        return (b"key%d" % chance.randrange(9), b"value", b"")[kind]
    names = (b"ABC", b"name", b"total", *((b"end", b"start") if kind < 20 else (b"ends", b"starts")))
    return b"%b = %d" % (chance.choice(names), chance.randrange(60))


def text(chance: random.Random, lines: int) -> list[bytes]:
    return [line(chance) for _ in range(lines)]


def joined(lines: list[bytes], chance: random.Random) -> bytes:
    return b"\n".join(lines) + (b"\n" if chance.random() < 0.7 else b"")


@pytest.mark.parametrize("seed", range(12))
def test_all_that_is_sighted_in_a_text_is_told(seed: int) -> None:
    """Texts are made of pieces of others, so that parts are known, and yet stand beside others than before."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    sifting = new()
    pool = [text(chance, chance.randrange(1, 300)) for _ in range(12)]
    seen = left_out = 0
    for _ in range(60):
        texts = []
        for _ in range(chance.randrange(1, 8)):
            lines = [one for _ in range(chance.randrange(1, 5)) for one in chance.choice(pool)]
            if chance.random() < 0.3:
                at = chance.randrange(len(lines))
                lines[at : at + chance.randrange(3)] = [line(chance)]
            texts.append(joined(lines, chance))
        assert {sifting.text(one) for one in texts} == {Taken.WHOLE}
        left_out += sum(map(len, texts)) - len(sifting.taken)
        found = told(sifting)
        for number, one in enumerate(texts):
            # Where something known was left out, a beginning or an end may be sighted that is none.
            expected = set(sighted(one))
            assert expected <= set(found.get(number, ()))
            seen += len(expected)
    assert seen > 300
    assert left_out > 50_000


@pytest.mark.parametrize("seed", range(8))
def test_all_that_is_new_in_a_version_is_told(seed: int) -> None:
    """What was copied with all that surrounds it was sighted before."""
    chance = random.Random(100 + seed)  # noqa: S311 - the same each time
    sifting = new()
    base = b"".join(one + b"\n" for one in text(chance, 900))
    ways = set()
    for _ in range(60):
        pieces, delta, at, is_cut = [], b"", 0, True
        while at < len(base):
            count = min(chance.randrange(200, 6000), len(base) - at)
            copied = base[at : at + count]
            if is_cut:
                pieces.append(copied)
            else:
                pieces[-1] += copied
            delta += b"\xff" + at.to_bytes(4, "little") + count.to_bytes(3, "little")
            gone = chance.choice((0, 0, 0, chance.randrange(50)))
            at += count + gone
            is_cut = gone > 0
            if chance.random() < 0.4:
                fresh = joined(text(chance, chance.randrange(1, 4)), chance)[:120] or b"x"
                pieces.append(fresh)
                delta += bytes([len(fresh)]) + fresh
                is_cut = True
        made = b"".join(pieces)
        sizes = b"".join(
            bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) for size in (len(base), len(made))
        )
        way = sifting.version(made, sizes + delta)
        ways.add(way)
        found = {mark[:2] for mark in told(sifting).get(0, [])}
        begin, old = 0, set()
        for piece in pieces:
            # What a piece of the base holds, the base holds as well.
            old |= {(begin + first, begin + last) for first, last, *_ in sighted(b"\n" + piece + b"\n")}
            begin += len(piece)
        assert {mark[:2] for mark in sighted(made)} - {(first - 1, last - 1) for first, last in old} <= found
        base = made
    assert ways <= {Taken.CHANGES, Taken.WHOLE}
    assert Taken.CHANGES in ways


def test_what_is_known_is_known_to_all_that_share_it() -> None:
    chance = random.Random(5)  # noqa: S311 - the same each time
    lines = b"\n".join(b"%d = %d" % (number, chance.randrange(10**6)) for number in range(3000))
    harmless = Harmless()
    first, second, stranger = new(harmless), new(harmless), new()
    first.text(lines)
    assert len(first.taken) >= len(lines)
    assert told(first) == {}
    second.text(lines)
    assert len(second.taken) == 0
    stranger.text(lines)
    assert len(stranger.taken) >= len(lines)


def test_what_was_not_looked_at_is_not_known() -> None:
    sifting = new()
    lines = b"x = 1\n" * 1000
    sifting.text(lines)
    sifting.forget()
    assert sifting.count == 0
    sifting.text(lines)
    assert len(sifting.taken) >= len(lines)


def test_a_sieve_that_is_full_takes_nothing() -> None:
    """And gives what it had: whoever has looked at that can go on."""
    sifting = new()
    chance = random.Random(9)  # noqa: S311 - the same each time
    large = chance.randbytes(LARGEST)
    assert sifting.text(large) is Taken.WHOLE
    assert sifting.is_full
    before = bytes(sifting.taken)
    assert sifting.text(large[: LARGEST // 2]) is Taken.NO_ROOM
    assert (bytes(sifting.taken), sifting.count) == (before, 1)
    told(sifting)
    assert sifting.text(large[1:]) is Taken.WHOLE


@pytest.mark.parametrize("mark", [(0, 10_000), (5, 5), (9, 3), (2**63, 2**63 + 1)])
def test_what_cannot_have_been_sighted_is_refused(mark: tuple[int, int]) -> None:
    sifting = new()
    sifting.text(b"x = 1\n" * 100)
    with pytest.raises(ValueError, match="outside"):
        sifting.told([(*mark, 0, 0)])
    sifting.text(b"x = 1\n" * 100)
    assert len(sifting.taken) > 600, "nothing was learned"


def test_content_that_was_scanned_does_not_stay_in_memory() -> None:
    """What a sieve has used is kept for the next one, until a scan is over."""
    let_go()
    sifting = new()
    sifting.text(b"scanned = 1\n" * 200)
    size = len(sifting.taken)
    del sifting
    assert any(b"scanned" in one[:size] for kept in _spare.values() for one in kept)
    let_go()
    assert not any(_spare.values())
