"""What is kept of answers, of ids of reported calls and of notices: joined, bounded, forgotten with their source."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from keywatch.collect.calls.answers import Tally
from keywatch.model.answer import Answer, Answered, DayCount, Streak
from keywatch.model.call import Coverage
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.secret_notice import NoticeKind, SecretNotice
from keywatch.model.source import CallBatch
from keywatch.store import Store, schema
from keywatch.store import reported as module
from tests.alerts.builders import DAY, NOW

LOG, APP = SourceId("request-log:orders"), SourceId("reported:orders")
SELLER = Handle(HandleSpace.AUTHORISATION, "orders/A1EXAMPLE")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path) as store:
        yield store


def save(store: Store, *, source: SourceId = LOG, **brought: object) -> None:
    coverage = Coverage(source=source, kinds=frozenset(), since=None, until=None)
    batch = CallBatch(evidence=(), cursor={}, coverage=coverage, **brought)  # type: ignore[arg-type]
    store.save_calls(source, batch, NOW)


CALLS = st.lists(
    st.tuples(
        st.sampled_from([Answer.INVALID_GRANT, Answer.EXCHANGED, Answer.ACCEPTED, Answer.THROTTLED, Answer.DENIED]),
        st.sampled_from(["A1EXAMPLE", "A2EXAMPLE", None]),
    ),
    min_size=1,
    max_size=25,
)


def tallied(calls: list[tuple[Answer, str | None]], first: int) -> tuple[Answered, ...]:
    tally = Tally()
    for index, (answer, seller) in enumerate(calls):
        tally.add(answer, NOW + (first + index) * 90 * MINUTE, application="orders", client_id=None, seller=seller)
    return tally.answered(LOG)


@given(CALLS, st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_log_that_is_read_in_batches_comes_to_what_it_is(
    store: Store, calls: list[tuple[Answer, str | None]], data: st.DataObject
) -> None:
    """However its lines are cut into batches: the same refusals that are not over, and the same counts of each day."""
    cuts = sorted(data.draw(st.sets(st.integers(1, len(calls)), max_size=4)) | {0, len(calls)})
    store.forget_source(LOG, NOW)
    for start, end in pairwise(cuts):
        save(store, answers=tallied(calls[start:end], start))
    whole = {one.handle: one for one in tallied(calls, 0)}
    for first in range(NOW.toordinal(), NOW.toordinal() + 4):
        counts = {one.handle: tuple(one.total) for one in store.answered_since(first)}
        assert counts == {handle: sums for handle, one in whole.items() if (sums := since(one, first)) != (0, 0)}
    assert going_on(store.refused()) == going_on(whole.values())


def since(one: Answered, first: int) -> tuple[int, int]:
    days = [count for day, count in one.days.items() if day >= first]
    return sum(count.calls for count in days), sum(count.throttled for count in days)


def going_on(answers: Iterable[Answered]) -> dict[tuple[Handle, Answer], Streak]:
    """The refusals that no success has followed."""
    over = {Answer.INVALID_GRANT: Answer.EXCHANGED, Answer.DENIED: Answer.ACCEPTED}
    return {
        (one.handle, answer): one.streaks[answer]
        for one in answers
        for answer, success in over.items()
        if answer in one.streaks
        and (success not in one.streaks or one.streaks[success].last < one.streaks[answer].last)
    }


def test_old_answers_are_forgotten(store: Store) -> None:
    """Counts when their day has left the window, refusals when nobody has tried for long."""
    today = NOW.toordinal()
    streaks = {Answer.INVALID_GRANT: Streak(NOW - 9 * DAY, NOW - 8 * DAY, 3)}
    days = {today - 8: DayCount(5, 1), today: DayCount(7, 2)}
    save(store, answers=(Answered(handle=SELLER, source=LOG, streaks=streaks, days=days),))
    store.prune_answers(NOW - 8 * DAY, first_day=today - 7)
    assert [one.total for one in store.answered_since(0)] == [DayCount(7, 2)]
    assert len(store.refused()) == 1
    store.prune_answers(NOW - 7 * DAY, first_day=today)
    assert store.refused() == []


def test_ids_are_known_again_by_their_reporter_for_a_week(store: Store, tmp_path: Path) -> None:
    """Also by the next process; another reporter may use the same."""
    save(store, source=APP, ids=("1", "2"))
    with Store.open(tmp_path) as again:
        assert again.reported(APP, ["1", "2", "3"]) == {"1", "2"}
        assert again.reported(LOG, ["1"]) == frozenset()
        coverage = Coverage(source=APP, kinds=frozenset(), since=None, until=None)
        later = CallBatch(evidence=(), cursor={}, coverage=coverage, ids=("3",))
        again.save_calls(APP, later, NOW + 7 * DAY)
        assert again.reported(APP, ["1", "2", "3"]) == {"1", "2", "3"}
        again.save_calls(APP, later, NOW + 7 * DAY + MINUTE)
        assert again.reported(APP, ["1", "2", "3"]) == {"3"}


def test_of_too_many_ids_the_oldest_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a busy reporter costs as much as any."""
    monkeypatch.setattr(module, "REMEMBERED", 10)
    for start in range(0, 50, 7):
        save(store, source=APP, ids=tuple(str(number) for number in range(start, start + 7)))
    assert store.reported(APP, [str(number) for number in range(60)]) == {str(number) for number in range(46, 56)}
    with store._reading() as connection:
        assert connection.execute(select(func.count()).select_from(schema.reported_call)).scalar() == 10


def notice(kind: NoticeKind, ago: int, ends: int, source: SourceId = LOG) -> SecretNotice:
    return SecretNotice(client_id="client", kind=kind, at=NOW - ago * DAY, ends_at=NOW + ends * DAY, source=source)


def test_of_notices_the_last_by_amazons_time_is_kept(store: Store) -> None:
    """In whatever order they come, and however often."""
    first, second, new = (
        notice(NoticeKind.EXPIRY, 9, 50),
        notice(NoticeKind.EXPIRY, 2, 40),
        notice(NoticeKind.NEW_SECRET, 1, 180),
    )
    for _ in range(2):
        save(store, notices=(second, new))
        save(store, notices=(first,))
    assert store.secret_notices() == [second, new]


def test_what_a_source_told_goes_with_it(store: Store) -> None:
    """Nothing stays of one that was taken out of the configuration."""
    streaks = {Answer.INVALID_GRANT: Streak(NOW, NOW, 1)}
    answered = Answered(handle=SELLER, source=LOG, streaks=streaks, days={NOW.toordinal(): DayCount(1, 0)})
    save(store, answers=(answered,), ids=("1",), notices=(notice(NoticeKind.EXPIRY, 1, 1),))
    store.forget_source(LOG, NOW)
    assert [*store.refused(), *store.answered_since(0), *store.secret_notices()] == []
    assert store.reported(LOG, ["1"]) == frozenset()
