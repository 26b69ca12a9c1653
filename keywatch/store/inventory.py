"""The inventory as each source told it, with when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import select, update

from keywatch.model.key import Key, KeyStatus, SourceId
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


class Change(StrEnum):
    """What has become of a key since its source was last read."""

    FOUND = "found"
    RETURNED = "returned"
    """It was gone, and is there again."""
    RECREATED = "recreated"
    """It is new, in a place whose key has gone or is switched off: a rotation."""
    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"
    VANISHED = "vanished"
    """A complete reading did not show it. One that was refused in part, or broken off, never says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One key that is not as it was."""

    change: Change
    key: Key


_TICK = timedelta(microseconds=1)


class InventoryRecords(Database):
    """Sightings of keys."""

    def save_inventory(
        self, source: SourceId, keys: Sequence[Key], *, complete: bool, now: datetime
    ) -> tuple[KeyChange, ...]:
        """
        Record what a source holds, and return what has changed. Of the first reading, nothing has.

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
            known = connection.execute(select(table).where(table.c.source == source)).all()
            before = {(row.key_id, row.place): (load(row.record, Key), row.gone_at) for row in known}
            # Seen by a clock that was set back since: it was before now, and what is not shown now must not seem newer.
            ahead = (table.c.source == source) & (table.c.last_seen >= now)
            connection.execute(update(table).where(ahead).values(last_seen=now - _TICK))
            if complete:
                there = (table.c.source == source) & table.c.gone_at.is_(None)
                connection.execute(update(table).where(there).values(gone_at=now))
            upsert(connection, table, rows, keep=["first_seen"])  # which clears gone_at again of what it has seen
        after = {(storable(key.id), storable(key.locations[0].place if key.locations else "")): key for key in keys}
        return _changes(before, after, complete=complete) if before else ()

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


_Place: TypeAlias = tuple[str, str]
"""A key's id, and where it is."""

_STATUS = {
    KeyStatus.ACTIVE: Change.ACTIVATED,
    KeyStatus.INACTIVE: Change.DEACTIVATED,
    KeyStatus.EXPIRED: Change.EXPIRED,
}


def _changes(
    before: Mapping[_Place, tuple[Key, datetime | None]], after: Mapping[_Place, Key], *, complete: bool
) -> tuple[KeyChange, ...]:
    there = {place: key for place, (key, gone_at) in before.items() if gone_at is None}
    gone = {place: key for place, (key, gone_at) in before.items() if gone_at is not None}
    vanished = {place: key for place, key in there.items() if complete and place not in after}
    left = {place for _, place in (*gone, *vanished)}
    left |= {place for (_, place), key in after.items() if key.status is not KeyStatus.ACTIVE}
    found: list[KeyChange] = [KeyChange(change=Change.VANISHED, key=key) for key in vanished.values()]
    for place, key in after.items():
        if place in there:
            found += _switched(there[place], key)
        elif place in gone:
            found.append(KeyChange(change=Change.RETURNED, key=key))
        else:
            found.append(KeyChange(change=Change.RECREATED if place[1] in left else Change.FOUND, key=key))
    return tuple(found)


def _switched(before: Key, now: Key) -> Iterator[KeyChange]:
    change = _STATUS.get(now.status)
    if change is not None and before.status is not now.status:
        yield KeyChange(change=change, key=now)
