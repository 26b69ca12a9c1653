"""A log that serves both rivers: what proves a call in it is taken, and what leaked into it is looked for."""

from collections.abc import Iterator
from typing import Protocol

from keywatch.collect.content.tail import chunk_of
from keywatch.collect.content.tree import printable
from keywatch.collect.tail_batch import Lines, TailBatch
from keywatch.model.key import SourceId
from keywatch.model.source import CallBatch, ContentBatch, ContentSource, Cursor, Skipped


class ReadLog(Protocol):
    """A log that proves calls: an application's requests, Vault's audit log."""

    lines: Lines

    @property
    def id(self) -> SourceId: ...

    def steps(self, cursor: Cursor) -> Iterator[tuple[CallBatch | None, TailBatch | None]]:
        """
        Read as `CallSource.read` does, and give what was read beside what it proves.

        That comes later where it is None, for this and what was read before together; where nothing was read, alone.
        """
        ...

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`."""
        ...


class SharedLog:
    """A log of calls that is scanned as well: its bytes are read once, and one cursor stands for both."""

    def __init__(self, log: ReadLog) -> None:
        """Share what `log` reads. Its pieces should overlap by `windows.OVERLAP`."""
        self.target = printable(log.lines.what)
        self._log = log

    @property
    def id(self) -> SourceId:
        return self._log.id

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read on from `cursor`; a batch to resume from brings calls beside its chunks. See `ContentSource.read`."""
        for calls, read in self._log.steps(cursor):
            chunks = tuple(chunk_of(piece, self.target) for piece in read.pieces) if read else ()
            if calls is not None:
                yield ContentBatch(chunks=chunks, cursor=calls.cursor, skipped=calls.skipped, calls=calls)
            elif chunks:
                yield ContentBatch(chunks=chunks, cursor=None)

    def check(self) -> Iterator[str | Skipped]:
        yield from self._log.check()


_: type[ContentSource] = SharedLog
