"""
SQLite databases: the file as it stands, which shows freed pages too, and the rows of its tables.

A row is one line of JSON, so that a value stands beside the name of its column, and one that fills many pages stands
in one piece. The schema is a stranger's: nothing of it is run.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

from keywatch.collect.content.archive.content import Content, between
from keywatch.collect.content.archive.look import Found, Inside
from keywatch.collect.content.magic import kind_of

_HEADER = 100
_TABLES = 10_000
_OPERATIONS = 10_000
"""Operations of SQLite's machine between two looks at how many there were."""
_MOST = 50_000
"""Such looks: some ten seconds of work."""
_LONGEST = 16 << 20
"""Bytes of a value."""
_PACKED = 8 << 20
"""Bytes of archives in a table's cells that are held until its rows have been read."""
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ})
_FAILURES = (sqlite3.Error, UnicodeError, OverflowError, MemoryError)
"""What SQLite raises over a damaged file, and Python over what SQLite then says."""
_HINT = "what is legible in the file as it stands is scanned; export the tables and scan what comes out"


def read_database(content: Content, inside: Inside) -> Found:
    """Read the file, then its tables."""
    file = content.seekable(inside.held)
    if file is None:
        yield from inside.text(None, content.pieces())
        yield inside.skipped("too large to read its tables here", _HINT)
        return
    yield from inside.text(None, between(file, 0, None))
    try:
        where = f"file:/dev/fd/{file.fileno()}?mode=ro&immutable=1"
    except OSError:  # it is in memory only
        where = ":memory:"
    try:
        with closing(sqlite3.connect(where, uri=True, check_same_thread=False)) as database:
            if where == ":memory:":
                file.seek(0)
                database.deserialize(_rolled_back(file.read()))
            _fence(database)
            for name in _tables(database):
                yield from _table(database, name, inside)
    except _FAILURES:
        yield inside.skipped("damaged: its tables cannot be read", _HINT)


def _rolled_back(data: bytes) -> bytes:
    """Let a database be read that has a write-ahead log, which one in memory cannot have."""
    return data[:18] + b"\1\1" + data[20:] if len(data) >= _HEADER and data[18:20] == b"\2\2" else data


def _fence(database: sqlite3.Connection) -> None:
    """Bound what a query may do and take: no function, trigger, view or module of the file's is run."""
    database.text_factory = bytes
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    database.execute("PRAGMA cache_size = -4096")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    database.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 1 << 20)
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    database.set_progress_handler(_counter(), _OPERATIONS)


def _counter() -> Callable[[], int]:
    """Return what stops a query, and all that come after it, when enough has been done."""
    looks = 0

    def enough() -> int:
        nonlocal looks
        looks += 1
        return int(looks > _MOST)

    return enough


def _tables(database: sqlite3.Connection) -> list[str]:
    # A virtual table has no page of its own, and reading it runs a module.
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 LIMIT ?"
    names = [name for (name,) in database.execute(query, (_TABLES,)) if isinstance(name, bytes)]
    return [name.decode("utf-8", "replace") for name in names]


def _table(database: sqlite3.Connection, name: str, inside: Inside) -> Found:
    packed: list[tuple[str, bytes]] = []
    try:
        quoted = name.replace('"', '""')
        cursor = database.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - a name, and quoted
        inside.budget.member()
        yield from inside.text(name, _rows(cursor, packed, inside))
    except _FAILURES:
        inside.unread(name, "damaged: not all of its rows can be read", _HINT)
    for label, value in packed:
        yield from inside.member(f"{name}/{label}", (value,))


def _rows(cursor: sqlite3.Cursor, packed: list[tuple[str, bytes]], inside: Inside) -> Iterator[bytes]:
    columns = [str(column[0]) for column in cursor.description]
    room = _PACKED
    for number, row in enumerate(cursor, 1):
        told: dict[str, str | int | float | None] = {}
        for column, value in zip(columns, row, strict=True):
            if not isinstance(value, bytes):
                told[column] = value
            elif kind_of(value) is not None and len(value) <= room:
                room -= len(value)
                packed.append((f"{number}.{column}", value))
            else:
                told[column] = value.decode("utf-8", "replace")
        line = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        inside.budget.spend(len(line))  # many rows may share the same pages
        yield line
