"""The share of a seller's calls that is throttled: both sides of each limit, and what is said of what was not seen."""

from dataclasses import replace

import pytest

from keywatch.alerts.throttling import ThrottlingRules, throttled
from keywatch.model.alert import AlertId, Problem
from keywatch.model.answer import Counted, DayCount
from keywatch.model.call import Coverage
from keywatch.model.key import Handle, HandleSpace, SourceId
from tests.alerts.builders import DAY, NOW, SECOND

LOG, APP = SourceId("request-log:orders"), SourceId("reported:orders")
APPLICATION, SELLER = Handle(HandleSpace.APPLICATION, "orders"), Handle(HandleSpace.AUTHORISATION, "orders/A1EXAMPLE")
ID = AlertId("seller-throttled:authorisation:orders/A1EXAMPLE")
COVERED = Coverage(source=LOG, kinds=frozenset(), since=NOW - 90 * DAY, until=NOW)


def counted(calls: int, bad: int, *, handle: Handle = SELLER, source: SourceId = LOG) -> Counted:
    """Calls of the window, and how many of these were throttled."""
    return Counted(handle, source, DayCount(calls, bad))


def told(*answers: Counted, firing: tuple[AlertId, ...] = (), coverage: Coverage = COVERED) -> list[Problem]:
    return throttled(answers, (), [coverage], rules=ThrottlingRules(), now=NOW, firing=firing)[0]


@pytest.mark.parametrize(
    ("calls", "bad", "is_told"),
    [(200, 11, True), (200, 10, False), (199, 199, False), (0, 0, False), (10**9, 5 * 10**7 + 1, True)],
)
def test_a_share_is_told_above_the_limit_of_enough_calls(calls: int, bad: int, is_told: bool) -> None:
    """Five in a hundred are not too many, one more is; and a few calls have no share."""
    assert [problem.id for problem in told(counted(calls, bad))] == [ID] * is_told


def test_what_was_told_is_over_well_below_the_limit() -> None:
    """So that a share that stands at the limit is told once."""
    assert [problem.id for problem in told(counted(1000, 41), firing=(ID,))] == [ID]
    assert told(counted(1000, 40), firing=(ID,)) == []


def test_the_window_is_today_and_the_six_days_before_in_utc() -> None:
    """A day leaves it at midnight, whatever the hour of the calls."""
    rules = ThrottlingRules()
    assert rules.first_day(NOW) == NOW.toordinal() - 6
    midnight = NOW.replace(hour=0, minute=0)
    assert rules.first_day(midnight) == rules.first_day(midnight - SECOND) + 1


def test_the_sources_of_a_seller_are_one_share() -> None:
    """What each of them counted stands beside it."""
    (problem,) = told(counted(200, 8), counted(100, 20, source=APP))
    assert dict(problem.facts)["What"] == "28 of 300 calls were answered 429; up to 5.0% may be"
    assert dict(problem.facts)["Evidence"] == (
        "from 2026-11-17 to 2026-11-23, UTC: reported:orders counted 20 of 100; request-log:orders counted 8 of 200"
    )


def test_what_of_the_window_was_not_seen_is_said() -> None:
    """A log that is read since yesterday shows no week."""
    coverage = replace(COVERED, since=NOW - DAY, blind="it cannot be read")
    (problem,) = told(counted(1000, 100), coverage=coverage)
    evidence = dict(problem.facts)["Evidence"]
    assert "(has seen calls since 2026-11-22 only and cannot be read now)" in evidence


def test_a_source_that_is_blind_takes_nothing_back() -> None:
    """The share may be as bad as ever."""
    blind = replace(COVERED, blind="it cannot be read")
    problems, unknown = throttled([counted(1000, 0)], (), [blind], rules=ThrottlingRules(), now=NOW, firing=(ID,))
    assert problems == []
    assert unknown == frozenset({ID})


def test_an_application_is_told_where_its_calls_name_no_seller() -> None:
    """Quotas are each seller's: where one is named, the application's own share says nothing."""
    whole = counted(1000, 500, handle=APPLICATION)
    assert [problem.title for problem in told(whole)] == ["application orders: 50.0% of its calls are throttled"]
    assert told(whole, counted(500, 0)) == []


@pytest.mark.parametrize(("bad", "stage"), [(60, "over x1"), (99, "over x1"), (100, "over x2"), (1000, "over x16")])
def test_it_is_told_again_when_it_doubles(bad: int, stage: str) -> None:
    """And not with each new figure."""
    (problem,) = told(counted(1000, bad))
    assert problem.stage == stage
