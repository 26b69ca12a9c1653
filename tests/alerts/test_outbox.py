"""Every message arrives: through crashes, outages, refusals and lost answers."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from keywatch.alerts.lifecycle import Decisions
from keywatch.alerts.outbox import FIRST_PAUSE, LONGEST_PAUSE, DeliverySummary, backoff, deliver
from keywatch.alerts.pacing import Pacer
from keywatch.alerts.routing import CONSOLE, Routing
from keywatch.demo.slack import SlackServer, Trouble
from keywatch.model.alert import AlertState, Delivery, DeliveryState, Transition
from keywatch.model.errors import DeliveryError, DeliveryRefused
from keywatch.model.finding import Severity
from keywatch.model.secret import Secret
from keywatch.model.source import Receipt
from keywatch.notify.console import ConsoleNotifier
from keywatch.notify.slack import SlackNotifier
from keywatch.notify.switchboard import Switchboard
from keywatch.notify.webhook import WebhookNotifier
from keywatch.store import Store
from tests.alerts.builders import NOW, SECOND, alert, delivery

ROUTING = Routing(default="#keys")


@dataclass
class World:
    """A store, a workspace, and a clock that only the test moves."""

    store: Store
    slack: SlackServer
    console: StringIO = field(default_factory=StringIO)
    now: datetime = NOW
    elapsed: float = 0.0

    def queue(self, *deliveries: Delivery) -> None:
        """Put messages into the outbox."""
        self.store.apply(Decisions(), deliveries, self.now)

    def notifier(self) -> Switchboard:
        """Slack by bot token, and the console."""
        bot = SlackNotifier(Secret(self.slack.token.encode()), base_url=self.slack.api_url)
        return Switchboard(bot, {CONSOLE: ConsoleNotifier(self.console)})

    def round(self, after: timedelta = timedelta(0), stopping: Callable[[], bool] = lambda: False) -> DeliverySummary:
        """One round, `after` so long."""
        self.now += after
        return deliver(
            self.store,
            self.notifier(),
            lambda: self.now,
            routing=ROUTING,
            pacer=Pacer(clock=lambda: self.elapsed, sleep=self.sleep),
            stopping=stopping,
            jitter=lambda: 0.0,
        )

    def sleep(self, seconds: float) -> None:
        """Let time pass without waiting."""
        self.elapsed += seconds

    def seconds(self) -> float:
        """What Slack's clock says."""
        return self.now.timestamp()

    def states(self) -> dict[str, DeliveryState]:
        """How far each message has come."""
        return {one.id: one.state for one in self.store.deliveries()}

    def posted(self) -> list[str | None]:
        """The deliveries whose messages are in Slack, in order."""
        return [message.delivery for message in self.slack.messages]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty store and an empty workspace, whose clock is the test's."""
    worlds: list[World] = []

    def clock() -> float:
        return worlds[0].seconds()

    with SlackServer(["#keys", "#orders"], clock=clock) as slack, Store.open(tmp_path / "state") as store:
        worlds.append(World(store, slack))
        yield worlds[0]


def test_what_is_due_is_sent_gravest_first(world: World) -> None:
    """A critical message overtakes the mild ones that were queued before it; each is sent once."""
    world.queue(
        delivery("low", alerts=(alert("low", severity=Severity.LOW),)),
        delivery("critical", alerts=(alert("critical", severity=Severity.CRITICAL),)),
    )
    assert world.round() == DeliverySummary(sent=2)
    assert world.round() == DeliverySummary()
    assert world.posted() == ["critical-fired", "low-fired"]
    assert world.store.queue_depth(world.now) == (0, None)


def test_messages_to_one_channel_keep_their_distance(world: World) -> None:
    """One message a second and channel; another channel need not wait for it; the console needs no pause."""
    names = "abc"
    world.queue(*(delivery(name) for name in names), *(delivery(f"o{name}", channel="#orders") for name in names))
    world.queue(*(delivery(f"c{name}", channel=CONSOLE) for name in names))
    assert world.round().sent == 9
    assert world.elapsed == pytest.approx(2.0)


def test_one_alert_is_told_in_order(world: World) -> None:
    """A change is not told before the news it changes, however grave it is; and it is told by editing that message."""
    graver = (alert("a", severity=Severity.CRITICAL, revision=2),)
    over = (alert("a", AlertState.RESOLVED, revision=3),)
    world.queue(delivery("a"), delivery("a", Transition.CHANGED, alerts=graver))
    world.queue(delivery("a", Transition.RESOLVED, alerts=over))
    assert world.round().sent == 3
    parent, reply = world.slack.messages
    assert (parent.edits, reply.thread_ts) == (2, parent.ts)
    assert "RESOLVED" in parent.text


def test_an_outage_loses_nothing_and_calls_less_and_less(world: World) -> None:
    """While Slack is down each channel is tried once a round, at growing intervals; afterwards all arrive, once."""
    world.queue(*(delivery(f"{index:02}") for index in range(20)))
    world.slack.stop()
    attempts = 0
    for _ in range(24 * 20):
        attempts += world.round(timedelta(minutes=3)).postponed
    # Each message is tried at growing intervals, the longest an hour.
    assert attempts <= 20 * (24 + 10)
    assert world.store.queue_depth(world.now) == (20, timedelta(days=1))
    with SlackServer(clock=world.seconds) as again:
        world.slack = again
        assert sum(world.round(LONGEST_PAUSE).sent for _ in range(2)) == 20
        assert len(set(world.posted())) == len(world.posted()) == 20


def test_a_throttled_channel_is_left_alone_as_long_as_it_asks(world: World) -> None:
    """No call inside `Retry-After`, not even for a message queued meanwhile; another channel goes on."""
    world.slack.fail(Trouble.THROTTLED, retry_after="30")
    world.queue(delivery("a"))
    assert world.round() == DeliverySummary(postponed=1)
    world.queue(delivery("b"), delivery("c", channel="#orders"))
    assert world.round(29 * SECOND) == DeliverySummary(sent=1)
    assert len(world.slack.calls) == 2
    assert world.round(SECOND) == DeliverySummary(sent=2)


def test_a_failing_channel_is_tried_once_a_round(world: World) -> None:
    """One failure ends the channel's turn; the others in it are not tried into the same wall."""
    world.slack.fail(Trouble.REFUSED, error="service_unavailable")
    world.queue(delivery("a"), delivery("b"))
    assert world.round() == DeliverySummary(postponed=1)
    assert world.round(timedelta(minutes=1)).sent == 2


@pytest.mark.parametrize("trouble", [Trouble.LOST, Trouble.DROPPED, Trouble.BROKEN])
def test_a_lost_answer_is_cleared_up_before_anything_is_repeated(world: World, trouble: Trouble) -> None:
    """Whether Slack had stored the message or not: in the end it is there once."""
    world.slack.fail(trouble)
    world.queue(delivery("a"), delivery("b"))
    assert world.round() == DeliverySummary(uncertain=1)
    assert [one.id for one in world.store.uncertain()] == ["a-fired"]
    second = world.round(FIRST_PAUSE)
    assert second.reconciled == (1 if trouble is Trouble.LOST else 0)
    assert sorted(world.posted(), key=str) == ["a-fired", "b-fired"]
    assert set(world.states().values()) == {DeliveryState.SENT}


@pytest.mark.parametrize("method", ["chat.update", "chat.postMessage"])
@pytest.mark.parametrize("trouble", [Trouble.LOST, Trouble.DROPPED])
def test_a_lost_answer_to_a_change_doubles_nothing(world: World, trouble: Trouble, method: str) -> None:
    """A change is an edit and one reply, whichever of the two answers was lost, and however."""
    world.queue(delivery("a"))
    world.round()
    world.slack.fail(trouble, method=method)
    world.queue(delivery("a", Transition.CHANGED, alerts=(alert("a", revision=2),)))
    assert world.round(SECOND).uncertain == 1
    world.round(FIRST_PAUSE)
    assert world.posted() == ["a-changed", "a-changed"]
    assert set(world.states().values()) == {DeliveryState.SENT}


def test_a_lost_answer_to_an_end_doubles_nothing(world: World) -> None:
    """An edit whose answer was lost is found by the edited message's metadata."""
    world.queue(delivery("a"))
    world.round()
    world.slack.fail(Trouble.LOST)
    world.queue(delivery("a", Transition.RESOLVED, alerts=(alert("a", AlertState.RESOLVED, revision=2),)))
    assert world.round(SECOND).uncertain == 1
    assert world.round(SECOND).reconciled == 1
    assert world.slack.messages[0].edits == 1


def test_without_the_scope_one_repeat_is_possible_and_nothing_is_lost(world: World) -> None:
    """Where the bot may not read the channel, a message whose answer was lost is sent again: at most once more."""
    world.slack.scopes.discard("channels:history")
    world.slack.fail(Trouble.LOST)
    world.queue(delivery("a"))
    assert world.round() == DeliverySummary(uncertain=1)
    assert world.round(FIRST_PAUSE) == DeliverySummary(sent=1, repeated=1)
    assert world.posted() == ["a-fired", "a-fired"]


def test_a_webhook_repeats_what_it_cannot_ask_for(world: World) -> None:
    """A notifier that cannot reconcile sends at least once."""
    notifier = WebhookNotifier(Secret(world.slack.webhook_url.encode()))
    world.slack.fail(Trouble.LOST)
    world.queue(delivery("a"))
    assert deliver(world.store, notifier, lambda: NOW) == DeliverySummary(uncertain=1)
    assert deliver(world.store, notifier, lambda: NOW) == DeliverySummary(sent=1, repeated=1)
    assert len(world.slack.messages) == 2


def test_an_answer_lost_each_time_is_no_busy_loop(world: World) -> None:
    """From the second lost answer on the message waits, longer each time."""
    world.slack.fail(Trouble.DROPPED, times=2, method="chat.postMessage")
    world.queue(delivery("a"))
    assert world.round().uncertain == 1
    assert world.round().uncertain == 1
    assert world.round() == DeliverySummary()
    assert world.round(FIRST_PAUSE) == DeliverySummary(sent=1)


def test_what_cannot_be_asked_now_stays_uncertain(world: World) -> None:
    """While Slack does not answer the question either, the message is neither sent again nor taken for arrived."""
    world.slack.fail(Trouble.LOST, method="chat.postMessage")
    world.slack.fail(Trouble.BROKEN, method="conversations.history")
    world.queue(delivery("a"), delivery("b"))
    assert world.round() == DeliverySummary(uncertain=1)
    assert world.round() == DeliverySummary(uncertain=1)
    assert world.round() == DeliverySummary(reconciled=1, sent=1)


def test_one_failed_question_is_enough_for_a_round(world: World) -> None:
    """Of several uncertain messages in a channel that cannot be asked, only the first is asked for."""
    world.queue(delivery("a"), delivery("b"))
    for one in world.store.due(NOW, 2):
        assert world.store.mark_sending(one.id, NOW)
        world.store.mark_uncertain(one.id, "lost", NOW)
    world.slack.fail(Trouble.BROKEN)
    assert world.round() == DeliverySummary(uncertain=1)
    assert world.slack.calls == ["conversations.list"]


def test_a_refused_message_is_told_elsewhere(world: World) -> None:
    """An archived channel loses nothing: the message goes to the fallback channel, in the same transaction."""
    world.slack.fail(Trouble.REFUSED, error="is_archived")
    world.queue(delivery("a"))
    assert world.round() == DeliverySummary(refused=1, sent=1)
    assert "key a is dying" in world.console.getvalue()
    assert sorted(world.states().values()) == [DeliveryState.FAILED, DeliveryState.SENT]


def test_the_last_fallback_keeps_trying(world: World) -> None:
    """Where there is nobody else to tell, a refused message stays in the queue rather than being lost."""
    world.slack.fail(Trouble.REFUSED, error="is_archived")
    world.queue(delivery("a"))
    lonely = Routing(default="#keys", fallbacks=())
    assert deliver(world.store, world.notifier(), lambda: NOW, routing=lonely).refused == 1
    assert world.store.queue_depth(NOW) == (1, timedelta(0))
    assert world.round(LONGEST_PAUSE).sent == 1


class Faulty:
    """A notifier with a bug."""

    reconciles = False

    def send(self, delivery: Delivery) -> Receipt:
        raise ZeroDivisionError(delivery.channel)

    def find(self, delivery: Delivery) -> Receipt | None:
        raise DeliveryRefused(delivery.channel)


def test_a_bug_in_a_notifier_leaves_no_message_claimed_for_ever(world: World) -> None:
    """An unexpected error counts as a lost answer; its text, for which nobody has vouched, is not kept."""
    world.queue(delivery("a"))
    assert deliver(world.store, Faulty(), lambda: NOW) == DeliverySummary(uncertain=1)
    assert [one.error for one in world.store.uncertain()] == ["unexpected ZeroDivisionError"]


def test_stopping_ends_a_round_between_two_messages(world: World) -> None:
    """A daemon that is told to stop finishes the message under way, and starts no other."""
    world.queue(delivery("a"), delivery("b"))
    answers = iter([False, False, True])
    assert world.round(stopping=lambda: next(answers)).sent == 1
    answers = iter([False, True, True])
    assert world.round(stopping=lambda: next(answers)).sent == 0
    claimed = world.store.due(world.now, 1)[0].id
    assert world.store.mark_sending(claimed, world.now)
    world.store.mark_uncertain(claimed, "lost", world.now)
    assert world.round(stopping=lambda: True) == DeliverySummary()


class Rivals:
    """An outbox whose messages are all claimed by somebody else just before we do."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def mark_sending(self, delivery_id: str, now: datetime) -> bool:
        """Lose the race."""
        assert self._store.mark_sending(delivery_id, now)
        return self._store.mark_sending(delivery_id, now)


def test_a_message_that_somebody_else_has_claimed_is_left_to_them(world: World) -> None:
    """Losing the race for a message is no failure, and sends nothing."""
    world.queue(delivery("a"))
    outbox = Rivals(world.store)
    assert deliver(outbox, world.notifier(), lambda: NOW) == DeliverySummary()  # type: ignore[arg-type]
    assert world.slack.calls == []


def test_two_workers_send_each_message_once(world: World, tmp_path: Path) -> None:
    """Two workers on one outbox never both send a message."""
    world.queue(*(delivery(f"{index:02}", channel=CONSOLE) for index in range(40)))
    streams = [StringIO(), StringIO()]

    def work(stream: StringIO, store: Store) -> None:
        deliver(store, ConsoleNotifier(stream), lambda: NOW)

    with Store.open(tmp_path / "state") as other:
        pairs = zip(streams, (world.store, other), strict=True)
        threads = [threading.Thread(target=work, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    text = "".join(stream.getvalue() for stream in streams)
    assert [text.count(f"key {index:02} is dying") for index in range(40)] == [1] * 40
    assert set(world.states().values()) == {DeliveryState.SENT}


CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from keywatch.alerts.outbox import deliver
from keywatch.model.secret import Secret
from keywatch.notify.slack import SlackNotifier
from keywatch.store import Store

directory, url, token, point = sys.argv[1:]

class Dying(Store):
    def mark_sending(self, delivery_id, now):
        if point == "before the intent": os.kill(os.getpid(), signal.SIGKILL)
        claimed = super().mark_sending(delivery_id, now)
        if point == "after the intent": os.kill(os.getpid(), signal.SIGKILL)
        return claimed
    def mark_sent(self, delivery_id, reference, now):
        if point == "after the answer": os.kill(os.getpid(), signal.SIGKILL)
        super().mark_sent(delivery_id, reference, now)
        if point == "after the record": os.kill(os.getpid(), signal.SIGKILL)

with Dying.open(Path(directory)) as store:
    deliver(store, SlackNotifier(Secret(token.encode()), base_url=url), lambda: datetime.now(UTC))
"""


@pytest.mark.parametrize("point", ["before the intent", "after the intent", "after the answer", "after the record"])
def test_kill_9_loses_nothing_and_doubles_nothing(world: World, tmp_path: Path, point: str) -> None:
    """Killed between any two steps of a delivery, the next process delivers what is missing, and only that."""
    world.now = datetime.now(UTC)
    world.queue(delivery("a", queued_at=world.now), delivery("b", queued_at=world.now))
    state = str(tmp_path / "state")
    dead = subprocess.run(
        [sys.executable, "-c", CHILD, state, world.slack.api_url, world.slack.token, point],
        check=False,
        capture_output=True,
    )
    assert dead.returncode == -9, dead.stderr.decode()
    world.round(SECOND)
    assert sorted(world.posted(), key=str) == ["a-fired", "b-fired"]
    assert set(world.states().values()) == {DeliveryState.SENT}


def test_pauses_double_up_to_an_hour() -> None:
    """5 s, 10 s, 20 s, … one hour; the jitter takes at most half away."""
    assert [backoff(attempt, 0.0) for attempt in (1, 2, 3)] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert backoff(1_000, 0.0) == LONGEST_PAUSE
    assert backoff(1_000, 1.0) == LONGEST_PAUSE / 2


def test_a_summary_counts_a_postponed_message_with_its_wait(world: World) -> None:
    """A receiver's own wish decides over the backoff."""

    class Busy(Faulty):
        def send(self, delivery: Delivery) -> Receipt:
            raise DeliveryError(f"{delivery.channel} is busy", retry_after=timedelta(seconds=7))

    world.queue(replace(delivery("a"), channel=CONSOLE))
    assert deliver(world.store, Busy(), lambda: NOW).postponed == 1
    assert [one.next_attempt_at for one in world.store.deliveries()] == [NOW + 7 * SECOND]
