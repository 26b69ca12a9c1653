"""
The one loop that every CloudTrail record goes through: what each signer did, of many thousand records a few numbers.

A usual record costs four look-ups of something small. Everything that takes longer (whose session it was, what its
address and program are called) is worked out once for all records that have it in common, when the tally is taken.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from keywatch.collect.aws import MARK
from keywatch.collect.calls.cloudtrail_record import (
    Answer,
    Category,
    EventType,
    IdentityType,
    Record,
    UserIdentity,
    Version,
    issued,
    moment,
    outcome,
    own,
    signed,
    signer,
)
from keywatch.collect.calls.origins import family_of, network_of
from keywatch.model.call import Outcome
from keywatch.model.usage import Origin, Spell, add, hour_of

_CALL, _INSIGHT, _UNKNOWN = EventType.API_CALL, Category.INSIGHT, Version.UNKNOWN
_ACCOUNT, _SERVICE, _ROOT = IdentityType.ACCOUNT, IdentityType.SERVICE, IdentityType.ROOT
_SUCCESS, _FAILURE, _ATTEMPT = Outcome.SUCCESS, Outcome.FAILURE, Outcome.ATTEMPT
_FAMILY, _NETWORK = 16, 24
"""Bits of a code that stands for hour, network and family; the hour is above them."""
_PAIR, _OF_FAMILY = (1 << _NETWORK + _FAMILY) - 1, (1 << _FAMILY) - 1
_NOBODY = 0
"""The number of a network or family that is no user's."""
_TIMES = 20_000
"""Times of which the hour is remembered: a file has some hundred."""
SIGNERS, CODES = 5_000, 50_000
"""What is held by default: a record of each of the ones, a number for each of the others."""
TIMELESS, FUTURE = "have no time", "are from the future"


# gc=False: as for records; there are thousands.
class Signer(msgspec.Struct, gc=False):
    """What one key or session did since the tally was last taken."""

    calls: dict[int, int]
    """How many, by code."""
    root: str | None
    """The account as whose root it signs: an inventory knows root's keys by that alone."""
    newest: str = ""
    """The time of `success`."""
    success: Record | None = None
    failure: Record | None = None
    attempt: Record | None = None

    def note(self, result: Outcome, record: Record) -> None:
        """Keep a call if it is the latest of its outcome; for a success the loop does that by itself."""
        held: Record | None = getattr(self, result.value)
        if (held is None or record.event_time > held.event_time) and not own(record):
            setattr(self, result.value, record)

    def last(self) -> str:
        """The time of the last call; of no evidence, were it keywatch's own: it came this late at least."""
        return max((record.event_time for _, record in self.latest()), default="~")

    def latest(self) -> Iterator[tuple[Outcome, Record]]:
        """Yield the latest call of each outcome."""
        if self.success is not None:
            yield _SUCCESS, self.success
        if self.failure is not None:
            yield _FAILURE, self.failure
        if self.attempt is not None:
            yield _ATTEMPT, self.attempt


class Tally:
    """What was counted, by who signed."""

    def __init__(
        self,
        made: Callable[[str, str, str], None],
        settle: Callable[[], None],
        renew: Callable[[], None],
        *,
        signers: int,
        codes: int,
    ) -> None:
        """
        Begin with nothing.

        Args:
            made: Is told of a session, who made it, and when.
            settle: Is called when the tally holds much, and takes at least a half of it.
            renew: Is called when it has to begin anew, and takes everything.
            signers: How many it holds.
            codes: How many pairs of a signer and an hour, network and family it holds.
        """
        self._made = made
        self._settle, self._renew = settle, renew
        self._most_signers, self._most_codes = signers, codes
        self.signers: dict[str, Signer] = {}
        self._codes = 0
        self._hours: dict[str, int] = {}
        """Of times that were looked at, their hour in its place in a code."""
        self._networks = _Numbers(network_of, codes, _FAMILY)
        self._families = _Numbers(_family, codes, 0)
        self._origins: dict[int, Origin | None] = {}
        """By the part of a code that says it; None: nobody's."""

    def count(self, records: Iterable[Record], latest: datetime) -> Counter[str]:  # noqa: C901, PLR0912, PLR0915
        """
        Count what `records` prove, and return how many can be right in no way, by reason.

        A call counts as a use whatever became of it, as long as the key signed it: a stranger who tries what a stolen
        key may do is refused most of the time. What an AWS service does on a key's behalf is no use from elsewhere, nor
        is what keywatch does.

        Args:
            records: Of one file.
            latest: A call after this has not been made yet; it would keep a key alive for ever.
        """
        # It is long because it is inlined: calling functions took half of its time.
        trouble: Counter[str] = Counter()
        hour_of_time, signer_of = self._hours.get, self.signers.get
        network_of_address, family_of_agent = self._networks.known, self._families.known
        for record in records:
            if record.event_version is _UNKNOWN:
                trouble["are of an unknown version"] += 1
                continue
            who = record.user_identity
            if who is None or not (key := who.access_key_id):
                continue
            answer = record.response_elements
            issuing = False
            # What `signer`, `outcome` and `signed` say of a usual success; they are asked about all others.
            if (
                record.event_type is _CALL
                and record.error_code is None
                and record.error_message is None
                and who.invoked_by is None
                and record.shared_event is None
                and (kind := who.type) is not _ACCOUNT
                and kind is not _SERVICE
                and record.event_category is not _INSIGHT
                and (
                    answer is None
                    or (
                        type(answer) is Answer
                        and answer.error_code is None
                        and answer.error_message is None
                        and answer.console_login is None
                    )
                )
            ):
                result, used = _SUCCESS, True
                issuing = answer is not None and answer.credentials is not None
            else:
                judged = outcome(record)
                if judged is None or signer(record) is None:
                    continue
                result, used, issuing = judged, judged is _SUCCESS or signed(record), True
            time = record.event_time
            hour = hour_of_time(time)
            if hour is None:
                try:
                    hour = self._hour(record, latest)
                except ValueError as error:
                    if not own(record):
                        trouble[str(error)] += 1
                    continue
            network, family = network_of_address(record.source_ip), family_of_agent(record.user_agent)
            if network is None or family is None:
                network, family = self._origin(record)
            mine = signer_of(key)
            if mine is None:
                mine = self._begin(key, who)
            if used:
                code = hour + network + family
                calls = mine.calls.get(code)
                if calls is not None:
                    mine.calls[code] = calls + 1
                else:
                    if self._codes >= self._most_codes:
                        self._settle()
                        mine = self._begin(key, who)
                    mine.calls[code] = 1
                    self._codes += 1
            if result is _SUCCESS:
                if time > mine.newest and not own(record):
                    mine.newest, mine.success = time, record
                if issuing and (session := issued(record)) is not None and not own(record):
                    self._made(session, key, time)
            else:
                mine.note(result, record)
        return trouble

    def take(self, waits: Callable[[str], bool] | None = None) -> list[tuple[str, Signer]]:
        """
        Return what was counted by who signed, and forget it.

        Args:
            waits: Whose part is left here, as long as that fills the tally by no more than a half.
        """
        found: list[tuple[str, Signer]] = []
        left: list[tuple[str, Signer]] = []
        for key, mine in self.signers.items():
            (left if waits is not None and waits(key) else found).append((key, mine))
        codes = sum(len(mine.calls) for _, mine in left)
        for number, (_, mine) in enumerate(left):
            if len(left) - number <= self._most_signers // 2 and codes <= self._most_codes // 2:
                break
            codes -= len(mine.calls)
        else:
            number = len(left)
        self._codes = codes
        self.signers.clear()  # and not a new one: `count` holds on to it
        self.signers |= left[number:]
        return found + left[:number]

    def forget(self, before: str) -> None:
        """Drop what was last heard of before a time."""
        for key in [key for key, mine in self.signers.items() if mine.last() < before]:
            self._codes -= len(self.signers.pop(key).calls)

    def spells(self, calls: Mapping[int, int]) -> dict[Origin, Spell]:
        """Say from where and when calls were made that were counted by their codes."""
        spells: dict[Origin, Spell] = {}
        origins = self._origins
        for code, number in calls.items():
            pair = code & _PAIR
            if pair not in origins:
                network, family = self._networks.names[pair >> _FAMILY], self._families.names[pair & _OF_FAMILY]
                origins[pair] = Origin(network, family) if network is not None and family is not None else None
            origin = origins[pair]
            if origin is not None:
                add(spells, origin, Spell.of(code >> (_NETWORK + _FAMILY), number))
        return spells

    def _begin(self, key: str, who: UserIdentity) -> Signer:
        if len(self.signers) >= self._most_signers:
            self._settle()
        mine = self.signers[key] = Signer({}, who.account_id if who.type is _ROOT else None)
        return mine

    def _hour(self, record: Record, latest: datetime) -> int:
        try:
            at = moment(record)
        except ValueError:
            raise ValueError(TIMELESS) from None
        if at > latest:
            raise ValueError(FUTURE)
        if len(self._hours) >= _TIMES:
            self._hours.clear()
        hour = self._hours[record.event_time] = hour_of(at) << (_NETWORK + _FAMILY)
        return hour

    def _origin(self, record: Record) -> tuple[int, int]:
        if self._networks.full or self._families.full:
            self._renew()  # what was counted is known by their numbers
            self._networks.clear()
            self._families.clear()
            self._origins.clear()
        return self._networks.learn(record.source_ip), self._families.learn(record.user_agent)


class _Numbers:
    """Texts as records have them, each with the number of the name it stands for, in its place in a code."""

    def __init__(self, name: Callable[[str | None], str | None], most: int, shift: int) -> None:
        self._name = name
        self._most = min(most, (1 << _FAMILY) - 1)
        self._shift = shift
        self._texts: dict[str | None, int] = {}
        self._numbers: dict[str, int] = {}
        self.known = self._texts.get
        self.names: list[str | None] = [None]

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
        self._texts[text] = number << self._shift
        return self._texts[text]

    def clear(self) -> None:
        self._texts.clear()
        self._numbers.clear()
        del self.names[1:]


def _family(agent: str | None) -> str | None:
    return None if agent is not None and MARK in agent else family_of(agent)
