"""A clock that is set back, by a person or by NTP: what was told is neither taken back for it nor told twice."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keywatch.alerts.problems import Grace
from keywatch.alerts.routing import Routing
from keywatch.baseline import Policy
from keywatch.model.call import Call, Coverage, Outcome
from keywatch.model.errors import SourceUnreachable
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.source import CallBatch
from keywatch.service.judging import Judge, Rules
from keywatch.service.metrics import Metrics
from keywatch.service.sharing import SharingWatch
from keywatch.service.signals import SignalWatch
from keywatch.settings.limits import Sharing
from keywatch.settings.throttling import Throttling
from keywatch.store import Store
from tests.alerts.builders import DAY, IAM, NOW, SECOND, key

HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
LOG = SourceId("request-log:orders")


class House:
    """A store with one key that was last used when the test says, a judge, and a clock."""

    def __init__(self, store: Store, used: datetime) -> None:
        self.store = store
        self.now = NOW
        of = key(kind=KeyKind.LWA_REFRESH_TOKEN, created_at=used - DAY)
        call = Call(handle=of.handles[0], at=used, outcome=Outcome.SUCCESS, source=LOG)
        seen = Coverage(source=LOG, kinds=frozenset({of.kind}), since=NOW - 200 * DAY, until=NOW + 5 * DAY)
        store.save_inventory(IAM, [of], complete=True, now=NOW)
        store.save_calls(LOG, CallBatch(evidence=(call,), cursor={}, coverage=seen), NOW)

    def news(self, now: datetime) -> list[str]:
        """What a judge that has just been started finds to be told."""
        self.now = now
        rules = Rules(
            policy=Policy(),
            grace=Grace(),
            routing=Routing(),
            sharing=SharingWatch(Sharing()),
            signals=SignalWatch(Throttling()),
        )
        judge = Judge(self.store, rules, now=lambda: self.now, metrics=Metrics())
        return [f"{change.transition.value} {change.alert.problem.stage}" for change in judge.run().changes]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path) as store:
        yield store


@pytest.mark.parametrize("back", [SECOND, HOUR, DAY, 2 * DAY], ids=str)
def test_what_was_told_stands_while_the_clock_comes_round_again(store: Store, back: timedelta) -> None:
    """By up to two days; the same instants pass a second time, and nothing is said in them."""
    house = House(store, used=NOW - 83 * DAY)
    assert house.news(NOW - SECOND) == ["fired warning"]
    assert house.news(NOW) == ["changed urgent"]
    assert house.news(NOW - back) == []
    assert house.news(NOW - back / 2) == []
    assert house.news(NOW) == []
    assert house.news(NOW + 5 * DAY) == ["changed critical"]


def test_what_a_clock_told_that_was_far_ahead_is_taken_back(store: Store) -> None:
    """It was wrong then; to wait until it is right would be to keep silent for as long."""
    house = House(store, used=NOW - 83 * DAY)
    assert house.news(NOW) == ["fired urgent"]
    assert house.news(NOW - 2 * DAY - TICK) == ["changed warning"]


def test_a_source_that_failed_is_told_of_by_a_clock_that_was_set_back(store: Store) -> None:
    """It has not been failing for less than no time."""
    house = House(store, used=NOW - DAY)
    store.source_started(LOG, "calls", NOW)
    store.source_failed(LOG, SourceUnreachable("down"), NOW)
    assert house.news(NOW - DAY) == ["fired blind"]
    assert house.news(NOW) == []
