"""Small statements that SQLAlchemy spells differently for each database."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects.sqlite import Insert, insert


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    keep: Iterable[str] = (),
    newer: str | None = None,
) -> None:
    """
    Insert `rows`; where a row with that primary key exists, overwrite it.

    Args:
        connection: in a writing transaction.
        table: its primary key decides what "exists" means.
        rows: all with the same columns.
        keep: columns that an existing row keeps.
        newer: overwrite only rows whose value in this column is not later than the new one.
    """
    if rows:
        connection.execute(_upsert(table, tuple(rows[0]), frozenset(keep), newer), rows)


@cache
def _upsert(table: Table, columns: tuple[str, ...], keep: frozenset[str], newer: str | None) -> Insert:
    """The statement of `upsert`: to put it together takes longer than to run it, and there are few of them."""
    keys = [column.name for column in table.primary_key]
    statement = insert(table)
    changes = {name: statement.excluded[name] for name in columns if name not in {*keys, *keep}}
    where: ColumnElement[bool] | None = None
    if newer is not None:
        where = table.c[newer] <= statement.excluded[newer]
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=where)


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that violate no unique constraint; leave the others as they are."""
    if rows:
        connection.execute(_insert_new(table), rows)


@cache
def _insert_new(table: Table) -> Insert:
    return insert(table).on_conflict_do_nothing()
