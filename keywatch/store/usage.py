"""From where each key was used: rows of a few numbers, joined with what is new."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.usage import Origin, Spell, Usage, add, bounded, hour_of
from keywatch.store import schema
from keywatch.store.codec import storable
from keywatch.store.database import Database
from keywatch.store.places import batches
from keywatch.store.sql import upsert

_TABLE = schema.key_use


class UseRecords(Database):
    """One row a key, source and origin."""

    def uses(self) -> list[Usage]:
        """Return from where each key was used."""
        columns = _TABLE.c
        statement = select(_TABLE).order_by(columns.handle, columns.last, columns.network, columns.agent)
        with self._reading() as connection:
            rows = connection.execute(statement).all()
        return [
            Usage(
                handle=_handle(row.handle),
                source=SourceId(row.source),
                origin=Origin(row.network, row.agent, row.principal),
                spell=_spell(row),
            )
            for row in rows
        ]

    def prune_uses(self, before: datetime) -> None:
        """Forget from where a key was used for the last time before an instant: to come back is to be new there."""
        with self._writing() as connection:
            connection.execute(delete(_TABLE).where(_TABLE.c.last < hour_of(before)))


def save_uses(connection: Connection, source: SourceId, uses: Iterable[Usage]) -> None:
    """Join `uses` with what is known of the same keys, in the caller's transaction."""
    fresh: dict[str, dict[Origin, Spell]] = defaultdict(dict)
    for use in uses:
        add(fresh[storable(str(use.handle))], Origin(*map(storable, use.origin)), use.spell)
    for handles in batches(tuple(fresh)):
        mine = (_TABLE.c.source == source) & _TABLE.c.handle.in_(handles)
        known: dict[str, dict[Origin, Spell]] = defaultdict(dict)
        for row in connection.execute(select(_TABLE).where(mine)):
            known[row.handle][Origin(row.network, row.agent, row.principal)] = _spell(row)
        for handle in handles:
            _join(connection, source, handle, known[handle], fresh[handle])


def _join(
    connection: Connection,
    source: SourceId,
    handle: str,
    known: dict[Origin, Spell],
    fresh: Mapping[Origin, Spell],
) -> None:
    joined = dict(known)
    for origin, spell in fresh.items():
        add(joined, origin, spell)
    kept = bounded(joined)
    for origin in known.keys() - kept.keys():
        values = zip((_TABLE.c.network, _TABLE.c.agent, _TABLE.c.principal), origin, strict=True)
        mine = (_TABLE.c.source == source) & (_TABLE.c.handle == handle)
        connection.execute(delete(_TABLE).where(mine, *(column == value for column, value in values)))
    changed = {origin: spell for origin, spell in kept.items() if known.get(origin) != spell}
    upsert(connection, _TABLE, [_row(source, handle, origin, spell) for origin, spell in changed.items()])


def _row(source: SourceId, handle: str, origin: Origin, spell: Spell) -> dict[str, object]:
    return {
        "handle": handle,
        "source": source,
        **origin._asdict(),
        "first": spell.first,
        "last": spell.last,
        "calls": spell.calls,
        "hours": f"{spell.hours:x}",
    }


def _spell(row: Row[Any]) -> Spell:
    return Spell(row.first, row.last, row.calls, int(row.hours, 16))


def _handle(text: str) -> Handle:
    space, _, value = text.partition(":")
    return Handle(HandleSpace(space), value)
