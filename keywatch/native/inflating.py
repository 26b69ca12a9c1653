"""What C inflates with: libdeflate, which is inside of Python's wrapper of it."""

from collections.abc import Callable
from ctypes import CDLL, c_void_p, cast
from functools import cache
from typing import Any, NamedTuple


class Inflating(NamedTuple):
    """Functions of libdeflate, https://github.com/ebiggers/libdeflate/blob/master/libdeflate.h."""

    inflate: int | None
    """Where `libdeflate_zlib_decompress` is."""
    new: Callable[[], Any]
    """Makes an inflater, for one thread at a time; 0: there is no memory."""
    free: Callable[[Any], None]


@cache
def inflating() -> Inflating | None:
    """Return what to inflate with; None: it is not there, or does not lend itself to others."""
    try:
        from deflate import _deflate

        library = CDLL(_deflate.__file__)
        new, free = library.libdeflate_alloc_decompressor, library.libdeflate_free_decompressor
        inflate = cast(library.libdeflate_zlib_decompress, c_void_p).value
    except (ImportError, OSError, AttributeError):
        return None
    new.argtypes, new.restype = (), c_void_p
    free.argtypes, free.restype = (c_void_p,), None
    return Inflating(inflate, new, free)
