"""Files of a directory that are looked through together, and read where that is done."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keywatch.collect.content.file_content import FileText, loaded
from keywatch.collect.content.names import Names
from keywatch.collect.content.sifting import sifted
from keywatch.collect.content.tree import Entry
from keywatch.model.content import Chunk
from keywatch.model.errors import ScanError
from keywatch.model.source import Lot, Reading, Skipped
from keywatch.native.sieve import Harmless, sieve

_MOST = 4 << 20
"""Bytes of one lot, at least: a tenth of a second."""
_LEAST = 1 << 20
_PARTS = 32
"""Of what is left, a lot takes so much, so that the last one does not keep whoever has none waiting."""
_FILES = 512
"""Files of one lot, at most."""
_NAMES = Names()
_LARGE = 8 << 20
"""Bytes of a file that is no part of a lot: its windows are shared between the cores."""


@dataclass(frozen=True, slots=True)
class FileLot:
    """Some files below one directory."""

    top: str
    """The directory, as it was typed."""
    base: str
    """The same from the root on: whoever reads the lot may work elsewhere."""
    inode: int
    """Of the directory: another machine may have another of the same name."""
    target: str
    paths: Sequence[str] = field(repr=False)
    relative: Sequence[str] = field(repr=False)
    """What they are called below the directory."""
    size: int = 0
    names: Names = _NAMES
    """How they are called as blobs, and which are left out."""
    near: bool = False
    """They are not worth being read on another machine, or not there."""

    def __str__(self) -> str:
        return f"{self.target}: {len(self.paths)} files"

    def read(self, harmless: Harmless | None = None) -> Reading:
        """Yield each file's chunks. See `Lot.read`."""
        try:
            there = Path(self.base).stat().st_ino == self.inode
        except OSError:
            there = False
        if not there:
            raise ScanError(
                f"{self.target}: it is another directory here, or none",
                hint="was it moved? a worker on another machine needs the same files: scan it without --engine dask",
            )
        sifting = None if harmless is None else sieve(harmless)
        if sifting is None:
            yield from (item.chunk() if isinstance(item, FileText) else item for item in self._read())
        else:
            yield from sifted(self._read(), sifting)

    def _read(self) -> Iterator[FileText | Chunk | Skipped]:
        base, target, names, begin = self.base, self.target, self.names, len(self.top)
        for path, relative in zip(self.paths, self.relative, strict=True):
            found = loaded(base + path[begin:], target, relative, names, path)
            if isinstance(found, FileText):
                yield found
            else:
                yield from found


class Plan:
    """Puts the files of one directory together into lots."""

    def __init__(self, top: str, target: str, names: Names = _NAMES) -> None:
        """
        Begin.

        Args:
            top: the directory, as it was typed.
            target: what a person calls it.
            names: how its files are called as blobs, and which are left out.

        Raises:
            ScanError: it is gone.
        """
        self._top = top
        self._target = target
        self._names = names
        self._base = str(Path(top).absolute())
        try:
            self._inode = Path(self._base).stat().st_ino
        except OSError as error:
            raise ScanError(f"{target}: {error.strerror}", hint="was it moved while it was scanned?") from None
        self.others: list[Entry] = []
        """What was given and is in none of them, so far."""

    def lots(self, entries: Iterable[Entry], left: int | None = None, *, near: bool = False) -> Iterator[FileLot]:
        """
        Yield lots as soon as they are full.

        Args:
            entries: files, whose paths begin with that of the directory.
            left: bytes of all of them, if that is known: the last lots are small ones then.
            near: see `FileLot.near`.
        """
        share: list[Entry] = []
        size = 0
        enough = _wanted(left)
        for entry in entries:
            if entry.size >= _LARGE:
                self.others.append(entry)
                continue
            share.append(entry)
            size += entry.size
            if size >= enough or len(share) >= _FILES:
                yield self._lot(share, size, near)
                left = None if left is None else left - size
                share, size, enough = [], 0, _wanted(left)
        if share:
            yield self._lot(share, size, near)

    def _lot(self, share: list[Entry], size: int, near: bool) -> FileLot:
        paths = [entry.path for entry in share]
        relative = [entry.relative for entry in share]
        return FileLot(self._top, self._base, self._inode, self._target, paths, relative, size, self._names, near)


def _wanted(left: int | None) -> int:
    return _MOST if left is None else max(_LEAST, min(_MOST, left // _PARTS))


_: type[Lot] = FileLot
