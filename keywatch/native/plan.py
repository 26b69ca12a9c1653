"""Which blobs of a pack are looked through together: `plan.c`, as Python sees it."""

from array import array
from collections.abc import Callable
from ctypes import CDLL, c_char, c_int64, c_size_t, c_uint64, c_void_p
from functools import cache
from mmap import mmap
from typing import NamedTuple

from keywatch.native.held import held

_PLACE = 32
"""Bytes of a `Place` of `plan.c`."""


class Plan(NamedTuple):
    """Blobs in the order in which they are looked through, lot by lot."""

    names: bytes
    """One behind the other."""
    members: "array[int]"
    """The number of each one's name."""
    offsets: "array[int]"
    parents: "array[int]"
    """The place in its lot of what each is made of; -1: it is whole, or that is not in its lot."""
    ends: list[int]
    """Where each lot ends."""
    costs: list[int]
    """How much work each lot is."""


def plan(  # noqa: PLR0917 - all of it is the question
    kernel: CDLL, index: mmap, pack: mmap, names: bytes, taken: bytearray, largest: int, share: int
) -> Plan | None:
    """
    Put those of some blobs that a pack has together into lots.

    Args:
        kernel: the library.
        index: the pack's index.
        pack: the pack.
        names: those of the blobs, one behind the other.
        taken: a byte for each, which is 0 while it is in no lot.
        largest: bytes of a blob that is still read.
        share: bytes of work of one lot.

    Returns:
        None where the index is damaged: nothing was taken.
    """
    count = len(taken)
    if not count:
        return Plan(b"", array("I"), array("Q"), array("q"), [], [])
    places, named, members = mmap(-1, 2 * count * _PLACE), mmap(-1, len(names)), array("I", bytes(4 * count))
    offsets, parents = array("Q", bytes(8 * count)), array("q", bytes(8 * count))
    ends, costs = mmap(-1, 8 * count), mmap(-1, 8 * count)
    into = [(c_char * len(each)).from_buffer(each) for each in (taken, places, named)]
    out = [(c_char * (each.itemsize * count)).from_buffer(each) for each in (members, offsets, parents)]
    last = [(c_char * len(each)).from_buffer(each) for each in (ends, costs)]
    with held(index) as (index_at, index_size), held(pack) as (pack_at, pack_size):
        lots = _function(kernel)(
            *(index_at, index_size, pack_at, pack_size, names, len(names) // count, count, largest, share),
            *(*into, *out, *last),
        )
    if lots < 0:
        return None
    bounds = array("Q", ends[: 8 * lots]).tolist()
    filled = bounds[-1] if bounds else 0
    several = named[: filled * (len(names) // count)]
    work = array("Q", costs[: 8 * lots]).tolist()
    return Plan(several, members[:filled], offsets[:filled], parents[:filled], bounds, work)


@cache
def _function(kernel: CDLL) -> Callable[..., int]:
    function = kernel.kw_plan
    sizes = (c_void_p, c_size_t, c_size_t, c_uint64, c_uint64)
    function.argtypes = (c_void_p, c_size_t, c_void_p, c_size_t, *sizes, *(8 * (c_void_p,)))
    function.restype = c_int64
    return function
