"""Log files that are being written to."""

from collections.abc import Iterator

from keywatch.collect.content.tree import printable
from keywatch.collect.content.windows import OVERLAP
from keywatch.collect.tail import WINDOW, Follower
from keywatch.model.content import Chunk, Origin
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped


class FollowedLog:
    """Every file a glob pattern names, read on from where it was left, through rotation and restarts."""

    def __init__(self, pattern: str, id: SourceId, *, window: int = WINDOW) -> None:  # noqa: A002 - the Protocol's word
        """
        Name what to follow; nothing is opened yet.

        Args:
            pattern: a path or glob; see `Follower`.
            id: the source's name.
            window: bytes held in memory at a time.
        """
        self.id = id
        self.target = printable(pattern)
        self._follower = Follower(pattern, window=window, overlap=OVERLAP)

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read what was appended since `cursor`. Each batch is a place to resume from. See `ContentSource.read`."""
        if not self._follower.files():
            # Perhaps between two names of a rotation; if not, somebody must hear of it.
            yield ContentBatch(chunks=(), cursor=None, skipped=tuple(self._missing()))
        for batch in self._follower.read(cursor):
            origin = Origin(self.target, printable(batch.path))
            chunk = Chunk(
                batch.data,
                origin,
                batch.offset,
                batch.first_line,
                batch.first_column if batch.first_line else 1,
                batch.overlap,
            )
            yield ContentBatch(chunks=(chunk,) if batch.data else (), cursor=batch.cursor, skipped=batch.skipped)

    def _missing(self) -> Iterator[Skipped]:
        return (item for item in self._follower.check() if isinstance(item, Skipped))

    def check(self) -> Iterator[str | Skipped]:
        """Try to open each file the pattern names now. See `KeySource.check`."""
        yield from self._follower.check()


_: type[ContentSource] = FollowedLog
