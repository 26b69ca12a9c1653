"""Which calls were reported: so that one that is told again, after a crash of either side, is known."""

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from keywatch.model.key import SourceId
from keywatch.store import schema
from keywatch.store.database import Database
from keywatch.store.places import batches
from keywatch.store.sql import insert_new

REMEMBERED = 100_000
"""Calls of one reporter that are known again: some 15 MB."""
REMEMBERED_FOR = timedelta(days=7)
_TABLE = schema.reported_call


class ReportedRecords(Database):
    """Digests of ids, in the order in which they came."""

    def reported(self, source: SourceId, ids: Collection[str]) -> frozenset[str]:
        """Return those of `ids` that `source` has told before, as far as that is remembered."""
        by_digest = {_digest(name): name for name in ids}
        found: set[str] = set()
        with self._reading() as connection:
            for some in batches(tuple(by_digest)):
                mine = (_TABLE.c.source == source) & _TABLE.c.digest.in_(some)
                told = connection.execute(select(_TABLE.c.digest).where(mine)).scalars()
                found.update(by_digest[digest] for digest in told)
        return frozenset(found)


def remember(connection: Connection, source: SourceId, ids: Iterable[str], now: datetime) -> None:
    """Know `ids` from now on, and forget what is too old or too much, in the caller's transaction."""
    rows = [{"source": source, "digest": _digest(name), "at": now} for name in ids]
    if not rows:
        return
    insert_new(connection, _TABLE, rows)
    mine = _TABLE.c.source == source
    newest_first = select(_TABLE.c.sequence).where(mine).order_by(_TABLE.c.sequence.desc())
    last = connection.execute(newest_first.offset(REMEMBERED).limit(1)).scalar_one_or_none()
    if last is not None:
        connection.execute(delete(_TABLE).where(mine, _TABLE.c.sequence <= last))
    oldest_first = select(_TABLE.c.sequence, _TABLE.c.at).where(mine).order_by(_TABLE.c.sequence)
    oldest = connection.execute(oldest_first.limit(1)).first()
    if oldest is not None and oldest.at < now - REMEMBERED_FOR:
        connection.execute(delete(_TABLE).where(mine, _TABLE.c.at < now - REMEMBERED_FOR))


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
