"""Small statements that SQLAlchemy spells differently for each database."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects.sqlite import insert


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
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = insert(table)
    changes = {name: statement.excluded[name] for name in rows[0] if name not in {*keys, *keep}}
    where: ColumnElement[bool] | None = None
    if newer is not None:
        where = table.c[newer] <= statement.excluded[newer]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes, where=where), rows)


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that violate no unique constraint; leave the others as they are."""
    if rows:
        connection.execute(insert(table).on_conflict_do_nothing(), rows)
