"""Which blobs of a repository are looked through together, and read right from its packs."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from keywatch.collect.content.blob_lot import BlobLot
from keywatch.collect.content.git_objects import decode_path
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.listing import Listed
from keywatch.collect.content.pack import Damaged
from keywatch.collect.content.pack.pack import Pack

if TYPE_CHECKING:
    from ctypes import CDLL

_LOT = 24 << 20
"""Bytes of work in one lot, about: a few seconds of a core, so that the last one does not keep the others waiting."""
_DELTA_COST = 8
"""How much more work a byte of a delta is than one of a whole blob."""
_MANY = 10_000
"""Blobs from which on it is worth it to load what does it in C."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Lots, and what is in none of them."""

    lots: list[BlobLot]
    others: list[bytes]
    """Lines `name path` of blobs that lie outside of the packs."""


def planned(git: Git, target: str, listed: Listed, largest: int) -> Planned:
    """
    Put listed blobs together into lots.

    Args:
        git: the repository.
        target: what a person calls it.
        listed: the blobs.
        largest: bytes of a blob that is still read.
    """
    size = git.name_size
    taken = bytearray(len(listed.path_of))
    paths = [decode_path(path) for path in listed.paths]
    lots: list[BlobLot] = []
    for file in git.packs():
        try:
            pack = Pack(file, size, largest)
        except (Damaged, OSError):
            continue  # git is asked for what is in it
        try:
            shares = _of_pack(pack, listed.names, size, taken, largest)
        except Damaged:
            continue  # likewise: nothing was taken
        finally:
            pack.close()
        lots += [
            BlobLot(
                repository=str(git.path.absolute()),
                target=target,
                pack=str(file.absolute()),
                name_size=size,
                largest=largest,
                names=share.names,
                offsets=share.offsets,
                parents=share.parents,
                paths=[paths[listed.path_of[number]] for number in share.members],
                size=share.cost,
            )
            for share in shares
        ]
    return Planned(lots, list(_left(listed, size, taken)))


def _left(listed: Listed, size: int, taken: bytearray) -> Iterator[bytes]:
    """Yield a line `name path` for each blob that is in no lot."""
    number = taken.find(0)
    while number >= 0:
        name = listed.names[size * number : size * (number + 1)]
        yield name.hex().encode() + b" " + listed.paths[listed.path_of[number]]
        number = taken.find(0, number + 1)


class _Share(NamedTuple):
    """What becomes one lot."""

    names: bytes
    members: Sequence[int]
    """The numbers of its blobs."""
    offsets: Sequence[int]
    parents: Sequence[int]
    cost: int


def _of_pack(pack: Pack, names: bytes, size: int, taken: bytearray, largest: int) -> Iterable[_Share]:
    """
    Share out those of the blobs that the pack has, and take them.

    Raises:
        Damaged: the pack's index is; nothing was taken.
    """
    if len(taken) >= _MANY:
        from keywatch.native import library

        if (kernel := library()) is not None:
            return _by_kernel(kernel, pack, names, taken, largest)
    return list(_by_hand(pack, names, size, taken, largest))


def _by_kernel(kernel: "CDLL", pack: Pack, names: bytes, taken: bytearray, largest: int) -> Iterator[_Share]:
    from keywatch.native.plan import plan

    size = len(names) // max(1, len(taken))
    made = plan(kernel, pack.index.mapped, pack.mapped, names, taken, largest, _LOT)
    if made is None:
        raise Damaged("an index is damaged")
    begins = [0, *made.ends]
    return (
        _Share(
            made.names[begin * size : end * size],
            made.members[begin:end],
            made.offsets[begin:end],
            made.parents[begin:end],
            cost,
        )
        for begin, end, cost in zip(begins, made.ends, made.costs, strict=False)
    )


def _by_hand(pack: Pack, names: bytes, size: int, taken: bytearray, largest: int) -> Iterator[_Share]:
    """Do the same as `plan.c`."""
    each = [names[at : at + size] for at in range(0, len(names), size)]
    numbers = {name: number for number, name in enumerate(each) if not taken[number]}
    placed = sorted([(offset, numbers[name]) for offset, name in pack.index.offsets(numbers)])
    offsets = array("Q", [offset for offset, _ in placed])
    known = {offset: place for place, offset in enumerate(offsets)}
    costs: list[int] = []
    parents: list[int] = []
    family: list[int] = []  # the place each begins at
    large: set[int] = set()  # git says how large these are, and is asked for what they are the base of
    for place, offset in enumerate(offsets):
        cost, parent = 0, -1
        with suppress(Damaged):  # whoever reads it will ask git
            base, length = pack.base(offset)
            cost = length if base is None else _DELTA_COST * length + 1024
            # Bases come first in a pack; one that does not would need another order to be read in.
            parent = -1 if base is None or base >= offset else known.get(base, -1)
            if base is None and length > largest:
                large.add(place)
        costs.append(cost)
        parents.append(parent)
        family.append(place if parent < 0 else family[parent])
    for members in _shares(family, costs, large):
        where = dict(zip(members, range(len(members)), strict=True))
        for place in members:
            taken[placed[place][1]] = 1
        yield _Share(
            b"".join([each[placed[place][1]] for place in members]),
            array("I", [placed[place][1] for place in members]),
            array("Q", [offsets[place] for place in members]),
            array("q", [where.get(parents[place], -1) for place in members]),
            sum([costs[place] for place in members]),
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
