"""Which blobs of a repository are looked through together, and read right from its packs."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
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
        finally:
            pack.close()
    return Planned(lots, [name.hex().encode() + b" " + path for name, path in paths.items()])


def _of_pack(pack: Pack, git: Git, target: str, paths: dict[bytes, bytes], largest: int) -> Iterator[BlobLot]:
    """Yield lots of those blobs the pack has, and take them out of `paths`."""
    placed = sorted(pack.index.offsets(paths))
    offsets = array("Q", [offset for offset, _ in placed])
    costs = array("Q", bytes(8 * len(placed)))
    parents = array("q", [-1]) * len(placed)
    root = array("q", range(len(placed)))
    large: set[int] = set()
    """Git says of these how large they are, and is asked for what they are the base of."""
    for place, (offset, _) in enumerate(placed):
        try:
            entry = pack.entry(offset)
        except Damaged:
            continue  # a root; whoever reads it will ask git
        if entry.base is None and entry.size > largest:
            large.add(place)
        costs[place] = entry.size if entry.base is None else _DELTA_COST * entry.size + 1024
        if entry.base is not None:
            parent = bisect_left(offsets, entry.base)
            # Bases come first in a pack; one that does not would need another order to be read in.
            if parent < place and offsets[parent] == entry.base:
                parents[place], root[place] = parent, root[parent]
    for members in _shares(root, costs, large):
        where = {place: number for number, place in enumerate(members)}
        names = [placed[place][1] for place in members]
        yield BlobLot(
            repository=str(git.path),
            target=target,
            pack=str(pack.path),
            name_size=len(names[0]),
            largest=largest,
            names=b"".join(names),
            offsets=array("Q", [offsets[place] for place in members]),
            parents=array("q", [where.get(parents[place], -1) for place in members]),
            paths=[decode_path(paths.pop(name)) for name in names],
            size=sum(costs[place] for place in members),
        )


def _shares(root: Iterable[int], costs: "array[int]", without: set[int]) -> Iterator[list[int]]:
    """Yield the places of whole families, about as much work each, but for those that begin with one of `without`."""
    families: dict[int, list[int]] = {}
    for place, first in enumerate(root):
        if first not in without:
            families.setdefault(first, []).append(place)
    share: list[int] = []
    cost = 0
    for family in families.values():
        share += family
        cost += sum(costs[place] for place in family)
        if cost >= _LOT:
            yield share
            share, cost = [], 0
    if share:
        yield share
