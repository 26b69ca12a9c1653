"""Content on its way into a format's reader: read once, piece by piece, or in any order where it can be."""

import io
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from keywatch.collect.content.archive.limits import Damaged, Exhausted

HEAD = 8192
"""Bytes of a beginning that tell what it is."""
_FARTHEST = 1 << 62
"""Beyond this offset no file goes, though a header may say so."""
STEP = 1 << 20
"""Bytes of a piece, at most."""


class Content:
    """A file's bytes. What follows `first` is read when it is asked for, once."""

    def __init__(
        self, first: bytes, rest: Iterable[bytes] = (), *, file: BinaryIO | None = None, size: int | None = None
    ) -> None:
        """
        Take over what is to be read.

        Args:
            first: at least `HEAD` bytes, or all there are.
            rest: what comes after them.
            file: the same content, seekable, where there is such a thing.
            size: bytes of everything, where that is known.
        """
        self.first = first
        self.file = file
        self.size = len(first) if rest == () else size
        self._rest = iter(rest)
        self._whole = rest == ()

    def pieces(self) -> Iterator[bytes]:
        """Yield everything, from the beginning if that can be had again."""
        if self.file is not None and not self._whole:
            return between(self.file, 0, None)
        rest = () if self._whole else self._rest
        return chain((self.first,) if self.first else (), rest)

    def seekable(self, most: int) -> BinaryIO | None:
        """Return the content for reading in any order, held in memory if need be; None: that would be too much."""
        if self.file is not None:
            return self.file
        if not self._whole:
            parts, size = [self.first], len(self.first)
            try:
                for piece in self._rest:
                    parts.append(piece)
                    size += len(piece)
                    if size > most:
                        break
                else:
                    self.first, self._rest, self._whole, self.size = b"".join(parts), iter(()), True, size
            except (Damaged, Exhausted) as error:
                self._rest = _Raising(error)
            if not self._whole:
                self._rest = chain(parts[1:], self._rest)
                return None
        return io.BytesIO(self.first)


def content_of(pieces: Iterable[bytes]) -> Content:
    """Return what is read piece by piece, with enough of its beginning at hand."""
    rest = iter(pieces)
    first = b""
    while len(first) < HEAD:
        try:
            piece = next(rest, None)
        except (Damaged, Exhausted) as error:
            return Content(first, _Raising(error))
        if piece is None:
            return Content(first)
        first += piece
    return Content(first, rest)


class _Raising(Iterator[bytes]):
    """Lets an error come where it came, after what was read before it was."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __next__(self) -> bytes:
        raise self._error


def between(file: BinaryIO, start: int, size: int | None) -> Iterator[bytes]:
    """Yield `size` bytes from offset `start` on, or up to the end. Others may move the file's position meanwhile."""
    while 0 <= start < _FARTHEST and (size is None or size > 0):
        file.seek(start)
        piece = file.read(STEP if size is None else min(STEP, size))
        if not piece:
            return
        start += len(piece)
        if size is not None:
            size -= len(piece)
        yield piece


def length(file: BinaryIO) -> int:
    """Return the bytes of a file."""
    return file.seek(0, os.SEEK_END)


def even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of one size, so that small ones cost no more and large ones no memory."""
    parts: list[bytes] = []
    size = 0
    broken: Exception | None = None
    rest = iter(pieces)
    while True:
        try:
            piece = next(rest, None)
        except (Damaged, Exhausted) as error:
            broken = error
            piece = None
        if piece is None:
            break
        parts.append(piece)
        size += len(piece)
        if size >= STEP:
            joined = b"".join(parts) if len(parts) > 1 else piece
            cut = size - size % STEP
            for start in range(0, cut, STEP):
                yield joined[start : start + STEP]
            parts, size = [joined[cut:]], size - cut
    if size:
        yield b"".join(parts)
    if broken is not None:
        raise broken


class Reader:
    """Reads headers and stretches of bytes out of pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Read from `pieces`."""
        self._pieces = iter(pieces)
        self._left = b""
        self._at = 0

    def peek(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end only, and leave them there. `size` is for us to bound."""
        have = len(self._left) - self._at
        if have < size:
            parts = [self._left[self._at :]]
            while have < size and (piece := next(self._pieces, None)) is not None:
                parts.append(piece)
                have += len(piece)
            self._left, self._at = b"".join(parts), 0
        return self._left[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """As `peek`, and go on behind them."""
        data = self.peek(size)
        self._at += len(data)
        return data

    def take(self, size: int | None = None) -> Iterator[bytes]:
        """Yield the next `size` bytes, or all there are, in pieces; fewer at the end only."""
        while size is None or size > 0:
            piece = self._some() if size is None else self._some(size)
            if not piece:
                return
            if size is not None:
                size -= len(piece)
            yield piece

    def give_back(self, data: bytes) -> None:
        """Put bytes in front that were taken too much."""
        self._left, self._at = data + self._left[self._at :], 0

    def skip(self, size: int) -> bool:
        """Go on `size` bytes; False: there are not as many."""
        for piece in self.take(size):
            size -= len(piece)
        return size == 0

    def _some(self, most: int = STEP) -> bytes:
        if self._at >= len(self._left):
            self._left, self._at = next(self._pieces, b""), 0
        data = self._left[self._at : self._at + min(most, STEP)]
        self._at += len(data)
        return data
