"""Who may read what, as each source told it last."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from keywatch.model.access import Access
from keywatch.model.key import SourceId
from keywatch.store import schema
from keywatch.store.codec import dump, load
from keywatch.store.database import Database
from keywatch.store.sql import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccess:
    """One source's last word."""

    source: SourceId
    access: Access
    read_at: datetime


class AccessRecords(Database):
    """One row a source: it tells all at once, or nothing."""

    def save_access(self, source: SourceId, access: Access, now: datetime) -> None:
        """Replace what a source said before."""
        with self._writing() as connection:
            upsert(connection, schema.access, [{"source": source, "record": dump(access), "read_at": now}])

    def accesses(self, known: "dict[SourceId, StoredAccess] | None" = None) -> dict[SourceId, StoredAccess]:
        """
        Return what each source said last.

        Args:
            known: what was returned before; a record that is as it was is not read again.
        """
        table, before = schema.access, known or {}
        with self._reading() as connection:
            dates = {row.source: row.read_at for row in connection.execute(select(table.c.source, table.c.read_at))}
            same = {name: one for name, one in before.items() if dates.get(name) == one.read_at}
            rows = connection.execute(select(table).where(table.c.source.not_in(same))).all()
        read = {
            SourceId(row.source): StoredAccess(
                source=SourceId(row.source), access=load(row.record, Access), read_at=row.read_at
            )
            for row in rows
        }
        return same | read
