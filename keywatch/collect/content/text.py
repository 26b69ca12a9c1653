"""Bytes into chunks a rule can read: archives are looked into, UTF-16 becomes UTF-8, long content is cut."""

import codecs
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from keywatch.collect.content.magic import SIGNS, Kind, ends_as_zip, kind_of
from keywatch.collect.content.windows import PIECE, WINDOW, Cutter, windows
from keywatch.model.content import Chunk, Origin
from keywatch.model.source import Skipped

SAMPLE = 8192
"""Bytes of a file's beginning that tell what it is."""


def is_compressed(head: bytes) -> bool:
    """
    Return whether a file that begins with `head` is sound, film or font, so that nothing in it is legible.

    Everything else is read, programs included: their strings are legible, and reading them costs less than a guess that
    goes wrong. Of archives and pictures, what can be made legible is.
    """
    return head.startswith(SIGNS) and kind_of(head) is Kind.MEDIA


def is_packed(head: bytes) -> bool:
    """Return whether a file that begins with `head` may hold text that must be unpacked first."""
    return head.startswith(SIGNS) or head[257:262] == b"ustar"


def chunks(data: bytes, origin: Origin) -> Iterator[Chunk | Skipped]:
    """
    Cut bytes held in memory into chunks, those of what is packed in them included.

    What could not be opened, or only in part, is `Skipped`. Images, sounds and fonts give what text they carry, if any.
    """
    if is_packed(data) or ends_as_zip(data):
        if is_compressed(data):
            return iter(())
        from keywatch.collect.content.archive.look import look

        return look(data, (), origin)
    return plain(data, origin)


def is_plain(data: bytes) -> bool:
    """Return whether `chunks` shows these bytes as they stand, in one chunk."""
    return len(data) <= WINDOW and not (is_packed(data) or ends_as_zip(data) or wide(data[:SAMPLE]))


def stream(
    pieces: Iterable[bytes], origin: Origin, *, file: BinaryIO | None = None, size: int | None = None
) -> Iterator[Chunk | Skipped]:
    """
    As `chunks`, of what is read piece by piece and never held whole.

    Args:
        pieces: the content.
        origin: where it came from.
        file: the same content, seekable: some archives can be read in no other way.
        size: bytes of the content, where that is known.
    """
    rest = iter(pieces)
    first = next(rest, b"")
    while len(first) < SAMPLE and (piece := next(rest, b"")):
        first += piece
    if not first or is_compressed(first):
        return iter(())
    if is_packed(first) or (file is not None and _ends_as_zip(file)):
        from keywatch.collect.content.archive.look import look

        return look(first, rest, origin, file=file, size=size)
    return plain_stream(first, rest, origin)


def text_of_file(descriptor: int, origin: Origin, size: int) -> Iterator[Chunk | Skipped]:
    """As `stream`, of an open file longer than a window: most such are logs, and are copied no more than once."""
    first = os.pread(descriptor, SAMPLE, 0)
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        if is_packed(first) or wide(first) or _ends_as_zip(file):
            yield from stream(pieces(descriptor), origin, file=file, size=size)
            return
    cutter = Cutter(origin)
    while len(data := os.pread(descriptor, cutter.overlap + PIECE, cutter.offset)) > cutter.overlap:
        full = len(data) == cutter.overlap + PIECE
        yield cutter.whole(data, more=full)
        if not full:
            return
    yield from cutter.end()


def pieces(descriptor: int) -> Iterator[bytes]:
    """Read an open file to its end, a window at a time."""
    offset = 0
    # Whoever reads the same file in another order does not move this reader's place.
    while piece := os.pread(descriptor, WINDOW, offset):
        yield piece
        offset += len(piece)


_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",  # begins with the mark of the next
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    codecs.BOM_UTF32_BE: "utf-32-be",
}


def wide(head: bytes) -> str | None:
    """Return the encoding if a file's first bytes say UTF-16 or -32, by mark or by the pattern of their NULs."""
    if head.startswith(tuple(_MARKS)):
        return next(encoding for mark, encoding in _MARKS.items() if head.startswith(mark))
    if 0 not in head:
        return None  # as nearly always, and this costs a hundredth of what follows
    pairs = min(len(head), SAMPLE) // 2
    low, high = head[1 : 2 * pairs : 2].count(0), head[0 : 2 * pairs : 2].count(0)
    if pairs < 8 or min(low, high) > pairs // 10:  # noqa: PLR2004 - too little, or too mixed, to tell
        return None
    if low > pairs * 0.8:
        return "utf-16-le"
    return "utf-16-be" if high > pairs * 0.8 else None


def plain(data: bytes, origin: Origin) -> Iterator[Chunk]:
    """Cut bytes held in memory into chunks, whatever they are."""
    encoding = wide(data[:SAMPLE])
    return windows(transcode(data, encoding) if encoding else data, origin)


def transcode(data: bytes, encoding: str) -> bytes:
    """
    Return UTF-16 or UTF-32 text as UTF-8. Lines stay the same lines; columns and offsets are those of the UTF-8 form.

    What is not valid becomes a replacement character rather than an error.
    """
    return data.decode(encoding, "replace").removeprefix("\ufeff").encode()


class PlainText:
    """Text that comes piece by piece, cut into chunks, whatever it is. Its first piece tells its encoding."""

    def __init__(self, first: bytes | memoryview, origin: Origin) -> None:
        encoding = wide(bytes(first[:SAMPLE]))
        self._decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
        self._cutter = Cutter(origin)

    def chunk(self, piece: bytes | memoryview, *, more: bool = True) -> Chunk:
        """Return the next piece as a chunk; `more`: it may not be the last."""
        if self._decoder is not None:
            piece = self._decoder.decode(piece, not more).encode()
            if not self._cutter.offset and not self._cutter.overlap:
                piece = piece.removeprefix(codecs.BOM_UTF8)
        return self._cutter.chunk(piece, more=more)

    def end(self) -> Iterator[Chunk]:
        """Yield what the last chunk, of which nobody knew that it was the last, left to the next one."""
        if self._decoder is not None and (rest := self._decoder.decode(b"", True).encode()):
            yield self._cutter.chunk(rest)
        else:
            yield from self._cutter.end()


def plain_stream(first: bytes, rest: Iterable[bytes], origin: Origin) -> Iterator[Chunk]:
    """Cut content that is read piece by piece into chunks, whatever it is. `first` tells its encoding."""
    text, piece, coming = PlainText(first, origin), first, iter(rest)
    while True:
        try:
            following = next(coming, None)
        except Exception:
            yield text.chunk(piece, more=False)  # what came before it is shown
            raise
        if following is None:
            break
        yield text.chunk(piece)
        piece = following
    yield text.chunk(piece, more=False)


def _ends_as_zip(file: BinaryIO) -> bool:
    file.seek(max(0, file.seek(0, 2) - 22))
    return ends_as_zip(file.read())
