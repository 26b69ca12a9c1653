"""Bytes into chunks a rule can read: compressed formats are left out, UTF-16 becomes UTF-8, long content is cut."""

import codecs
from collections.abc import Iterator

from keywatch.collect.content.windows import Cutter, windows
from keywatch.model.content import Chunk, Origin

SAMPLE = 8192
"""Bytes of a file's beginning that tell what it is."""

_COMPRESSED = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd",
    b"7z\xbc\xaf", b"wOFF", b"wOF2", b"RIFF", b"OggS", b"ID3", b"\x1aE\xdf\xa3",
)  # fmt: skip


def is_compressed(head: bytes) -> bool:
    """
    Return whether a file that begins with `head` is an image, archive, sound or font: no secret in it is legible.

    Everything else is scanned, programs and databases included: their strings are, and scanning costs less than a
    guess that goes wrong.
    """
    return head.startswith(_COMPRESSED)


def utf16(head: bytes) -> str | None:
    """Return `utf-16-le` or `utf-16-be` if a file's first bytes say so, by mark or by the pattern of their NULs."""
    if head.startswith(codecs.BOM_UTF16_LE) and not head.startswith(codecs.BOM_UTF32_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    pairs = min(len(head), SAMPLE) // 2
    low, high = head[1 : 2 * pairs : 2].count(0), head[0 : 2 * pairs : 2].count(0)
    if pairs < 8 or min(low, high) > pairs // 10:  # noqa: PLR2004 - too little, or too mixed, to tell
        return None
    if low > pairs * 0.8:
        return "utf-16-le"
    return "utf-16-be" if high > pairs * 0.8 else None


def chunks(data: bytes, origin: Origin) -> Iterator[Chunk]:
    """Cut bytes held in memory into chunks; none for a compressed format."""
    if is_compressed(data):
        return
    encoding = utf16(data[:SAMPLE])
    yield from windows(transcode(data, encoding) if encoding else data, origin)


def transcode(data: bytes, encoding: str) -> bytes:
    """
    Return UTF-16 text as UTF-8. Lines stay the same lines; columns and offsets are those of the UTF-8 form.

    What is no valid UTF-16 becomes a replacement character rather than an error.
    """
    return data.decode(encoding, "replace").removeprefix("\ufeff").encode()


def stream(pieces: Iterator[bytes], origin: Origin) -> Iterator[Chunk]:
    """Cut content that is read piece by piece, and never held whole, into chunks."""
    first = next(pieces, b"")
    if not first or is_compressed(first):
        return
    encoding = utf16(first[:SAMPLE])
    decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
    cutter = Cutter(origin)

    def convert(piece: bytes, *, final: bool = False) -> bytes:
        return decoder.decode(piece, final).encode() if decoder else piece

    yield cutter.chunk(convert(first).removeprefix(codecs.BOM_UTF8 if encoding else b""))
    for piece in pieces:
        yield cutter.chunk(convert(piece))
    if rest := convert(b"", final=True):
        yield cutter.chunk(rest)
