"""Content: bytes to look at, and where they came from."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Origin:
    """Where bytes came from."""

    target: str
    """What was asked to be scanned: a repository, a directory, a log glob, `-`."""
    path: str
    """The file inside the target; inner paths of archives joined by `!`."""
    blob: str | None = None
    """The git object id whose content this is; who committed it is looked up for findings only."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of bytes from one origin. Long content comes as several chunks that overlap."""

    data: bytes = field(repr=False)
    origin: Origin
    offset: int = 0
    """Bytes of the origin before this chunk."""
    first_line: int = 1
    """Line number of the chunk's first byte, counted from 1. Zero: line numbers are unknown."""
    first_column: int = 1
    """Column of the chunk's first byte in its line, in bytes, counted from 1."""
    overlap: int = 0
    """Leading bytes that the previous chunk has shown already: a match that ends inside them is a repeat."""
