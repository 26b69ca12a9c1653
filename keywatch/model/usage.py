"""Uses: from where, by what and in which hours a key was used. As much is kept of a key, however much it is used."""

import hashlib
import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from keywatch.model.key import Handle, HandleSpace, SourceId

SPAN = 28 * 24
"""Hours before the last one of which is kept whether the key was used in them."""
MOST = 200
"""Origins of one key and source that are kept one by one."""
_HOUR = 3600
_ALL = (1 << SPAN) - 1


class Origin(NamedTuple):
    """Who uses a key, as far as a call shows it. Empty: the source does not say."""

    network: str = ""
    """`203.0.113.0/24`: see `keywatch.collect.calls.origins` for how addresses are grouped."""
    agent: str = ""
    """The program's family, without its version: `boto3 on linux`."""
    principal: str = ""
    """The person or machine that the source names, where it can be another than the key's own user."""


REST = Origin("*", "*", "*")
"""All that is beyond `MOST`, counted as one."""


class Spell(NamedTuple):
    """
    When, and how often. Hours are counted from 1970, in UTC.

    Spells can be joined in any order and any grouping, with the same result. Only the number of calls minds if a call
    is told twice.
    """

    first: int
    last: int
    calls: int
    hours: int
    """Bit n: it was used in the n-th hour before the last."""

    @classmethod
    def of(cls, hour: int, calls: int = 1) -> "Spell":
        return cls(hour, hour, calls, 1)

    def joined(self, other: "Spell") -> "Spell":
        last = max(self.last, other.last)
        # What falls out here would fall out in the end, as `last` only rises.
        hours = _moved(self.hours, last - self.last) | _moved(other.hours, last - other.last)
        return Spell(min(self.first, other.first), last, self.calls + other.calls, hours)

    def before(self, hour: int) -> int:
        """The hours in which it was used as bits, counted back from `hour`; what came later is left out."""
        return _moved(self.hours, hour - self.last) if hour >= self.last else self.hours >> (self.last - hour)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """That a key was used from one origin, as one source tells it."""

    handle: Handle
    source: SourceId
    origin: Origin
    spell: Spell

    @property
    def is_read(self) -> bool:
        """Whether a store gave out its value, so that it is not the key that was used."""
        return self.handle.space is HandleSpace.VAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """What is known of a network."""

    system: int | None = None
    """The number of the autonomous system that it belongs to."""
    organisation: str = ""
    country: str | None = None
    """ISO 3166, two letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedFrom:
    """How many places and programs a key was used from in a while."""

    networks: int
    agents: int


def hour_of(moment: datetime) -> int:
    """The hour in which `moment` lies."""
    return int(moment.timestamp()) // _HOUR


def start_of(hour: int) -> datetime:
    """The instant at which an hour begins."""
    return datetime.fromtimestamp(hour * _HOUR, UTC)


def add(spells: dict[Origin, Spell], origin: Origin, spell: Spell) -> None:
    """Count `spell` among what is known of one key."""
    known = spells.get(origin)
    spells[origin] = spell if known is None else known.joined(spell)


def bounded(spells: Mapping[Origin, Spell], most: int = MOST) -> dict[Origin, Spell]:
    """
    Return at most `most` origins as they are, and what is beyond as `REST`.

    Which ones stay is decided by their hashes and not by their times: one that stays in the end is among the smallest
    of every part it was in, so nothing of it is ever lost, in whatever order and grouping parts are bounded and joined.
    """
    if len(spells) - (REST in spells) <= most:
        return dict(spells)
    kept = heapq.nsmallest(most, (origin for origin in spells if origin != REST), key=_rank)
    found = {origin: spells[origin] for origin in kept}
    for origin, spell in spells.items():
        if origin not in found or origin == REST:
            add(found, REST, spell)
    return found


def _moved(hours: int, by: int) -> int:
    return (hours << by) & _ALL if by < SPAN else 0


def _rank(origin: Origin) -> bytes:
    text = "\0".join(origin)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
