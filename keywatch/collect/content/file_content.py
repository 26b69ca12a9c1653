"""One file, read as chunks, and the name its content has as a blob."""

import os
from collections.abc import Iterator, Sequence

from keywatch.collect.content.names import Names
from keywatch.collect.content.text import chunks, is_plain, pieces, text_of_file
from keywatch.collect.content.tree import printable, unreadable
from keywatch.collect.content.windows import WINDOW
from keywatch.collect.regular_file import open_regular
from keywatch.model.content import Chunk, Mark, Origin
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

    def __init__(self, target: str, path: str, data: bytes, names: Names, name: str | None = None) -> None:
        """As `Origin`; the file holds `data`, and is called `name` if that is known."""
        for field, value in (
            ("target", target),
            ("path", path),
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


class FileText:
    """A file that is one text as it stands, as most are. Few of them need all that a chunk is."""

    __slots__ = ("_names", "_path", "_target", "data")

    def __init__(self, data: bytes, target: str, path: str, names: Names) -> None:
        """As `loaded` has it."""
        self.data = data
        self._target = target
        self._path = path
        self._names = names

    def chunk(self, sighted: Sequence[Mark] | None = None) -> Chunk:
        """Return it as a chunk; `sighted`: what was seen in it, if it was glanced at."""
        return Chunk(self.data, FileOrigin(self._target, self._path, self.data, self._names), sighted=sighted)


def read_file(
    path: str, target: str, relative: str, names: Names = _SHA1, told: str | None = None
) -> Iterator[Chunk | Skipped]:
    """Return a file's chunks, a window at a time; or why it cannot be read (further). See `loaded`."""
    found = loaded(path, target, relative, names, told)
    return iter((found.chunk(),)) if isinstance(found, FileText) else found


def loaded(
    path: str, target: str, relative: str, names: Names = _SHA1, told: str | None = None
) -> FileText | Iterator[Chunk | Skipped]:
    """
    Return a file that is one text, or what else it comes to; of one with a known name, nothing.

    Args:
        path: the file.
        target: what was asked to be scanned.
        relative: what the file is called there.
        names: how it is called as a blob.
        told: what a person calls the file, if that is not the path.
    """
    try:
        descriptor, status = open_regular(path)
        if status.st_size > WINDOW:
            return _long(descriptor, status.st_size, Origin(target, relative), names, printable(told or path))
        try:
            data = _whole(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return iter(())  # removed since it was listed
    except OSError as error:
        return iter((unreadable(printable(told or path), error),))
    if names.known is None:
        if is_plain(data):
            return FileText(data, target, relative, names)
        return chunks(data, FileOrigin(target, relative, data, names))
    name = names.name(data)
    return iter(()) if names.has(name) else chunks(data, FileOrigin(target, relative, data, names, name.hex()))


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
