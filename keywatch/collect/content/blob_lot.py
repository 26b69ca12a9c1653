"""Blobs of one pack, in families of versions: of a later version only what is new in it is looked at."""

from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, TypeVar

from keywatch.collect.content.git_objects import Blob, list_named, read_blobs
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.pack import Damaged
from keywatch.collect.content.pack.delta import Changes, applied, changes
from keywatch.collect.content.pack.pack import Pack
from keywatch.collect.content.text import chunks, is_compressed
from keywatch.model.content import Changed, Chunk, Mark, Origin, Span
from keywatch.model.errors import ScanError
from keywatch.model.source import Lot, Sighted, Skipped

_HEAD = 16
"""Bytes of a blob that tell whether it is worth unpacking."""
_SMALL = 12 << 10
"""Bytes of a version that is looked at whole, for that is faster than to find out what is new in it."""
_MOSTLY_NEW = 16
"""A delta longer than one part in so many of what it makes is not taken apart: looking at all of it is faster."""
_APART = 1 << 20
"""Bytes. A longer delta is not taken apart either: its instructions would take a hundred times as much memory."""
_HELD = 128 << 20
"""Bytes of versions that are held because later ones are made of them. What would be beyond that, git is asked for."""
_MARKS = 20_000
"""Marks of a version with more are not followed: the versions made of it are looked at whole. A delta of a few
bytes can repeat each of them a thousand times."""

_Placed = TypeVar("_Placed", Span, Mark)
Reading: TypeAlias = Generator[Chunk | Skipped, Sighted, None]


@dataclass(slots=True)
class _Version:
    """A version that others are made of, while they are read."""

    place: int
    data: bytes
    sighted: Sighted | None
    """None: it was not looked at as one text, so the versions made of it are looked at whole."""
    later: list[int]
    """Those still to be read, last one first."""


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

    def read(self) -> Reading:
        """Yield each blob's chunks. See `Lot.read`."""
        asked: list[int] = []
        try:
            pack = Pack(Path(self.pack), self.name_size, self.largest)
        except (Damaged, OSError):
            asked += range(len(self.offsets))
        else:
            try:
                yield from self._families(pack, asked)
            finally:
                pack.close()
        if asked:
            try:
                for item in self._asked(asked):
                    yield replace(item, what=self._named(item.what)) if isinstance(item, Skipped) else item
            except ScanError as error:
                raise ScanError(self._named(error.message), hint=error.hint) from None

    def _families(self, pack: Pack, asked: list[int]) -> Reading:
        later: dict[int, list[int]] = {}
        for place in range(len(self.offsets) - 1, -1, -1):
            later.setdefault(self.parents[place], []).append(place)
        for root in reversed(later.get(-1, ())):
            yield from self._family(pack, root, later, asked)

    def _family(self, pack: Pack, root: int, later: dict[int, list[int]], asked: list[int]) -> Reading:
        """Yield one blob, and all that are made of it, each right after the one it is made of."""
        try:
            entry = pack.blob(self.offsets[root])
            if root not in later and is_compressed(pack.head(entry, _HEAD)):
                yield from chunks(pack.head(entry, _HEAD), self._origin(root))
                return
            data = pack.unpack(entry)
        except Damaged:
            asked += _below(root, later)
            return
        sighted = yield from self._shown(root, data)
        line = [_Version(root, data, sighted, list(later.get(root, ())))]
        held = len(data)
        while line:
            before = line[-1]
            if not before.later:
                held -= len(line.pop().data)
                continue
            place = before.later.pop()
            try:
                delta = pack.unpack(pack.entry(self.offsets[place]))
                data = applied(delta, before.data, min(self.largest, _HELD - held))
                known = self._known(before, delta, data)
            except Damaged:
                asked += _below(place, later)
                continue
            sighted = yield from self._shown(place, data, known)
            if place in later:
                line.append(_Version(place, data, sighted, list(later[place])))
                held += len(data)

    def _known(self, before: _Version, delta: bytes, data: bytes) -> "_Known | None":
        """Return what is known of a version from the one before; None: it is to be looked at as if it were new."""
        if before.sighted is None or len(data) < _SMALL or len(delta) > min(_APART, len(data) // _MOSTLY_NEW):
            return None
        found = changes(delta)
        still = Sighted(_moved(before.sighted.matches, found), _moved(before.sighted.marks, found))
        if max(len(still.matches), len(still.marks)) > _MARKS:
            return None
        return _Known(found, still, self.paths[before.place])

    def _shown(
        self, place: int, data: bytes, known: "_Known | None" = None
    ) -> Generator[Chunk | Skipped, Sighted, Sighted | None]:
        """Yield a blob's chunks, and return what was sighted if that can be said of the blob as a whole."""
        whole: Sighted | None = None
        for item in chunks(data, self._origin(place)):
            if isinstance(item, Skipped) or item.data is not data:
                whole = None
                yield item
            elif known is None:
                whole = yield item
            else:
                whole = known.joined((yield Chunk(data, item.origin, changed=known.changed())))
        return whole if whole is None or len(whole.marks) <= _MARKS else None

    def _named(self, text: str) -> str:
        """Say what a person calls the repository: one that lies elsewhere is read in a clone nobody knows of."""
        return text.replace(self.repository, self.target)

    def _origin(self, place: int) -> Origin:
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


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a version before it is looked at."""

    changes: Changes
    before: Sighted
    """What was sighted in the version before, where it stands now."""
    path: str

    def changed(self) -> Changed:
        """Return what is to be looked at: what is new, and what was found before."""
        return Changed(sorted([*self.changes.stretches, *self.before.matches]), self.before.marks, self.path)

    def joined(self, found: Sighted) -> Sighted:
        """Return what is sighted in the version as a whole."""
        marks = sorted({*self.before.marks, *found.marks}) if found.marks else self.before.marks
        return Sighted(found.matches, marks)


def _moved(marks: Sequence[_Placed], found: Changes) -> list[_Placed]:
    """Return those of `marks` that are still there whole, where they stand now; of too many, some. All ascend."""
    if not marks:
        return []
    begins = [mark[0] for mark in marks]
    moved: list[_Placed] = []
    for start, at, count in found.copies:
        if start > begins[-1] or start + count <= begins[0]:
            continue
        place = bisect_left(begins, start)
        while place < len(marks) and begins[place] < start + count:
            if marks[place][1] <= start + count:
                moved.append(_shifted(marks[place], at - start))
            place += 1
        if len(moved) > _MARKS:
            break
    return sorted(moved)


def _shifted(mark: _Placed, by: int) -> _Placed:
    return (mark[0] + by, mark[1] + by, *mark[2:])


def _below(root: int, later: dict[int, list[int]]) -> Iterator[int]:
    """Yield a blob and all that are made of it."""
    pending = [root]
    while pending:
        place = pending.pop()
        yield place
        pending += later.get(place, ())


_: type[Lot] = BlobLot
