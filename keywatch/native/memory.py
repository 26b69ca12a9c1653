"""Memory that C writes to: zeros at first, and none of it taken before it is touched."""

from collections import defaultdict
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, mmap


class Memory:
    """So many bytes, at an address that stays."""

    def __init__(self, size: int, *, shared: bool = False) -> None:
        """`shared`: processes that are forked write to the same memory, not to a copy of it."""
        from ctypes import addressof, c_char  # costs a scan that has no use for it more than all else here

        self.size = size
        self._map = mmap(-1, size, flags=MAP_ANONYMOUS | (MAP_SHARED if shared else MAP_PRIVATE))
        self._first = c_char.from_buffer(self._map)
        self.address = addressof(self._first)

    def __getitem__(self, part: slice) -> bytes:
        return self._map[part]

    def part(self, size: int) -> memoryview:
        """Return its first bytes, as they will be."""
        return memoryview(self._map)[:size]

    def numbers(self, count: int) -> memoryview:
        """Return its first numbers of 64 bits each, as they will be."""
        return memoryview(self._map)[: 8 * count].cast("Q")


_spare: defaultdict[int, list[Memory]] = defaultdict(list)
"""By size. As much as was in use at the same time: to touch new pages costs more than what is written to them."""


def borrowed(size: int) -> Memory:
    """Return memory that has anything in it, to be `given_back`."""
    try:
        return _spare[size].pop()
    except IndexError:
        return Memory(size)


def give_back(memory: Memory) -> None:
    """Let others have what was `borrowed`."""
    _spare[memory.size].append(memory)


def let_go() -> None:
    """Let the system have what nobody uses: content that was scanned stands in it."""
    _spare.clear()
