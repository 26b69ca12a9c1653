"""How far a log file was read, in a form that survives a restart, a rename and a copy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from keywatch.collect.log_file import LogFile
from keywatch.model.source import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One file's place in a follower's cursor."""

    path: str
    device: int
    inode: int
    offset: int = 0
    """Bytes read; of the content, not of its compressed form."""
    line: int = 1
    """The line the next byte is in, from 1. Zero: unknown, for what comes before was not read."""
    column: int = 1
    """The column of the next byte, in bytes, from 1. Above 1 only inside a line longer than the window."""
    mark: str = ""
    """`LogFile.mark` at `offset`."""
    size: int = 0
    """Bytes on disk when it was last looked at."""
    modified: int = 0
    """Its modification time then, in nanoseconds."""
    finished: bool = False
    """A compressed file that needs no second look as long as size and time stay the same."""
    missing: bool = False
    """It was not there at the last look. Once is forgiven: a rename may have hidden it."""

    @property
    def key(self) -> str:
        return f"{self.device}:{self.inode}"

    @property
    def unread(self) -> int:
        """Bytes of a plain file that were there and have not been read: an unfinished last line."""
        return 0 if self.path.endswith(".gz") else max(0, self.size - self.offset)

    def continued_by(self, file: LogFile) -> bool:
        """Whether `file` begins with everything this checkpoint has read."""
        return file.mark(self.offset) == self.mark

    def at(self, file: LogFile) -> Self:
        """Carry the place over to `file`, which continues it under another name, inode or size."""
        return replace(
            self,
            device=file.device,
            inode=file.inode,
            size=file.size,
            modified=file.modified,
            missing=False,
        )

    def after(self, piece: bytes, file: LogFile) -> Self:
        """Move on by `piece`, just read from `file`."""
        newlines = piece.count(b"\n")
        column = len(piece) - piece.rfind(b"\n") if newlines else self.column + len(piece)
        offset = self.offset + len(piece)
        line = self.line + newlines if self.line else 0
        return replace(self, offset=offset, line=line, column=column, mark=file.mark(offset) or "")

    def to_json(self) -> Json:
        return {
            "path": self.path,
            "device": self.device,
            "inode": self.inode,
            "offset": self.offset,
            "line": self.line,
            "column": self.column,
            "mark": self.mark,
            "size": self.size,
            "modified": self.modified,
            "finished": self.finished,
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Self:
        """
        Read what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """

        def number(name: str) -> int:
            value = data.get(name)
            if not isinstance(value, int):
                raise ValueError(f"checkpoint: {name} is not a whole number")  # noqa: TRY004 - it is data that is wrong
            return value

        path, mark = data.get("path"), data.get("mark")
        if not isinstance(path, str) or not isinstance(mark, str):
            raise ValueError("checkpoint: path or mark is missing")  # noqa: TRY004 - it is data that is wrong
        return cls(
            path=path,
            device=number("device"),
            inode=number("inode"),
            offset=number("offset"),
            line=number("line"),
            column=number("column"),
            mark=mark,
            size=number("size"),
            modified=number("modified"),
            finished=data.get("finished") is True,
            missing=data.get("missing") is True,
        )
