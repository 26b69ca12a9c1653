"""How often a byte stands in a text (`count.c`): line ends, mostly."""

from array import array
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from keywatch.native import library

if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import CDLL

WORTH = 1 << 11
"""Bytes from which on a call into C costs less than it saves, with lines of a usual length."""


def count(text: bytes | memoryview, byte: int) -> int:
    """
    Return how often a byte stands in a text.

    Raises:
        ValueError: `byte` is not one of 0 to 255.
    """
    kernel = library() if len(text) >= WORTH else None
    if kernel is None:
        return _plain(text).count(byte)
    call, _ = _functions(kernel)
    if isinstance(text, bytes):
        return call(text, len(text), _checked(byte))
    from keywatch.native.held import held

    with held(text) as (address, size):
        return call(address, size, _checked(byte))


def counts(text: bytes | memoryview, byte: int, block: int) -> "array[int]":
    """
    Return how often a byte stands in front of each block of so many bytes, and last how often in all.

    Raises:
        ValueError: `byte` is not one of 0 to 255, or a block has no bytes.
    """
    if block < 1:
        raise ValueError("a block has one byte at least")
    kernel = library() if len(text) >= WORTH else None
    if kernel is None:
        plain = _plain(text)
        each = (plain.count(byte, at, at + block) for at in range(0, len(plain), block))
        return array("Q", accumulate(each, initial=0))
    from keywatch.native.held import held

    _, call = _functions(kernel)
    with held(text) as (address, size):
        before = array("Q", bytes(8 * (-(-size // block) + 1)))
        into, room = before.buffer_info()
        call(address, size, _checked(byte), block, into, room)
    return before


def _plain(text: bytes | memoryview) -> bytes:
    """Return what has a method to count with."""
    return text if isinstance(text, bytes) else bytes(text)


def _checked(byte: int) -> int:
    """As Python does, refuse what is no byte: C would count another one."""
    if not 0 <= byte <= 255:  # noqa: PLR2004 - what a byte is
        raise ValueError("byte must be in range(0, 256)")
    return byte


@cache
def _functions(kernel: "CDLL") -> "tuple[Callable[..., int], Callable[..., int]]":
    """Declare what `count.c` has: the addresses of texts are `bytes` or numbers."""
    from ctypes import c_int64, c_size_t, c_uint8, c_void_p

    kernel.kw_count.argtypes = (c_void_p, c_size_t, c_uint8)
    kernel.kw_count.restype = c_size_t
    kernel.kw_counts.argtypes = (c_void_p, c_size_t, c_uint8, c_size_t, c_void_p, c_size_t)
    kernel.kw_counts.restype = c_int64
    return kernel.kw_count, kernel.kw_counts
