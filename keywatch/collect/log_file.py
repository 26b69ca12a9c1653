"""One log file as bytes at offsets, plain or compressed, and the proof that it is still the file it was."""

import hashlib
import os
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from keywatch.collect.inflating import Inflated, is_packed
from keywatch.collect.regular_file import open_regular

MARK = 256
"""Bytes at the head of a file, and before an offset, that tell whether it is still the file it was."""
OLD_MARK = "sha256:"
"""Before a mark that an older keywatch made without a key."""

Digest = Callable[[bytes], str]
"""Makes the mark of some bytes: `Pepper.mark`, as what a log's last bytes are must not be guessed from a database."""


class Content(Protocol):
    """A file's bytes by offset. What is read again must lie within the last window, or costs a fresh start."""

    cut_off: bool
    """The content ended too early, and that was put up with."""

    def at(self, offset: int, count: int) -> bytes:
        """
        Return up to `count` bytes; fewer only at the end.

        Raises:
            EOFError: a compressed stream that ends too early: still being written, or cut off.
            Undecodable: it is no such stream, or one that is made to cost.
            OSError: it cannot be read.
        """
        ...


class LogFile:
    """An open log file. Use it as a context manager."""

    def __init__(self, path: str, digest: Digest, *, salvage: bool = False) -> None:
        """
        Open `path`, which must be a regular file.

        Args:
            path: the file; one whose name says that it is compressed is inflated.
            digest: makes marks.
            salvage: take a compressed stream that ends too early for what there is of it.

        Raises:
            OSError: it cannot be opened.
        """
        self.descriptor, status = open_regular(path)
        self.device = status.st_dev
        self.inode = status.st_ino
        self.size = status.st_size
        """Bytes on disk when it was opened."""
        self.modified = status.st_mtime_ns
        self.changed = status.st_ctime_ns
        self.sparse = status.st_blocks * 512 < status.st_size
        self.packed = is_packed(path)
        self._digest = digest
        self._head: bytes | None = None
        try:
            self._content: Content = (
                Inflated(path, self.descriptor, salvage=salvage, keep=MARK)
                if self.packed
                else _Plain(self.descriptor, self.size)
            )
        except BaseException:
            os.close(self.descriptor)
            raise

    @property
    def cut_off(self) -> bool:
        """Whether a compressed stream ended too early."""
        return self._content.cut_off

    def at(self, offset: int, count: int) -> bytes:
        """See `Content.at`. Bytes appended since the file was opened are not seen."""
        return self._content.at(offset, count)

    def data_from(self, offset: int) -> int:
        """Return where the next bytes after `offset` are that were ever written; holes in a file read as zeros."""
        if self.packed or not self.sparse:
            return offset
        try:
            return os.lseek(self.descriptor, offset, os.SEEK_DATA)
        except OSError:
            return max(offset, self.size)  # none, or a file system that knows no holes and never gets here

    @property
    def head(self) -> bytes:
        """The file's first bytes, as they were when first asked for: what is read later must belong to them."""
        if self._head is None:
            self._head = self.at(0, MARK)
        return self._head

    def mark(self, offset: int, before: bytes = b"") -> str:
        """
        Return what proves later that a file begins with what was read of this one up to `offset`.

        Args:
            offset: bytes read.
            before: the bytes just read, which end there. They are not read again: what lies at that place by now may
                be another log's, after a truncation, and must not be proven to have been read.
        """
        return "" if offset == 0 else self._digest(self._proof(offset, before))

    def continues(self, offset: int, mark: str) -> bool:
        """Whether this file begins with the content that `mark` was made of."""
        if offset == 0:
            return mark == ""
        length = min(MARK, offset)
        proof = self._proof(offset)
        if len(proof) < 2 * length:
            return False
        if mark.startswith(OLD_MARK):
            return mark == OLD_MARK + hashlib.sha256(proof).hexdigest()[:32]
        return mark == self._digest(proof)

    def _proof(self, offset: int, before: bytes = b"") -> bytes:
        length = min(MARK, offset)
        head = self.head[:length]
        return head + (before[-length:] if len(before) >= length else self.at(offset - length, length))

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
