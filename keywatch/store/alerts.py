"""Alerts, and the messages about them: written together or not at all."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert

from keywatch.alerts.lifecycle import Decisions
from keywatch.alerts.words import RANK
from keywatch.model.alert import Alert, AlertState, Delivery, Problem
from keywatch.store import schema
from keywatch.store.codec import dump, load, storable
from keywatch.store.database import Database
from keywatch.store.sql import insert_new


class AlertRecords(Database):
    """One row an alert, for ever: the same problem next year has the same row."""

    def alerts(self) -> list[Alert]:
        """Return every alert, resolved ones too, in the order in which they were opened."""
        table = schema.alert
        with self._reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.opened_at, table.c.id)).all()
        return [
            Alert(
                problem=load(row.problem, Problem),
                state=AlertState(row.state),
                opened_at=row.opened_at,
                changed_at=row.changed_at,
                resolved_at=row.resolved_at,
                revision=row.revision,
            )
            for row in rows
        ]

    def apply(self, decisions: Decisions, deliveries: Iterable[Delivery], now: datetime) -> None:
        """
        Write what was decided and queue what is to be told, in one transaction. Doing it again changes nothing.

        Args:
            decisions: from `keywatch.alerts.lifecycle.decide`.
            deliveries: the messages about them, from `keywatch.alerts.grouping`.
            now: aware UTC; kept for symmetry with the other writers.
        """
        del now
        with self._writing() as connection:
            _save(connection, [change.alert for change in decisions.changes])
            _refresh(connection, decisions.refreshed)
            for delivery in deliveries:
                enqueue(connection, delivery)


def _save(connection: Connection, alerts: Iterable[Alert]) -> None:
    rows = [
        {
            "id": storable(alert.id),
            "problem": dump(alert.problem),
            "state": alert.state.value,
            "opened_at": alert.opened_at,
            "changed_at": alert.changed_at,
            "resolved_at": alert.resolved_at,
            "revision": alert.revision,
        }
        for alert in alerts
    ]
    if not rows:
        return
    table = schema.alert
    statement = insert(table)
    changes = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    # Only forward: a decision made from an older reading does not undo a newer one.
    newer = table.c.revision < statement.excluded.revision
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes, where=newer), rows)


def _refresh(connection: Connection, alerts: Iterable[Alert]) -> None:
    table = schema.alert
    same = (table.c.id == bindparam("told_id")) & (table.c.revision == bindparam("told_revision"))
    rows = [
        {"told_id": storable(alert.id), "told_revision": alert.revision, "problem": dump(alert.problem)}
        for alert in alerts
    ]
    if rows:
        connection.execute(update(table).where(same).values(problem=bindparam("problem")), rows)


def enqueue(connection: Connection, delivery: Delivery) -> None:
    """Put a delivery into the outbox, unless one with its id has been there before."""
    row = {
        "id": delivery.id,
        "channel": delivery.channel,
        "transition": delivery.transition.value,
        "alerts": dump(delivery.alerts),
        "urgency": max((RANK[alert.problem.severity] for alert in delivery.alerts), default=0),
        "queued_at": delivery.queued_at,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
    }
    insert_new(connection, schema.delivery, [row])
    links = [{"delivery": delivery.id, "alert": storable(alert.id)} for alert in delivery.alerts]
    insert_new(connection, schema.delivery_alert, links)
