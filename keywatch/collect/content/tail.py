"""Logs that are being written to: followed files, and the journal."""

from collections.abc import Iterator

from keywatch.collect.content.tree import printable
from keywatch.collect.tail_batch import Lines, Piece
from keywatch.model.content import Chunk, Origin
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped


class FollowedLog:
    """A log, read on from where it was left, through rotation and restarts."""

    def __init__(self, lines: Lines, id: SourceId) -> None:  # noqa: A002 - the Protocol's word
        """
        Name what to follow; nothing is opened yet.

        Args:
            lines: the log. Its pieces should overlap by `windows.OVERLAP`, so that no secret is torn apart.
            id: the source's name.
        """
        self.id = id
        self.target = printable(lines.what)
        self._lines = lines

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read what was appended since `cursor`. Each batch is a place to resume from. See `ContentSource.read`."""
        for batch in self._lines.read(cursor):
            chunks = tuple(chunk_of(piece, self.target) for piece in batch.pieces)
            yield ContentBatch(chunks=chunks, cursor=batch.cursor, skipped=batch.skipped)

    def check(self) -> Iterator[str | Skipped]:
        """Try to open what is followed. See `KeySource.check`."""
        yield from self._lines.check()


def chunk_of(piece: Piece, target: str) -> Chunk:
    """Return a piece of a log as something to be scanned."""
    return Chunk(
        piece.data,
        Origin(target, printable(piece.path)),
        piece.offset,
        piece.first_line,
        piece.first_column if piece.first_line else 1,
        piece.overlap,
    )


_: type[ContentSource] = FollowedLog
