"""Files of a directory that are looked through together, and read where that is done."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keywatch.collect.content.file_content import BLOB, read_file
from keywatch.collect.content.sifting import sifted
from keywatch.collect.content.tree import Entry, printable
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import ScanError
from keywatch.model.source import Lot, Reading, Skipped
from keywatch.native.sieve import Harmless, sieve

_LOT = 16 << 20
"""Bytes of one lot, at least: some tenths of a second, so that the last one does not keep the others waiting."""
_LARGE = 32 << 20
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
            yield from self._read()
        else:
            yield from sifted(self._read(), sifting)

    def _read(self) -> Iterator[Chunk | Skipped]:
        for path, relative in zip(self.paths, self.relative, strict=True):
            here = self.base + path[len(self.top) :]
            yield from read_file(here, Origin(self.target, relative), naming=BLOB, told=printable(path))


def planned(top: str, target: str, entries: Iterable[Entry]) -> tuple[list[FileLot], list[Entry]]:
    """
    Put files together into lots; return these, and what is in none of them.

    Args:
        top: the directory, as it was typed.
        target: what a person calls it.
        entries: its files, whose paths begin with `top`.
    """
    lots: list[FileLot] = []
    others: list[Entry] = []
    share: list[Entry] = []
    size = 0
    base = str(Path(top).absolute())
    try:
        inode = Path(base).stat().st_ino
    except OSError:  # it is gone, and whoever opens the files will say so
        return [], list(entries)

    def lot() -> FileLot:
        paths = [entry.path for entry in share]
        return FileLot(top, base, inode, target, paths, [entry.relative for entry in share], size)

    for entry in entries:
        if entry.status.st_size >= _LARGE:
            others.append(entry)
            continue
        share.append(entry)
        size += entry.status.st_size
        if size >= _LOT:
            lots.append(lot())
            share, size = [], 0
    if share:
        lots.append(lot())
    return lots, others


_: type[Lot] = FileLot
