"""Alerts and their messages in the database: written together, claimed once, forgotten late."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection

from keywatch.alerts.lifecycle import Change, Decisions, decide
from keywatch.model.alert import AlertState, DeliveryState, Transition
from keywatch.model.errors import StoreError
from keywatch.model.finding import Severity
from keywatch.store import Store
from tests.alerts.builders import DAY, NOW, SECOND, alert, delivery, problem


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path) as store:
        yield store


def test_alerts_come_back_as_they_were_decided(store: Store) -> None:
    """Every field survives, resolved alerts too, and paths that are no valid UTF-8."""
    told = (alert("a"), alert("b \udc80", AlertState.RESOLVED, revision=2, owner="x"), alert("c"))
    changes = tuple(Change(transition=Transition.FIRED, alert=one) for one in told)
    store.apply(Decisions(changes=changes), [delivery("a", alerts=told)], NOW)
    assert sorted(store.alerts(), key=lambda one: one.id) == list(told)
    assert store.due(NOW, 1)[0].alerts == told


def test_alerts_and_messages_are_written_together(store: Store) -> None:
    """If a message cannot be queued, the alert it is about is not on record either, and is decided anew."""
    decisions = decide([problem()], [], now=NOW)
    naive = replace(delivery(), queued_at=NOW.replace(tzinfo=None))
    with pytest.raises(Exception, match="aware UTC"):
        store.apply(decisions, [naive], NOW)
    assert (store.alerts(), store.deliveries()) == ([], [])


def test_a_decision_applied_twice_is_told_once(store: Store) -> None:
    """After a crash between two steps the same decision changes nothing, not even for a message already sent."""
    decisions = decide([problem()], [], now=NOW)
    for _ in range(2):
        store.apply(decisions, [delivery()], NOW)
        for one in store.due(NOW, 5):
            assert store.mark_sending(one.id, NOW)
            store.mark_sent(one.id, "C1/1", NOW)
    assert [one.state for one in store.deliveries()] == [DeliveryState.SENT]
    assert len(store.alerts()) == 1


def test_an_older_decision_does_not_undo_a_newer_one(store: Store) -> None:
    """Of two revisions of an alert the later one stays; new words are taken for the revision they were written for."""
    newer, older = alert(revision=3), alert(revision=2)
    for one in (newer, older):
        store.apply(Decisions(changes=(Change(transition=Transition.CHANGED, alert=one),)), [], NOW)
    assert [one.revision for one in store.alerts()] == [3]
    store.apply(
        Decisions(refreshed=(alert(revision=2, title="old words"), alert(revision=3, title="new words"))), [], NOW
    )
    assert [one.problem.title for one in store.alerts()] == ["new words"]


def test_gravest_first_then_oldest(store: Store) -> None:
    """Severity decides, then the order of queueing; the limit holds; what is to wait is not due yet."""
    grave = (alert("grave", severity=Severity.CRITICAL),)
    waiting = replace(delivery("later"), next_attempt_at=NOW + SECOND)
    store.apply(Decisions(), [delivery("a"), waiting, delivery("b"), delivery("grave", alerts=grave)], NOW)
    assert [one.id for one in store.due(NOW, 3)] == ["grave-fired", "a-fired", "b-fired"]
    assert [one.id for one in store.due(NOW, 2)] == ["grave-fired", "a-fired"]
    assert len(store.due(NOW + SECOND, 9)) == 4
    assert store.due(NOW, 9, besides=["#keys"]) == []


def test_a_long_queue_is_searched_by_index(store: Store) -> None:
    """The work of finding what is due grows with the queue, not with its square: an outage makes long queues."""
    store.apply(Decisions(), [delivery(str(number)) for number in range(1000)], NOW)
    steps: list[None] = []

    def watch(connection: DBAPIConnection, _: object) -> None:
        connection.set_progress_handler(lambda: steps.append(None), 1000)

    store._engine.dispose()
    event.listen(store._engine, "connect", watch)
    assert len(store.due(NOW, 50)) == 50
    # Counted in thousands of SQLite's own instructions; a search of all pairs takes more than ten thousand of them.
    assert len(steps) < 500


def test_a_message_is_claimed_once(store: Store) -> None:
    """The second claim fails; so does one for a message that was sent, or never queued."""
    store.apply(Decisions(), [delivery()], NOW)
    assert [store.mark_sending("a-fired", NOW) for _ in range(2)] == [True, False]
    assert store.due(NOW, 1) == []
    store.mark_sent("a-fired", "C1/1", NOW)
    assert not store.mark_sending("a-fired", NOW)
    assert not store.mark_sending("unknown", NOW)
    assert [(one.state, one.attempts, one.reference) for one in store.deliveries()] == [(DeliveryState.SENT, 1, "C1/1")]


def test_what_a_dead_process_was_sending_is_uncertain(store: Store, tmp_path: Path) -> None:
    """The process that is sending knows that it is; for one that starts later the message is uncertain."""
    store.apply(Decisions(), [delivery()], NOW)
    assert store.mark_sending("a-fired", NOW)
    assert store.uncertain() == []
    with Store.open(tmp_path) as later:
        assert [one.id for one in later.uncertain()] == ["a-fired"]


def test_a_record_that_could_not_be_written_leaves_the_message_uncertain(store: Store) -> None:
    """If the disk is full just after Slack's answer, the message is looked up later instead of staying claimed."""
    store.apply(Decisions(), [delivery()], NOW)
    assert store.mark_sending("a-fired", NOW)
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreError):
        store.mark_sent("a-fired", "C1/1", NOW)
    assert [one.id for one in store.uncertain()] == ["a-fired"]


def test_a_settled_message_stays_settled(store: Store) -> None:
    """A late word about a message that was sent does not bring it back."""
    store.apply(Decisions(), [delivery()], NOW)
    assert store.mark_sending("a-fired", NOW)
    store.mark_sent("a-fired", "C1/1", NOW)
    store.mark_pending("a-fired", "late", NOW, NOW)
    store.mark_failed("a-fired", "late", NOW)
    assert [one.state for one in store.deliveries(DeliveryState.SENT)] == [DeliveryState.SENT]


def test_a_pause_holds_a_channel_and_never_shrinks(store: Store) -> None:
    """Nothing of a paused channel is due, whatever was queued when; a shorter pause does not end a longer one."""
    store.pause("#keys", NOW + 2 * SECOND)
    store.pause("#keys", NOW + SECOND)
    store.apply(Decisions(), [delivery()], NOW)
    assert store.due(NOW + SECOND, 1) == []
    assert len(store.due(NOW + 2 * SECOND, 1)) == 1


def test_a_clock_that_is_set_back_does_not_make_a_message_wait(store: Store) -> None:
    """No wait is longer than an hour, so one that seems to be was begun by another clock."""
    hour = 3600 * SECOND
    for ahead, due in ((hour, 0), (hour + SECOND, 1), (DAY, 1)):
        waiting = replace(delivery(f"in {ahead}"), channel=f"#{ahead}", next_attempt_at=NOW + ahead)
        store.apply(Decisions(), [waiting], NOW)
        assert len([one for one in store.due(NOW, 9) if one.id == waiting.id]) == due
    store.apply(Decisions(), [replace(delivery("paused"), channel="#paused")], NOW)
    store.pause("#paused", NOW + hour)
    assert "paused-fired" not in [one.id for one in store.due(NOW, 9)]
    assert "paused-fired" in [one.id for one in store.due(NOW - SECOND, 9)]


def test_the_message_that_stands_for_an_alert(store: Store) -> None:
    """The last sent message about this alert alone, in this channel; a digest stands for none."""
    digest = delivery("digest", alerts=(alert("a"), alert("b")))
    store.apply(Decisions(), [digest], NOW)
    _send(store, "digest-fired", "C1/0")
    assert store.reference_of(alert("a").id, "#keys") is None
    store.apply(Decisions(), [delivery(), delivery(transition=Transition.REGRESSED)], NOW)
    _send(store, "a-fired", "C1/1")
    assert store.reference_of(alert("a").id, "#keys") == "C1/1"
    _send(store, "a-regressed", "C1/2")
    assert store.reference_of(alert("a").id, "#keys") == "C1/2"
    assert store.reference_of(alert("a").id, "#other") is None
    assert store.told_alone() == {alert("a").id}


def test_old_messages_are_forgotten_but_none_that_is_still_needed(store: Store) -> None:
    """Unsent ones are kept however old, and those of open alerts, whose messages will have to be edited."""
    over, still = alert("over", AlertState.RESOLVED, revision=2), alert("still")
    changes = tuple(Change(transition=Transition.FIRED, alert=one) for one in (over, still))
    messages = [delivery("over", alerts=(over,)), delivery("still", alerts=(still,)), delivery("unsent")]
    store.apply(Decisions(changes=changes), messages, NOW)
    for one in ("over-fired", "still-fired"):
        _send(store, one, "C1/1")
    assert store.prune_deliveries(NOW) == 0
    assert store.prune_deliveries(NOW + DAY) == 1
    assert [one.id for one in store.deliveries()] == ["still-fired", "unsent-fired"]


def test_the_queue_says_how_deep_and_how_old(store: Store) -> None:
    """Messages under way count as waiting: they have not arrived."""
    assert store.queue_depth(NOW) == (0, None)
    store.apply(Decisions(), [delivery(), delivery("b", queued_at=NOW + SECOND)], NOW)
    assert store.mark_sending("a-fired", NOW)
    assert store.queue_depth(NOW + DAY) == (2, DAY)


def _send(store: Store, name: str, reference: str) -> None:
    assert store.mark_sending(name, NOW)
    store.mark_sent(name, reference, NOW)
