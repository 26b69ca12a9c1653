"""Which blobs of a repository are looked through together, and read right from its packs."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from keywatch.collect.content.blob_lot import BlobLot
from keywatch.collect.content.git_objects import decode_path
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.pack import Damaged
from keywatch.collect.content.pack.pack import Pack

_LOT = 24 << 20
"""Bytes of work in one lot, about: a few seconds of a core, so that the last one does not keep the others waiting."""
_DELTA_COST = 8
"""How much more work a byte of a delta is than one of a whole blob."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Lots, and what is in none of them."""

    lots: list[BlobLot]
    others: list[bytes]
    """Lines `name path` of blobs that lie outside of the packs."""


def planned(git: Git, target: str, listing: IO[bytes], largest: int) -> Planned:
    """
    Put the blobs of a listing together into lots.

    Args:
        git: the repository.
        target: what a person calls it.
        listing: lines `name path`, as `rev-list --objects` writes them.
        largest: bytes of a blob that is still read.
    """
    paths: dict[bytes, bytes] = {}
    shared: dict[bytes, bytes] = {}
    for line in listing:
        name, _, path = line.rstrip(b"\n").partition(b" ")
        paths[bytes.fromhex(name.decode())] = shared.setdefault(path, path)
    lots: list[BlobLot] = []
    size = 32 if git.object_format == "sha256" else 20
    for file in git.packs():
        try:
            pack = Pack(file, size, largest)
        except (Damaged, OSError):
            continue  # git is asked for what is in it
        try:
            lots += _of_pack(pack, git, target, paths, largest)
        except Damaged:
            continue  # likewise: nothing was taken out of `paths` yet
        finally:
            pack.close()
    return Planned(lots, [name.hex().encode() + b" " + path for name, path in paths.items()])


def _of_pack(pack: Pack, git: Git, target: str, paths: dict[bytes, bytes], largest: int) -> Iterator[BlobLot]:
    """
    Yield lots of those blobs the pack has, and take them out of `paths`.

    Raises:
        Damaged: the pack's index is; nothing has been taken out.
    """
    placed = sorted(pack.index.offsets(paths))
    offsets = array("Q", [offset for offset, _ in placed])
    known = {offset: place for place, offset in enumerate(offsets)}
    costs: list[int] = []
    parents: list[int] = []
    family: list[int] = []  # the place each begins at
    large: set[int] = set()  # git says how large these are, and is asked for what they are the base of
    for place, offset in enumerate(offsets):
        cost, parent = 0, -1
        with suppress(Damaged):  # whoever reads it will ask git
            base, size = pack.base(offset)
            cost = size if base is None else _DELTA_COST * size + 1024
            # Bases come first in a pack; one that does not would need another order to be read in.
            parent = -1 if base is None or base >= offset else known.get(base, -1)
            if base is None and size > largest:
                large.add(place)
        costs.append(cost)
        parents.append(parent)
        family.append(place if parent < 0 else family[parent])
    for members in _shares(family, costs, large):
        names = [placed[place][1] for place in members]
        where = dict(zip(members, range(len(members)), strict=True))
        yield BlobLot(
            repository=str(git.path.absolute()),
            target=target,
            pack=str(pack.path.absolute()),
            name_size=len(names[0]),
            largest=largest,
            names=b"".join(names),
            offsets=array("Q", [offsets[place] for place in members]),
            parents=array("q", [where.get(parents[place], -1) for place in members]),
            paths=[decode_path(paths.pop(name)) for name in names],
            size=sum([costs[place] for place in members]),
        )


def _shares(family: Iterable[int], costs: Sequence[int], without: set[int]) -> Iterator[list[int]]:
    """Yield the places of whole families, about as much work each, but for those that begin with one of `without`."""
    families: dict[int, list[int]] = {}
    weights: dict[int, int] = {}
    for place, first in enumerate(family):
        if first in families:
            families[first].append(place)
            weights[first] += costs[place]
        elif first not in without:
            families[first], weights[first] = [place], costs[place]
    share: list[int] = []
    cost = 0
    for first, places in families.items():
        share += places
        cost += weights[first]
        if cost >= _LOT:
            yield share
            share, cost = [], 0
    if share:
        yield share
