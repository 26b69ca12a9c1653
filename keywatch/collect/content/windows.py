"""Cutting long content into chunks that overlap, each with its exact place."""

from collections.abc import Iterator

from keywatch.model.content import COUNTED, LINE_END, Chunk, Origin, characters
from keywatch.native.count import count, counts

WINDOW = 4 << 20
"""Bytes of a chunk, at most, before its overlap."""
PIECE = 1 << 20
"""Bytes of a chunk of what is read piece by piece: it stays in the cache, and threads wait less."""
OVERLAP = 16 << 10
"""Bytes a chunk repeats of the one before: more than the longest secret, a private key of 16,384 bits."""


class Cutter:
    """
    Turns one origin's bytes, given piece by piece, into chunks.

    Nobody knows of a piece whether it is the last, before the next one has come or the end. So `more` can be said of
    each, and `end` shows what was left to the next one then.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._line = 1
        self._column = 1
        self._tail = b""
        self._left = False
        self.offset = 0
        """Where the next chunk begins in the origin."""

    @property
    def overlap(self) -> int:
        """Bytes the next chunk repeats of the one before."""
        return len(self._tail)

    def chunk(self, piece: bytes | memoryview, *, more: bool = False) -> Chunk:
        """
        Return the next `piece` of the origin, with the end of the one before in front of it; `more`: and no last.

        What lies in memory that is used again is copied, once.
        """
        return self.whole(self._tail + piece if self._tail else bytes(piece), more=more)

    def whole(self, data: bytes, *, more: bool = False) -> Chunk:
        """As `chunk`, of a piece that was read together with the overlap before it."""
        before = counts(data, LINE_END, COUNTED)
        place = (self._origin, self.offset, self._line, self._column)
        chunk = Chunk(data, *place, overlap=len(self._tail), more=more, newlines=before)
        shown = max(0, len(data) - OVERLAP)
        block = shown // COUNTED
        self._pass(data, shown, before[block] + data.count(LINE_END, block * COUNTED, shown))
        self._tail = data[shown:]
        self._left = more
        return chunk

    def end(self) -> Iterator[Chunk]:
        """Yield what the last chunk left to another one that did not come: the overlap alone."""
        if self._left and self._tail:
            yield self.whole(self._tail)

    def skip(self, piece: bytes) -> None:
        """Go on behind a `piece` of the origin that is shown in another way, or not at all."""
        passed = self._tail + piece
        self._pass(passed, len(passed), count(passed, LINE_END))
        self._tail = b""

    def _pass(self, data: bytes, end: int, newlines: int) -> None:
        self._line += newlines
        begin = data.rfind(b"\n", 0, end) + 1 if newlines else 0
        self._column = characters(data[begin:end]) + (1 if newlines else self._column)
        self.offset += end


def windows(data: bytes, origin: Origin) -> Iterator[Chunk]:
    """Cut bytes held in memory into chunks; short content, as most is, comes as it stands."""
    if len(data) <= WINDOW:
        yield Chunk(data, origin)
        return
    cutter = Cutter(origin)
    for start in range(0, len(data), WINDOW):
        yield cutter.chunk(data[start : start + WINDOW], more=start + WINDOW < len(data))
