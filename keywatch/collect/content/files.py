"""Directories and single files, as they lie there now."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from keywatch.collect.content.attribution import Vouches
from keywatch.collect.content.batching import batches
from keywatch.collect.content.file_content import BLOB, blob_id, read_file
from keywatch.collect.content.file_lot import planned
from keywatch.collect.content.measure import Ahead, Measures
from keywatch.collect.content.tree import VERSION_CONTROL, Entry, printable, unreadable, walk
from keywatch.model.content import Origin
from keywatch.model.errors import ScanError
from keywatch.model.finding import Place
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped

_MUCH = 128 << 20
"""Bytes of a directory whose files are worth lots, for which processes are started."""


class Directory:
    """A directory and everything below it, or one file. Links are not followed."""

    def __init__(
        self,
        path: Path,
        id: SourceId | None = None,  # noqa: A002 - the Protocol's word
        *,
        ruleset: str = "",
        excluded: frozenset[str] = VERSION_CONTROL,
        gitignore: bool = False,
    ) -> None:
        """
        Name what to scan; nothing is opened yet.

        Args:
            path: a directory or a file.
            id: the source's name; made from the path if not given.
            ruleset: `RuleSet.hash` of what is looked for. A cursor made under another one is void.
            excluded: names of directories that are left out wherever they are.
            gitignore: leave out what `.gitignore` files in it name.
        """
        self.path = path
        self.target = printable(str(path))
        self.id = id or SourceId(f"files:{self.target}")
        self._ruleset = ruleset
        self._excluded = excluded
        self.ahead: Ahead | None = None
        self._gitignore = gitignore

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read every file, unless not one of them changed since `cursor`. See `ContentSource.read`."""
        if not os.path.lexists(self.path):
            raise ScanError(f"{self.target}: no such file or directory", hint="check the spelling of the target")
        entries, skipped = self._survey()
        digest = digest_of(entries)
        if cursor.get("tree") == digest and cursor.get("ruleset") == self._ruleset:
            yield ContentBatch(chunks=(), cursor=cursor, skipped=tuple(skipped))
            return
        yield from batches([*skipped])
        size = sum(entry.status.st_size for entry in entries)
        self.ahead = Ahead(len(entries), size)
        lots, others = planned(str(self.path), self.target, entries) if size >= _MUCH else ([], entries)
        yield from (ContentBatch(cursor=None, lots=(lot,)) for lot in lots)
        yield from batches(
            item for entry in others for item in read_file(entry.path, Origin(self.target, entry.relative), naming=BLOB)
        )
        yield ContentBatch(chunks=(), cursor={"version": 1, "ruleset": self._ruleset, "tree": digest})

    def check(self) -> Iterator[str | Skipped]:
        """Try to open the target. See `KeySource.check`."""
        try:
            with os.scandir(self.path) if self.path.is_dir() else self.path.open("rb"):
                yield f"read {self.target}"
        except OSError as error:
            yield unreadable(self.target, error)

    def gone(self, places: Iterable[Place]) -> frozenset[Place]:
        """Return those places whose file is no longer there, or has other content. See `Vouches.gone`."""
        top = self.path if self.path.is_dir() else self.path.parent

        def is_gone(place: Place) -> bool:
            path = holder(top, place.path)
            return not os.path.lexists(path) or (place.blob is not None and blob_id(path) not in {place.blob, None})

        return frozenset(place for place in places if is_gone(place))

    def _survey(self) -> tuple[list[Entry], list[Skipped]]:
        if self.path.is_dir():
            if self._gitignore:
                from keywatch.collect.content.gitignore import ignored_below

                return survey(str(self.path), self._excluded, ignored_below(self.path))
            return survey(str(self.path), self._excluded)
        return [Entry(str(self.path), printable(self.path.name), os.lstat(self.path))], []


def holder(top: Path, path: str) -> str:
    """Return the file below `top` that holds what `path` names: itself, or an archive in which that is."""
    while not os.path.lexists(top / path) and "!" in path:
        path = path.rpartition("!")[0]
    return str(top / path)


def survey(
    top: str, excluded: frozenset[str] = VERSION_CONTROL, ignored: frozenset[str] = frozenset()
) -> tuple[list[Entry], list[Skipped]]:
    """Return the files below `top`, and what could not be looked at. See `walk`."""
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    for item in walk(top, excluded=excluded, ignored=ignored):
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


_: type[ContentSource] = Directory
__: type[Vouches] = Directory
___: type[Measures] = Directory
