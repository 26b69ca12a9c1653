"""Standard input."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from keywatch.collect.content.batching import batches
from keywatch.collect.content.text import stream
from keywatch.collect.content.windows import WINDOW
from keywatch.model.content import Origin
from keywatch.model.errors import ScanError
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped

_PIPE = 1 << 20
"""Bytes a pipe may hold: what Linux allows anybody."""


class StandardInput:
    """What another program pipes in: read once, as it comes, never held whole."""

    id = SourceId("stdin")
    target = "-"

    def __init__(self, file: BinaryIO | None = None) -> None:
        """Read from `file`; without it, from the process's standard input."""
        self._file = file

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read to the end; there is nothing to resume. See `ContentSource.read`."""
        file = self._file or sys.stdin.buffer
        try:
            yield from batches(stream(_pieces(file), Origin(self.target, "stdin")))
        except OSError as error:
            raise ScanError(f"standard input: {error.strerror}") from None
        yield ContentBatch(chunks=(), cursor=cursor)

    def check(self) -> Iterator[str | Skipped]:
        """Nothing can be tried without taking it away. See `KeySource.check`."""
        yield "read standard input"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with suppress(OSError, ValueError):
        # A pipe of 64 KB makes both sides wait for each other sixteen times as often; refused where it is no pipe.
        fcntl.fcntl(file.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
    while piece := file.read(WINDOW):
        yield piece


_: type[ContentSource] = StandardInput
