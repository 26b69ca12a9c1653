"""
A file in which a company keeps its applications and sellers: a sheet (CSV), or TOML with the tables of `keywatch.toml`.

It is read anew each time. One row that is wrong is told by file and line, and the others are good; nothing that a row
holds is repeated. Memory is bounded by a row, and by a few bytes for each that was read.
"""

import os
import re
import tomllib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from keywatch.collect.inventory.declared_rows import (
    FIELDS,
    Application,
    Developer,
    Row,
    RowForm,
    Seller,
    Value,
    read_row,
)
from keywatch.collect.inventory.sheet import Broken, SheetForm, SheetRow, sheet_rows
from keywatch.collect.regular_file import open_regular
from keywatch.model.errors import SourceDenied, SourceMalformed, SourceUnreachable
from keywatch.model.source import Skipped

_LARGEST = 256 << 20
_LARGEST_TOML = 4 << 20
"""Bytes. TOML cannot be read piece by piece; a sheet can."""
_MOST_ROWS = 200_000
_MOST_TOLD = 100
"""Rows that are wrong, by name; the others are counted."""
_TABLE = re.compile(r"^\s*\[\[\s*(developer|application|seller)\s*\]\]")
_LINE = re.compile(r"at line (\d+)")
_RENAMED: Mapping[str, Mapping[str, str]] = {
    "developer": {"name": "developer", "id": "developer_id", "regions": "region"},
    "application": {"name": "application", "regions": "region"},
    "seller": {},
}
"""What the tables of `keywatch.toml` call it, where a sheet has one name for all kinds of row."""
_HINT = "correct that row: the others are read, and keys of rows that are not stay as they were"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFileForm:
    """What the file looks like."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Field -> the heading of its column."""
    separator: str | None = None
    dates: str | None = None
    """How days are written, for `strptime`."""


class DeclaredFile:
    """One file of declarations."""

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime],
        form: DeclaredFileForm | None = None,
        clients: Mapping[str, str] | None = None,
    ) -> None:
        """
        Name the file; nothing is opened yet.

        Args:
            path: `*.toml` is TOML, anything else a sheet.
            now: the clock: what happened did so before.
            form: what the sheet looks like.
            clients: applications by client id, that are declared elsewhere.
        """
        self.path = path
        self._now = now
        self._form = form or DeclaredFileForm()
        self._clients = clients or {}

    def rows(self) -> Iterator[Row | Skipped]:
        """
        Yield what each row declares, and a `Skipped` for each that cannot be used.

        Raises:
            SourceError: the file cannot be read (further), or changed meanwhile.
        """
        name = self.path.name
        try:
            descriptor, before = open_regular(self.path.resolve())
        except OSError as error:
            hint = "correct `file`, and let keywatch's user read it"
            raise SourceDenied(f"{self.path}: {error.strerror or type(error).__name__}", hint=hint) from None
        toml = self.path.suffix.casefold() == ".toml"
        with os.fdopen(descriptor, "rb") as file:
            if before.st_size == 0:
                raise SourceMalformed(
                    f"{self.path}: is empty", hint="was it cut off? Nothing is taken from it as it is"
                )
            largest = _LARGEST_TOML if toml else _LARGEST
            if before.st_size > largest:
                raise SourceMalformed(f"{self.path}: is larger than {largest >> 20} MB", hint="split it into several")
            try:
                found = _toml(file.read(largest + 1)) if toml else self._sheet(file)
                with closing(found):
                    yield from self._read(found, name)
                after = os.fstat(descriptor)
            except SourceMalformed as error:
                raise SourceMalformed(f"{self.path}: {error.message}", hint=error.hint) from None
            except OSError as error:
                raise SourceUnreachable(f"{self.path}: {error.strerror or type(error).__name__}") from None
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            hint = "it is read again next time; write a new file and rename it over the old one"
            raise SourceUnreachable(f"{self.path}: changed while it was read", hint=hint)

    def _sheet(self, file: Any) -> "Generator[_Found, None, None]":  # noqa: ANN401 - whatever `open` gives
        form = SheetForm(fields=FIELDS, columns=self._form.columns, separator=self._form.separator)
        for row in sheet_rows(file, form):
            yield _Found(row.line, row.cells if isinstance(row, SheetRow) else row)

    def _read(self, found: "Iterator[_Found]", name: str) -> Iterator[Row | Skipped]:
        clients = dict(self._clients)
        form = RowForm(now=self._now(), dates=self._form.dates, clients=clients)
        seen: dict[bytes, int] = {}
        kept: dict[bytes, int] = {}
        wrong = 0
        for count, item in enumerate(found, start=1):
            if count > _MOST_ROWS:
                yield Skipped(
                    f"{name}:{item.line} and what follows", f"more than {_MOST_ROWS:,} rows", "split the file"
                )
                break
            try:
                row = _row(item, f"{name}:{item.line}", form)
                first = seen.setdefault(_mark(row), item.line)
                if first != item.line:
                    raise ValueError(f"is the same as line {first}")  # noqa: TRY301
                _keep(row, item.line, kept)
            except ValueError as error:
                wrong += 1
                if wrong <= _MOST_TOLD:
                    yield Skipped(f"{name}:{item.line}", str(error), _HINT)
                continue
            if isinstance(row, Application) and row.client_id:
                clients[row.client_id] = row.name
            yield row
        if wrong > _MOST_TOLD:
            yield Skipped(f"{name}", f"{wrong - _MOST_TOLD:,} more rows cannot be used", "correct those above first")


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands somewhere in a file."""

    line: int
    said: Mapping[str, Value] | Broken


def _row(item: _Found, place: str, form: RowForm) -> Row:
    if isinstance(item.said, Broken):
        raise ValueError(item.said.why)  # noqa: TRY004 - what is wrong is the file's text
    return read_row(item.said, place, form)


def _keep(row: Row, line: int, kept: dict[bytes, int]) -> None:
    """Insist that no other row of its kind is kept in the same place: the two would be taken for one key."""
    if isinstance(row, Developer):
        return
    for place in (*row.vault, *row.aws):
        mark = blake2b(f"{type(row).__name__} {place}".encode("utf-8", "surrogatepass"), digest_size=12).digest()
        if kept.setdefault(mark, line) != line:
            raise ValueError(f"is kept where that of line {kept[mark]} is: add #field where a secret holds several")


def _mark(row: Row) -> bytes:
    """A few bytes that are equal for rows that declare the same thing."""
    if isinstance(row, Seller):
        what = ["seller", row.application, row.seller, row.region or ""]
    else:
        what = ["developer" if isinstance(row, Developer) else "application", row.name]
    return blake2b("\0".join(what).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _toml(content: bytes) -> Generator[_Found, None, None]:
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise SourceMalformed(f"is not UTF-8 at byte {error.start}", hint="save the file as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # Its own words may quote what stands there.
        at = _LINE.search(str(error))
        raise SourceMalformed(f"is not TOML{f', line {at[1]}' if at else ''}", hint="see https://toml.io") from None
    if not document.keys() <= _RENAMED.keys():
        raise SourceMalformed("has other tables than [[developer]], [[application]] and [[seller]]")
    lines = _lines(text)
    for kind, names in _RENAMED.items():
        tables = document.get(kind, [])
        for index, table in enumerate(tables if isinstance(tables, list) else [tables]):
            line = lines[kind][index] if index < len(lines[kind]) else 1
            if not isinstance(table, dict):
                yield _Found(line, Broken(line, f"{kind} should be a table"))
                continue
            said: dict[str, Value] = {names.get(key, key): _value(value) for key, value in table.items()}
            yield _Found(line, {**said, "kind": kind})


def _value(value: Any) -> Value:  # noqa: ANN401 - whatever TOML may hold
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return value if isinstance(value, str) or hasattr(value, "year") else []


def _lines(text: str) -> dict[str, list[int]]:
    """On which lines tables of each kind begin: `tomllib` does not say."""
    found: dict[str, list[int]] = {kind: [] for kind in _RENAMED}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            found[header[1]].append(number)
    return found
