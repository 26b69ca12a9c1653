"""
Tar archives, read from front to end.

`tarfile` reads a header's extensions whole, however long they say they are, and keeps every member; here it only reads
the 512 bytes of a header.
"""

import tarfile
from collections.abc import Iterator

from keywatch.collect.content.archive.content import Content, Reader
from keywatch.collect.content.archive.limits import Damaged
from keywatch.collect.content.archive.look import Found, Inside

_BLOCK = 512
_LONGEST = 1 << 16
"""Bytes of a name, or of a header's extensions, that are read."""
_ABOUT_THE_NEXT = frozenset({b"L", b"K", b"x", b"X", b"g"})
_OF_ONE = frozenset({b"x", b"X"})
_DIGITS = 20
_EMPTY = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
"""Links, devices, directories: nothing follows their header, whatever size it says."""
_SPARSE_GOES_ON, _GOES_ON = 482, 504
"""Where a header, and a block that extends it, say that (another) such block follows."""


def read_tar(content: Content, inside: Inside) -> Found:
    """Read every file in it, one after the other. Links and devices hold nothing."""
    reader = Reader(content.pieces())
    name: str | None = None
    size: int | None = None
    while block := reader.read(_BLOCK):
        if not block.strip(b"\0"):
            continue  # the end, unless another archive was put behind it
        info = _header(block)
        if info.type in _ABOUT_THE_NEXT:
            name, size = _extended(reader, info, name, size)
            continue
        _pass_sparse(reader, info, block)
        length = 0 if info.type in _EMPTY else info.size if size is None else size
        if length:
            stretch = _Stretch(reader, length)
            yield from inside.member(name or _text(info.name.encode("utf-8", "surrogateescape")), stretch)
            stretch.drain()
            reader.skip(-length % _BLOCK)
        name = size = None


def _extended(
    reader: Reader, info: tarfile.TarInfo, name: str | None, size: int | None
) -> tuple[str | None, int | None]:
    """Return what is now known of the name and size of the next member; a monstrous extension is passed over."""
    told = b""
    if info.size <= _LONGEST:
        told = reader.read(info.size)
    elif not reader.skip(info.size):
        raise Damaged("cut off")
    reader.skip(-info.size % _BLOCK)
    if info.type == tarfile.GNUTYPE_LONGNAME:
        return _text(told.partition(b"\0")[0]) or name, size
    if info.type in _OF_ONE:
        records = dict(_records(told))
        digits = records.get(b"size", b"")
        return (
            _text(records[b"path"]) if b"path" in records else name,
            int(digits) if digits.isdigit() and len(digits) < _DIGITS else size,
        )
    return name, size


def _pass_sparse(reader: Reader, info: tarfile.TarInfo, block: bytes) -> None:
    """Go on behind the list of holes of a file that has many; what is between them is stored without a gap."""
    if info.type == tarfile.GNUTYPE_SPARSE and block[_SPARSE_GOES_ON]:
        while len(extended := reader.read(_BLOCK)) == _BLOCK and extended[_GOES_ON]:
            pass


class _Stretch(Iterator[bytes]):
    """The bytes of one member, of which the rest can be passed over."""

    def __init__(self, reader: Reader, size: int) -> None:
        self.left = size
        self._pieces = reader.take(size)

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self.left -= len(piece)
        return piece

    def drain(self) -> None:
        """Pass over what is left of it."""
        for _ in self:
            pass
        if self.left:
            raise Damaged("cut off")


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError, IndexError):
        raise Damaged("a header makes no sense") from None
    if info.size < 0:
        raise Damaged("a header makes no sense")
    return info


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and values of an extended header: lines of `length name=value`, the length included."""
    at = 0
    while at < len(data):
        digits = data[at : at + 8].partition(b" ")[0]
        if not digits.isdigit() or int(digits) <= len(digits):
            return
        name, _, value = data[at + len(digits) + 1 : at + int(digits) - 1].partition(b"=")
        yield name, value
        at += int(digits)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
