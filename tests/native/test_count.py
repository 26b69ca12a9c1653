"""Counting in C and in Python give the same numbers, and C looks at nothing beyond the text."""

import ctypes
import mmap
from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keywatch.native.count import WORTH, count, counts

# Texts that are long enough for C to be called, of few kinds of bytes, so that there is something to count.
TEXTS = st.builds(
    lambda piece, times, rest: piece * (times * WORTH // len(piece)) + rest,
    st.lists(st.sampled_from(b"\n\0a\xff"), min_size=1, max_size=300).map(bytes),
    st.integers(0, 20),
    st.binary(max_size=200),
)
pytestmark = pytest.mark.usefixtures("kernel")


@given(TEXTS, st.sampled_from(b"\n\0a\xff"))
@example(b"\n" * (64 * 255 * 3 + 63), 10)
@example(b"a" * (64 * 255 + 1), 10)
def test_a_byte_is_counted_as_python_counts_it(text: bytes, byte: int) -> None:
    """Whatever the text, be it `bytes` or a part of other memory."""
    assert text.count(byte) == count(text, byte)
    assert text[1:-1].count(byte) == count(memoryview(text)[1:-1], byte)


@given(TEXTS, st.sampled_from(b"\n\0a\xff"), st.integers(1, 9000))
@example(b"\n" * 4096 * 3, 10, 4096)
@example(b"\n" * WORTH, 10, 1)
@example(b"\n" * WORTH, 10, 1 << 40)
def test_counts_are_those_before_each_block_and_of_all(text: bytes, byte: int, block: int) -> None:
    """One number more than there are blocks, the last of which may be short."""
    each = (text[at : at + block].count(byte) for at in range(0, len(text), block))
    expected = list(accumulate(each, initial=0))
    assert expected == list(counts(text, byte, block))
    assert expected == list(counts(memoryview(text), byte, block))


@pytest.mark.parametrize("size", [0, 10, 5 * WORTH])
@pytest.mark.parametrize("byte", [-1, 256])
def test_what_is_no_byte_is_refused(size: int, byte: int) -> None:
    """As Python refuses it: C would take it for another byte."""
    for text in (b"\n" * size, memoryview(b"\n" * size)):
        with pytest.raises(ValueError, match="byte must be in range"):
            count(text, byte)
        if text:
            with pytest.raises(ValueError, match="byte must be in range"):
                counts(text, byte, 100)


@pytest.mark.parametrize("size", [0, 10, 5 * WORTH])
@pytest.mark.parametrize("block", [0, -1])
def test_blocks_without_bytes_are_refused(size: int, block: int) -> None:
    """There would be no end of them."""
    with pytest.raises(ValueError, match="one byte at least"):
        counts(b"\n" * size, 10, block)


def test_nothing_is_read_beyond_the_text() -> None:
    """Before and behind the text lie pages that nobody may read: the process would die of it."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 4 * page)
    memory[:] = b"\n" * len(memory)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for outside in (address, address + 3 * page):
        assert protect(outside, page, 0) == 0
    text = memoryview(memory)[page : 3 * page]
    for cut in range(130):
        for part in (text[cut:], text[: len(text) - cut]):
            assert len(part) == count(part, 10) == counts(part, 10, 77)[-1]
