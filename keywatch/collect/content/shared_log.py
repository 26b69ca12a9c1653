"""A log that serves both rivers: what proves a call in it is taken, and what leaked into it is looked for."""

from collections.abc import Iterator

from keywatch.collect.calls.request_log import RequestLog
from keywatch.collect.content.tail import chunk_of
from keywatch.collect.content.tree import printable
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped


class SharedLog:
    """A request log that is scanned as well: its bytes are read once, and one cursor stands for both."""

    def __init__(self, requests: RequestLog) -> None:
        """Share what `requests` reads. Its pieces should overlap by `windows.OVERLAP`."""
        self.target = printable(requests.lines.what)
        self._requests = requests

    @property
    def id(self) -> SourceId:
        return self._requests.id

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read on from `cursor`; each batch brings calls beside its chunks. See `ContentSource.read`."""
        for calls, read in self._requests.steps(cursor):
            chunks = tuple(chunk_of(piece, self.target) for piece in read.pieces) if read else ()
            yield ContentBatch(chunks=chunks, cursor=calls.cursor, skipped=calls.skipped, calls=calls)

    def check(self) -> Iterator[str | Skipped]:
        yield from self._requests.check()


_: type[ContentSource] = SharedLog
