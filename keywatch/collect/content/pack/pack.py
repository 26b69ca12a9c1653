"""A pack: objects, most of them as what differs from another one."""

import mmap
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import NamedTuple

from keywatch.collect.content.magic import SIGNS
from keywatch.collect.content.pack import Damaged
from keywatch.collect.content.pack.index import Index
from keywatch.collect.regular_file import open_regular
from keywatch.native.lots import Lot, are_read
from keywatch.native.sieve import Sieve

_BLOB = 3
_OFFSET_DELTA = 6
_NAME_DELTA = 7
_HEAD = 64
"""Bytes. No object's header is longer."""
_ENORMOUS = 1 << 48
"""Bytes. No object is as large, whatever its header says."""


class Entry(NamedTuple):
    """The header of one object."""

    kind: int
    size: int
    """Bytes of the object; of a delta, of the delta itself."""
    base: int | None
    """Offset of the object it is a delta of."""
    start: int
    """Where its compressed bytes begin."""


class Pack:
    """One pack and its index. Not to be shared between threads."""

    def __init__(self, path: Path, name_size: int, largest: int) -> None:
        """
        Open a pack.

        Args:
            path: the `.pack` file; the `.idx` file lies beside it.
            name_size: bytes of an object's name.
            largest: bytes of an object that is still unpacked.

        Raises:
            Damaged: one of the two is no such thing.
            OSError: one of the two cannot be read.
        """
        from isal import isal_zlib

        self._zlib = isal_zlib  # to load it again for each object would take as long as a small one
        descriptor, status = open_regular(path)
        with os.fdopen(descriptor, "rb") as file:
            if status.st_size < 12 + name_size:
                raise Damaged("a pack is cut off")
            self._map = mmap.mmap(file.fileno(), status.st_size, access=mmap.ACCESS_READ)
        if self._map[:4] != b"PACK":
            raise Damaged("no pack")
        self.path = path
        self.index = Index(path.with_suffix(".idx"), name_size)
        self._name_size = name_size
        self._largest = largest

    def reads(self, offsets: Sequence[int], parents: Sequence[int], sieve: Sieve) -> AbstractContextManager[Lot] | None:
        """
        Return what reads many blobs and puts them through a sieve, to be closed before the pack is; None: nothing does.

        Args:
            offsets: of the blobs.
            parents: which of them each is a delta of; below 0: of none of these.
            sieve: takes what needs to be looked at.
        """
        if not are_read():
            return None
        return closing(Lot(self._map, self._name_size, offsets, parents, sieve, self._largest, SIGNS))

    @property
    def mapped(self) -> mmap.mmap:
        """The whole file."""
        return self._map

    def base(self, offset: int) -> tuple[int | None, int]:
        """
        Return the `base` and the `size` of the object at `offset`; see `Entry`.

        Raises:
            Damaged: there is none.
        """
        _, size, base, _ = self._header(offset)
        return base, size

    def entry(self, offset: int) -> Entry:
        """
        Return the header of the object at `offset`.

        Raises:
            Damaged: there is none.
        """
        return Entry(*self._header(offset))

    def _header(self, offset: int) -> tuple[int, int, int | None, int]:
        head = self._map[offset : offset + _HEAD]
        try:
            byte, at = head[0], 1
            kind, size, shift = byte >> 4 & 7, byte & 15, 4
            while byte & 0x80:
                byte = head[at]
                at += 1
                size |= (byte & 0x7F) << shift
                shift += 7
            base = None
            if kind == _OFFSET_DELTA:
                byte = head[at]
                at += 1
                back = byte & 0x7F
                while byte & 0x80:
                    byte = head[at]
                    at += 1
                    back = (back + 1) << 7 | byte & 0x7F
                base = offset - back
                if base < 0 or not back:
                    raise Damaged("an object's base lies outside of its pack")
            elif kind == _NAME_DELTA:
                name = head[at : at + self._name_size]
                at += self._name_size
                base = self.index.offset(name)
                if base is None:
                    raise Damaged("an object's base is in no pack, or another one")
        except IndexError:
            raise Damaged("a pack is cut off") from None
        if size >= _ENORMOUS:
            raise Damaged("an object says it is larger than anything")
        return kind, size, base, offset + at

    def blob(self, offset: int) -> Entry:
        """
        Return the header of a blob that is stored whole.

        Raises:
            Damaged: there is none.
        """
        entry = self.entry(offset)
        if entry.kind != _BLOB:
            raise Damaged("not a blob that is stored whole")
        return entry

    def unpack(self, entry: Entry) -> bytes:
        """
        Return what an entry holds: of a delta, the delta.

        Raises:
            Damaged: it is broken, or too large.
        """
        if entry.size > self._largest:
            raise Damaged("an object is too large")
        # What does not shrink grows by a few bytes; only a strange compressor makes it grow by more.
        for room in (entry.size + entry.size // 1000 + 64, 2 * entry.size + 4096):
            data = self._inflated(entry.start, room, entry.size + 1)
            if len(data) == entry.size:
                return data
        raise Damaged("an object has another size than it says")

    def head(self, entry: Entry, count: int) -> bytes:
        """Return the first bytes of what an entry holds, up to `count`; none where it is broken."""
        try:
            return self._inflated(entry.start, 2 * count + 64, count)
        except Damaged:
            return b""

    def _inflated(self, start: int, room: int, most: int) -> bytes:
        try:
            data: bytes = self._zlib.decompressobj().decompress(self._map[start : start + room], most)
        except self._zlib.IsalError:  # type: ignore[misc]
            raise Damaged("an object cannot be unpacked") from None
        return data

    def close(self) -> None:
        self._map.close()
        self.index.close()
