"""Who uses a key: how many places and programs at most, which of them are new, which exclude each other. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations

from keywatch.model.key import Key, KeyId
from keywatch.model.standing import Standing
from keywatch.model.usage import REST, SPAN, Origin, Spell, Usage, UsedFrom, Whereabouts, hour_of, start_of

Locate = Callable[[str], Whereabouts]
LONGEST = SPAN // 48
"""Days: the longest window. What is over a limit is told until a window later, so two are needed."""
_DAY = 24


class Dimension(StrEnum):
    """By what one user is told from another."""

    PROVIDER = "provider"
    """An autonomous system."""
    NETWORK = "network"
    """Where its provider is not known."""
    COUNTRY = "country"
    AGENT = "program"
    PRINCIPAL = "user"


LIMITS: Mapping[Dimension, int] = {
    Dimension.PROVIDER: 2,
    Dimension.NETWORK: 8,
    Dimension.COUNTRY: 2,
    Dimension.AGENT: 2,
    Dimension.PRINCIPAL: 2,
}
"""More in one window are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Uses that are as they should be. What is empty is not asked about; all else must fit."""

    keys: tuple[str, ...] = ()
    """Patterns of names."""
    owner: str | None = None
    application: str | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    systems: frozenset[int] = frozenset()
    countries: frozenset[str] = frozenset()
    agents: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()

    def concerns(self, key: Key) -> bool:
        """Whether it is about this key."""
        named = not self.keys or any(fnmatchcase(key.name, pattern) for pattern in self.keys)
        return named and self.owner in (None, key.owner) and self.application in (None, key.application)

    def permits(self, use: "Seen") -> bool:
        """Whether the use is one of those."""
        origin, where = use.usage.origin, use.where
        return (
            (not self.networks or _inside(origin.network, self.networks))
            and (not self.systems or where.system in self.systems)
            and (not self.countries or where.country in self.countries)
            and (not self.agents or any(fnmatchcase(origin.agent, pattern) for pattern in self.agents))
            and (not self.principals or any(fnmatchcase(origin.principal, pattern) for pattern in self.principals))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingRules:
    """What a person configured about how keys are used."""

    window: timedelta = timedelta(days=7)
    """At most `LONGEST` days."""
    history: timedelta = timedelta(days=14)
    """As long a key is watched before anything about it is new."""
    limits: Mapping[Dimension, int] = field(default_factory=lambda: dict(LIMITS))
    allowed: tuple[Allowance, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A use, and where that is."""

    usage: Usage
    where: Whereabouts

    def value(self, dimension: Dimension) -> str:
        """What it is in one dimension; empty: nothing is known of that."""
        origin, where = self.usage.origin, self.where
        if origin == REST:
            return "others" if dimension is Dimension.NETWORK else ""
        if dimension is Dimension.PROVIDER:
            return "" if where.system is None else f"AS{where.system}"
        if dimension is Dimension.NETWORK:
            return origin.network if where.system is None else ""
        if dimension is Dimension.COUNTRY:
            return where.country or ""
        return origin.agent if dimension is Dimension.AGENT else origin.principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What there is to say of how one key is used."""

    uses: tuple[Seen, ...]
    """In the time that counts, those that are allowed left out; the latest first."""
    since: datetime
    """The first use that is known."""
    over: Mapping[Dimension, int]
    """How many there were in one window, where that is more than there should be."""
    new: frozenset[tuple[Dimension, str]]
    """What was never seen before, in the last window or shortly before something that was."""
    apart: tuple[Seen, Seen, datetime] | None
    """Two uses in one hour, in two countries and by two systems."""

    def is_new(self, use: Seen, dimension: Dimension) -> bool:
        return (dimension, use.value(dimension)) in self.new


def used_from(standings: Iterable[Standing], uses: Iterable[Usage], *, since: datetime) -> dict[KeyId, UsedFrom]:
    """Count from where each key was used since an instant, what is allowed included."""
    owner = {handle: standing.key.id for standing in standings for handle in standing.key.handles}
    seen: dict[KeyId, set[Origin]] = {}
    for use in uses:
        if use.handle in owner and not use.is_read and use.spell.last >= hour_of(since):
            seen.setdefault(owner[use.handle], set()).add(use.origin)
    return {
        key: UsedFrom(
            networks=len({origin.network for origin in origins}), agents=len({origin.agent for origin in origins})
        )
        for key, origins in seen.items()
    }


def sharing(
    key: Key, uses: Iterable[Usage], rules: SharingRules, locate: Locate, *, at: datetime, since: datetime | None
) -> Sharing | None:
    """
    Return what is wrong with how `key` is used; None if nothing is.

    Args:
        key: whose uses they are.
        uses: all that are known.
        rules: how many are too many, and what is allowed.
        locate: where a network is.
        at: up to when the uses are known. It is not now: that a source is blind makes nobody go away.
        since: from when on they are known without a gap. None: nothing can be called new.
    """
    allowances = [allowed for allowed in rules.allowed if allowed.concerns(key)]
    every = [Seen(usage, locate(usage.origin.network)) for usage in uses]
    judged = [use for use in every if not any(allowed.permits(use) for allowed in allowances)]
    if not judged:
        return None
    hour, window = hour_of(at), rules.window // timedelta(hours=1)
    over, new = {}, set()
    for dimension in Dimension:
        limit = rules.limits[dimension]
        spells = _spells(judged, dimension)
        most = _peak(spells.values(), hour, window)
        if most > limit:
            over[dimension] = most
        found = _unseen(_spells(every, dimension), _first(every), limit, since, rules.history)
        new |= {
            (dimension, value)
            for value in _lately({name: found[name] for name in found.keys() & spells.keys()}, hour, window)
        }
    apart = _apart(judged, hour, 2 * window)  # as long as what is over a limit
    if not over and not new and apart is None:
        return None
    recent = [use for use in judged if use.usage.spell.last > hour - 2 * window]
    return Sharing(
        uses=tuple(sorted(recent, key=lambda use: (-use.usage.spell.last, use.usage.origin))),
        since=start_of(_first(every)),
        over=over,
        new=frozenset(new),
        apart=apart,
    )


def _inside(network: str, allowed: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        mine = ip_network(network)
    except ValueError:
        return False
    # One that is smaller than what addresses are grouped by stands for its whole group.
    return any(mine.overlaps(other) for other in allowed if other.version == mine.version)


def _first(uses: Iterable[Seen]) -> int:
    return min(use.usage.spell.first for use in uses)


def _spells(uses: Iterable[Seen], dimension: Dimension) -> dict[str, Spell]:
    """When each value was seen."""
    spells: dict[str, Spell] = {}
    for use in uses:
        if value := use.value(dimension):
            known, spell = spells.get(value), use.usage.spell
            spells[value] = spell if known is None else known.joined(spell)
    return spells


def _peak(spells: Iterable[Spell], hour: int, window: int) -> int:
    """
    How many there were at most in one window that ended in the last one.

    The latest window alone would make an alert come and go with each job that runs once a week.
    """
    mask = (1 << window) - 1
    backwards = [spell.before(hour) for spell in spells]
    return max(sum(bool(hours >> back & mask) for hours in backwards) for back in range(0, window + 1, _DAY))


def _unseen(
    spells: Mapping[str, Spell], first: int, limit: int, since: datetime | None, history: timedelta
) -> dict[str, int]:
    """What came when the key had a history, and the hour it came. To a key that is everywhere no place is new."""
    if since is None:
        return {}
    ripe = max(first, hour_of(since)) + history // timedelta(hours=1)
    firsts = [spell.first for spell in spells.values()]
    return {
        value: spell.first
        for value, spell in spells.items()
        if spell.first >= ripe and sum(other < spell.first for other in firsts) <= limit
    }


def _lately(came: Mapping[str, int], hour: int, window: int) -> Iterator[str]:
    """
    What came in the last window, or within one of something that did.

    So what is told as new stays until nothing new has come for a window, and goes all at once.
    """
    edge = hour
    for value, first in sorted(came.items(), key=lambda item: -item[1]):
        if edge - first > window:
            return
        edge = min(edge, first)
        yield value


def _apart(uses: Iterable[Seen], hour: int, window: int) -> tuple[Seen, Seen, datetime] | None:
    """
    The latest hour in which the key was used in two countries, by two systems.

    One system may well be in both: a service in two regions of a cloud. Where systems are not known nothing is said.
    """
    found: tuple[tuple[int, int], Seen, Seen] | None = None
    mask = (1 << window) - 1
    placed = [use for use in uses if use.where.country is not None and use.where.system is not None]
    for one, two in combinations(placed, 2):
        if one.where.country == two.where.country or one.where.system == two.where.system:
            continue
        both = one.usage.spell.before(hour) & two.usage.spell.before(hour) & mask
        # Of several in one hour, what came last is what somebody has to recognise.
        rank = ((both & -both).bit_length() - 1, -max(one.usage.spell.first, two.usage.spell.first))
        if both and (found is None or rank < found[0]):
            found = (rank, one, two)
    return None if found is None else (found[1], found[2], start_of(hour - found[0][0]))
