"""Cutting long content into chunks that overlap, each with its exact place."""

from collections.abc import Iterator

from keywatch.model.content import Chunk, Origin

WINDOW = 4 << 20
"""Bytes of a chunk, at most, before its overlap."""
OVERLAP = 16 << 10
"""Bytes a chunk repeats of the one before: more than the longest secret, a private key of 16,384 bits."""


class Cutter:
    """Turns one origin's bytes, given piece by piece, into chunks."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._offset = 0
        self._line = 1
        self._column = 1
        self._tail = b""

    def chunk(self, piece: bytes, *, more: bool = False) -> Chunk:
        """Return the next `piece` of the origin, with the end of the one before in front of it; `more`: and no last."""
        data = self._tail + piece if self._tail else piece
        chunk = Chunk(data, self._origin, self._offset, self._line, self._column, len(self._tail), more)
        kept = data[-OVERLAP:]
        shown = data[: len(data) - len(kept)]
        newlines = shown.count(b"\n")
        self._line += newlines
        self._column = len(shown) - shown.rfind(b"\n") if newlines else self._column + len(shown)
        self._offset += len(shown)
        self._tail = kept
        return chunk

    def skip(self, piece: bytes) -> None:
        """Go on behind a `piece` of the origin that is shown in another way, or not at all."""
        passed = self._tail + piece
        newlines = passed.count(b"\n")
        self._line += newlines
        self._column = len(passed) - passed.rfind(b"\n") if newlines else self._column + len(passed)
        self._offset += len(passed)
        self._tail = b""


def windows(data: bytes, origin: Origin) -> Iterator[Chunk]:
    """Cut bytes held in memory into chunks; short content, as most is, comes as it stands."""
    if len(data) <= WINDOW:
        yield Chunk(data, origin)
        return
    cutter = Cutter(origin)
    for start in range(0, len(data), WINDOW):
        yield cutter.chunk(data[start : start + WINDOW], more=start + WINDOW < len(data))
