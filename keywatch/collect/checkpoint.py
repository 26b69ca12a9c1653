"""How far a log file was read, in a form that survives a restart, a rename and a copy."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self, cast

import msgspec

from keywatch.collect.inflating import is_packed
from keywatch.collect.log_file import OLD_MARK, LogFile
from keywatch.model.content import LINE_END
from keywatch.model.source import Cursor, Json
from keywatch.native.count import count

_VERSION = 2
"""Of the cursor. In the first, marks were plain digests, and parted files lay among the others."""


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
    """The column of the next byte, in bytes, from 1. Above 1 only inside a line."""
    mark: str = ""
    """`LogFile.mark` at `offset`."""
    size: int = 0
    """Bytes on disk when it was last looked at."""
    modified: int = 0
    """Its modification time then, in nanoseconds."""
    changed: int = 0
    """Its change time then; zero where it was too recent to tell that nothing happened since."""
    finished: bool = False
    """A compressed file that needs no second look as long as size and time stay the same."""
    trouble: str = ""
    """What keeps a compressed file from being read (further), as long as size and time stay the same."""
    missing: bool = False
    """It was not there at the last look. Once is forgiven: a rename may have hidden it."""

    @property
    def key(self) -> str:
        return f"{self.device}:{self.inode}"

    @property
    def unread(self) -> int:
        """Bytes of a plain file that were there and have not been read: an unfinished last line."""
        return 0 if is_packed(self.path) else max(0, self.size - self.offset)

    def continued_by(self, file: LogFile) -> bool:
        """Whether `file` begins with everything this checkpoint has read."""
        return file.continues(self.offset, self.mark)

    def at(self, file: LogFile, path: str, trusted: int) -> Self:
        """
        Carry the place over to `file`, which continues it, perhaps under another name, inode or size.

        Args:
            file: the file.
            path: its name.
            trusted: change times up to this one are old enough to show the next change.
        """
        return replace(
            self,
            path=path,
            device=file.device,
            inode=file.inode,
            size=file.size,
            modified=file.modified,
            changed=file.changed if file.changed <= trusted else 0,
            # Whoever upgrades has the marks made without a key replaced as they are met.
            mark=file.mark(self.offset) if self.mark.startswith(OLD_MARK) else self.mark,
            missing=False,
            trouble="",
        )

    def after(self, piece: bytes, file: LogFile) -> Self:
        """Move on by `piece`, just read from `file`."""
        newlines = count(piece, LINE_END)
        column = len(piece) - piece.rfind(b"\n") if newlines else self.column + len(piece)
        offset = self.offset + len(piece)
        line = self.line + newlines if self.line else 0
        return replace(self, offset=offset, line=line, column=column, mark=file.mark(offset, piece))

    def to_json(self) -> Json:
        return cast("Json", msgspec.to_builtins(self))


@dataclass(frozen=True, slots=True)
class Places:
    """What a follower's cursor says."""

    files: dict[str, Checkpoint] = field(default_factory=dict)
    """By device and inode: the files that were there."""
    parted: tuple[Checkpoint, ...] = ()
    """Those that were removed or truncated lately: their content may live on elsewhere."""
    current: bool = False
    """The cursor said just this, in the form it has now."""

    def as_json(self, cursor: Cursor) -> dict[str, Json]:
        """Return the files as they stand in a cursor; `cursor` is the one they were read from."""
        files = cursor.get("files")
        if self.current and isinstance(files, Mapping):
            return dict(files)
        return {key: point.to_json() for key, point in self.files.items()}

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        """Read the places out of a cursor. What is not ours is as good as none: reading again beats missing."""
        files, parted = cursor.get("files"), cursor.get("parted")
        old = cursor.get("version") != _VERSION
        if not old:
            with suppress(msgspec.ValidationError):
                # All at once, a microsecond each. A look at files that stand still has little else to do.
                return cls(
                    msgspec.convert(files, dict[str, Checkpoint]),
                    msgspec.convert(parted, tuple[Checkpoint, ...]),
                    current=True,
                )
        points = [*_points(files.values() if isinstance(files, Mapping) else (), old=old)]
        gone = [*_points(parted if isinstance(parted, list) else (), old=old)]
        if old:
            gone += [point for point in points if point.missing]
        return cls({point.key: point for point in points if not point.missing}, tuple(gone))


def _points(values: Iterable[Json], *, old: bool) -> Iterator[Checkpoint]:
    for value in values:
        with suppress(msgspec.ValidationError):
            point = msgspec.convert(value, Checkpoint)
            if old and point.mark:
                # What is not opened again any more keeps no mark: should it change, it is read again.
                point = replace(point, mark="" if point.finished else OLD_MARK + point.mark, changed=0)
            yield point


def cursor_of(files: Mapping[str, Json], parted: Iterable[Json]) -> Cursor:
    """Return the cursor that says this."""
    return {"version": _VERSION, "files": dict(files), "parted": list(parted)}
