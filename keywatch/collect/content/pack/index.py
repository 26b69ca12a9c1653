"""A pack's index: which object stands where."""

import mmap
import os
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from struct import iter_unpack, unpack_from

from keywatch.collect.content.pack import Damaged
from keywatch.collect.regular_file import open_regular

_MAGIC = b"\xfftOc\x00\x00\x00\x02"
_NAMES = len(_MAGIC) + 256 * 4
_FAR = 0x80000000
"""Set in an offset that stands in the table of large ones."""


def count(path: Path) -> int:
    """Return how many objects a `.pack` has by what its index says; 0 where that says nothing."""
    try:
        descriptor, _ = open_regular(path.with_suffix(".idx"))
        with os.fdopen(descriptor, "rb") as file:
            head = file.read(_NAMES)
    except OSError:
        return 0
    return int.from_bytes(head[-4:], "big") if len(head) == _NAMES and head.startswith(_MAGIC) else 0


class Index:
    """
    The index of one pack, version 2.

    https://git-scm.com/docs/gitformat-pack#_version_2_pack_idx_files_support
    """

    def __init__(self, path: Path, name_size: int) -> None:
        """
        Open the index.

        Args:
            path: the `.idx` file.
            name_size: bytes of an object's name: 20 or 32.

        Raises:
            Damaged: it is no such index.
            OSError: it cannot be read.
        """
        descriptor, status = open_regular(path)
        with os.fdopen(descriptor, "rb") as file:
            if status.st_size < _NAMES:
                raise Damaged("an index is cut off")
            self._map = mmap.mmap(file.fileno(), status.st_size, access=mmap.ACCESS_READ)
        if self._map[: len(_MAGIC)] != _MAGIC:
            raise Damaged("an index of another version")
        self._fan = (0, *unpack_from(">256I", self._map, len(_MAGIC)))
        self._size = name_size
        self.count = self._fan[-1]
        if [*self._fan] != sorted(self._fan) or len(self._map) < _NAMES + self.count * (name_size + 8):
            raise Damaged("an index is cut off")

    def offset(self, name: bytes) -> int | None:
        """Return where the object `name` begins; None: this pack does not have it."""
        low, high = self._fan[name[0]], self._fan[name[0] + 1]
        while low < high:
            middle = (low + high) // 2
            at = _NAMES + middle * self._size
            found = self._map[at : at + self._size]
            if found == name:
                return self._offset(middle)
            low, high = (middle + 1, high) if found < name else (low, middle)
        return None

    def offsets(self, names: Iterable[bytes]) -> list[tuple[int, bytes]]:
        """Return the offset and the name of those of `names` which the pack has; by their first byte, not as given."""
        groups: list[list[bytes]] = [[] for _ in range(256)]
        for name in names:
            groups[name[0]].append(name)
        found: list[tuple[int, bytes]] = []
        for first, wanted in enumerate(groups):
            low, high = self._fan[first], self._fan[first + 1]
            if wanted and low < high:
                # A table of all names would take a gigabyte for ten million objects.
                table = self._map[_NAMES + low * self._size : _NAMES + high * self._size]
                at = _NAMES + self.count * (self._size + 4)  # behind the names and their checksums
                near = unpack_from(f">{high - low}I", self._map, at + low * 4)
                known = dict(zip(map(itemgetter(0), iter_unpack(f"{self._size}s", table)), near, strict=True))
                found += [(known[name], name) for name in wanted if name in known]
        return [(self._far(offset) if offset & _FAR else offset, name) for offset, name in found]

    @property
    def mapped(self) -> mmap.mmap:
        """The whole file."""
        return self._map

    def close(self) -> None:
        self._map.close()

    def _offset(self, place: int) -> int:
        (offset,) = unpack_from(">I", self._map, _NAMES + self.count * (self._size + 4) + place * 4)
        return self._far(offset) if offset & _FAR else int(offset)

    def _far(self, offset: int) -> int:
        at = _NAMES + self.count * (self._size + 8) + (offset ^ _FAR) * 8
        if at + 8 > len(self._map):
            raise Damaged("an index points outside of itself")
        return int.from_bytes(self._map[at : at + 8], "big")
