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
    reader = Reader(content.pieces())
    texts = _png(reader, inside) if content.first.startswith(b"\x89PNG") else _jpeg(reader)
    return inside.text("text", texts)


def _png(reader: Reader, inside: Inside) -> Iterator[bytes]:
    reader.skip(8)
    while len(head := reader.read(8)) == 8:  # noqa: PLR2004 - the size of what is read
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IDAT" or size > _LONGEST or kind not in _TEXTS:
            if not reader.skip(size + 4):
                return
            continue
        data = reader.read(size)
        reader.skip(4)
        yield _inflated(data, kind, inside).replace(b"\0", b": ") + b"\n"


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
