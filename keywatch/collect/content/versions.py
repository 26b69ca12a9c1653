"""
Blobs of one pack read family by family, each version after the one it is made of: of a later one only what is new.

Nearly all of a history is repeated in it, and of what is new hardly anything looks like a secret. So what is new in
many versions is glanced at together first, and what is seen there is told with the versions it stands in. In the others
nothing needs to be looked at, unless the version before held something that is still there.
"""

from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from keywatch.collect.content.pack import Damaged
from keywatch.collect.content.pack.delta import Changes, Marks, applied, changes, packed, unpacked
from keywatch.collect.content.pack.pack import Pack
from keywatch.collect.content.sifting import glance
from keywatch.collect.content.text import chunks, is_compressed, is_plain
from keywatch.model.content import Changed, Chunk, Glance, Mark, Origin, Passed, Repeated, Span
from keywatch.model.source import Reading, Sighted, Skipped
from keywatch.native.lots import How, Read
from keywatch.native.sieve import LARGEST, Sieve, Taken

_HEAD = 16
"""Bytes of a blob that tell whether it is worth unpacking."""
_HELD = 128 << 20
"""Bytes of versions that are held because later ones are made of them. What would be beyond that, git is asked for."""
_CONCERNS = 16 << 10
"""Bytes around what was found within which something new may concern it: four times as far as parts are looked for."""
_TOGETHER = 16 << 20
"""Bytes of versions that are glanced at together, at most: of most of them hardly anything is new."""
_MARKS = 20_000
"""Marks of a version with more are not followed: the versions made of it are looked at whole. A delta of a few
bytes can repeat each of them a thousand times."""
_APART = 1 << 20
"""Bytes. A longer delta is not taken apart: its instructions would take a hundred times as much memory."""
# Without a sieve it takes Python to find out what is new:
_SMALL = 12 << 10
"""Bytes of a version that is looked at whole, for that is faster than to find out what is new in it."""
_MOSTLY_NEW = 16
"""A delta longer than one part in so many of what it makes is not taken apart: looking at all of it is faster."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was sighted in a version, as it is kept."""

    matches: Sequence[Span] = ()
    marks: Marks = field(default_factory=partial(array, "Q"))


_NOTHING = _Seen()


@dataclass(slots=True)
class _Version:
    """One version, until it has been looked at."""

    place: int
    data: bytes = field(repr=False)
    delta: bytes = field(default=b"", repr=False)
    """What it was made by."""
    taken: Taken | None = None
    """How the sieve took it; None: it did not."""
    number: int = 0
    """Which of those it took this is."""


class _Lent:
    """As `_Version`, of one that was read with others: hardly any is looked at, so bytes are copied when asked for."""

    def __init__(self, read: Read, index: int, taken: Taken | None, number: int) -> None:
        self._read = read
        self._index = index
        self.place = read.places[index]
        self.taken = taken
        self.number = number

    @property
    def data(self) -> bytes:
        return self._read.data(self._index)

    @property
    def delta(self) -> bytes:
        return self._read.delta(self._index)


@dataclass(slots=True)
class _Base:
    """A version that others are made of, while these are read."""

    version: _Version
    later: list[int]
    """Those still to be read, last one first."""


class Versions:
    """Reads blobs of one pack. To be read once."""

    def __init__(  # noqa: PLR0917 - what a lot knows
        self,
        pack: Pack,
        offsets: Sequence[int],
        parents: Sequence[int],
        origin: Callable[[int], Origin],
        largest: int,
        sieve: Sieve | None = None,
    ) -> None:
        """
        Read nothing yet.

        Args:
            pack: where they are.
            offsets: of each blob.
            parents: the place of the blob each is a delta of; below 0: it is none, or not of one of these.
            origin: tells where a blob came from, by its place.
            largest: bytes of a blob that is still read.
            sieve: takes out what needs to be looked at; None: each version is looked at for itself.
        """
        self._pack = pack
        self._offsets = offsets
        self._parents = parents
        self._origin = origin
        self._largest = largest
        self._sieve = sieve
        self._followed = frozenset(parents)
        self._waiting: list[_Version] = []
        self._size = 0
        self._sighted: dict[int, _Seen | None] = {}
        """By place; nothing in those that are not here. None: it was not looked at as one text, as those made of it."""

    def read(self) -> Generator[Chunk | Glance | Passed | Repeated | Skipped, Sighted | None, list[int]]:
        """Yield what there is to look at; see `Lot.read`. Return the places of blobs that cannot be read from here."""
        sieve = self._sieve
        reads = None if sieve is None else self._pack.reads(self._offsets, self._parents, sieve)
        damaged: list[int] = []
        if sieve is None or reads is None:
            for root in self._later.get(-1, ())[::-1]:
                yield from self._family(root, damaged)
            yield from self._settle()
            return damaged
        with reads as lot:
            for read in lot.read():
                seen = yield from glance(sieve)
                yield from self._sifted(read, seen)
                # One that is not read with others comes last.
                place, how = read.places[-1], read.how[-1]
                if how == How.BROKEN:
                    damaged += self._below(place)
                elif how == How.LEFT:
                    parent = self._parents[place]
                    if parent < 0:
                        yield from self._family(place, damaged)
                    else:
                        base = _Version(parent, read.base(len(read.places) - 1))
                        yield from self._made_of(_Base(base, [place]), damaged)
                    yield from self._settle()
        return damaged

    def _sifted(self, read: Read, seen: dict[int, list[Mark]] | None) -> Reading:
        """Yield what needs to be looked at of what was read and put through the sieve together."""
        count = size = number = 0
        sighted, parents = self._sighted, self._parents
        for index, (place, how) in enumerate(zip(read.places, read.how, strict=True)):
            if how > How.ODD:
                continue
            taken = None if how == How.ODD else Taken(how)
            if taken is not None and seen is not None and number not in seen and parents[place] not in sighted:
                # As nearly all are.
                number += 1
                count += 1
                size += read.sizes[index]
                continue
            version = _Lent(read, index, taken, number)
            number += taken is not None
            if not (yield from self._looked(version, seen)):
                count += 1
                size += read.sizes[index]
        if count:
            yield Passed(count, size)

    @cached_property
    def _later(self) -> dict[int, list[int]]:
        """By blob, those made of it, last one first."""
        later: dict[int, list[int]] = {}
        for place in range(len(self._offsets) - 1, -1, -1):
            later.setdefault(self._parents[place], []).append(place)
        return later

    def _family(self, root: int, damaged: list[int]) -> Reading:
        """Yield one blob, and all that are made of it, each right after the one it is made of."""
        pack = self._pack
        try:
            entry = pack.blob(self._offsets[root])
            if root not in self._later and is_compressed(head := pack.head(entry, _HEAD)):
                yield from chunks(head, self._origin(root))
                return
            version = _Version(root, pack.unpack(entry))
        except Damaged:
            damaged += self._below(root)
            return
        yield from self._take(version, None)
        yield from self._made_of(_Base(version, list(self._later.get(root, ()))), damaged)

    def _made_of(self, first: _Base, damaged: list[int]) -> Reading:
        """Yield all that are made of a blob."""
        pack = self._pack
        line, held = [first], len(first.version.data)
        while line:
            base = line[-1]
            if not base.later:
                held -= len(line.pop().version.data)
                continue
            place = base.later.pop()
            try:
                delta = pack.unpack(pack.entry(self._offsets[place]))
                data = applied(delta, base.version.data, min(self._largest, _HELD - held))
            except Damaged:
                damaged += self._below(place)
                continue
            version = _Version(place, data, delta)
            yield from self._take(version, base.version)
            if place in self._later:
                line.append(_Base(version, list(self._later[place])))
                held += len(data)

    def _below(self, root: int) -> Iterator[int]:
        """Yield a blob and all that are made of it."""
        pending = [root]
        while pending:
            place = pending.pop()
            yield place
            pending += self._later.get(place, ())

    def _take(self, version: _Version, base: _Version | None) -> Reading:
        """Put a version to those that wait; look at them once they are enough."""
        sieve = self._sieve
        is_text = sieve is not None and len(version.data) <= LARGEST and is_plain(version.data)
        if sieve is not None and is_text and self._sift(sieve, version, base) is Taken.NO_ROOM:
            yield from self._settle()
            self._sift(sieve, version, base)
        self._waiting.append(version)
        self._size += len(version.data)
        if sieve is None or sieve.is_full or self._size >= _TOGETHER:
            yield from self._settle()

    def _sift(self, sieve: Sieve, version: _Version, base: _Version | None) -> Taken:
        is_followed = base is not None and base.taken is not None
        taken = sieve.version(version.data, version.delta) if is_followed else sieve.text(version.data)
        if taken is not Taken.NO_ROOM:
            version.taken, version.number = taken, sieve.count - 1
        return taken

    def _settle(self) -> Reading:
        """Look at those that wait."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        seen = None
        if self._sieve is not None:
            seen = yield from glance(self._sieve)
        for version in waiting:
            if not (yield from self._looked(version, seen)):
                yield Passed(1, len(version.data))

    def _looked(
        self, version: _Version | _Lent, seen: dict[int, list[Mark]] | None
    ) -> Generator[Chunk | Repeated | Skipped, Sighted | None, bool]:
        """Yield a version if anything in it needs to be looked at, and return whether that is so."""
        if seen is not None and version.taken is Taken.WHOLE:
            if told := seen.get(version.number):
                answer = yield Chunk(version.data, self._origin(version.place), sighted=told)
                self._note(version, answer)
            return bool(told)
        known = self._known(version)
        if seen is None or version.taken is None or known is None:
            yield from self._shown(version, known)
            return True
        told = seen.get(version.number, [])
        if not (told or known.matches or known.is_concerned):
            if known.marks:
                self._sighted[version.place] = _Seen(marks=known.marks)
            return False
        if not (told or known.is_concerned or known.are_concerned or self._sieve is None):
            self._sighted[version.place] = _Seen([span for _, span in known.matches], known.marks)
            origin, before = self._origin(version.place), self._origin(self._parents[version.place])
            if origin.path == before.path:
                yield Repeated(version.data, origin, before.blob or "", known.matches)
                return True
        # What was found before, and is to be found again, was not glanced at.
        sighted = None if known.matches else told
        chunk = Chunk(version.data, self._origin(version.place), changed=known.changed(), sighted=sighted)
        answer = yield chunk
        if version.place in self._followed:
            self._note(version, known.joined(answer))
        return True

    def _known(self, version: _Version | _Lent) -> "_Known | None":
        """Return what is known of a version from the one before; None: it is to be looked at as if it were new."""
        parent = self._parents[version.place]
        before = self._sighted.get(parent, _NOTHING)
        if parent < 0 or before is None:
            return None
        delta = version.delta
        if len(delta) > _APART:
            return None
        if self._sieve is None and not _SMALL <= len(version.data) >= len(delta) * _MOSTLY_NEW:
            return None
        found = changes(delta)
        marks, concerned = found.moved(before.marks, _MARKS)
        there, near = found.moved(packed((start, end, start, _CONCERNS) for start, end in before.matches), _MARKS)
        if max(len(there), len(marks)) >= 4 * _MARKS:
            return None
        matches = [(was, (start, end)) for start, end, was, _ in unpacked(there)]
        return _Known(found, matches, marks, concerned, near, self._origin(parent).path)

    def _shown(
        self, version: _Version | _Lent, known: "_Known | None"
    ) -> Generator[Chunk | Skipped, Sighted | None, None]:
        """Yield a version's chunks, and note what was sighted if that can be said of it as a whole."""
        data = version.data
        whole: Sighted | None = None
        for item in chunks(data, self._origin(version.place)):
            if isinstance(item, Skipped) or item.data is not data:
                whole = None
                yield item
            elif known is None:
                whole = yield item
            else:
                whole = known.joined((yield Chunk(data, item.origin, changed=known.changed())))
        self._note(version, whole)

    def _note(self, version: _Version | _Lent, sighted: Sighted | None) -> None:
        if version.place not in self._followed:
            return
        if sighted is None or len(sighted.marks) > _MARKS:
            self._sighted[version.place] = None
        elif sighted.matches or sighted.marks:
            self._sighted[version.place] = _Seen(sighted.matches, packed(sighted.marks))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a version before it is looked at: what was sighted in the one before, where it stands now."""

    changes: Changes
    matches: Sequence[tuple[int, Span]]
    """Where each began, and where it is. What a delta copies twice is in two places."""
    marks: Marks
    is_concerned: bool
    """Whether something new lies within reach of one of the marks."""
    are_concerned: bool
    """Whether something new may concern one of the matches."""
    path: str
    """Of the version before."""

    def changed(self) -> Changed:
        """Return what is to be looked at: what is new, and what was found before."""
        return Changed(
            sorted([*self.changes.stretches, *(span for _, span in self.matches)]), unpacked(self.marks), self.path
        )

    def joined(self, found: Sighted | None) -> Sighted | None:
        """Return what is sighted in the version as a whole."""
        if found is None:
            return None
        marks = unpacked(self.marks)
        return Sighted(found.matches, sorted({*marks, *found.marks}) if found.marks else marks)
