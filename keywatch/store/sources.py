"""How each source is doing: silence must not be taken for health."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from keywatch.model.errors import KeywatchError
from keywatch.model.key import SourceId
from keywatch.model.source import Skipped, SourceReport
from keywatch.store import schema
from keywatch.store.codec import dump, load
from keywatch.store.database import Database
from keywatch.store.findings import resolve_unseen_by_all
from keywatch.store.places import batches
from keywatch.store.sql import insert_new, upsert

SKIPPED_KEPT = 20
"""Skipped items of one run that are kept by name; the rest is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What is known of a source's last runs."""

    source: SourceId
    kind: str
    """What it is for, in the service's words: `inventory`, `calls`, `content`."""
    last_started: datetime | None
    last_success: datetime | None
    failing_since: datetime | None
    """When the first run failed that no successful one has followed yet; None while all is well."""
    error: str | None
    hint: str | None
    items: int
    """What the last successful run brought."""
    skipped_total: int
    skipped: tuple[Skipped, ...]
    """A few of them."""


class SourceRecords(Database):
    """One row a source."""

    def source_started(self, source: SourceId, kind: str, now: datetime) -> None:
        """Record that a run has begun."""
        with self._writing() as connection:
            upsert(connection, schema.source, [{"source": source, "kind": kind, "last_started": now}])

    def source_succeeded(self, report: SourceReport, now: datetime) -> None:
        """Record that a run went through, whatever single items it had to skip. It ends the source's blindness."""
        values = {
            "last_success": now,
            "failing_since": None,
            "error": None,
            "hint": None,
            "items": report.items,
            "skipped_total": len(report.skipped),
            "skipped": dump(report.skipped[:SKIPPED_KEPT]),
        }
        table = schema.source
        with self._writing() as connection:
            insert_new(connection, table, [{"source": report.source, "kind": ""}])
            connection.execute(update(table).where(table.c.source == report.source).values(values))

    def source_failed(self, source: SourceId, error: KeywatchError, now: datetime) -> None:
        """Record that a run failed. The first failure in a row is the one that counts for `failing_since`."""
        table = schema.source
        with self._writing() as connection:
            insert_new(connection, table, [{"source": source, "kind": ""}])
            mine = table.c.source == source
            connection.execute(update(table).where(mine).values(error=error.message, hint=error.hint))
            connection.execute(update(table).where(mine & table.c.failing_since.is_(None)).values(failing_since=now))

    def sources(self) -> list[SourceState]:
        """Return how every source is doing that was ever started."""
        table = schema.source
        with self._reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.source)).all()
        return [
            SourceState(
                source=SourceId(row.source),
                kind=row.kind,
                last_started=row.last_started,
                last_success=row.last_success,
                failing_since=row.failing_since,
                error=row.error,
                hint=row.hint,
                items=row.items,
                skipped_total=row.skipped_total,
                skipped=load(row.skipped, tuple[Skipped, ...]),
            )
            for row in rows
        ]

    def forget_source(self, source: SourceId, now: datetime) -> None:
        """Remove all that a source ever told, and when it was read: it has been taken out of the configuration."""
        place = schema.place
        with self._writing() as connection:
            told = (schema.key, schema.access, schema.call, schema.silence, schema.key_use, schema.coverage)
            answers = (schema.answer, schema.answered_day, schema.reported_call, schema.secret_notice)
            values = (schema.value_place, schema.held_value, schema.logged_hash, schema.asked_hash)
            for table in (*told, *answers, *values, schema.cursor, schema.source):
                connection.execute(delete(table).where(table.c.source == source))
            # Should it come back, it is due at once.
            connection.execute(delete(schema.job_run).where(schema.job_run.c.job == source))
            mine = select(place.c.finding).distinct().where(place.c.source == source)
            shown = connection.execute(mine).scalars().all()
            connection.execute(delete(place).where(place.c.source == source))
            connection.execute(delete(schema.finding).where(schema.finding.c.id.not_in(select(place.c.finding))))
            for some in batches(shown):
                resolve_unseen_by_all(connection, some, now)
