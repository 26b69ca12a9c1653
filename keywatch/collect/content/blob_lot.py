"""Blobs of one pack that are looked through together, and read where that is done."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from keywatch.collect.content.git_objects import Blob, list_named, read_blobs
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.pack import Damaged
from keywatch.collect.content.pack.pack import Pack
from keywatch.collect.content.text import chunks
from keywatch.collect.content.versions import Versions
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import ScanError
from keywatch.model.source import Lot, Reading, Skipped
from keywatch.native.sieve import Harmless, sieve


@dataclass(frozen=True, slots=True)
class BlobLot:
    """Some blobs of one pack. Those that are not as the pack's format says are asked of git."""

    repository: str
    """Its absolute path, as whoever reads it may work in another directory."""
    target: str
    pack: str
    name_size: int
    largest: int
    names: bytes = field(repr=False)
    """One after the other; a blob is meant by its place among them."""
    offsets: Sequence[int] = field(repr=False)
    parents: Sequence[int] = field(repr=False)
    """The place of the blob each is a delta of; below 0: it is none, or not of one in this lot."""
    paths: Sequence[str] = field(repr=False)
    size: int = 0

    def __str__(self) -> str:
        return f"{self.target}: {len(self.offsets)} blobs"

    def read(self, harmless: Harmless | None = None) -> Reading:
        """Yield each blob's chunks. See `Lot.read`."""
        asked: list[int] = []
        try:
            pack = Pack(Path(self.pack), self.name_size, self.largest)
        except (Damaged, OSError):
            asked += range(len(self.offsets))
        else:
            try:
                sifting = None if harmless is None else sieve(harmless)
                versions = Versions(pack, self.offsets, self.parents, self.origin, self.largest, sifting)
                asked += yield from versions.read()
            finally:
                pack.close()
        if asked:
            try:
                for item in self._asked(asked):
                    yield replace(item, what=self._named(item.what)) if isinstance(item, Skipped) else item
            except ScanError as error:
                raise ScanError(self._named(error.message), hint=error.hint) from None

    def _named(self, text: str) -> str:
        """Say what a person calls the repository: one that lies elsewhere is read in a clone nobody knows of."""
        return text.replace(self.repository, self.target)

    def origin(self, place: int) -> Origin:
        """Return where a blob came from."""
        return Origin(self.target, self.paths[place], self._name(place).hex())

    def _name(self, place: int) -> bytes:
        return self.names[place * self.name_size : (place + 1) * self.name_size]

    def _asked(self, places: list[int]) -> Iterator[Chunk | Skipped]:
        """Yield the chunks of blobs that git hands out."""
        git = Git(Path(self.repository))
        path = {self._name(place).hex(): self.paths[place] for place in places}
        found = list_named(git, map(str.encode, path), largest=self.largest)
        try:
            yield from found.skipped
            for blob in read_blobs(git, found):
                if isinstance(blob, Blob):
                    yield from chunks(blob.data, Origin(self.target, path[blob.id], blob.id))
                else:
                    yield blob
        finally:
            found.close()


_: type[Lot] = BlobLot
