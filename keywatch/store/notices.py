"""What Amazon announced of client secrets: of each application the last notice of each kind."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from keywatch.model.secret_notice import SecretNotice
from keywatch.store import schema
from keywatch.store.codec import dump, load, storable
from keywatch.store.database import Database
from keywatch.store.sql import upsert

_TABLE = schema.secret_notice


class NoticeRecords(Database):
    """One row an application, kind and source."""

    def secret_notices(self) -> list[SecretNotice]:
        """Return what is announced."""
        statement = select(_TABLE.c.record).order_by(_TABLE.c.client_id, _TABLE.c.kind, _TABLE.c.source)
        with self._reading() as connection:
            return [load(text, SecretNotice) for text in connection.execute(statement).scalars()]


def save_notices(connection: Connection, notices: Iterable[SecretNotice]) -> None:
    """Keep the latest by Amazon's own time, in the caller's transaction: notices come in no order."""
    rows = [
        {
            "client_id": storable(notice.client_id),
            "kind": notice.kind.value,
            "source": notice.source,
            "at": notice.at,
            "record": dump(notice),
        }
        for notice in notices
    ]
    upsert(connection, _TABLE, rows, newer="at")
