"""
Rows of a CSV file as spreadsheets and people write them: any separator, byte order marks, quoted line ends, bad rows.

A row that is broken costs itself. A quotation mark that is never closed would swallow all that follows: so a row may be
so many lines long and no longer, and where it does not end by then, reading goes on at the line after its first.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, TextIO, TypeAlias

from keywatch.collect.inventory.pasted import INSTEAD, NEVER_HERE, plain_name, secret_in
from keywatch.model.errors import SourceMalformed

_SEPARATORS = (",", ";", "\t", "|")
_MOST_LINES = 50
_MOST_CHARACTERS = 64 * 1024
"""Of one row."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_UNREADABLE = re.compile("[\ud800-\udfff\ufffd]")
"""What stands for bytes that were no text."""
_BLANK = frozenset({"", "-", "–", "—", "n/a", "N/A"})  # noqa: RUF001 - dashes as people write them


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be used, and why; nothing of it is quoted."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row's cells, by the names of the fields that their columns stand for; blank ones are left out."""

    line: int
    """Of its beginning, from 1."""
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetForm:
    """What the columns are called."""

    fields: tuple[str, ...]
    """That there may be."""
    columns: Mapping[str, str]
    """Field -> the heading of its column, where that is another one."""
    separator: str | None = None
    """None: the one by which the first line names most fields."""


_Heading: TypeAlias = list[str | None]
"""The field of each column; None where it has none."""


def sheet_rows(file: BinaryIO, form: SheetForm) -> Iterator[SheetRow | Broken]:
    """
    Read a sheet, a row at a time.

    Raises:
        SourceMalformed: its first line does not say what the columns are.
    """
    text = _text(file)
    try:
        yield from _rows(_Tape(text), form)
    finally:
        text.detach()  # else it would close the file, which is not its own


def _rows(tape: "_Tape", form: SheetForm) -> Iterator[SheetRow | Broken]:
    separator, columns = _heading(tape, form)
    heads = [form.columns.get(field, field) if field else None for field in columns]
    reader = csv.reader(tape, delimiter=separator, strict=True)
    secret_columns = _secret_columns(tape.heading)
    while True:
        tape.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Broken(tape.line, "its quotation marks do not fit together, or it is too long")
            tape.back_to_second()
            continue
        if any(row):
            yield _row(tape.line, row, columns, heads, secret_columns)


def _row(
    line: int, row: list[str], columns: _Heading, heads: list[str | None], secret: Mapping[int, str]
) -> "SheetRow | Broken":
    if why := _refused(row, columns, secret):
        return Broken(line, why)
    cells: dict[str, str] = {}
    for field, head, cell in zip(columns, heads, row, strict=False):
        text = cell.strip()
        if field is None or text in _BLANK:
            continue
        # What begins so is a formula to whichever spreadsheet opens what we write.
        if cell.startswith(_FORMULA) and not (field == "owner" and cell.startswith("@")):
            return Broken(line, f"{head}: begins like a formula")
        cells[field] = text
    return SheetRow(line, cells)


def _refused(row: list[str], columns: _Heading, secret: Mapping[int, str]) -> str | None:
    """Say why nothing of a row is taken, whatever its cells are for."""
    whole = "\0".join(row)
    if not whole.isascii() and _UNREADABLE.search(whole):
        return "is not UTF-8: save the sheet as CSV UTF-8"
    for index, name in secret.items():
        if index < len(row) and row[index].strip() not in _BLANK:
            return f"{name}: a value is never written here: {INSTEAD}"
    further = "\0".join(cell for field, cell in zip(columns, row, strict=False) if field is None)
    if kind := secret_in(whole, place=True) or (further and secret_in(further)):
        return f"holds {kind}, which is never written here: {INSTEAD}"
    return "has more cells than the first line" if any(cell.strip() for cell in row[len(columns) :]) else None


def _text(file: BinaryIO) -> io.TextIOWrapper:
    start = file.read(2)
    file.seek(0)
    if start in (b"\xff\xfe", b"\xfe\xff"):
        return io.TextIOWrapper(file, "utf-16", "replace", newline="")
    return io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")


def _heading(tape: "_Tape", form: SheetForm) -> tuple[str, _Heading]:
    tape.begin()
    first = next(tape, "")
    separators: Iterable[str] = (form.separator,) if form.separator else _SEPARATORS
    if first[:4].casefold() == "sep=" and first[4:].strip("\r\n"):
        # Excel's own hint. It says nothing of what the columns are.
        separators = (first[4],)
        tape.begin()
        first = next(tape, "")
    if not first.strip():
        raise SourceMalformed("its first line is empty", hint="the first line names the columns")
    tried = [(separator, _columns(first, separator, form)) for separator in separators]
    separator, columns = max(tried, key=lambda pair: sum(field is not None for field in pair[1]))
    named = [field for field in columns if field]
    for field in named:
        if named.count(field) > 1:
            raise SourceMalformed(f"has two columns `{form.columns.get(field, field)}`", hint="rename or remove one")
    if missing := [head for field, head in form.columns.items() if field not in named]:
        raise SourceMalformed(f"has no column `{missing[0]}`", hint="correct `columns`, or the first line")
    if not {"developer", "application", "client_id", "seller"}.intersection(named):
        hint = f"the first line names the columns: {', '.join(form.fields)}; `columns` says what others are called"
        raise SourceMalformed("its first line names none of the columns that it needs", hint=hint)
    tape.heading = _cells(first, separator)
    return separator, columns


def _columns(line: str, separator: str, form: SheetForm) -> _Heading:
    known = {plain_name(form.columns.get(field, field)): field for field in form.fields}
    return [known.get(plain_name(head)) for head in _cells(line, separator)]


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _secret_columns(heading: list[str]) -> dict[int, str]:
    return {index: name for index, head in enumerate(heading) if (name := plain_name(head)) in NEVER_HERE}


class _Tape:
    """Lines that can be given back."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._waiting: deque[str] = deque()
        self._taken: list[str] = []
        self._characters = 0
        self.line = 1
        """Where the row begins that is being read."""
        self.heading: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._taken) >= _MOST_LINES or self._characters >= _MOST_CHARACTERS:
            raise StopIteration
        line = self._waiting.popleft() if self._waiting else self._text.readline(_MOST_CHARACTERS)
        if not line:
            raise StopIteration
        self._taken.append(line)
        self._characters += len(line)
        return line

    def begin(self) -> None:
        """What was taken is done with: a row begins here."""
        self.line += len(self._taken)
        self._taken, self._characters = [], 0

    def back_to_second(self) -> None:
        """Give back all that was taken but its first line."""
        self._waiting.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]
