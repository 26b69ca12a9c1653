"""Athena's SQL, really run: translated into DuckDB's, over the same records in the table that its DDL describes."""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from keywatch.collect.calls.athena_client import Row
from keywatch.collect.calls.athena_sql import TrailTable

TABLE = TrailTable(database="security", table="cloudtrail", bucket="trail")


@cache
def columns() -> dict[str, str]:
    """The columns of the table and their DuckDB types, as keywatch's statement for Athena has them."""
    made = sqlglot.parse_one(TABLE.statement(), read="athena")
    return {
        column.name: column.args["kind"].sql("duckdb").replace("TEXT", "VARCHAR")
        for column in made.find_all(exp.ColumnDef)
        if isinstance(column.parent, exp.Schema)
    }


class Duck:
    """A table of records, and what the query says of them."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "records.jsonl"
        self._lines: list[str] = []

    def add(self, records: list[dict[str, Any]], *, account: str, region: str, day: datetime) -> None:
        """Add what lies in one folder of the trail."""
        place = {"account": account, "region": region, "day": f"{day:%Y/%m/%d}"}
        self._lines += [json.dumps(_lowered(record) | place) for record in records]

    def ask(self, sql: str) -> list[Row]:
        """Run a query that was written for Athena; all values as text, as Athena gives them."""
        self._file.write_text("".join(f"{line}\n" for line in self._lines))
        types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns().items())
        with duckdb.connect() as connection:
            connection.execute("CREATE SCHEMA security")
            made = f"CREATE TABLE security.cloudtrail AS FROM read_json($file, columns={{{types}}})"
            connection.execute(made, {"file": str(self._file)})
            [translated] = sqlglot.transpile(sql, read="athena", write="duckdb")
            answer = connection.execute(translated)
            names = [item[0] for item in answer.description or ()]
            return [
                {name: None if value is None else str(value) for name, value in zip(names, row, strict=True)}
                for row in answer.fetchall()
            ]


def result(rows: list[Row], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows as Athena's GetQueryResults gives them, the names of the columns first."""
    lines: list[list[str | None]] = [list(names), *([row[name] for name in names] for row in rows)]
    return [{"Data": [{} if value is None else {"VarCharValue": value} for value in line]} for line in lines]


def _lowered(record: dict[str, Any]) -> dict[str, Any]:
    # As the SerDe does: names in lower case, all the way down where the table says struct.
    found = {name.lower(): value for name, value in record.items()}
    if isinstance(found.get("useridentity"), dict):
        found["useridentity"] = {name.lower(): value for name, value in found["useridentity"].items()}
    return found
