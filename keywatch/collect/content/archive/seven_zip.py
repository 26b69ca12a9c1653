"""
7z archives. The standard library unpacks what is in most of them; what is written here is how their header is read.

The libraries there are hold members whole, or take as much memory as the header says; this one streams.
"""

import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from keywatch.collect.content.archive.content import Content, Reader, between
from keywatch.collect.content.archive.inflate import Make, bzip2, deflate, dictionary, inflate, lzma1, raw, zstd
from keywatch.collect.content.archive.limits import Closed, Damaged
from keywatch.collect.content.archive.look import Found, Inside

_START = 32
_LARGEST_HEADER = 32 << 20
_MOST = 1_000_000
"""Files, folders, streams that a header may list."""
_CODERS = 8
_END, _HEADER, _PROPERTIES, _STREAMS, _FILES, _PACKED, _FOLDERS, _PARTS = 0, 1, 2, 4, 5, 6, 7, 8
_SIZE, _CRC, _FOLDER, _UNPACKED, _COUNT, _EMPTY, _NAMES, _ENCODED = 9, 10, 11, 12, 13, 14, 17, 23
_NONSENSE = "its header makes no sense"
_AES = b"\x06\xf1\x07\x01"
_COPY, _DELTA, _LZMA, _LZMA2 = b"\0", b"\x03", b"\x03\x01\x01", b"\x21"
_BRANCHES = {
    b"\x04": lzma.FILTER_X86,
    b"\x03\x03\x01\x03": lzma.FILTER_X86,
    b"\x05": lzma.FILTER_POWERPC,
    b"\x03\x03\x02\x05": lzma.FILTER_POWERPC,
    b"\x06": lzma.FILTER_IA64,
    b"\x03\x03\x04\x01": lzma.FILTER_IA64,
    b"\x07": lzma.FILTER_ARM,
    b"\x03\x03\x05\x01": lzma.FILTER_ARM,
    b"\x08": lzma.FILTER_ARMTHUMB,
    b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB,
    b"\x09": lzma.FILTER_SPARC,
    b"\x03\x03\x08\x05": lzma.FILTER_SPARC,
}
_OTHERS: dict[bytes, Callable[[int], Make]] = {
    b"\x04\x01\x08": lambda _: deflate,
    b"\x04\x02\x02": lambda _: bzip2,
    b"\x04\xf7\x11\x01": zstd,
}


@dataclass(slots=True)
class _Folder:
    """What is unpacked in one go, into one file or many."""

    coders: list[tuple[bytes, bytes]]
    """Method and properties, from what comes out to what is in the archive."""
    streams: int
    outs: int
    out: int
    """Which of its coders' results is the folder's."""
    size: int = 0
    parts: list[int] = field(default_factory=list)
    """Bytes of each file in it."""
    checked: bool = False


@dataclass(slots=True)
class _Streams:
    at: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[_Folder] = field(default_factory=list)


def read_seven_zip(content: Content, inside: Inside) -> Found:
    """Read every file in it."""
    file = content.seekable(inside.held)
    if file is None:
        hint = "save it to a file and scan that"
        yield inside.skipped("a 7z archive of this size cannot be read out of a stream", hint)
        return
    header = _header(file, inside)
    if header is None:
        yield inside.skipped("encrypted, names included", "unpack it with its password and scan what comes out")
        return
    streams, names = header
    at = _START + streams.at
    sizes = iter(streams.packed)
    for folder in streams.folders:
        packed = [next(sizes, 0) for _ in range(folder.streams)]
        yield from _read_folder(file, at, packed, folder, names, inside)
        at += sum(packed)


def _read_folder(  # noqa: PLR0917 - what one step of the loop knows
    file: BinaryIO, at: int, packed: list[int], folder: _Folder, names: Iterator[str], inside: Inside
) -> Found:
    listed = [next(names, "") for _ in folder.parts]
    if any(method == _AES for method, _ in folder.coders):
        for name in listed:
            inside.unread(name, "encrypted", "unpack it with its password and scan what comes out")
        return
    try:
        reader = Reader(_unpacked(file, at, packed, folder, inside))
        for name, size in zip(listed, folder.parts, strict=True):
            stretch = reader.take(size)
            yield from inside.member(name, stretch)
            for _ in stretch:
                pass
    except Damaged as damage:
        for name in listed:
            inside.unread(name, damage.told, "unpack it by other means if it matters")


def _unpacked(file: BinaryIO, at: int, packed: list[int], folder: _Folder, inside: Inside) -> Iterator[bytes]:
    if len(packed) != 1:
        raise Closed("packed in more than one stream, which cannot be read")
    source = Reader(between(file, at, packed[0]))
    window = inside.budget.limits.window
    method, _ = folder.coders[0]
    if method == _COPY and len(folder.coders) == 1:
        return source.take(folder.size)
    if method in _OTHERS and len(folder.coders) == 1:
        make = _OTHERS[method](window)
    else:
        make = raw([_filter(*coder, window) for coder in folder.coders])
    return inflate(source, make, inside.budget, most=folder.size)


def _filter(method: bytes, properties: bytes, window: int) -> dict[str, int]:
    if method == _LZMA:
        return lzma1(properties, window)
    if method == _LZMA2 and properties and properties[0] <= 40:  # noqa: PLR2004 - the format's
        bits = properties[0]
        size = 0xFFFFFFFF if bits == 40 else (2 | bits & 1) << (bits // 2 + 11)  # noqa: PLR2004
        return {"id": lzma.FILTER_LZMA2, "dict_size": dictionary(size, window)}
    if method == _DELTA and properties:
        return {"id": lzma.FILTER_DELTA, "dist": properties[0] + 1}
    if method in _BRANCHES:
        return {"id": _BRANCHES[method]}
    raise Closed(f"compressed with method {method.hex()}, which cannot be read")


def _header(file: BinaryIO, inside: Inside) -> tuple[_Streams, Iterator[str]] | None:
    """Return what the archive holds; None: that is encrypted."""
    file.seek(0)
    start = file.read(_START)
    if len(start) < _START:
        raise Damaged("cut off")
    at, size = int.from_bytes(start[12:20], "little"), int.from_bytes(start[20:28], "little")
    if not size:
        return _Streams(), iter(())
    _bear(size)
    data = b"".join(between(file, _START + at, size))
    if len(data) < size:
        raise Damaged("cut off, and its header is at its end")
    numbers = _Numbers(data)
    kind = numbers.byte()
    if kind == _ENCODED:
        streams = _streams(numbers)
        if len(streams.folders) != 1 or len(streams.packed) != 1:
            raise Damaged(_NONSENSE)
        folder = streams.folders[0]
        if any(method == _AES for method, _ in folder.coders):
            return None
        _bear(folder.size)
        packed = _unpacked(file, _START + streams.at, streams.packed, folder, inside)
        numbers = _Numbers(b"".join(packed)[: folder.size])
        kind = numbers.byte()
    if kind != _HEADER:
        raise Damaged(_NONSENSE)
    return _contents(numbers)


def _bear(size: int) -> None:
    if size > _LARGEST_HEADER:
        raise Damaged(f"its header says it has {size:,} bytes")


class _Numbers:
    """A header, read from front to end. Nothing it counts is believed beyond what it can hold."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        return self.take(1)[0]

    def take(self, size: int) -> bytes:
        data = self._data[self._at : self._at + size]
        if len(data) < size:
            raise Damaged("its header ends before its end")
        self._at += size
        return data

    def number(self) -> int:
        """Read a number: the leading ones of its first byte count the bytes that follow."""
        first = self.byte()
        more = next((n for n in range(8) if not first & (0x80 >> n)), 8)
        low = int.from_bytes(self.take(more), "little")
        return low + ((first & (0x7F >> more)) << (8 * more) if more < 8 else 0)  # noqa: PLR2004

    def count(self, most: int = _MOST) -> int:
        found = self.number()
        if found > most:
            raise Damaged(f"its header counts {found:,} of something, more than is read")
        return found

    def bits(self, count: int) -> list[bool]:
        data = self.take((count + 7) // 8)
        return [bool(data[n // 8] & (0x80 >> n % 8)) for n in range(count)]

    def rest(self) -> bytes:
        return self._data[self._at :]

    def checksums(self, count: int) -> list[bool]:
        """Go on behind checksums, and return of which there is one."""
        defined = [True] * count if self.byte() else self.bits(count)
        self.take(4 * sum(defined))
        return defined


def _contents(numbers: _Numbers) -> tuple[_Streams, Iterator[str]]:
    kind = numbers.byte()
    if kind == _PROPERTIES:
        while numbers.byte():
            numbers.take(numbers.number())
        kind = numbers.byte()
    streams = _Streams()
    if kind == _STREAMS:
        streams = _streams(numbers)
        kind = numbers.byte()
    return streams, _names(numbers) if kind == _FILES else iter(())


def _names(numbers: _Numbers) -> Iterator[str]:
    """Return the names of those files that hold anything."""
    count = numbers.count()
    empty = [False] * count
    names = b""
    while kind := numbers.number():
        data = _Numbers(numbers.take(numbers.number()))
        if kind == _EMPTY:
            empty = data.bits(count)
        elif kind == _NAMES and not data.byte():
            names = data.rest()
    return _named(names, empty)


def _named(names: bytes, empty: list[bool]) -> Iterator[str]:
    at = 0
    for is_empty in empty:
        end = at
        while (end := names.find(b"\0\0", end)) >= 0 and end % 2:
            end += 1
        if end < 0:
            return
        if not is_empty:
            yield names[at:end].decode("utf-16-le", "replace")
        at = end + 2


def _streams(numbers: _Numbers) -> _Streams:
    found = _Streams()
    while kind := numbers.byte():
        if kind == _PACKED:
            found.at = numbers.number()
            _packed(numbers, found)
        elif kind == _FOLDERS:
            _folders(numbers, found)
        elif kind == _PARTS:
            _parts(numbers, found)
        else:
            raise Damaged(_NONSENSE)
    return found


def _packed(numbers: _Numbers, found: _Streams) -> None:
    count = numbers.count()
    while kind := numbers.byte():
        if kind == _SIZE:
            found.packed = [numbers.number() for _ in range(count)]
        elif kind == _CRC:
            numbers.checksums(count)
        else:
            raise Damaged(_NONSENSE)


def _folders(numbers: _Numbers, found: _Streams) -> None:
    while kind := numbers.byte():
        if kind == _FOLDER:
            count = numbers.count()
            if numbers.byte():
                raise Damaged("its header lies elsewhere")
            found.folders = [_folder(numbers) for _ in range(count)]
        elif kind == _UNPACKED:
            for folder in found.folders:
                sizes = [numbers.number() for _ in range(folder.outs)]
                folder.size = sizes[folder.out]
                folder.parts = [folder.size]
        elif kind == _CRC:
            for folder, checked in zip(found.folders, numbers.checksums(len(found.folders)), strict=True):
                folder.checked = checked
        else:
            raise Damaged(_NONSENSE)


def _folder(numbers: _Numbers) -> _Folder:
    coders: list[tuple[bytes, bytes]] = []
    ins = outs = 0
    simple = True
    for _ in range(numbers.count(_CODERS)):
        flags = numbers.byte()
        method = numbers.take(flags & 0xF)
        took, gave = (numbers.count(_CODERS), numbers.count(_CODERS)) if flags & 0x10 else (1, 1)
        ins, outs = ins + took, outs + gave
        simple &= took == gave == 1
        coders.append((method, numbers.take(numbers.number()) if flags & 0x20 else b""))
    if not outs:
        raise Damaged(_NONSENSE)
    joints = {numbers.number(): numbers.number() for _ in range(outs - 1)}
    streams = ins - len(joints)
    if streams > 1:
        for _ in range(streams):
            numbers.number()
    final = next((out for out in range(outs) if out not in joints.values()), 0)
    chain = [final]
    while simple and chain[-1] in joints and len(chain) < len(coders):
        chain.append(joints[chain[-1]])
    if not simple or max(chain) >= len(coders):
        return _Folder(coders, max(streams, 2), outs, final)
    return _Folder([coders[n] for n in chain], streams, outs, final)


def _parts(numbers: _Numbers, found: _Streams) -> None:
    """Read into how many files each folder is unpacked, and how long they are, but for the last of each."""
    counts = [1] * len(found.folders)
    kind = numbers.byte()
    if kind == _COUNT:
        counts = [numbers.count() for _ in found.folders]
        if sum(counts) > _MOST:
            raise Damaged("its header counts more files than are read")
        kind = numbers.byte()
    for folder, count in zip(found.folders, counts, strict=True):
        sizes = [numbers.number() for _ in range(count - 1)] if kind == _SIZE else []
        folder.parts = [*sizes, max(0, folder.size - sum(sizes))] if count else []
    if kind == _SIZE:
        kind = numbers.byte()
    if kind == _CRC:
        both = zip(found.folders, counts, strict=True)
        numbers.checksums(sum(count for folder, count in both if count != 1 or not folder.checked))
        kind = numbers.byte()
    if kind != _END:
        raise Damaged(_NONSENSE)
