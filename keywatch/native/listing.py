"""What git writes of a history, read in C: see `listing.c`, and `collect/content/listing.py` for the same in Python."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from ctypes import CDLL, Structure, addressof, byref, c_char, c_int64, c_size_t, c_uint64, c_void_p
from functools import cache
from mmap import mmap

from keywatch.native.held import held
from keywatch.native.names import Names, slots

_NO_ROOM = -2
_FOUND = 1024
"""What is found at once, at most."""
_PATH = 64
"""Bytes of a path for which there is room at first."""


class _State(Structure):
    """The `Listing` of `listing.c`."""

    _fields_ = (
        ("blobs", Names),
        ("path_of", c_void_p),
        ("text", c_void_p),
        ("text_room", c_uint64),
        ("path_ends", c_void_p),
        ("path_room", c_uint64),
        ("path_count", c_uint64),
        ("path_slots", c_void_p),
        ("path_mask", c_uint64),
    )


class KernelListing:
    """A list of blobs, in memory that is taken from the system as it fills and given back at once."""

    def __init__(self, kernel: CDLL, name_size: int, expected: int) -> None:
        """See `listing` in `collect/content/listing.py`."""
        self._slots, self._log, self._lines, _ = _functions(kernel)
        self._state = _State(blobs=Names.keyed(name_size))
        self._memory: dict[str, mmap] = {}
        self._make_room(max(expected, 1 << 12))

    def log(self, text: bytes | mmap) -> None:
        """See `Listing.log`."""
        self._add(self._log, text)

    def lines(self, text: bytes | mmap) -> None:
        """See `Listing.lines`."""
        self._add(self._lines, text)

    def listed(self) -> tuple[bytes, Sequence[int], list[bytes]]:
        """See `Listing.listed`."""
        state, memory = self._state, self._memory
        names = memory["names"][: state.blobs.count * state.blobs.size]
        ends = array("Q", memory["path_ends"][: state.path_count * 8])
        text = memory["text"][: ends[-1] if ends else 0]
        paths = [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
        return names, array("I", memory["path_of"][: state.blobs.count * 4]), paths

    def _add(self, call: Callable[..., int], text: bytes | mmap) -> None:
        at = c_uint64()
        with held(text) as (address, size):
            while (result := call(byref(self._state), address, size, byref(at))) == _NO_ROOM:
                self._make_room(2 * self._state.blobs.room)
        if result < 0:
            raise ValueError("this is not what git writes")

    def _make_room(self, room: int) -> None:
        """Make room for so many names and paths. Pages of it that stay empty take no memory."""
        state, old = self._state, self._memory
        state.blobs.room = state.path_room = room
        state.blobs.mask = state.path_mask = slots(room) - 1
        state.text_room = _PATH * room
        kept = {"names": room * state.blobs.size, "path_of": 4 * room, "text": _PATH * room, "path_ends": 8 * room}
        sizes = {**kept, "slots": 4 * slots(room), "path_slots": 4 * slots(room)}
        self._memory = {name: mmap(-1, size) for name, size in sizes.items()}
        for name, memory in self._memory.items():
            if name in kept and name in old:
                memory[: len(old[name])] = old[name][:]
            setattr(state.blobs if name in {"names", "slots"} else state, name, addressof(c_char.from_buffer(memory)))
        if self._slots(byref(state)) < 0:
            raise ValueError("there are more blobs than can be numbered")


def brought(
    kernel: CDLL, text: bytes | mmap, wanted: Sequence[bytes], name_size: int
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """
    Yield what brought in one of some blobs: its name, its path, and the header of the commit.

    Args:
        kernel: the library.
        text: a piece of `log --raw -z` that begins with a header.
        wanted: the names of the blobs, as hexadecimal digits.
        name_size: bytes of a name.

    Raises:
        ValueError: it is no such thing, or cut off.
    """
    find = _functions(kernel)[-1]
    ascending = sorted(wanted)
    names = bytes.fromhex(b"".join(ascending).decode())
    at, header = c_uint64(), c_uint64()
    found = (c_uint64 * (3 * _FOUND))()
    while at.value < len(text):
        with held(text) as (address, size):
            count = find(address, size, names, len(ascending), name_size, byref(at), byref(header), found, _FOUND)
        if count < 0:
            raise ValueError("this is not what git writes")
        for begin, path, number in zip(*[iter(found[: 3 * count])] * 3, strict=True):
            yield ascending[number], _field(text, path), _field(text, begin)


def _field(text: bytes | mmap, begin: int) -> bytes:
    end = text.find(b"\0", begin)
    return text[begin : end if end >= 0 else len(text)]


@cache
def _functions(kernel: CDLL) -> tuple[Callable[..., int], ...]:
    slots, log, lines = kernel.kw_listing_slots, kernel.kw_listing_log, kernel.kw_listing_lines
    find = kernel.kw_log_brought
    slots.argtypes = (c_void_p,)
    log.argtypes = lines.argtypes = (c_void_p, c_void_p, c_size_t, c_void_p)
    find.argtypes = (c_void_p, c_size_t, c_void_p, c_size_t, c_size_t, c_void_p, c_void_p, c_void_p, c_size_t)
    for function in (slots, log, lines, find):
        function.restype = c_int64
    return slots, log, lines, find
