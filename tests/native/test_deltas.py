"""What C makes of deltas is what Python makes of them, and both refuse the same."""

from array import array
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.collect.content.pack import Damaged
from keywatch.collect.content.pack.delta import Changes, applied, changes, packed, unpacked
from keywatch.native import SWITCH, library

MOST = 1 << 20


@pytest.fixture(autouse=True)
def _kernel_again() -> Iterator[None]:
    yield
    library.cache_clear()


def in_python() -> pytest.MonkeyPatch:
    """Return what turns the kernel on again, once it is undone."""
    patch = pytest.MonkeyPatch()
    patch.setenv(SWITCH, "0")
    library.cache_clear()
    return patch


def both(delta: bytes, base: bytes) -> tuple[bytes | None, bytes | None]:
    """Return what C and Python make of a base; None: it is refused."""
    made: list[bytes | None] = []
    for is_native in (True, False):
        patch = pytest.MonkeyPatch() if is_native else in_python()
        try:
            made.append(applied(delta, base, MOST))
        except Damaged:
            made.append(None)
        finally:
            patch.undo()
            library.cache_clear()
    return made[0], made[1]


def both_changes(delta: bytes) -> tuple[Changes, Changes]:
    native = changes(delta)
    patch = in_python()
    try:
        return native, changes(delta)
    finally:
        patch.undo()
        library.cache_clear()


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def copy(start: int, count: int) -> bytes:
    """Return the instruction that copies so many bytes of the base."""
    code, rest = 0x80, b""
    for bit, byte in enumerate([*start.to_bytes(4, "little"), *count.to_bytes(3, "little")]):
        if byte:
            code |= 1 << bit
            rest += bytes([byte])
    return bytes([code]) + rest


@st.composite
def versions(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """Draw a base, a delta, and what it makes."""
    base = draw(st.binary(min_size=1, max_size=400))
    made = instructions = b""
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.booleans()):
            start = draw(st.integers(0, len(base) - 1))
            count = draw(st.integers(1, len(base) - start))
            instructions += copy(start, count)
            made += base[start : start + count]
        else:
            new = draw(st.binary(min_size=1, max_size=60))
            instructions += bytes([len(new)]) + new
            made += new
    return base, varint(len(base)) + varint(len(made)) + instructions, made


@given(versions())
def test_a_delta_makes_what_it_says(version: tuple[bytes, bytes, bytes]) -> None:
    base, delta, made = version
    assert both(delta, base) == (made, made)


@given(versions(), st.data())
def test_both_refuse_the_same(version: tuple[bytes, bytes, bytes], data: st.DataObject) -> None:
    """Whatever byte of a delta is another one, or wherever it breaks off."""
    base, delta, _ = version
    place = data.draw(st.integers(0, len(delta) - 1))
    broken = delta[:place] + bytes([data.draw(st.integers(0, 255))]) + delta[place + 1 :]
    native, python = both(broken[: data.draw(st.integers(0, len(broken)))], base)
    assert native == python


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_may_be_a_delta(delta: bytes, base: bytes) -> None:
    native, python = both(delta, base)
    assert native == python


@given(versions(), st.lists(st.tuples(*[st.integers(0, 400)] * 4), max_size=30))
def test_changes_and_marks_are_where_python_finds_them(
    version: tuple[bytes, bytes, bytes], places: list[tuple[int, int, int, int]]
) -> None:
    """Each mark that was copied whole, wherever it was copied to; and whether something new lies within its reach."""
    _, delta, _ = version
    marks = sorted((begin, begin + size % 50, number, reach) for begin, size, number, reach in places)
    native, python = both_changes(delta)
    assert native.stretches == python.stretches
    told, concerned = native.moved(packed(marks), MOST)
    expected, is_concerned = python.moved(packed(marks), MOST)
    assert sorted(unpacked(told)) == sorted(unpacked(expected))
    assert concerned == is_concerned
    assert list(told[::4]) == sorted(told[::4])


def test_of_marks_that_are_copied_again_and_again_some_are_told() -> None:
    """A few bytes of a delta can repeat a file full of marks a thousand times."""
    delta = varint(1000) + varint(1000 * 1000) + copy(0, 1000) * 1000
    marks = packed((at, at + 1, 7, 0) for at in range(0, 1000, 10))
    for each in both_changes(delta):
        assert len(each.moved(marks, 5000)[0]) == 4 * 5000
        assert len(each.moved(marks, MOST)[0]) == 4 * 100_000
        assert each.moved(array("Q"), 10) == (array("Q"), False)


def test_a_stretch_may_take_a_byte() -> None:
    """An instruction that says nothing copies 64 kB from the beginning, and each is a new neighbourhood."""
    delta = varint(1 << 16) + varint(100 << 16) + b"\x80" * 100
    native, python = both_changes(delta)
    assert native.stretches == python.stretches == [(at << 16, at << 16) for at in range(1, 100)]
