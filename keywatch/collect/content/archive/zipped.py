"""
Zip archives, and all that are such: jar, whl, apk, office documents.

The directory at the end is read entry by entry. `zipfile` would read it whole, a million entries into half a gigabyte;
it unpacks bzip2 and LZMA without a bound on one step, and gives up an archive at its first damage. An archive without
its directory, because it is cut off or comes through a pipe, is read from front to end.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from keywatch.collect.content.archive.content import Content, Reader, between, length
from keywatch.collect.content.archive.inflate import Make, bzip2, deflate, inflate, raw_lzma, xz, zstd
from keywatch.collect.content.archive.limits import Closed, Damaged
from keywatch.collect.content.archive.look import Found, Inside
from keywatch.collect.content.archive.office import Office

_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_LONGEST_COMMENT = 1 << 16
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 0x1, 0x8, 0x800
_FULL = 0xFFFFFFFF
_STORED, _DEFLATED, _BZIP2, _LZMA, _ZSTD, _XZ = 0, 8, 12, 14, 93, 95
_MORE = b"PK\x07\x08"
_MARKS = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x08")


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    flags: int
    method: int
    packed: int
    """Bytes in the archive; 0 where only what follows the data tells."""
    at: int
    """Offset of its local header."""


def read_zip(content: Content, inside: Inside) -> Found:
    """Read every file in it."""
    file = content.seekable(inside.held)
    directory = _directory(file) if file is not None else None
    if file is None or directory is None:
        yield from _front_to_end(content, inside)
        if file is not None:
            raise Damaged("its directory is missing, so it may have held more")
        return
    yield from _by_directory(file, directory, inside)


@dataclass(frozen=True, slots=True)
class _Directory:
    start: int
    size: int
    shift: int
    """Bytes before the archive begins, as of a program that unpacks it."""


def _directory(file: BinaryIO) -> _Directory | None:
    """Find the directory of the archive's entries; None: there is none where one should be."""
    size = length(file)
    start = max(0, size - _LONGEST_COMMENT - _END.size)
    tail = b"".join(between(file, start, None))
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        return None
    _, _, _, _, _, listed, offset, _ = _END.unpack_from(tail, at)
    end = start + at
    locator = tail[max(0, at - _LOCATOR_64.size) : at]
    if len(locator) == _LOCATOR_64.size and locator.startswith(b"PK\x06\x07"):
        before = end - _LOCATOR_64.size - _END_64.size
        record = b"".join(between(file, before, _END_64.size)) if before >= 0 else b""
        if len(record) == _END_64.size and record.startswith(b"PK\x06\x06"):
            *_, listed, offset = _END_64.unpack(record)
            end = before
    begin = end - listed
    if begin < 0 or begin < offset:
        return None
    return _Directory(begin, listed, begin - offset)


def _by_directory(file: BinaryIO, directory: _Directory, inside: Inside) -> Found:
    office = Office(inside)
    left = length(file)
    entries = _entries(Reader(between(file, directory.start, directory.size)), directory.shift)
    if (strings := _find_strings(file, directory)) is not None:
        office.share(_data(file, strings, inside))
    for entry in entries:
        if entry.name.endswith("/") and not entry.packed:
            continue
        left -= entry.packed
        if left < 0:
            raise Damaged("its files lie on top of each other, as in a bomb")
        yield from _read_entry(entry, _data(file, entry, inside), inside, office)
    yield from office.rest()


def _find_strings(file: BinaryIO, directory: _Directory) -> _Entry | None:
    """Find the words of a spreadsheet, which its sheets only number, and which stand behind them."""
    name = b"xl/sharedStrings.xml"
    carried = b""
    for piece in between(file, directory.start, directory.size):
        if name in carried + piece:
            entries = _entries(Reader(between(file, directory.start, directory.size)), directory.shift)
            return next((entry for entry in entries if entry.name == name.decode()), None)
        carried = piece[-len(name) :]
    return None


def _entries(reader: Reader, shift: int) -> Iterator[_Entry]:
    while len(fixed := reader.read(_ENTRY.size)) == _ENTRY.size:
        sign, _, _, flags, method, _, _, _, packed, unpacked, named, extra, comment, _, _, _, at = _ENTRY.unpack(fixed)
        if sign != b"PK\x01\x02":
            raise Damaged("an entry of its directory makes no sense")
        name = _text(reader.read(named), flags)
        wide = list(_wide(reader.read(extra)))
        reader.skip(comment)
        if unpacked == _FULL and wide:
            wide.pop(0)
        if packed == _FULL and wide:
            packed = wide.pop(0)
        if at == _FULL and wide:
            at = wide.pop(0)
        yield _Entry(name, flags, method, packed, at + shift)


def _wide(extra: bytes) -> Iterator[int]:
    """Yield the numbers of an entry that do not fit into 32 bits, in the order of those they stand for."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == 1:
            for place in range(at, min(at + size, len(extra)) - 7, 8):
                yield int.from_bytes(extra[place : place + 8], "little")
        at += size


def _data(file: BinaryIO, entry: _Entry, inside: Inside) -> Iterator[bytes]:
    header = b"".join(between(file, entry.at, _LOCAL.size))
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise Damaged("a file is not where its directory says")
    *_, named, extra = _LOCAL.unpack(header)
    start = entry.at + _LOCAL.size + named + extra
    yield from _unpacked(Reader(between(file, start, entry.packed)), entry, inside)


def _read_entry(entry: _Entry, data: Iterator[bytes], inside: Inside, office: Office) -> Found:
    if entry.flags & _ENCRYPTED:
        inside.unread(entry.name, "encrypted", "unpack it with its password and scan what comes out")
        return
    try:
        yield from office.member(entry.name, data)
    except Damaged as damage:
        inside.unread(entry.name, damage.told, "unpack it by other means if it matters")


def _unpacked(reader: Reader, entry: _Entry, inside: Inside) -> Iterator[bytes]:
    if entry.method == _STORED:
        return reader.take()
    make = _decompressor(entry.method, reader, inside.budget.limits.window)
    return inflate(reader, make, inside.budget)


def _decompressor(method: int, reader: Reader, window: int) -> Make:
    if method == _DEFLATED:
        return deflate
    if method == _BZIP2:
        return bzip2
    if method == _ZSTD:
        return zstd(window)
    if method == _XZ:
        return xz(window)
    if method == _LZMA:
        head = reader.read(4)
        return raw_lzma(reader.read(int.from_bytes(head[2:4], "little")), window)
    raise Closed(f"compressed with method {method}, which is not known here")


def _front_to_end(content: Content, inside: Inside) -> Found:
    """Read by the header in front of each file."""
    reader = Reader(content.pieces())
    office = Office(inside)
    seen = False
    while reader.peek(4) == b"PK\x03\x04":
        fixed = reader.read(_LOCAL.size)
        if len(fixed) < _LOCAL.size:
            raise Damaged("cut off")
        _, _, flags, method, _, _, _, packed, unpacked, named, extra = _LOCAL.unpack(fixed)
        name = _text(reader.read(named), flags)
        wide = list(_wide(reader.read(extra)))
        if packed == _FULL and unpacked == _FULL and len(wide) > 1:
            packed = wide[1]
        entry = _Entry(name, flags, method, packed, 0)
        follows = bool(flags & _SIZES_FOLLOW) and not packed
        if follows and (method == _STORED or flags & _ENCRYPTED):
            raise Closed("only its directory, which is missing, tells where a file ends")
        data = _unpacked(reader, entry, inside) if follows else _measured(reader, entry, inside)
        seen = True
        yield from _read_entry(entry, data, inside, office)
        for _ in data:
            pass
        if follows:
            _pass_sizes(reader)
    if not seen and reader.peek(4) != b"PK\x05\x06":
        raise Damaged("no file can be found in it")
    if not reader.peek(4).startswith(_MARKS) and reader.peek(4) != b"":
        raise Damaged("a file does not end where it should")
    for _ in reader.take():
        pass
    yield from office.rest()


def _measured(reader: Reader, entry: _Entry, inside: Inside) -> Iterator[bytes]:
    """Yield a file of which its header says how long it is, and leave the reader behind it whatever becomes of it."""
    stretch = reader.take(entry.packed)
    try:
        if not entry.flags & _ENCRYPTED:
            yield from _unpacked(Reader(stretch), entry, inside)
    finally:
        for _ in stretch:
            pass


def _pass_sizes(reader: Reader) -> None:
    """Go on behind the sizes that follow a file, with their sign or without, of 32 or 64 bits."""
    if reader.peek(4) == _MORE:
        reader.skip(4)
    ahead = reader.peek(24)
    reader.skip(next((size for size in (12, 20) if ahead[size : size + 4].startswith(_MARKS)), 12))


def _text(name: bytes, flags: int) -> str:
    if flags & _UTF8:
        return name.decode("utf-8", "backslashreplace")
    try:
        return name.decode()  # most programs write UTF-8 and do not say so
    except UnicodeDecodeError:
        return name.decode("cp437")
