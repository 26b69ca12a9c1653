"""What a follower hands out: some lines of one file, and where to go on after them."""

from dataclasses import dataclass, field

from keywatch.model.source import Cursor, Skipped

WINDOW = 1 << 20
"""Bytes of a file held at a time. A line longer than this comes in pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailBatch:
    """Some lines of one file. Commit what you made of them together with `cursor`, or neither."""

    path: str
    """The file; the follower's pattern where a batch brings only a cursor or what was skipped."""
    data: bytes = field(repr=False)
    """Whole lines with their line ends; the last line of a rotated file may lack one. See `partial`."""
    offset: int = 0
    """Bytes of the file (of its uncompressed content) before `data`."""
    first_line: int = 0
    """The line of the first byte, from 1. Zero: unknown."""
    first_column: int = 1
    """The column of the first byte, in bytes, from 1."""
    overlap: int = 0
    """Leading bytes that the batch before has shown already. Only where the follower was asked for it."""
    partial: bool = False
    """`data` is one piece, perhaps the last, of a line longer than the window."""
    cursor: Cursor
    skipped: tuple[Skipped, ...] = ()
