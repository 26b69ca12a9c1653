"""Deltas of git's packs, and what changes by them: `delta.c`, as Python sees it."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from keywatch.native import library

if TYPE_CHECKING:
    from ctypes import CDLL

_USUAL = 3
"""Bytes of a delta for each stretch, at least: what is new, and a copy that parts it from the last one. In one that is
made for it, a stretch takes a byte."""


def are_compiled() -> bool:
    """Return whether there is a kernel; nothing else here may be asked without one."""
    return library() is not None


def applied(delta: bytes, base: bytes, largest: int) -> bytes | None:
    """Return what `delta` makes of `base`; None: it is none of this base, or makes more than `largest` bytes of it."""
    kernel = _kernel()
    size = kernel.size(delta, len(delta), len(base))
    if not 0 <= size <= largest:
        return None
    data: bytes = kernel.make(None, size)  # nobody has seen it yet, so it may still be written
    return None if kernel.apply(delta, len(delta), base, len(base), data, size) else data


def changes(delta: bytes) -> "array[int] | None":
    """Return what is new in what `delta` makes, in twos: where each stretch begins and ends. None: it breaks off."""
    for room in (len(delta) // _USUAL + 2, len(delta) + 2):
        found = array("Q", bytes(16 * room))
        count = _kernel().changes(delta, len(delta), found.buffer_info()[0], room)
        if count >= 0:
            return found[: 2 * count]
    return None


def moved(delta: bytes, stretches: "array[int]", marks: "array[int]", most: int) -> "tuple[array[int], bool]":
    """
    Return which marks of the base are whole in what `delta` makes, where they stand now, and whether news concern one.

    Args:
        delta: makes it; it has been applied.
        stretches: its changes.
        marks: in fours: begin, end, a number of the caller's, and how far away news concern it. They ascend.
        most: of more, that many are told.
    """
    from ctypes import byref, c_int32

    concerned = c_int32()
    asked, news = marks.buffer_info()[0], stretches.buffer_info()[0]
    room = min(most, len(marks) // 2 + 16)
    while True:
        found = array("Q", bytes(32 * room))
        told = _kernel().moved(
            delta, len(delta), asked, len(marks) // 4, news, len(stretches) // 2,
            found.buffer_info()[0], room, byref(concerned),
        )  # fmt: skip
        if told < room or room == most:
            break
        room = most  # a delta may copy the same again and again
    return found[: 4 * max(0, told)], concerned.value != 0


@dataclass(frozen=True, slots=True)
class _Kernel:
    """The functions, and Python's own that makes bytes which are still to be written."""

    size: Callable[..., int]
    apply: Callable[..., int]
    changes: Callable[..., int]
    moved: Callable[..., int]
    make: Callable[..., Any]


@cache
def _kernel() -> _Kernel:
    kernel = library()
    assert kernel is not None  # noqa: S101 - see are_compiled
    return _declared(kernel)


def _declared(kernel: "CDLL") -> _Kernel:
    from ctypes import PYFUNCTYPE, c_char_p, c_int64, c_size_t, c_ssize_t, c_void_p, py_object, pythonapi

    for function, arguments in (
        (kernel.kw_delta_size, (c_char_p, c_size_t, c_size_t)),
        (kernel.kw_delta_apply, (c_char_p, c_size_t, c_char_p, c_size_t, c_char_p, c_size_t)),
        (kernel.kw_delta_changes, (c_char_p, c_size_t, c_void_p, c_size_t)),
        (kernel.kw_delta_moved, (c_char_p, c_size_t, *(c_void_p, c_size_t) * 3, c_void_p)),
    ):
        function.argtypes, function.restype = arguments, c_int64
    # https://docs.python.org/3/c-api/bytes.html#c.PyBytes_FromStringAndSize
    make = PYFUNCTYPE(py_object, c_char_p, c_ssize_t)(("PyBytes_FromStringAndSize", pythonapi))
    return _Kernel(kernel.kw_delta_size, kernel.kw_delta_apply, kernel.kw_delta_changes, kernel.kw_delta_moved, make)
