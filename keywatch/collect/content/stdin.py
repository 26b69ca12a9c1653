"""Standard input."""

import fcntl
import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import BinaryIO

from keywatch.collect.content.batching import batches
from keywatch.collect.content.text import SAMPLE, PlainText, is_packed, stream
from keywatch.collect.content.windows import PIECE
from keywatch.model.content import Origin
from keywatch.model.errors import ScanError
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped

_PIPE = 1 << 20
"""Bytes a pipe may hold: what Linux allows anybody."""
_PATIENCE = 0.5
"""Seconds for which what has come waits for more of it."""


class StandardInput:
    """What another program pipes in: read once, as it comes, never held whole."""

    id = SourceId("stdin")
    target = "-"

    def __init__(self, file: BinaryIO | None = None) -> None:
        """Read from `file`; without it, from the process's standard input."""
        self._file = file

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """
        Read to the end; there is nothing to resume. See `ContentSource.read`.

        What a slow program writes is looked at when it comes. While nothing does, there is an empty batch.
        """
        file = self._file or sys.stdin.buffer
        try:
            yield from _batches(_pieces(file), Origin(self.target, "stdin"))
        except OSError as error:
            raise ScanError(f"standard input: {error.strerror}") from None
        yield ContentBatch(chunks=(), cursor=cursor)

    def check(self) -> Iterator[str | Skipped]:
        """Nothing can be tried without taking it away. See `KeySource.check`."""
        yield "read standard input"


def _batches(pieces: Iterator[memoryview], origin: Origin) -> Iterator[ContentBatch]:
    first = next(pieces, memoryview(b""))
    if is_packed(bytes(first[:SAMPLE])):
        yield from batches(stream(map(bytes, filter(None, chain((first,), pieces))), origin))
        return
    text = PlainText(first, origin)
    for piece in chain((first,), pieces):
        yield ContentBatch(chunks=(text.chunk(piece),) if piece else (), cursor=None)
    yield ContentBatch(chunks=tuple(text.end()), cursor=None)


def _pieces(file: BinaryIO) -> Iterator[memoryview]:
    """
    Yield what comes, a piece at most; of a pipe, what has come so far, and nothing where nothing does.

    Each is good until the next is asked for.
    """
    try:
        descriptor = file.fileno()
    except OSError:  # it is in memory
        yield from (memoryview(piece) for piece in iter(lambda: file.read(PIECE), b""))
        return
    with suppress(OSError, ValueError):
        # A pipe of 64 KB makes both sides wait for each other sixteen times as often; refused where it is no pipe.
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)
    waits = select.poll()
    waits.register(descriptor, select.POLLIN)
    room = memoryview(bytearray(PIECE))
    while True:
        size, ended = _filled(descriptor, room, waits)
        if size:
            yield room[:size]
        if ended:
            return
        if size < PIECE and not waits.poll(_PATIENCE * 1000):
            yield room[:0]
            waits.poll()


def _filled(descriptor: int, room: memoryview, waits: select.poll) -> tuple[int, bool]:
    """Read until there is no room, or some time after the first byte. Return how much it is, and whether it is all."""
    size, until = 0, 0.0
    while size < len(room):
        if size and not waits.poll(max(0.0, until - time.monotonic()) * 1000):
            break
        count = os.readv(descriptor, [room[size:]])
        if not count:
            return size, True
        if not size:
            until = time.monotonic() + _PATIENCE
        size += count
    return size, False


_: type[ContentSource] = StandardInput
