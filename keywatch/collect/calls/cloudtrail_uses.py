"""From where and by what the keys in CloudTrail records are used."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from keywatch.collect.aws import MARK
from keywatch.collect.calls.cloudtrail_record import Record
from keywatch.collect.calls.origins import family_of, network_of
from keywatch.collect.calls.usage import Uses
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.source import Json
from keywatch.model.time import parse_rfc3339, to_rfc3339
from keywatch.model.usage import Origin, Spell, Usage, add, bounded, hour_of

_UNSIGNED = frozenset(
    {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Errors that say the caller does not have the secret: that somebody knows a key's public id is no use of the key.
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"""
_SESSIONS = 5_000
_ROOTS = 1_000
_A_SESSION = 8
"""Origins of a session that waits for its maker: few, for all of them travel in the cursor."""
_HOUR = len("2026-11-23T14")
_PARTS = 6
_FAMILY, _NETWORK = 16, 24
"""Bits of a code; the hour is above them."""
_NOBODY = 0
"""The number of a network or family that is no user's."""


class CloudTrailUses:
    """
    Uses of long-lived keys, those by the sessions they made included.

    A call counts whatever became of it, as long as the key signed it: a stranger who tries what a stolen key may do is
    refused most of the time. What an AWS service does on a key's behalf is no use from elsewhere, nor is what keywatch
    does.
    The principal is left out: a key has one user, and the roles that a program takes on are not other people.
    """

    def __init__(self, maker: Callable[[str], str | None], *, most: int = 50_000) -> None:
        """
        Begin with nothing.

        Args:
            maker: Finds the long-lived key behind an id; None while it is not known.
            most: How much of each is held before it is put together.
        """
        self._maker = maker
        self._most = most
        self._uses = Uses()
        self._networks, self._families = _Numbers(network_of, most), _Numbers(_family, most)
        self._calls: dict[str, dict[int, int]] = {}
        """Calls by signer, and by a number that stands for hour, network and family."""
        self._codes = 0
        self._waiting: dict[str, dict[Origin, Spell]] = {}
        """By session, while nobody knows who made it."""
        self._roots: dict[str, str] = {}
        """Ids by which root signed, and its account: an inventory knows root's keys by that alone."""

    def count(self, records: Iterable[Record], latest: datetime) -> None:
        """Count calls, signed by a key or session each, under their signers. Those after `latest` are left out."""
        # Every record comes through here: a usual one costs four look-ups of something small.
        network_known, family_known, signed_by = self._networks.known, self._families.known, self._calls.get
        begin = end = ""
        hour = 0
        last = to_rfc3339(latest)
        for record in records:
            time, who = record.event_time, record.user_identity
            if not begin <= time < end:
                number = _hour(time)
                if number is None or time > last:
                    continue
                # As texts sort, "~" comes after all that a time consists of.
                begin, end = time[:_HOUR], min(f"{time[:_HOUR]}~", f"{last}~")
                hour = number << (_NETWORK + _FAMILY)
            network, family = network_known(record.source_ip), family_known(record.user_agent)
            if network is None or family is None:
                network, family = self._learn(record)
            signer = (who.access_key_id if who else None) or ""
            mine = signed_by(signer)
            if mine is None:
                mine = self._calls[signer] = {}
            code = hour | network << _FAMILY | family
            calls = mine.get(code)
            if calls is not None:
                mine[code] = calls + 1
                continue
            mine[code] = 1
            self._codes += 1
            if who and who.type == "Root" and who.account_id and len(self._roots) < _ROOTS:
                self._roots[signer] = who.account_id
            if self._codes >= self._most:
                self.settle()

    def settle(self) -> None:
        """Give what was counted to the keys it belongs to, as far as that is known."""
        counted: dict[Handle, dict[int, int]] = {}
        for signer, calls in self._calls.items():
            key = self._maker(signer)
            if key is None:
                for origin, spell in self._spells(calls).items():
                    self._hold(signer, origin, spell)
                continue
            for handle in self._handles(key, signer):
                known = counted.setdefault(handle, {})
                for code, number in calls.items():
                    known[code] = known.get(code, 0) + number
        for handle, calls in counted.items():
            for origin, spell in self._spells(calls).items():
                self._uses.add(handle, origin, spell)
        self._calls.clear()  # and not a new one: `count` holds on to it
        self._codes = 0
        self._release()

    def take(self, source: SourceId) -> Iterator[Usage]:
        """Yield the uses of long-lived keys since the last time, and forget them."""
        self.settle()
        self._roots = {signer: account for signer, account in self._roots.items() if signer in self._waiting}
        return self._uses.take(source)

    def forget(self, before: datetime) -> None:
        """Settle, and drop sessions that were last heard of before an instant."""
        self.settle()
        hour = hour_of(before)
        self._waiting = {
            session: spells
            for session, spells in self._waiting.items()
            if max(spell.last for spell in spells.values()) >= hour
        }

    def to_json(self) -> dict[str, Json]:
        """Sessions that wait; the rest was taken."""
        return {
            session: [
                [*origin[:2], spell.first, spell.last, spell.calls, f"{spell.hours:x}"]
                for origin, spell in spells.items()
            ]
            for session, spells in self._waiting.items()
        }

    def load(self, saved: Json) -> None:
        """Take up what `to_json` gave. What is not that is left out: it costs a use, not the run."""
        for session, rows in (saved if isinstance(saved, Mapping) else {}).items():
            for row in rows if isinstance(rows, list) else ():
                if not isinstance(row, list) or len(row) != _PARTS:
                    continue
                network, agent, *numbers, hours = row
                try:
                    first, last, count = (int(str(number)) for number in numbers)
                    spell = Spell(first, last, count, 0).joined(Spell(first, last, 0, int(str(hours), 16)))
                except ValueError:
                    continue
                self._hold(session, Origin(str(network), str(agent)), spell)

    def _release(self) -> None:
        """Give what sessions did to the keys that made them, where that has become known."""
        for session in list(self._waiting):
            key = self._maker(session)
            if key is not None:
                for origin, spell in self._waiting.pop(session).items():
                    for handle in self._handles(key, session):
                        self._uses.add(handle, origin, spell)

    def _learn(self, record: Record) -> tuple[int, int]:
        if self._networks.full or self._families.full:
            self.settle()  # what was counted is known by their numbers
            self._networks.clear()
            self._families.clear()
        return self._networks.learn(record.source_ip), self._families.learn(record.user_agent)

    def _handles(self, key: str, signer: str) -> Iterator[Handle]:
        yield Handle(HandleSpace.AWS_ACCESS_KEY_ID, key)
        if account := self._roots.get(signer):
            yield Handle(HandleSpace.AWS_ROOT, account)

    def _spells(self, calls: Mapping[int, int]) -> dict[Origin, Spell]:
        spells: dict[Origin, Spell] = {}
        for code, number in calls.items():
            network, family = code >> _FAMILY & (1 << _NETWORK) - 1, code & (1 << _FAMILY) - 1
            if _NOBODY not in (network, family):
                origin = Origin(self._networks.names[network], self._families.names[family])
                add(spells, origin, Spell.of(code >> (_NETWORK + _FAMILY), number))
        return spells

    def _hold(self, session: str, origin: Origin, spell: Spell) -> None:
        spells = self._waiting.setdefault(session, {})
        add(spells, origin, spell)
        if len(spells) > _A_SESSION:
            self._waiting[session] = bounded(spells, _A_SESSION)
        if len(self._waiting) > _SESSIONS:
            del self._waiting[next(iter(self._waiting))]


class _Numbers:
    """Texts as records have them, each with the number of the name it stands for."""

    def __init__(self, name: Callable[[str | None], str | None], most: int) -> None:
        self._name = name
        self._most = min(most, (1 << _FAMILY) - 1)
        self._texts: dict[str | None, int] = {}
        self._numbers: dict[str, int] = {}
        self.known = self._texts.get
        self.names = [""]

    @property
    def full(self) -> bool:
        return len(self._texts) >= self._most

    def learn(self, text: str | None) -> int:
        name = self._name(text)
        if name is None:
            number = _NOBODY
        else:
            number = self._numbers.setdefault(name, len(self.names))
            self.names += [name] if number == len(self.names) else []
        self._texts[text] = number
        return number

    def clear(self) -> None:
        self._texts.clear()
        self._numbers.clear()
        del self.names[1:]


def _family(agent: str | None) -> str | None:
    return None if agent is not None and MARK in agent else family_of(agent)


def _hour(time: str) -> int | None:
    try:
        return hour_of(parse_rfc3339(f"{time[:_HOUR]}:00:00Z"))
    except ValueError:
        return None


def signed(record: Record) -> bool:
    """Whether a call that failed, or whose end is not known, was made with the key itself."""
    who = record.user_identity
    return not (who is not None and who.invoked_by) and record.error_code not in _UNSIGNED
