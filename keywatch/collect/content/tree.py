"""The files below a directory, without following a link or waiting for a pipe."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from keywatch.model.source import Skipped

VERSION_CONTROL = frozenset({".git", ".hg", ".svn", ".bzr", ".jj", "CVS"})
"""What holds a version control system's own files: their history is scanned as history or not at all."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file found."""

    path: str
    """As it can be opened."""
    relative: str
    """Below the directory that was walked, with `/`; bytes that are no UTF-8 are made visible."""
    status: os.stat_result


def walk(
    top: str, *, excluded: frozenset[str] = VERSION_CONTROL, ignored: frozenset[str] = frozenset()
) -> Iterator[Entry | Skipped]:
    """
    Yield every regular file below `top`, in the order of names; what cannot be read is `Skipped`.

    Args:
        top: where to begin.
        excluded: names that are left out wherever they are.
        ignored: paths below `top` that are left out, directories ending in `/`.

    Links are not followed: what they point to is either below `top` too, or was not asked for. Pipes, sockets and
    devices hold no content of their own.
    """
    pending = [(top, "")]
    while pending:
        folder, prefix = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            yield unreadable(printable(folder), error)
            continue
        files = []
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as error:
                yield unreadable(printable(entry.path), error)
                continue
            relative = printable(prefix + entry.name)
            if entry.name in excluded:
                continue
            if stat.S_ISDIR(status.st_mode):
                if f"{relative}/" not in ignored:
                    pending.append((entry.path, f"{prefix}{entry.name}/"))
            elif stat.S_ISREG(status.st_mode) and relative not in ignored:
                files.append(Entry(entry.path, relative, status))
        yield from reversed(files)


def printable(path: str) -> str:
    """Return a path as text that any file or database can hold: bytes that are not UTF-8 are written in hexadecimal."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unreadable(what: str, error: OSError) -> Skipped:
    """Say that a file or directory could not be read, and what would help."""
    hint = "let the user keywatch runs as read it" if isinstance(error, PermissionError) else None
    return Skipped(what, error.strerror or "cannot be read", hint)
