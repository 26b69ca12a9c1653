"""
Seeing to it that every message arrives: none lost by a crash, and none doubled where the receiver can be asked.

The intent to send is committed before the request leaves, and the arrival after the answer came. A crash in between
leaves a message that may have arrived or not; before it is sent again the receiver is asked for it by its id.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import random
from typing import Protocol

import structlog

from keywatch.alerts.grouping import rerouted
from keywatch.alerts.pacing import Pacer
from keywatch.alerts.routing import Routing
from keywatch.model.alert import AlertId, Delivery, Transition
from keywatch.model.errors import DeliveryError, DeliveryRefused, DeliveryUncertain
from keywatch.model.source import Notifier, Receipt

FIRST_PAUSE = timedelta(seconds=5)
"""Before the second attempt; doubled before each further one."""

LONGEST_PAUSE = timedelta(hours=1)

_LOOK_AHEAD = 50
"""Due messages among which one is chosen."""


class Outbox(Protocol):
    """
    Where messages wait. Every method is one transaction; `keywatch.store.Store` is the one implementation.

    A message that was claimed and never settled is *uncertain*: its sender died, or lost the answer.
    """

    def due(self, now: datetime, limit: int, *, besides: Collection[str] = ()) -> list[Delivery]: ...
    def uncertain(self) -> list[Delivery]: ...
    def mark_sending(self, delivery_id: str, now: datetime) -> bool: ...
    def mark_sent(self, delivery_id: str, reference: str | None, now: datetime) -> None: ...
    def mark_uncertain(self, delivery_id: str, error: str, now: datetime) -> None: ...
    def mark_pending(
        self, delivery_id: str, error: str | None, next_attempt_at: datetime | None, now: datetime
    ) -> None: ...
    def mark_failed(self, delivery_id: str, error: str, now: datetime, *, instead: Delivery | None = None) -> None: ...
    def pause(self, channel: str, until: datetime) -> None: ...
    def reference_of(self, alert_id: AlertId, channel: str) -> str | None: ...
    def queue_depth(self, now: datetime) -> tuple[int, timedelta | None]: ...


@dataclass(slots=True, kw_only=True)
class DeliverySummary:
    """What one round did, in messages."""

    sent: int = 0
    reconciled: int = 0
    """Uncertain ones that turned out to have arrived."""
    repeated: int = 0
    """Uncertain ones that are sent again although nobody could say whether they had arrived."""
    postponed: int = 0
    refused: int = 0
    uncertain: int = 0


def deliver(
    outbox: Outbox,
    notifier: Notifier,
    now: Callable[[], datetime],
    *,
    routing: Routing | None = None,
    pacer: Pacer | None = None,
    stopping: Callable[[], bool] = lambda: False,
    jitter: Callable[[], float] = random,
) -> DeliverySummary:
    """
    Do one round: settle what is uncertain, then send what is due until nothing is, most severe first.

    A channel that fails is left alone for the rest of the round.

    Args:
        outbox: where the messages wait.
        notifier: takes every channel; see `keywatch.notify.switchboard`.
        now: the clock; aware UTC.
        routing: whose fallback channels take what is refused; None for the console.
        pacer: keep one across rounds; None makes one for this round.
        stopping: asked before each message; True ends the round.
        jitter: a random number from 0 to 1.

    Raises:
        StoreError: the outbox cannot be written. Whatever was under way is uncertain, and settled in a later round.
    """
    work = _Round(outbox, notifier, now, routing or Routing(), pacer or Pacer(), jitter)
    for delivery in outbox.uncertain():
        if stopping():
            break
        if delivery.channel not in work.tired:
            work.reconcile(delivery)
    while not stopping() and (waiting := outbox.due(now(), _LOOK_AHEAD, besides=work.tired)):
        delivery = work.pacer.next(waiting)
        if not stopping():
            work.attempt(delivery)
    return work.summary


def backoff(attempts: int, jitter: float) -> timedelta:
    """
    Return how long to wait after `attempts` failed ones.

    Args:
        attempts: from 1.
        jitter: from 0 to 1; takes up to half of the pause away, so that messages do not come back in step.
    """
    pause = min(FIRST_PAUSE * (1 << min(attempts - 1, 20)), LONGEST_PAUSE)
    return pause * (1 - jitter / 2)


@dataclass(slots=True)
class _Round:
    outbox: Outbox
    notifier: Notifier
    now: Callable[[], datetime]
    routing: Routing
    pacer: Pacer
    jitter: Callable[[], float]
    summary: DeliverySummary = field(default_factory=DeliverySummary)
    tired: set[str] = field(default_factory=set)
    """Channels that have failed in this round."""
    log: structlog.typing.FilteringBoundLogger = field(default_factory=structlog.get_logger)

    def reconcile(self, delivery: Delivery) -> None:
        """Find out what became of a message whose answer was lost."""
        try:
            receipt = self.notifier.find(self._addressed(delivery)) if self.notifier.reconciles else None
        except DeliveryRefused as error:
            self._repeat(delivery, error.message)
        except DeliveryError as error:
            # It cannot be said now. It stays uncertain, and is asked for in the next round.
            self.tired.add(delivery.channel)
            self.summary.uncertain += 1
            self.log.warning("delivery_unreconciled", delivery=delivery.id, error=error.message)
        else:
            self._reconciled(delivery, receipt)

    def _reconciled(self, delivery: Delivery, receipt: Receipt | None) -> None:
        if receipt is not None:
            self.outbox.mark_sent(delivery.id, receipt.reference, self.now())
            self.summary.reconciled += 1
            self.log.info("delivery_reconciled", delivery=delivery.id, channel=delivery.channel)
        elif self.notifier.reconciles:
            self._again(delivery)
        else:
            self._repeat(delivery, "the receiver cannot be asked")

    def _repeat(self, delivery: Delivery, why: str) -> None:
        self.summary.repeated += 1
        self.log.warning("delivery_repeated", delivery=delivery.id, channel=delivery.channel, reason=why)
        self._again(delivery)

    def _again(self, delivery: Delivery) -> None:
        # At once after the first attempt; later ones wait, or an answer lost each time would become a busy loop.
        moment = self.now()
        wait = backoff(delivery.attempts - 1, self.jitter()) if delivery.attempts > 1 else timedelta(0)
        self.outbox.mark_pending(delivery.id, delivery.error, moment + wait, moment)

    def attempt(self, delivery: Delivery) -> None:
        """Claim a due message and send it."""
        delivery = self._addressed(replace(delivery, attempts=delivery.attempts + 1))
        if not self.outbox.mark_sending(delivery.id, self.now()):
            return  # another worker has it
        try:
            receipt = self.notifier.send(delivery)
        except DeliveryRefused as error:
            self._refused(delivery, error)
        except DeliveryUncertain as error:
            self._lost(delivery, error.message)
        except DeliveryError as error:
            self._postponed(delivery, error)
        except Exception as error:  # noqa: BLE001 - a bug in a notifier must not leave a message claimed for ever
            # Its text is not kept: nobody has vouched that it holds no secret.
            self._lost(delivery, f"unexpected {type(error).__name__}")
        else:
            self.outbox.mark_sent(delivery.id, receipt.reference, self.now())
            self.summary.sent += 1
            self.log.info("delivery_sent", delivery=delivery.id, channel=delivery.channel, attempts=delivery.attempts)
        finally:
            self.pacer.served(delivery.channel)

    def _addressed(self, delivery: Delivery) -> Delivery:
        """Tell the notifier which message of its own stands for this alert already, if the news belongs to that one."""
        belongs = delivery.transition in {Transition.CHANGED, Transition.RESOLVED} and len(delivery.alerts) == 1
        if not belongs:
            return delivery
        return replace(delivery, reference=self.outbox.reference_of(delivery.alerts[0].id, delivery.channel))

    def _lost(self, delivery: Delivery, error: str) -> None:
        self.outbox.mark_uncertain(delivery.id, error, self.now())
        self.tired.add(delivery.channel)
        self.summary.uncertain += 1
        self.log.warning("delivery_uncertain", delivery=delivery.id, channel=delivery.channel, error=error)

    def _postponed(self, delivery: Delivery, error: DeliveryError) -> None:
        moment = self.now()
        wait = error.retry_after or backoff(delivery.attempts, self.jitter())
        self.outbox.mark_pending(delivery.id, error.message, moment + wait, moment)
        if error.retry_after is not None:
            self.outbox.pause(delivery.channel, moment + error.retry_after)
        self.tired.add(delivery.channel)
        self.summary.postponed += 1
        self.log.warning("delivery_postponed", delivery=delivery.id, channel=delivery.channel, error=error.message)

    def _refused(self, delivery: Delivery, error: DeliveryRefused) -> None:
        moment = self.now()
        fallback = self.routing.after(delivery.channel)
        if fallback is None:
            # Nobody else to tell: keep it, and try again, rather than lose it.
            self.outbox.mark_pending(delivery.id, error.message, moment + LONGEST_PAUSE, moment)
        else:
            instead = rerouted(delivery, fallback, moment)
            self.outbox.mark_failed(delivery.id, error.message, moment, instead=instead)
        self.summary.refused += 1
        self.log.error(
            "delivery_refused", delivery=delivery.id, channel=delivery.channel, fallback=fallback, error=error.message
        )
