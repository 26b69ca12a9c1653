"""The inventory as each source told it, with when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from keywatch.model.key import Key, SourceId
from keywatch.store import schema
from keywatch.store.codec import dump, load, storable
from keywatch.store.database import Database
from keywatch.store.sql import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One source's word of one key in one place."""

    source: SourceId
    key: Key
    first_seen: datetime
    last_seen: datetime
    gone_at: datetime | None
    """When a complete reading of the source first missed it; None while it is there."""


class InventoryRecords(Database):
    """Sightings of keys."""

    def save_inventory(self, source: SourceId, keys: Sequence[Key], *, complete: bool, now: datetime) -> None:
        """
        Record what a source holds.

        Args:
            source: who says so.
            keys: what it showed.
            complete: whether it showed everything. If so, a key that is not among `keys` is gone; if not, it stays as
                it was: not seen is not the same as not there.
            now: aware UTC.
        """
        rows = [
            {
                "source": source,
                "key_id": storable(key.id),
                "place": storable(key.locations[0].place if key.locations else ""),
                "record": dump(key),
                "first_seen": now,
                "last_seen": now,
                "gone_at": None,
            }
            for key in keys
        ]
        table = schema.key
        with self._writing() as connection:
            if complete:
                there = (table.c.source == source) & table.c.gone_at.is_(None)
                connection.execute(update(table).where(there).values(gone_at=now))
            upsert(connection, table, rows, keep=["first_seen"])  # which clears gone_at again of what it has seen

    def sightings(self) -> list[Sighting]:
        """Return every sighting, of keys that are gone too."""
        table = schema.key
        with self._reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.key_id, table.c.source, table.c.place)).all()
        return [
            Sighting(
                source=SourceId(row.source),
                key=load(row.record, Key),
                first_seen=row.first_seen,
                last_seen=row.last_seen,
                gone_at=row.gone_at,
            )
            for row in rows
        ]
