"""The one object through which everything else reads and writes."""

from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import select

from keywatch.alerts.outbox import Outbox
from keywatch.model.errors import StoreError
from keywatch.store import schema
from keywatch.store.access import AccessRecords
from keywatch.store.alerts import AlertRecords
from keywatch.store.answers import AnswerRecords
from keywatch.store.attestations import AttestationRecords
from keywatch.store.calls import CallRecords
from keywatch.store.database import FILE, connect, create_file, explained, verify
from keywatch.store.finding_words import FindingWordRecords
from keywatch.store.findings import FindingRecords
from keywatch.store.inventory import InventoryRecords
from keywatch.store.jobs import JobRecords
from keywatch.store.logged import LoggedRecords
from keywatch.store.migrate import migrate
from keywatch.store.notices import NoticeRecords
from keywatch.store.outbox import OutboxRecords
from keywatch.store.reported import ReportedRecords
from keywatch.store.sources import SourceRecords
from keywatch.store.sql import insert_new
from keywatch.store.usage import UseRecords
from keywatch.store.values import ValueRecords

_PEPPER = "pepper_id"


class Store(
    InventoryRecords,
    AccessRecords,
    CallRecords,
    AnswerRecords,
    ReportedRecords,
    NoticeRecords,
    UseRecords,
    ValueRecords,
    LoggedRecords,
    FindingRecords,
    FindingWordRecords,
    SourceRecords,
    AlertRecords,
    AttestationRecords,
    OutboxRecords,
    JobRecords,
):
    """
    keywatch's memory: one SQLite database in the state directory. Safe to use from several threads.

    Every method is one transaction: when it returns, what it wrote survives `kill -9`; when it raises, nothing of it
    was written. Every method can raise `StoreError`.
    """

    @classmethod
    def open(cls, directory: Path) -> Self:
        """
        Open the database in `directory`, making both if need be, and bring its tables up to date.

        Raises:
            StoreError: it cannot be opened, is damaged, or was written by a newer keywatch.
        """
        path = directory / FILE
        create_file(path)
        engine = connect(path)
        try:
            verify(engine, path)
            with explained(path):
                migrate(engine, path)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, path)

    def close(self) -> None:
        """Close every connection. The store cannot be used any more."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pepper_id(self) -> str | None:
        """The id of the pepper under which the fingerprints in here were made; None before the first one."""
        table = schema.meta
        with self._reading() as connection:
            value: str | None = connection.execute(
                select(table.c.value).where(table.c.name == _PEPPER)
            ).scalar_one_or_none()
        return value

    def check_pepper(self, pepper_id: str) -> None:
        """
        Tie this database to a pepper, once.

        Raises:
            StoreError: it belongs to another pepper, so that no fingerprint in it would be recognised.
        """
        with self._writing() as connection:
            insert_new(connection, schema.meta, [{"name": _PEPPER, "value": pepper_id}])
        known = self.pepper_id
        if known != pepper_id:
            raise StoreError(
                f"{self.path} was made with pepper {known}, not {pepper_id}",
                hint="restore the pepper file that belongs to this database; with another one every known finding would"
                " be reported as new",
            )


_: type[Outbox] = Store
