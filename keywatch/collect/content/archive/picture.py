"""The text that pictures carry beside what they show: comments, camera data, what made them."""

import zlib
from collections.abc import Iterator

from keywatch.collect.content.archive.content import Content, Reader
from keywatch.collect.content.archive.look import Found, Inside

_LONGEST = 1 << 20
_END_OF_TABLES = frozenset({0xD9, 0xDA})
_TEXTS = (b"tEXt", b"iTXt", b"zTXt", b"eXIf")


def read_picture(content: Content, inside: Inside) -> Found:
    """Read its texts; where it is damaged, those before the damage."""
    if not content.first.startswith(b"\x89PNG"):
        return inside.text("text", _jpeg(Reader(content.pieces())))
    texts = _png_in(content.first) if content.size == len(content.first) else _png(Reader(content.pieces()))
    return inside.text("text", (_inflated(*text, inside).replace(b"\0", b": ") + b"\n" for text in texts))


def _png_in(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """As `_png`, of what is held whole, as nearly all are: that takes a fifth of the time."""
    at = 8
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind in _TEXTS and size <= _LONGEST:
            yield data[at + 8 : at + 8 + size], kind
        at += size + 12


def _png(reader: Reader) -> Iterator[tuple[bytes, bytes]]:
    """Yield each text as it is stored, and of which kind it is."""
    reader.skip(8)
    while len(head := reader.read(8)) == 8:  # noqa: PLR2004 - the size of what is read
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IDAT" or size > _LONGEST or kind not in _TEXTS:
            if not reader.skip(size + 4):
                return
            continue
        data = reader.read(size)
        reader.skip(4)
        yield data, kind


def _inflated(data: bytes, kind: bytes, inside: Inside) -> bytes:
    key, _, rest = data.partition(b"\0")
    packed = (
        rest[1:] if kind == b"zTXt" else rest[2:].split(b"\0", 2)[-1] if kind == b"iTXt" and rest[:1] == b"\1" else b""
    )
    if not packed:
        return data
    try:
        text = zlib.decompressobj().decompress(packed, _LONGEST)
    except zlib.error:
        return data
    inside.budget.spend(len(text))
    return key + b"\0" + text


def _jpeg(reader: Reader) -> Iterator[bytes]:
    reader.skip(2)
    while len(head := reader.read(4)) == 4 and head[0] == 0xFF and head[1] not in _END_OF_TABLES:  # noqa: PLR2004
        size = int.from_bytes(head[2:], "big") - 2
        data = reader.read(max(0, size))
        if 0xE1 <= head[1] <= 0xEF or head[1] == 0xFE:  # noqa: PLR2004 - what programs and people add
            yield data.replace(b"\0", b" ") + b"\n"
