"""The body of a report: the calls in it as they came, and what they are called. Pure."""

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from keywatch.model.source import Json

MOST = 1000
"""Calls in one report."""
_ID = re.compile(r"[\x21-\x7e]{1,100}")


class NotAReport(ValueError):
    """The whole of it cannot be read. The text says why, and quotes nothing."""


def document(body: bytes) -> "tuple[list[Json], int]":
    """Return the calls of `{"calls": [...], "dropped": 0}`, and how many more were lost before they could be told."""
    try:
        report = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotAReport("not JSON") from None
    if not isinstance(report, dict) or not isinstance(report.get("calls"), list):
        raise NotAReport('not of the form {"calls": [...]}')
    dropped = report.get("dropped", 0)
    if isinstance(dropped, bool) or not isinstance(dropped, int) or dropped < 0:
        raise NotAReport("dropped is not a count")
    return report["calls"], dropped


def one_a_line(body: bytes) -> "tuple[list[Json], int]":
    """Return the calls of a body that has one a line; None for a line that cannot be read."""
    records: list[Json] = []
    for line in body.splitlines():
        if not line.strip():
            continue
        try:
            records.append(msgspec.json.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            records.append(None)  # rejected in its place: the others are good
        if len(records) > MOST:
            break
    return records, 0


def count_of(record: "Json") -> int:
    """
    Return how many calls one that is told stands for.

    Raises:
        ValueError: it says something that is no number of calls.
    """
    count = record.get("count", 1) if isinstance(record, dict) else 1
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 1 << 40:
        raise ValueError("count is not a count")
    return count


def name_of(record: "Json") -> str | None:
    """Return what a call is called by its reporter, if that can be used."""
    name = record.get("id") if isinstance(record, dict) else None
    return name if isinstance(name, str) and _ID.fullmatch(name) else None
