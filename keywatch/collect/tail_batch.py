"""What is read of a log, file or journal: lines, where they stand, and where to go on after them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from keywatch.model.source import Cursor, Skipped

WINDOW = 1 << 20
"""Bytes of a file held at a time. A line longer than this comes in pieces."""
WINDOWS = 4
"""Windows of a batch, about: a thousand files with a line each are one commit, not a thousand."""
GATHERED = 8 * WINDOWS * WINDOW
"""
Bytes of a log whose calls are committed together, at least, unless it ends before: what they come to is worked out, and
written down, once for each credential.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some lines of one file."""

    path: str
    data: bytes = field(repr=False)
    """Whole lines with their line ends; the last line of a rotated file may lack one. See `partial`."""
    offset: int = 0
    """Bytes of the file (of its uncompressed content) before `data`."""
    first_line: int = 0
    """The line of the first byte, from 1. Zero: unknown."""
    first_column: int = 1
    """The column of the first byte, in bytes, from 1."""
    overlap: int = 0
    """Leading bytes that the piece before has shown already. Only where the reader was asked for it."""
    partial: bool = False
    """`data` is one piece, perhaps the last, of a line longer than the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailBatch:
    """What one step brought. Commit what you made of the pieces together with `cursor`, or neither."""

    pieces: tuple[Piece, ...] = ()
    cursor: Cursor
    skipped: tuple[Skipped, ...] = ()
    blocked: Skipped | None = None
    """The first of `skipped` that is not lost, but kept from us: there may be more to read than was read."""
    lost: str | None = None
    """What was written, or may have been, and was gone before it was read, for a person; None: nothing."""


class Lines(Protocol):
    """A log that is read on from a cursor: files by `Follower`, the journal by `Journal`."""

    what: str
    """What a person calls it: a path, a glob, `journal`."""

    def read(self, cursor: Cursor) -> Iterator[TailBatch]:
        """
        Read on from `cursor` to the present end, oldest first; empty: from the beginning.

        Raises:
            SourceError: it cannot be read (further). Batches yielded before still hold.
        """
        ...

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`."""
        ...
