"""One file, read as chunks, and the name its content has as a blob."""

import os
from collections.abc import Iterator

from keywatch.collect.content.names import Names
from keywatch.collect.content.text import chunks, pieces, text_of_file
from keywatch.collect.content.tree import printable, unreadable
from keywatch.collect.content.windows import WINDOW
from keywatch.collect.regular_file import open_regular
from keywatch.model.content import Chunk, Origin
from keywatch.model.source import Skipped

_NAMED = 64 << 20
"""Bytes of a file whose content is named by a digest, which means to read it twice if it is longer than a window."""

_SHA1 = Names()


class FileOrigin(Origin):
    """A file whose content is at hand. Its name as a blob is worked out if somebody asks: for findings alone."""

    __slots__ = ("_data", "_name", "_names")
    _data: bytes
    _name: str | None
    _names: Names

    def __init__(self, origin: Origin, data: bytes, names: Names, name: str | None = None) -> None:
        """As `origin`; the file holds `data`, and is called `name` if that is known."""
        for field, value in (
            ("target", origin.target),
            ("path", origin.path),
            ("parts", ()),
            ("_data", data),
            ("_names", names),
            ("_name", name),
        ):
            object.__setattr__(self, field, value)

    @property
    def blob(self) -> str | None:
        """See `Origin.blob`."""
        if self._name is None:
            object.__setattr__(self, "_name", self._names.name(self._data).hex())
        return self._name

    @property
    def held(self) -> int:
        """See `Origin.held`."""
        return len(self._data)


def read_file(path: str, origin: Origin, names: Names = _SHA1, told: str | None = None) -> Iterator[Chunk | Skipped]:
    """
    Return a file's chunks, a window at a time; or why it cannot be read (further). Of one with a known name, none.

    Args:
        path: the file.
        origin: what the chunks say of where they come from.
        names: how it is called as a blob.
        told: what a person calls the file, if that is not the path.
    """
    try:
        descriptor, status = open_regular(path)
    except FileNotFoundError:
        return iter(())  # removed since it was listed
    except OSError as error:
        return iter((unreadable(told or printable(path), error),))
    if status.st_size > WINDOW:
        return _long(descriptor, status.st_size, origin, names, told or printable(path))
    try:
        data = _whole(descriptor, status.st_size)
    except OSError as error:
        return iter((unreadable(told or printable(path), error),))
    finally:
        os.close(descriptor)
    if names.known is None:
        return chunks(data, FileOrigin(origin, data, names))
    name = names.name(data)
    return iter(()) if names.has(name) else chunks(data, FileOrigin(origin, data, names, name.hex()))


def _whole(descriptor: int, size: int) -> bytes:
    """Return what an open file holds; of one that has grown since it had `size` bytes, a window."""
    data = os.read(descriptor, size + 1)
    return data if len(data) <= size else data + os.read(descriptor, WINDOW - size)


def _long(descriptor: int, size: int, origin: Origin, names: Names, told: str) -> Iterator[Chunk | Skipped]:
    try:
        if names.known is not None or size <= _NAMED:
            name = _name(descriptor, size, names)
            if names.has(name):
                return
            origin = Origin(origin.target, origin.path, name.hex())
        yield from text_of_file(descriptor, origin, size)
    except OSError as error:
        yield unreadable(told, error)
    finally:
        os.close(descriptor)


def blob_id(path: str, algorithm: str | None = None) -> str | None:
    """Return the name git would give to a file's content; None: it cannot be read."""
    try:
        descriptor, status = open_regular(path)
    except OSError:
        return None
    try:
        return _name(descriptor, status.st_size, Names(algorithm) if algorithm else _SHA1).hex()
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _name(descriptor: int, size: int, names: Names) -> bytes:
    digest = names.begun(size)
    for piece in pieces(descriptor):
        digest.update(piece)
    return digest.digest()
