"""One log file as bytes at offsets, plain or gzipped, and the names a rotation gives it."""

import gzip
import hashlib
import os
import re
import zlib
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from keywatch.collect.regular_file import open_regular

MARK = 256
"""Bytes at the head of a file, and before an offset, that tell whether it is still the file it was."""

# logrotate: .1, -20261123, -20261123.gz; Python's TimedRotatingFileHandler: .2026-11-23_14; others: .old, .bak, ~
_ROTATED = re.compile(r"(?:[.-]\d[\dTZ:_.-]*|\.old|\.bak|~)?(?:\.gz)?$")


def unrotated(path: str) -> str:
    """Return the path a file had while it was written to: `app.log` of `app.log.2.gz`, `app.log` of itself."""
    folder, name = os.path.split(path)
    base = _ROTATED.sub("", name, count=1)
    return str(Path(folder) / base) if base else path


class Content(Protocol):
    """A file's bytes by offset. What is read again must lie within the last window, or costs a fresh start."""

    cut_off: bool
    """The content ended too early, and that was put up with."""

    def at(self, offset: int, count: int) -> bytes:
        """
        Return up to `count` bytes; fewer only at the end.

        Raises:
            EOFError: a gzip stream that ends too early: still being written, or cut off.
            OSError, zlib.error: it cannot be read.
        """
        ...


class LogFile:
    """An open log file. Use it as a context manager."""

    def __init__(self, path: str, *, salvage: bool = False) -> None:
        """
        Open `path`, which must be a regular file.

        Args:
            path: the file; one whose name ends in `.gz` is inflated.
            salvage: take a gzip stream that ends too early for what there is of it.

        Raises:
            OSError: it cannot be opened.
        """
        self.descriptor, status = open_regular(path)
        self.device = status.st_dev
        self.inode = status.st_ino
        self.size = status.st_size
        """Bytes on disk when it was opened."""
        self.modified = status.st_mtime_ns
        self.zipped = path.endswith(".gz")
        self._content: Content = (
            _Inflated(self.descriptor, salvage=salvage) if self.zipped else _Plain(self.descriptor, self.size)
        )

    @property
    def cut_off(self) -> bool:
        """Whether the gzip stream ended too early."""
        return self._content.cut_off

    def at(self, offset: int, count: int) -> bytes:
        """See `Content.at`. Bytes appended since the file was opened are not seen."""
        return self._content.at(offset, count)

    def mark(self, offset: int) -> str | None:
        """Return a digest of the file's head and of the bytes before `offset`; None: it is shorter than that."""
        if offset == 0:
            return ""
        length = min(MARK, offset)
        head, tail = self.at(0, length), self.at(offset - length, length)
        if len(head) < length or len(tail) < length:
            return None
        return hashlib.sha256(head + tail).hexdigest()[:32]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)


class _Plain:
    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.cut_off = False

    def at(self, offset: int, count: int) -> bytes:
        count = min(count, self._size - offset)
        parts: list[bytes] = []
        while count > 0 and (part := os.pread(self._descriptor, count, offset)):
            parts.append(part)
            offset += len(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class _Inflated:
    """A gzip stream, inflated forwards. The head and the bytes last read are kept, so that a mark costs nothing."""

    _STEP = 1 << 16

    def __init__(self, descriptor: int, *, salvage: bool) -> None:
        self._salvage = salvage
        self.cut_off = False
        self._file = os.fdopen(descriptor, "rb", closefd=False)
        self._restart()

    def _restart(self) -> None:
        self._file.seek(0)
        self._stream = gzip.GzipFile(fileobj=self._file, mode="rb")
        self._head = b""
        self._kept = bytearray()
        self._start = 0

    def at(self, offset: int, count: int) -> bytes:
        if offset + count <= len(self._head):
            return self._head[offset : offset + count]
        if offset < self._start:
            self._restart()
        while self._start + len(self._kept) < offset + count:
            if not (piece := self._next()):
                break
            if len(self._head) < MARK:
                self._head = (self._head + piece)[:MARK]
            self._kept += piece
            # One mark and one overlap before the offset may be asked for again.
            spare = min(offset - self._STEP - self._start, len(self._kept))
            if spare > self._STEP:
                del self._kept[:spare]
                self._start += spare
        begin = offset - self._start
        return bytes(self._kept[begin : begin + count])

    def _next(self) -> bytes:
        try:
            return b"" if self.cut_off else self._stream.read1(self._STEP)
        except EOFError:
            if not self._salvage:
                raise
            self.cut_off = True
            return b""


UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a log file can raise."""
