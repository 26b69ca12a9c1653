"""
The systems keywatch reads in the simulated year: what each could see, when it tells it, and how it fails.

Each notes in the journal what it has just told: that is all the oracle knows of what keywatch knows.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from keywatch.model.alert import Delivery
from keywatch.model.call import Call, Coverage, Evidence, Outcome, Silence
from keywatch.model.errors import DeliveryError, DeliveryUncertain, SourceUnreachable
from keywatch.model.key import Handle, Key, KeyKind, SourceId
from keywatch.model.source import CallBatch, Cursor, Receipt, Skipped
from keywatch.model.time import parse_rfc3339, to_rfc3339
from tests.year.journal import Journal
from tests.year.world import ACCOUNTS, DAY, IAM, START, Life, Stay, Use

HOUR = timedelta(hours=1)
LAST_USED = SourceId("iam-last-used:prod")
ZONE = "America/New_York"
"""Clocks there are set on 12 March and on 5 November 2028."""


@contextmanager
def local_time(zone: str) -> Iterator[None]:
    """Let this process live in a time zone, as a daemon does on a machine that is set to one."""
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = zone
        time.tzset()
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


@dataclass
class Weather:
    """Whether a system answers today. Troubles last from one run to two weeks."""

    chance: Random
    rate: float = 0.02
    bad_until: datetime | None = None
    looked_at: datetime | None = None

    def fails(self, now: datetime) -> bool:
        """Once an instant is thrown for it, however many messages are sent in it."""
        if now == self.looked_at:
            return self.bad_until is not None
        self.looked_at = now
        if self.bad_until is None and self.chance.random() < self.rate:
            self.bad_until = now + self.chance.choice((0.5, 1, 3, 14)) * DAY
        if self.bad_until is not None and now >= self.bad_until:
            self.bad_until = None
        return self.bad_until is not None


@dataclass
class Inventory:
    """A system that holds keys. Some days it does not answer, or breaks off; some days it will not show a few."""

    id: SourceId
    stays: Sequence[tuple[Life, Stay]]
    journal: Journal
    now: Callable[[], datetime]
    truth: Callable[[], datetime]
    """What happens in the world does not depend on what a clock says."""
    chance: Random
    weather: Weather

    def keys(self) -> Iterator[Key | Skipped]:
        fails, breaks_off = self.weather.fails(self.truth()), self.chance.random() < 0.5
        refused = self.chance.random() < 0.05
        shown: dict[int, Key] = {}
        if not fails or breaks_off:
            for life, stay in self.stays:
                if stay.since <= self.truth() < stay.until:
                    if (refused and self.chance.random() < 0.1) or (fails and self.chance.random() < 0.5):
                        continue
                    shown[life.number] = stay.key
        self.journal.inventory_was_read(self.id, self.now(), shown, failed=fails, refused=refused)
        yield from shown.values()
        if fails:
            raise SourceUnreachable(f"{self.id}: timed out")
        if refused:
            yield Skipped("some keys", "access denied")

    def check(self) -> Iterator[str | Skipped]:
        yield "all is well"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a call source is there for, and since when."""

    id: SourceId
    kinds: frozenset[KeyKind]
    lag: timedelta
    since: datetime
    accounts: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    handles: frozenset[Handle] = frozenset()
    unseen: tuple[str, ...] = ()
    data_unseen: bool = False

    def sees(self, life: Life, use: Use) -> bool:
        return (
            life.kind in self.kinds
            and use.at >= self.since
            and not use.data
            and (not self.accounts or life.account in self.accounts)
            and (not self.applications or life.application in self.applications)
            and (not self.handles or use.handle in self.handles)
        )


_AWS = frozenset({KeyKind.AWS_ACCESS_KEY})
_SELLING = frozenset({KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN})


def sights(world: Sequence[Life]) -> tuple[Sight, ...]:
    """The call sources of the company."""
    reporting = frozenset(handle for life in world for stay in life.stays for handle in stay.key.handles[:1])
    others = frozenset(one for one in reporting if one.value.startswith("key ") and one.value[-1] in "02468")
    even = frozenset(f"app{number}" for number in range(0, 40, 2))
    odd = frozenset(f"app{number}" for number in range(1, 30, 2))
    first, second = ACCOUNTS
    return (
        Sight(SourceId("cloudtrail:prod"), _AWS, HOUR / 2, START - 100 * DAY, frozenset({first}), data_unseen=True),
        Sight(
            SourceId("cloudtrail:second"),
            _AWS,
            HOUR,
            START - 95 * DAY,
            frozenset({second}),
            unseen=("the trail records writes only",),
        ),
        # This one was set up in spring: what was before is nobody's to tell.
        Sight(SourceId("cloudtrail:late"), _AWS, 3 * HOUR, START + 80 * DAY, frozenset({second})),
        Sight(SourceId("request-log:orders"), _SELLING, 0 * HOUR, START - 150 * DAY, applications=even),
        Sight(SourceId("request-log:billing"), _SELLING, HOUR, START + 45 * DAY, applications=odd),
        Sight(SourceId("vault-audit:prod"), frozenset({KeyKind.VAULT_TOKEN}), HOUR, START - 120 * DAY),
        Sight(SourceId("reported:shop"), frozenset({KeyKind.OTHER}), 0 * HOUR, START - 120 * DAY, handles=others),
    )


@dataclass(frozen=True, slots=True, order=True)
class _News:
    """A call, and when a source comes to know of it."""

    heard: datetime
    order: float
    call: Call = field(compare=False)


@dataclass
class Calls:
    """
    A system that knows of calls: late, out of order, twice, or from the future.

    Its cursor is a number of news; one that was reset tells everything again.
    """

    sight: Sight
    world: Sequence[Life]
    journal: Journal
    now: Callable[[], datetime]
    truth: Callable[[], datetime]
    chance: Random
    weather: Weather
    interrupted: Callable[[], None]
    """Asks the daemon to stop, in the middle of a run."""
    news: list[_News] = field(init=False)

    def __post_init__(self) -> None:
        self.news = sorted(news for life in self.world for use in life.uses for news in self._told(life, use))

    @property
    def id(self) -> SourceId:
        return self.sight.id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return self.sight.kinds

    def _told(self, life: Life, use: Use) -> Iterator[_News]:
        if not self.sight.sees(life, use):
            return
        heard, stamp, luck = use.at + self.sight.lag / 2, use.at, self.chance.random()
        if luck < 0.03:
            heard += self.chance.random() * 6 * DAY  # late
        elif luck < 0.04:
            stamp += self.chance.random() * 3 * DAY  # by a clock that is ahead
        elif luck < 0.042:
            stamp += 400 * DAY  # by one that is a year ahead
        for _ in range(2 if luck > 0.97 else 1):  # some are told twice
            # A log writes local time with its offset; twice a year that is not what it was.
            written = stamp.astimezone(ZoneInfo(ZONE)).isoformat()
            call = Call(handle=use.handle, at=parse_rfc3339(written), outcome=use.outcome, source=self.id)
            yield _News(heard, self.chance.random(), call)
            heard += self.chance.random() * 2 * DAY

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        fails, stops = self.weather.fails(self.truth()), self.chance.random() < 0.01
        done, reached = int(str(cursor.get("done", 0))), parse_rfc3339(str(cursor.get("reached", self.sight.since)))
        known = done
        while known < len(self.news) and self.news[known].heard <= self.truth():
            known += 1
        half = done + (known - done) // 2
        if fails and self.chance.random() < 0.5:
            self.journal.calls_were_read(self.id, failed=True)
            raise SourceUnreachable(f"{self.id}: timed out")
        yield self._batch(done, half, reached)  # what is covered ends where the last whole run did
        if fails:
            self.journal.calls_were_read(self.id, failed=True)
            raise SourceUnreachable(f"{self.id}: broke off")
        if stops:
            self.interrupted()  # what follows is committed, and that is all
        yield self._batch(half, known, self.now() - self.sight.lag)
        self.journal.calls_were_read(self.id, failed=False)

    def _batch(self, start: int, end: int, until: datetime) -> CallBatch:
        told = [news.call for news in self.news[start:end]]
        self.chance.shuffle(told)
        coverage = Coverage(
            source=self.id,
            kinds=self.kinds,
            accounts=self.sight.accounts,
            applications=self.sight.applications,
            handles=self.sight.handles,
            unseen=self.sight.unseen,
            data_unseen=self.sight.data_unseen,
            since=self.sight.since,
            until=until,
        )
        self.journal.was_told(coverage, told, self.now())
        return CallBatch(evidence=tuple(told), cursor={"done": end, "reached": to_rfc3339(until)}, coverage=coverage)

    def check(self) -> Iterator[str | Skipped]:
        yield "all is well"


@dataclass
class LastUsed:
    """IAM's last-used dates: one use in fifteen minutes, four hours late, whatever came of it, and silence since."""

    world: Sequence[Life]
    journal: Journal
    now: Callable[[], datetime]
    truth: Callable[[], datetime]
    weather: Weather
    id: SourceId = LAST_USED
    kinds: frozenset[KeyKind] = frozenset()

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        del cursor
        if self.weather.fails(self.truth()):
            self.journal.calls_were_read(self.id, failed=True)
            raise SourceUnreachable(f"{self.id}: throttled")
        until = self.now() - 4 * HOUR
        told: list[Evidence] = []
        for life in self.world:
            here = [stay for stay in life.stays if stay.source == IAM and stay.since <= self.truth() < stay.until]
            if here:
                told += self._of(life, here[0].key.created_at or START, until)
        coverage = Coverage(source=self.id, kinds=frozenset(), since=START - 4000 * DAY, until=until)
        self.journal.was_told(coverage, told, self.now())
        yield CallBatch(evidence=tuple(told), cursor={}, coverage=coverage)
        self.journal.calls_were_read(self.id, failed=False)

    def _of(self, life: Life, since: datetime, until: datetime) -> Iterator[Evidence]:
        handle = life.stays[0].key.handles[0]
        known = self.truth() - 4 * HOUR
        used = max((use.at for use in life.uses if use.at <= known), default=None)
        if used is not None:
            used = used.replace(minute=used.minute // 15 * 15, second=0, microsecond=0)
            yield Call(handle=handle, at=used, outcome=Outcome.ATTEMPT, source=self.id)
            since = used + timedelta(minutes=15)
        if since < until:
            yield Silence(handle=handle, since=since, until=until, source=self.id)

    def check(self) -> Iterator[str | Skipped]:
        yield "all is well"


@dataclass
class Slack:
    """Takes messages; is down for days, and now and then takes one and loses the answer."""

    chance: Random
    truth: Callable[[], datetime]
    weather: Weather
    taken: list[Delivery] = field(default_factory=list)
    """Every message that arrived, in this order."""
    reconciles: bool = True

    def send(self, delivery: Delivery) -> Receipt:
        if self.weather.fails(self.truth()):
            raise DeliveryError("Slack is down")
        self.taken.append(delivery)
        if self.chance.random() < 0.02:
            raise DeliveryUncertain("the answer was lost")
        return Receipt(f"ts {len(self.taken)}")

    def find(self, delivery: Delivery) -> Receipt | None:
        return next((Receipt("found") for taken in reversed(self.taken) if taken.id == delivery.id), None)
