"""Which blobs git names, and at which path each is seen first."""

from array import array
from collections.abc import Iterator, Sequence
from mmap import mmap
from typing import NamedTuple, Protocol

_MANY = 10_000
"""Blobs from which on it is worth it to load what does it in C."""


class Listed(NamedTuple):
    """Blobs, in the order in which they were named first."""

    names: bytes
    """One behind the other, as bytes."""
    path_of: Sequence[int]
    """The number of each one's path."""
    paths: list[bytes]
    """All that are different, each up to its first line end."""


class Listing(Protocol):
    """A list of blobs that grows."""

    def log(self, text: bytes | mmap) -> None:
        """
        Add the blobs that a piece of `log --raw -z` names, those that came and those they took the place of.

        Raises:
            ValueError: it is no such thing, or cut off.
        """
        ...

    def lines(self, text: bytes | mmap) -> None:
        """
        Add the blobs of lines `name path`.

        Raises:
            ValueError: they are no such lines.
        """
        ...

    def listed(self) -> tuple[bytes, Sequence[int], list[bytes]]:
        """Return what was added, as `Listed` takes it."""
        ...


def listing(name_size: int, expected: int) -> Listing:
    """
    Begin a list.

    Args:
        name_size: bytes of an object's name.
        expected: how many blobs will come, about.
    """
    if expected >= _MANY:
        from keywatch.native import library

        if (kernel := library()) is not None:
            from keywatch.native.listing import KernelListing

            return KernelListing(kernel, name_size, expected)
    return PlainListing(name_size)


class PlainListing:
    """A list that Python makes."""

    def __init__(self, name_size: int) -> None:
        """See `listing`."""
        self._digits = 2 * name_size
        self._found: dict[bytes, int] = {}
        self._paths: dict[bytes, int] = {}

    def log(self, text: bytes | mmap) -> None:
        """See `Listing.log`."""
        for names, path in _changes(text[:]):
            for name in names:
                self._add(name, path)

    def lines(self, text: bytes | mmap) -> None:
        """See `Listing.lines`."""
        *lines, rest = text[:].split(b"\n")
        if rest:
            raise ValueError("a line is cut off")
        for line in lines:
            name, _, path = line.partition(b" ")
            self._add(name, path)

    def listed(self) -> tuple[bytes, Sequence[int], list[bytes]]:
        """See `Listing.listed`."""
        return bytes.fromhex(b"".join(self._found).decode()), array("I", self._found.values()), [*self._paths]

    def _add(self, name: bytes, path: bytes) -> None:
        if name not in self._found:
            if len(name) != self._digits:
                raise ValueError("a name is cut off")
            # As `rev-list` prints it: a line cannot hold more of it.
            self._found[name] = self._paths.setdefault(path.partition(b"\n")[0], len(self._paths))


def _changes(text: bytes) -> Iterator[tuple[list[bytes], bytes]]:
    """Yield of each change the names of blobs, what came first, and the path."""
    fields = iter(text.split(b"\0"))
    for field in fields:
        start = field[:2].lstrip(b"\n")
        if not start.startswith(b":"):
            continue
        parents = len(field) - len(field.lstrip(b"\n:")) - field.startswith(b"\n")
        modes = field.lstrip(b"\n:").split(b" ")
        names = modes[parents + 1 : 2 * parents + 2]
        path = next(fields, None)
        if len(modes) != 2 * parents + 3 or path is None:
            raise ValueError("a change is cut off")
        # What is neither a file nor a link is in another repository, or nothing.
        sides = zip(modes, names, strict=False)
        yield [name for mode, name in sides if mode[:2] in {b"10", b"12"}][::-1], path
