"""A company that runs keywatch for a year: the real store, reading, judging and telling, under a clock of ours."""

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from keywatch.alerts.outbox import deliver
from keywatch.alerts.pacing import Pacer
from keywatch.alerts.problems import Grace, SourceRole
from keywatch.alerts.routing import Routing
from keywatch.baseline import Policy
from keywatch.detect.engine import Detector
from keywatch.detect.known import KnownKeys
from keywatch.detect.rules import packaged
from keywatch.model.key import KeyId, SourceId
from keywatch.model.secret import Pepper
from keywatch.scan.scanner import Scanner
from keywatch.service.judging import Judge, Rules
from keywatch.service.metrics import Metrics
from keywatch.service.planned import Planned
from keywatch.service.reading import Reader
from keywatch.service.sharing import SharingWatch
from keywatch.service.signals import SignalWatch
from keywatch.settings.limits import Sharing
from keywatch.settings.throttling import Throttling
from keywatch.store import Store
from tests.year import oracle
from tests.year.expected_alerts import Alerts, troubles
from tests.year.journal import Journal
from tests.year.sources import LAST_USED, Calls, Inventory, LastUsed, Slack, Weather, sights
from tests.year.world import DAY, INVENTORIES, START, lives

ROUTES = {"orders@example.com": "#orders", "billing@example.com": "#billing"}
DEFAULT = "#keys"


def channel(owner: str | None) -> str:
    """Who hears of it: the owner's channel, an owner that is a channel, or the channel for everything else."""
    if owner is not None and owner.startswith("#"):
        return owner
    return ROUTES.get(owner or "", DEFAULT)


@contextmanager
def opened(directory: Path, rules: Path, *, seed: int, keys: int) -> Iterator["Company"]:
    """
    A company on the first of January.

    Its database is in memory where the machine has a file system for that: every cycle makes some fifty transactions,
    each of which waits for the disk, and here is no crash to be survived.
    """
    detector = Detector(packaged(rules), cache_dir=rules)
    # A reader is given a scanner; there is no content here.
    scanner = Scanner(detector, Pepper(bytes(32)), KnownKeys(()))
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    with TemporaryDirectory(dir=memory if usable else directory) as place:
        company = Company(Path(place), scanner, seed=seed, keys=keys)
        try:
            yield company
        finally:
            company.close()


class Company:
    """Days go by; each is one cycle of reading, judging and telling, and what must come of it by the oracle's word."""

    def __init__(self, directory: Path, scanner: Scanner, *, seed: int, keys: int) -> None:
        self.directory = directory
        self.scanner = scanner
        self.chance = Random(f"{seed}/company")  # noqa: S311 - a test's chance
        self.time = START
        self.error = timedelta(0)
        """How far the machine's clock is off."""
        self.journal = Journal()
        self.alerts = Alerts()
        self.expected: list[tuple[str, str, str]] = []
        """Alert, transition and channel of everything that is to be told."""
        self.judged = 0
        """Standings that were compared."""
        self.bases: Counter[str] = Counter()
        self.set_back = 0
        self.stopping = threading.Event()
        world = lives(seed, keys)
        stays = [(life, stay) for life in world for stay in life.stays]
        self.inventories = {
            source: Inventory(
                source,
                [(life, stay) for life, stay in stays if stay.source == source],
                self.journal,
                self.clock,
                lambda: self.time,
                self._chance(source, seed),
                self._weather(source, seed),
            )
            for source in INVENTORIES
        }
        self.calls: dict[SourceId, Calls | LastUsed] = {
            sight.id: Calls(
                sight,
                world,
                self.journal,
                self.clock,
                lambda: self.time,
                self._chance(sight.id, seed),
                self._weather(sight.id, seed),
                self.stopping.set,
            )
            for sight in sights(world)
        }
        self.calls[LAST_USED] = LastUsed(
            world, self.journal, self.clock, lambda: self.time, self._weather(LAST_USED, seed)
        )
        self.slack = Slack(self._chance("slack", seed), lambda: self.time, self._weather("slack", seed))
        self._start()

    @staticmethod
    def _chance(name: str, seed: int) -> Random:
        return Random(f"{seed}/{name}")  # noqa: S311 - a test's chance

    def _weather(self, name: str, seed: int) -> Weather:
        return Weather(self._chance(f"weather of {name}", seed))

    def clock(self) -> datetime:
        """What the machine's clock says."""
        return self.time + self.error

    # The service.

    def _start(self) -> None:
        self.store = Store.open(self.directory)
        metrics = Metrics()
        routing = Routing(default=DEFAULT, owners=ROUTES)
        rules = Rules(
            policy=Policy(),
            grace=Grace(),
            routing=routing,
            sharing=SharingWatch(Sharing()),
            signals=SignalWatch(Throttling()),
        )
        self.stopping.clear()
        self.reader = Reader(self.store, self.scanner, now=self.clock, metrics=metrics, stopping=self.stopping)
        self.judge = Judge(self.store, rules, now=self.clock, metrics=metrics)
        self.send = partial(
            deliver, self.store, self.slack, self.clock, routing=routing, pacer=Pacer(timedelta(0)), jitter=lambda: 0.5
        )

    def restart(self) -> None:
        """End the process and start another on the same file."""
        self.store.close()
        self._start()

    def close(self) -> None:
        self.store.close()

    def _planned(self) -> Iterator[Planned]:
        for name, inventory in self.inventories.items():
            yield Planned(id=name, role=SourceRole.INVENTORY, every=DAY, build=lambda it=inventory: it)  # type: ignore[misc]
        for name, calls in self.calls.items():
            kinds = calls.kinds
            yield Planned(id=name, role=SourceRole.CALLS, every=DAY, build=lambda it=calls: it, kinds=kinds)  # type: ignore[misc]

    # The days.

    def cycle(self) -> None:
        """Read everything, judge, tell; and hold what was said against the oracle's word."""
        for planned in self._planned():
            self.time += timedelta(seconds=self.chance.random() * 20)
            self.reader.run(planned)
            if self.stopping.is_set():
                self.restart()
        self.time += timedelta(seconds=self.chance.random() * 20)
        now = self.alerts.judged_at(self.clock())
        decisions = self.judge.run()
        found = oracle.verdicts(self.journal, now)
        self._compare_standings(found, now)
        wrong, undecided = troubles(found, self.journal, now)
        news = self.alerts.news(wrong, undecided, now)
        said = {(str(one.alert.id), one.transition.value, one.alert.problem.owner) for one in decisions.changes}
        assert sorted(set(news) ^ said, key=str) == [], f"what is news differs at {now}"
        assert len(said) == len(decisions.changes)
        self.expected += [(alert, transition, channel(owner)) for alert, transition, owner in news]
        self.send()

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Alert, transition and channel of everything that has arrived."""
        return [
            (str(alert.id), delivery.transition.value, delivery.channel)
            for delivery in self.slack.taken
            for alert in delivery.alerts
        ]

    def _compare_standings(self, found: dict[int, oracle.Verdict], now: datetime) -> None:
        must = {
            verdict.held.id: (
                verdict.basis,
                verdict.level,
                verdict.last_success,
                verdict.last_attempt,
                verdict.clock,
                (now - verdict.clock).days,
                verdict.deletes_on,
                (verdict.deletes_on - now.date()).days,
            )
            for verdict in found.values()
        }
        are = {
            standing.key.id: (
                standing.basis.value,
                standing.level.value,
                standing.last_success,
                standing.last_attempt,
                standing.clock_start,
                standing.idle_days,
                standing.deletes_on,
                standing.days_left,
            )
            for standing in self.judge.judged
        }
        assert must == are, _difference(must, are, now)
        self.judged += len(must)
        self.bases.update(f"{verdict.basis}, {verdict.level}" for verdict in found.values())

    def tomorrow(self) -> None:
        """Go on to a random time of the next day."""
        day = self.time.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
        self.time = day + timedelta(microseconds=self.chance.randrange(86_000_000_000))

    def live(self, days: int) -> None:
        """
        Let days go by, with what happens to a daemon in them.

        The process is started anew now and then; a call source is taken out of the configuration and put back; and the
        clock is set back: by an hour between two cycles, or by a day, which nobody notices for two days.
        """
        for _ in range(days):
            luck = self.chance.random()
            if luck < 0.04:
                self.restart()
            elif luck < 0.05:
                self.forget(self.chance.choice(sorted(self.calls)))
            self.cycle()
            if luck > 0.98:
                self._set_back(timedelta(hours=1), cycles=1)
            elif luck > 0.97:
                self._set_back(DAY, cycles=2)
            self.tomorrow()

    def _set_back(self, by: timedelta, *, cycles: int) -> None:
        self.set_back += 1
        self.error = -by
        for _ in range(cycles):
            self.time += timedelta(minutes=20)
            self.cycle()
            self.time += DAY / 2
        self.error = timedelta(0)

    def deliver_the_rest(self) -> None:
        """Wait until everything has arrived."""
        for _ in range(200):
            self.time += timedelta(hours=2)
            self.send()
            if self.store.queue_depth(self.clock())[0] == 0:
                return

    def forget(self, source: SourceId) -> None:
        """Take a source out of the configuration. It is there again tomorrow, and is read from the beginning."""
        self.store.forget_source(source, self.clock())
        self.journal.was_forgotten(source)


def _difference(must: Mapping[KeyId, object], are: Mapping[KeyId, object], now: datetime) -> str:
    keys = [key for key in sorted({*must, *are}) if must.get(key) != are.get(key)]
    lines = [f"{key}\n    must be {must.get(key)}\n    is      {are.get(key)}" for key in keys[:10]]
    return "\n".join([f"{len(keys)} standings differ at {now}", *lines])
