"""What was seen of one thing in an audit log, a secret or a token: the latest of it, and from where how often."""

from collections.abc import Callable, Iterator
from datetime import datetime

from keywatch.collect.calls.origins import network_of
from keywatch.model.call import Call, Outcome
from keywatch.model.key import Handle, SourceId
from keywatch.model.time import parse_rfc3339
from keywatch.model.usage import Origin, Spell, add, hour_of

HOUR = len("2026-11-23T14")
_PART = 20
"""Bits of a number of a network, and of a name; the hour is above them."""
_MASK = (1 << _PART) - 1


class Seen:
    """Of one thing, since it was told last."""

    __slots__ = ("action", "address", "by", "handles", "hour", "last", "outcome", "uses")

    def __init__(self, handles: tuple[Handle, ...], outcome: Outcome, action: str) -> None:
        self.handles = handles
        self.outcome = outcome
        self.action = action
        self.last = ""
        """When, as the log has it."""
        self.by = ""
        self.address: str | None = None
        self.hour = 0
        """The hour it was seen in last, as part of a code."""
        self.uses: dict[int, int] = {}
        """How often, by `Places.code`."""

    def call(self, source: SourceId, at: datetime) -> Iterator[Call]:
        """Yield the latest, once for each of its handles."""
        for handle in self.handles:
            yield Call(
                handle=handle,
                at=at,
                outcome=self.outcome,
                source=source,
                action=f"vault: {self.action}",
                principal=self.by or None,
                address=self.address,
            )


class Places:
    """Networks, names and hours as numbers: millions of entries are counted under a few."""

    def __init__(self) -> None:
        self.network = _Numbers(lambda address: network_of(address) or "")
        self.name = _Numbers(lambda name: name or "")
        self.hour = 0
        """Of the last code."""
        self._begin = self._end = ""

    def code(self, time: str, address: str | None, name: int) -> int | None:
        """The number of an hour, a network and a name's number. None: that is no time."""
        if not self._begin <= time < self._end:
            hour = _hour(time)
            if hour is None:
                return None
            # As texts sort, "~" comes after all that a time consists of.
            self._begin, self._end, self.hour = time[:HOUR], f"{time[:HOUR]}~", hour << 2 * _PART
        network = self.network.known(address)
        if network is None:
            network = self.network.learn(address)
        return self.hour | network << _PART | name

    def spells(self, uses: dict[int, int]) -> dict[Origin, Spell]:
        """Say in full what was counted."""
        spells: dict[Origin, Spell] = {}
        for code, count in uses.items():
            origin = Origin(self.network.names[code >> _PART & _MASK], "", self.name.names[code & _MASK])
            add(spells, origin, Spell.of(code >> 2 * _PART, count))
        return spells


class _Numbers:
    """Texts as entries have them, each with the number of the name it stands for."""

    def __init__(self, name: Callable[[str | None], str]) -> None:
        self._name = name
        self._texts: dict[str | None, int] = {}
        self._numbers: dict[str, int] = {}
        self.known = self._texts.get
        self.names: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def learn(self, text: str | None) -> int:
        name = self._name(text)
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        self._texts[text] = number
        return number


def _hour(time: str) -> int | None:
    try:
        return hour_of(parse_rfc3339(f"{time[:HOUR]}:00:00Z"))
    except ValueError:
        return None
