"""The files below a directory, without following a link or waiting for a pipe."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from keywatch.model.source import Skipped

VERSION_CONTROL = frozenset({".git", ".hg", ".svn", ".bzr", ".jj", "CVS"})
"""What holds a version control system's own files: their history is scanned as history or not at all."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file found."""

    path: str
    """As it can be opened."""
    begin: int
    """Characters of the path before what the file is called below the directory that was walked."""
    size: int

    @property
    def relative(self) -> str:
        """Its name below that directory, with `/`; bytes that are no UTF-8 are made visible."""
        return printable(self.path[self.begin :])


def _nothing(_stamp: bytes) -> None: ...


def walk(
    top: str,
    *,
    excluded: frozenset[str] = VERSION_CONTROL,
    ignored: frozenset[str] = frozenset(),
    note: Callable[[bytes], object] = _nothing,
) -> Iterator[Entry | Skipped]:
    """
    Yield every regular file below `top`, in the order of names; what cannot be read is `Skipped`.

    Args:
        top: where to begin.
        excluded: names that are left out wherever they are.
        ignored: paths below `top` that are left out, directories ending in `/`.
        note: gets what changes when a file is added, removed, renamed, or written to, before the file is yielded.

    Links are not followed: what they point to is either below `top` too, or was not asked for. Pipes, sockets and
    devices hold no content of their own.
    """
    pending = [top]
    begin = len(os.path.join(top, ""))  # noqa: PTH118 - as a listing joins them

    def is_ignored(path: str, end: str = "") -> bool:
        return bool(ignored) and printable(path[begin:]) + end in ignored

    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted([one for one in listing if one.name not in excluded], key=_name, reverse=True)
        except OSError as error:
            yield unreadable(printable(folder), error)
            continue
        files = []
        for entry in entries:
            path = entry.path
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not is_ignored(path, "/"):
                        pending.append(path)
                elif stat.S_ISREG((status := entry.stat(follow_symlinks=False)).st_mode) and not is_ignored(path):
                    files.append((path, status))
            except OSError as error:
                yield unreadable(printable(path), error)
        for path, status in reversed(files):
            note(stamp(path, status))
            yield Entry(path, begin, status.st_size)


_name = attrgetter("name")


def stamp(path: str, status: os.stat_result) -> bytes:
    """Return what changes with a file."""
    # ctime moves with every write and cannot be set back, unlike mtime.
    told = f"{path}\0{status.st_ino}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\n"
    return os.fsencode(told)


def printable(path: str) -> str:
    """Return a path as text that any file or database can hold: bytes that are not UTF-8 are written in hexadecimal."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unreadable(what: str, error: OSError) -> Skipped:
    """Say that a file or directory could not be read, and what would help."""
    hint = "let the user keywatch runs as read it" if isinstance(error, PermissionError) else None
    return Skipped(what, error.strerror or "cannot be read", hint)
