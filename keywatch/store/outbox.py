"""The outbox: every message to be sent, and how far it has come. See `keywatch.alerts.outbox` for what it promises."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, delete, exists, func, select, update

from keywatch.alerts.outbox import LONGEST_PAUSE
from keywatch.model.alert import Alert, AlertId, Delivery, DeliveryState, Transition
from keywatch.store import schema
from keywatch.store.alerts import enqueue
from keywatch.store.codec import load, storable
from keywatch.store.database import Database
from keywatch.store.sql import upsert

_UNSENT = (DeliveryState.PENDING.value, DeliveryState.SENDING.value)


class OutboxRecords(Database):
    """One row a message."""

    def __init__(self, engine: Engine, path: Path) -> None:
        super().__init__(engine, path)
        # The rows this store is sending right now. Any other row that is being sent lost its sender.
        self._in_flight: set[str] = set()

    def due(self, now: datetime, limit: int, *, besides: Collection[str] = ()) -> list[Delivery]:
        """
        Return what may be sent now: most severe first, then oldest.

        Of one alert only the oldest unsent message in a channel is due: a change is not told before what it changes.
        What is in a paused channel is not due.

        Args:
            now: aware UTC.
            limit: return at most so many.
            besides: leave out these channels.
        """
        table = schema.delivery
        query = (
            select(table)
            .where(table.c.state == DeliveryState.PENDING.value)
            .where(table.c.next_attempt_at.is_(None) | ~_ahead(table.c.next_attempt_at, now))
            .where(table.c.channel.not_in(_paused(now)))
            .where(~_OVERTAKES)
            .order_by(table.c.urgency.desc(), table.c.sequence)
            .limit(limit)
        )
        if besides:
            query = query.where(table.c.channel.not_in(sorted(besides)))
        return self._deliveries(query)

    def uncertain(self) -> list[Delivery]:
        """Return the messages of which nobody knows whether they arrived: their sender died, or lost the answer."""
        table = schema.delivery
        query = select(table).where(table.c.state == DeliveryState.SENDING.value)
        claimed = self._deliveries(query.order_by(table.c.urgency.desc(), table.c.sequence))
        return [delivery for delivery in claimed if delivery.id not in self._in_flight]

    def mark_sending(self, delivery_id: str, now: datetime) -> bool:
        """Claim a due message: the intent, committed before the request leaves. False: somebody else claimed it."""
        del now
        table = schema.delivery
        claimable = (table.c.id == delivery_id) & (table.c.state == DeliveryState.PENDING.value)
        values = {"state": DeliveryState.SENDING.value, "attempts": table.c.attempts + 1}
        claimed = False
        try:
            with self._writing() as connection:
                claimed = connection.execute(update(table).where(claimable).values(values)).rowcount == 1
                if claimed:
                    self._in_flight.add(delivery_id)  # before the commit shows the row to another thread
        except BaseException:
            if claimed:
                self._in_flight.discard(delivery_id)  # the commit may have gone through all the same
            raise
        return claimed

    def mark_sent(self, delivery_id: str, reference: str | None, now: datetime) -> None:
        """The receiver has it."""
        self._settle(delivery_id, state=DeliveryState.SENT.value, reference=reference, settled_at=now, error=None)

    def mark_uncertain(self, delivery_id: str, error: str, now: datetime) -> None:
        """The answer was lost: the receiver must be asked before it is sent again."""
        del now
        self._settle(delivery_id, state=DeliveryState.SENDING.value, error=error)

    def mark_pending(
        self, delivery_id: str, error: str | None, next_attempt_at: datetime | None, now: datetime
    ) -> None:
        """It did not arrive; try again at `next_attempt_at`, at once if None."""
        del now
        state = DeliveryState.PENDING.value
        self._settle(delivery_id, state=state, next_attempt_at=next_attempt_at, error=error)

    def mark_failed(self, delivery_id: str, error: str, now: datetime, *, instead: Delivery | None = None) -> None:
        """It was refused for good. `instead` is queued in the same transaction, so that nothing is lost in between."""
        self._settle(delivery_id, instead, state=DeliveryState.FAILED.value, error=error, settled_at=now)

    def pause(self, channel: str, until: datetime) -> None:
        """The receiver asked for a pause: nothing of this channel is due before `until`."""
        with self._writing() as connection:
            upsert(connection, schema.channel, [{"channel": channel, "paused_until": until}], newer="paused_until")

    def reference_of(self, alert_id: AlertId, channel: str) -> str | None:
        """Return the receiver's id of the message that stands for this alert alone in `channel`, if there is one."""
        table, link = schema.delivery, schema.delivery_alert
        each = link.alias("each")
        told = select(func.count()).where(each.c.delivery == table.c.id).correlate(table).scalar_subquery()
        query = (
            select(table.c.reference)
            .join(link, link.c.delivery == table.c.id)
            .where((link.c.alert == storable(alert_id)) & (table.c.channel == channel) & (told == 1))
            .where((table.c.state == DeliveryState.SENT.value) & table.c.reference.is_not(None))
            .order_by(table.c.sequence.desc())
            .limit(1)
        )
        with self._reading() as connection:
            reference: str | None = connection.execute(query).scalar_one_or_none()
        return reference

    def told_alone(self) -> frozenset[AlertId]:
        """Return the alerts for which `reference_of` knows a message in some channel."""
        table, link = schema.delivery, schema.delivery_alert
        each = link.alias("each")
        told = select(func.count()).where(each.c.delivery == table.c.id).correlate(table).scalar_subquery()
        query = (
            select(link.c.alert)
            .join(table, link.c.delivery == table.c.id)
            .where((table.c.state == DeliveryState.SENT.value) & table.c.reference.is_not(None) & (told == 1))
            .distinct()
        )
        with self._reading() as connection:
            return frozenset(map(AlertId, connection.execute(query).scalars()))

    def queue_depth(self, now: datetime) -> tuple[int, timedelta | None]:
        """Return how many messages have not arrived yet, and how long the oldest has been waiting."""
        table = schema.delivery
        query = select(func.count(), func.min(table.c.queued_at)).where(table.c.state.in_(_UNSENT))
        with self._reading() as connection:
            number, oldest = connection.execute(query).one()
        return number, None if oldest is None else now - oldest

    def deliveries(self, *states: DeliveryState) -> list[Delivery]:
        """Return the messages in any of `states`; without one, all of them. In the order of queueing."""
        table = schema.delivery
        query = select(table).order_by(table.c.sequence)
        if states:
            query = query.where(table.c.state.in_([state.value for state in states]))
        return self._deliveries(query)

    def prune_deliveries(self, before: datetime) -> int:
        """
        Forget messages settled before `before`, and return how many.

        One that has not arrived is never forgotten, nor is one whose alert is still open: it will have to be updated.
        """
        table, link = schema.delivery, schema.delivery_alert
        still_open = exists().where(
            (link.c.delivery == table.c.id) & (link.c.alert == schema.alert.c.id) & schema.alert.c.resolved_at.is_(None)
        )
        old = table.c.state.not_in(_UNSENT) & (table.c.settled_at < before) & ~still_open
        with self._writing() as connection:
            return connection.execute(delete(table).where(old)).rowcount

    def _settle(self, delivery_id: str, instead: Delivery | None = None, /, **values: object) -> None:
        # First of all: if the disk is full now, the row stays claimed, and must count as uncertain afterwards.
        self._in_flight.discard(delivery_id)
        with self._writing() as connection:
            connection.execute(update(schema.delivery).where(_unsettled(delivery_id)).values(values))
            if instead is not None:
                enqueue(connection, instead)

    def _deliveries(self, query: Select[Any]) -> list[Delivery]:
        with self._reading() as connection:
            return [_delivery(row) for row in connection.execute(query).all()]


def _unsettled(delivery_id: str) -> ColumnElement[bool]:
    return (schema.delivery.c.id == delivery_id) & schema.delivery.c.state.in_(_UNSENT)


def _paused(now: datetime) -> Select[tuple[str]]:
    return select(schema.channel.c.channel).where(_ahead(schema.channel.c.paused_until, now))


def _ahead(instant: ColumnElement[datetime], now: datetime) -> ColumnElement[bool]:
    """Whether one has to wait for it. No wait is as long as what a clock that was set back makes of one."""
    return (instant > now) & (instant <= now + LONGEST_PAUSE)


def _overtakes() -> ColumnElement[bool]:
    """
    Whether an older message about one of the same alerts in the same channel has not arrived yet.

    Nested, so that SQLite walks from the message to its alerts to their messages, each by an index. Left to order a
    join of the three by itself it takes half a minute for 10,000 waiting messages.
    """
    older = schema.delivery.alias("older")
    mine, theirs = schema.delivery_alert.alias("mine"), schema.delivery_alert.alias("theirs")
    waiting = exists().where(
        (older.c.id == theirs.c.delivery)
        & (older.c.channel == schema.delivery.c.channel)
        & (older.c.sequence < schema.delivery.c.sequence)
        & older.c.state.in_(_UNSENT)
    )
    told = exists().where((theirs.c.alert == mine.c.alert) & waiting.correlate(theirs, schema.delivery))
    return exists().where((mine.c.delivery == schema.delivery.c.id) & told.correlate(mine, schema.delivery))


_OVERTAKES = _overtakes()
"""Put together once: it is asked for before every message."""


def _delivery(row: Row[Any]) -> Delivery:
    alerts: Sequence[Alert] = load(row.alerts, tuple[Alert, ...])
    return Delivery(
        id=row.id,
        channel=row.channel,
        transition=Transition(row.transition),
        alerts=tuple(alerts),
        queued_at=row.queued_at,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        reference=row.reference,
        error=row.error,
    )
