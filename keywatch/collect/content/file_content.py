"""One file, read as chunks, and the name its content has as a blob."""

import hashlib
import os
from collections.abc import Iterator

from keywatch.collect.content.text import chunks, pieces, text_of_file
from keywatch.collect.content.tree import printable, unreadable
from keywatch.collect.content.windows import WINDOW
from keywatch.collect.regular_file import open_regular
from keywatch.model.content import Chunk, Origin
from keywatch.model.source import Skipped

BLOB = "sha1"
"""The digest by which files outside of repositories are named."""
_NAMED = 64 << 20
"""Bytes of a file whose content is named by a digest, which means to read it twice if it is longer than a window."""


class FileOrigin(Origin):
    """A file whose content is at hand. Its name as a blob is worked out if somebody asks: for findings alone."""

    __slots__ = ("_algorithm", "_data", "_name")
    _algorithm: str
    _data: bytes
    _name: str | None

    def __init__(self, origin: Origin, data: bytes, algorithm: str) -> None:
        """As `origin`; the file holds `data`."""
        for name, value in (
            ("target", origin.target),
            ("path", origin.path),
            ("parts", ()),
            ("_data", data),
            ("_algorithm", algorithm),
            ("_name", None),
        ):
            object.__setattr__(self, name, value)

    @property
    def blob(self) -> str | None:
        """See `Origin.blob`."""
        if self._name is None:
            digest = _digest(self._algorithm, len(self._data))
            digest.update(self._data)
            object.__setattr__(self, "_name", digest.hexdigest())
        return self._name

    @property
    def held(self) -> int:
        """See `Origin.held`."""
        return len(self._data)


def read_file(path: str, origin: Origin, *, naming: str = "", told: str | None = None) -> Iterator[Chunk | Skipped]:
    """
    Return a file's chunks, a window at a time; or why it cannot be read (further).

    Args:
        path: the file.
        origin: what the chunks say of where they come from.
        naming: the digest that names its content as a blob; empty: `origin` has its name, or it gets none.
        told: what a person calls the file, if that is not the path.
    """
    named = printable(path) if told is None else told
    try:
        descriptor, status = open_regular(path)
    except FileNotFoundError:
        return iter(())  # removed since it was listed
    except OSError as error:
        return iter((unreadable(named, error),))
    if status.st_size > WINDOW:
        return _long(descriptor, status.st_size, path, origin, naming, named)
    try:
        data = _whole(descriptor, status.st_size)
    except OSError as error:
        return iter((unreadable(named, error),))
    finally:
        os.close(descriptor)
    return chunks(data, FileOrigin(origin, data, naming) if naming else origin)


def _whole(descriptor: int, size: int) -> bytes:
    """Return what an open file holds; of one that has grown since it had `size` bytes, a window."""
    data = os.read(descriptor, size + 1)
    return data if len(data) <= size else data + os.read(descriptor, WINDOW - size)


def _long(
    descriptor: int, size: int, path: str, origin: Origin, naming: str, named: str
) -> Iterator[Chunk | Skipped]:
    try:
        if naming and size <= _NAMED:
            origin = Origin(origin.target, origin.path, blob_id(path, naming))
        yield from text_of_file(descriptor, origin, size)
    except OSError as error:
        yield unreadable(named, error)
    finally:
        os.close(descriptor)


def blob_id(path: str, algorithm: str = BLOB) -> str | None:
    """Return the name git would give to a file's content; None: it cannot be read."""
    try:
        descriptor, status = open_regular(path)
    except OSError:
        return None
    try:
        digest = _digest(algorithm, status.st_size)
        for piece in pieces(descriptor):
            digest.update(piece)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _digest(algorithm: str, size: int) -> "hashlib._Hash":
    return hashlib.new(algorithm, b"blob %d\0" % size, usedforsecurity=False)
