"""Hashes of values that Vault has handed out, and of values that were found: where these are equal, so are those."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select

from keywatch.model.held_value import HeldValue, LoggedHash, Validity
from keywatch.model.key import SourceId
from keywatch.model.secret import Fingerprint
from keywatch.store import schema
from keywatch.store.codec import storable
from keywatch.store.database import Database
from keywatch.store.places import batches
from keywatch.store.sql import insert_new, upsert

_LOGGED, _ASKED = schema.logged_hash, schema.asked_hash
_KEPT = timedelta(days=400)


class LoggedRecords(Database):
    """One row a place, field and hash; one row a value that was asked about."""

    def unasked(self, source: SourceId, found: Iterable[Fingerprint]) -> set[Fingerprint]:
        """Return those of the fingerprints whose value Vault was not asked about yet."""
        wanted = {fingerprint.digest: fingerprint for fingerprint in found}
        with self._reading() as connection:
            for some in batches(sorted(wanted)):
                mine = (_ASKED.c.source == source) & _ASKED.c.fingerprint.in_(some)
                for digest in connection.execute(select(_ASKED.c.fingerprint).where(mine)).scalars():
                    del wanted[digest]
        return set(wanted.values())

    def save_asked(self, source: SourceId, fingerprint: Fingerprint, digest: str) -> None:
        """Record what Vault made of a value."""
        row = {"source": source, "fingerprint": fingerprint.digest, "digest": digest}
        with self._writing() as connection:
            upsert(connection, _ASKED, [row])

    def confirmed(self, found: Iterable[Fingerprint]) -> list[HeldValue]:
        """Return the values that were found and that Vault has handed out; the newest of a field is the one in use."""
        wanted = sorted({fingerprint.digest for fingerprint in found})
        equal = (_LOGGED.c.source == _ASKED.c.source) & (_LOGGED.c.digest == _ASKED.c.digest)
        columns = (_ASKED.c.fingerprint, _LOGGED)
        values = []
        with self._reading() as connection:
            for some in batches(wanted):
                query = select(*columns).join(_LOGGED, equal).where(_ASKED.c.fingerprint.in_(some))
                for row in connection.execute(query).all():
                    newer = connection.execute(_newer(row)).scalar()
                    values.append(
                        HeldValue(
                            place=row.place,
                            field=row.field,
                            fingerprint=Fingerprint(row.fingerprint),
                            validity=Validity.CURRENT if newer is None else Validity.REPLACED,
                            since=newer,
                        )
                    )
        return values

    def prune_logged(self, now: datetime) -> None:
        """Forget what was handed out for the last time long ago."""
        with self._writing() as connection:
            connection.execute(delete(_LOGGED).where(_LOGGED.c.last < now - _KEPT))


def _newer(row: Row[Any]) -> Select[Any]:
    """When another value of the same field was handed out first, of a later version or, without versions, later on."""
    field = (_LOGGED.c.source == row.source) & (_LOGGED.c.place == row.place) & (_LOGGED.c.field == row.field)
    later = (_LOGGED.c.version > row.version) | ((_LOGGED.c.version == row.version) & (_LOGGED.c.first > row.last))
    return select(func.min(_LOGGED.c.first)).where(field & later & (_LOGGED.c.digest != row.digest))


def save_logged(connection: Connection, source: SourceId, logged: Iterable[LoggedHash]) -> None:
    """Save hashes, in the caller's transaction."""
    rows = [
        {
            "source": source,
            "place": storable(one.place),
            "field": storable(one.field),
            "digest": one.digest,
            "version": one.version,
            "first": one.at,
            "last": one.at,
        }
        for one in sorted(logged, key=lambda one: one.at)
    ]
    insert_new(connection, _LOGGED, rows)
    upsert(connection, _LOGGED, rows, keep=["first"], newer="last")
