"""Directories and single files, as they lie there now."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from keywatch.collect.content.batching import batches
from keywatch.collect.content.text import chunks, stream
from keywatch.collect.content.tree import VERSION_CONTROL, Entry, printable, unreadable, walk
from keywatch.collect.content.windows import WINDOW
from keywatch.collect.regular_file import open_regular
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import ScanError
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped


class Directory:
    """A directory and everything below it, or one file. Links are not followed."""

    def __init__(
        self,
        path: Path,
        id: SourceId | None = None,  # noqa: A002 - the Protocol's word
        *,
        ruleset: str = "",
        excluded: frozenset[str] = VERSION_CONTROL,
    ) -> None:
        """
        Name what to scan; nothing is opened yet.

        Args:
            path: a directory or a file.
            id: the source's name; made from the path if not given.
            ruleset: `RuleSet.hash` of what is looked for. A cursor made under another one is void.
            excluded: names of directories that are left out wherever they are.
        """
        self.path = path
        self.target = printable(str(path))
        self.id = id or SourceId(f"files:{self.target}")
        self._ruleset = ruleset
        self._excluded = excluded

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read every file, unless not one of them changed since `cursor`. See `ContentSource.read`."""
        if not os.path.lexists(self.path):
            raise ScanError(f"{self.target}: no such file or directory", hint="check the spelling of the target")
        if not self.path.is_dir():
            yield from batches(read_file(str(self.path), self._origin(printable(self.path.name))))
            yield ContentBatch(chunks=(), cursor={"version": 1, "ruleset": self._ruleset})
            return
        entries, skipped = survey(str(self.path), self._excluded)
        digest = digest_of(entries)
        if cursor.get("tree") == digest and cursor.get("ruleset") == self._ruleset:
            yield ContentBatch(chunks=(), cursor=cursor, skipped=tuple(skipped))
            return
        yield from batches([*skipped])
        yield from batches(item for entry in entries for item in read_file(entry.path, self._origin(entry.relative)))
        yield ContentBatch(chunks=(), cursor={"version": 1, "ruleset": self._ruleset, "tree": digest})

    def check(self) -> Iterator[str | Skipped]:
        """Try to open the target. See `KeySource.check`."""
        try:
            with os.scandir(self.path) if self.path.is_dir() else self.path.open("rb"):
                yield f"read {self.target}"
        except OSError as error:
            yield unreadable(self.target, error)

    def _origin(self, relative: str) -> Origin:
        return Origin(self.target, relative)


def survey(top: str, excluded: frozenset[str] = VERSION_CONTROL) -> tuple[list[Entry], list[Skipped]]:
    """Return the files below `top`, and what could not be looked at."""
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    for item in walk(top, excluded=excluded):
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            entries.append(item)
    return entries, skipped


def digest_of(entries: Iterable[Entry]) -> str:
    """Return a digest that changes when any file is added, removed, renamed, or written to."""
    digest = hashlib.sha256()
    for entry in entries:
        status = entry.status
        # ctime moves with every write and cannot be set back, unlike mtime.
        stamp = f"{entry.path}\0{status.st_ino}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\n"
        digest.update(os.fsencode(stamp))
    return digest.hexdigest()


def read_file(path: str, origin: Origin) -> Iterator[Chunk | Skipped]:
    """Yield a file's chunks, a window at a time; or why it cannot be read (further)."""
    try:
        descriptor, status = open_regular(path)
    except FileNotFoundError:
        return  # removed since it was listed
    except OSError as error:
        yield unreadable(printable(path), error)
        return
    try:
        if status.st_size <= WINDOW:
            yield from chunks(os.read(descriptor, WINDOW), origin)
        else:
            yield from stream(pieces(descriptor), origin)
    except OSError as error:
        yield unreadable(printable(path), error)
    finally:
        os.close(descriptor)


def pieces(descriptor: int) -> Iterator[bytes]:
    """Read an open file to its end, a window at a time."""
    while piece := os.read(descriptor, WINDOW):
        yield piece


_: type[ContentSource] = Directory
