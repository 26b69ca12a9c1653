"""Many blobs of one of git's packs, read in few steps: `lot.c`, as Python sees it. They are inflated by libdeflate."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from ctypes import Structure, addressof, c_int64, c_uint64, c_void_p
from enum import IntEnum
from functools import cache
from mmap import mmap
from typing import TYPE_CHECKING

from keywatch.native import library
from keywatch.native.held import held
from keywatch.native.inflating import inflating
from keywatch.native.memory import Memory, borrowed, give_back
from keywatch.native.sieve import FULL, LARGEST, Sieve

if TYPE_CHECKING:
    from ctypes import CDLL

_ROOM = 48 << 20
"""Bytes of blobs that are held. What would be beyond that is left."""
_ENOUGH = 12 << 20
"""Bytes of blobs read together, about."""
_LONELY = 512 << 10
"""Bytes of a blob that nothing is made of. Of a larger one its beginning is looked at first."""
_RECORDS = 4096
_FIELDS = 9
_FRAMES = 4096
"""As deep a chain of deltas as git makes."""
_SIGN = 32


class How(IntEnum):
    """How a blob was read; the numbers are those of `lot.c`."""

    WHOLE = 0
    """It went through the sieve, as `Taken.WHOLE` says."""
    CHANGES = 1
    """It went through the sieve, as `Taken.CHANGES` says."""
    ODD = 2
    """It did not: it must be unpacked or decoded first, or is too large."""
    LEFT = 3
    """It was not read, nor what is made of it: it is too large, or perhaps not legible."""
    BROKEN = 4
    """It cannot be read, nor what is made of it."""


class _State(Structure):
    """The `Lot` of `lot.c`."""

    _fields_ = (
        ("pack", c_void_p),
        ("pack_size", c_uint64),
        ("name_size", c_uint64),
        ("inflate", c_void_p),
        ("inflater", c_void_p),
        ("sieve", c_void_p),
        ("offsets", c_void_p),
        ("parents", c_void_p),
        ("first", c_void_p),
        ("next", c_void_p),
        ("count", c_uint64),
        ("root", c_uint64),
        ("largest", c_uint64),
        ("lonely", c_uint64),
        ("longest", c_uint64),
        ("full", c_uint64),
        ("signs", c_void_p),
        ("sign_count", c_uint64),
        ("arena", c_void_p),
        ("room", c_uint64),
        ("used", c_uint64),
        ("enough", c_uint64),
        ("frames", c_void_p),
        ("frame_room", c_uint64),
        ("depth", c_uint64),
        ("records", c_void_p),
        ("record_room", c_uint64),
        ("record_count", c_uint64),
    )


class Lot:
    """Reads blobs of one pack, and puts them through a sieve. Not to be shared between threads."""

    def __init__(  # noqa: PLR0917 - what is needed to read
        self,
        pack: mmap,
        name_size: int,
        offsets: Sequence[int],
        parents: Sequence[int],
        sieve: Sieve,
        largest: int,
        signs: Sequence[bytes],
    ) -> None:
        """
        Begin to read; see `are_read`.

        Args:
            pack: all of it.
            name_size: bytes of an object's name.
            offsets: of the blobs.
            parents: which of them each is a delta of; below 0: of none of these.
            sieve: takes what needs to be looked at.
            largest: bytes of a blob that is still read.
            signs: one of these begins everything that must be unpacked first.
        """
        kernel, inflates = library(), inflating()
        assert kernel is not None  # noqa: S101 - asked before
        assert inflates is not None  # noqa: S101 - likewise
        self._read = _function(kernel)
        self._sieve = sieve
        self._closing = ExitStack()
        address, size = self._closing.enter_context(held(pack))
        inflater = inflates.new()
        if not inflater:
            raise MemoryError
        self._closing.callback(inflates.free, inflater)
        memory = [borrowed(size) for size in (_ROOM, 40 * _FRAMES, 8 * _FIELDS * _RECORDS)]
        for one in memory:
            self._closing.callback(give_back, one)
        self._arena, frames, records = memory
        self._numbers = records.numbers(_FIELDS * _RECORDS)
        first, following = array("q", [-1]) * len(offsets), array("q", [-1]) * len(offsets)
        for place in range(len(offsets) - 1, -1, -1):
            if (parent := parents[place]) >= 0:
                following[place], first[parent] = first[parent], place
        cells = b"".join(bytes([len(sign)]) + sign.ljust(_SIGN - 1, b"\0") for sign in signs)
        self._kept = array("Q", offsets), array("q", parents), first, following, array("B", cells)
        at, above, below, beside, beginnings = (one.buffer_info()[0] for one in self._kept)
        self._state = _State(
            pack=address,
            pack_size=size,
            name_size=name_size,
            inflate=inflates.inflate,
            inflater=inflater,
            sieve=sieve.address,
            offsets=at,
            parents=above,
            first=below,
            next=beside,
            count=len(offsets),
            largest=largest,
            lonely=_LONELY,
            longest=LARGEST,
            full=FULL,
            signs=beginnings,
            sign_count=len(signs),
            arena=self._arena.address,
            room=_ROOM,
            enough=_ENOUGH,
            frames=frames.address,
            frame_room=_FRAMES,
            records=records.address,
            record_room=_RECORDS,
        )

    def read(self) -> "Iterator[Read]":
        """Yield what is read together. Each is good until the next one is asked for."""
        while count := self._read(addressof(self._state)):
            read = Read(self._arena, self._numbers, count)
            self._sieve.took(read.begins())
            yield read

    def close(self) -> None:
        """Let go of the pack."""
        self._closing.close()


class Read:
    """Blobs that were read together."""

    def __init__(self, arena: Memory, numbers: memoryview, count: int) -> None:
        self._arena = arena
        self._numbers = numbers
        self.places = self._all(0, count)
        """Which blob each is."""
        self.how = self._all(1, count)
        """How each was read, as numbers of `How`. Those that went through the sieve did so in this order."""
        self.sizes = self._all(4, count)

    def begins(self) -> list[int]:
        """Return where what was taken of each text begins, of those that went through the sieve."""
        begins = self._all(2, len(self.how))
        return [begin for begin, how in zip(begins, self.how, strict=True) if how <= How.CHANGES]

    def data(self, number: int) -> bytes:
        """Return a blob."""
        return self._at(number, 3)

    def delta(self, number: int) -> bytes:
        """Return what it was made by."""
        return self._at(number, 5)

    def base(self, number: int) -> bytes:
        """Return what it was, or is to be, made of."""
        return self._at(number, 7)

    def _all(self, field: int, count: int) -> list[int]:
        return self._numbers[field : count * _FIELDS : _FIELDS].tolist()

    def _at(self, number: int, field: int) -> bytes:
        at, size = self._numbers[number * _FIELDS + field], self._numbers[number * _FIELDS + field + 1]
        return self._arena[at : at + size]


def are_read() -> bool:
    """Return whether there is a kernel, and something to inflate with."""
    return library() is not None and inflating() is not None


@cache
def _function(kernel: "CDLL") -> Callable[[int], int]:
    kernel.kw_lot_read.argtypes, kernel.kw_lot_read.restype = (c_void_p,), c_int64
    function: Callable[[int], int] = kernel.kw_lot_read
    return function
