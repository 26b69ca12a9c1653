"""The database connection: how SQLite must be asked to keep what it was given."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError as SQLAlchemyDatabaseError

from keywatch.model.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

FILE = "keywatch.db"

_DAMAGED = "move it aside and restore a backup; without one keywatch rebuilds what its sources still hold"
_READ = "keywatch_read"


def wal_is_safe(version: tuple[int, ...]) -> bool:
    """
    Say whether this SQLite is free of the WAL-reset bug, which loses commits.

    It was fixed in 3.51.3, and in the maintenance releases 3.50.7 and 3.44.6: https://sqlite.org/wal.html
    A distribution's own back-patch cannot be seen in the number.
    """
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


_PRAGMAS = (
    "busy_timeout=10000",
    # TRUNCATE rather than DELETE: one directory write less for every commit.
    f"journal_mode={'WAL' if wal_is_safe(sqlite3.sqlite_version_info) else 'TRUNCATE'}",
    "synchronous=FULL",
    "foreign_keys=ON",
    "trusted_schema=OFF",
    "secure_delete=ON",
    "mmap_size=0",
)


def connect(path: Path) -> Engine:
    """
    Return an engine whose transactions are real ones.

    Python's sqlite3 begins a transaction late and SQLAlchemy's default leaves that as it is: a read followed by a write
    then loses updates without an error. Here every writing transaction takes the write lock before it reads.
    """
    engine = create_engine(f"sqlite:///{path}", pool_size=5, max_overflow=20)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: "DBAPIConnection", _entry: "ConnectionPoolEntry") -> None:
    connection.isolation_level = None  # sqlite3's own attribute: leave BEGIN to us
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get(_READ, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Read one consistent state of the database, without the write lock."""
    with engine.connect().execution_options(**{_READ: True}) as connection, connection.begin():
        yield connection


def create_file(path: Path) -> None:
    """
    Make an empty database file that only its owner may read; SQLite gives its journals the same mode.

    Raises:
        StoreError: the directory or file cannot be made or written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror or 'cannot be opened'}",
            hint=f"the state directory {path.parent} must be writable by the user that runs keywatch",
        ) from error
    try:
        os.fchmod(handle, 0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}", hint="the database must belong to the user that runs keywatch"
        ) from error
    finally:
        os.close(handle)


def verify(engine: Engine, path: Path) -> None:
    """
    Check every page of the database.

    Raises:
        StoreError: the file is not an intact database.
    """
    with explained(path), reading(engine) as connection:
        verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if verdict != "ok":
        raise StoreError(f"{path} is damaged: {verdict}", hint=_DAMAGED)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """
    Turn the database's errors into ours.

    The driver's text is passed on, SQLAlchemy's is not: it would quote the statement's parameters.

    Raises:
        StoreError: with what can be done about it.
    """
    try:
        yield
    except (SQLAlchemyDatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, SQLAlchemyDatabaseError) else error
        # No cause is attached: SQLAlchemy's text holds parameters.
        if type(cause) is sqlite3.DatabaseError:
            raise StoreError(f"{path} is damaged: {cause}", hint=_DAMAGED) from None
        raise StoreError(f"{path}: {cause}", hint=_advice(str(cause))) from None


def _advice(text: str) -> str:
    if "locked" in text:
        return "another program holds the database for more than 10 seconds: look for a backup or a second keywatch"
    if "full" in text:
        return "the disk is full: free some space; nothing that was reported as saved is lost"
    if "readonly" in text:
        return "the database file and its directory must be writable by the user that runs keywatch"
    return "look at the disk and the permissions of the state directory"


class Database:
    """An open database with its two kinds of transaction; the base of every group of records in this package."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self.path = path
        self._turn = threading.Lock()
        """One writer of this process at a time: SQLite itself would let the others sleep, and look now and then."""

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Hold the write lock from before the first read on; commit at the end, or nothing at all."""
        with explained(self.path), self._turn, self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Read one consistent state of the database."""
        with explained(self.path), reading(self._engine) as connection:
            yield connection
