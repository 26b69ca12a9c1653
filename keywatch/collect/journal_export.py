"""
The journal's export format: entries out of a stream of bytes, which may end anywhere or be made to cost. Pure.

https://systemd.io/JOURNAL_EXPORT_FORMATS/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

LONGEST = 16 << 20
"""Bytes of a field that are kept; what comes after is passed over."""
_LARGEST = 64 << 20
"""Bytes of an entry that are kept."""
_STEP = 1 << 20
_NAME = re.compile(rb"[A-Z0-9_]{1,64}")


class BrokenExport(ValueError):
    """The stream is cut off inside of an entry, or is no journal export. The text quotes nothing of it."""


@dataclass(slots=True)
class Entry:
    """One entry of the journal."""

    cursor: str = ""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list, repr=False)
    """Names and values, in their order; a name may come more than once."""
    size: int = 0
    cut: bool = False
    """Something of it was too long to be kept."""

    def get(self, name: bytes) -> bytes:
        """Return the first value of a field; empty: it has none."""
        return next((value for known, value in self.fields if known == name), b"")


def entries(stream: BinaryIO) -> Iterator[Entry]:
    """
    Read entries, each as it is complete.

    Raises:
        BrokenExport: see there. What was yielded before still holds.
    """
    entry = Entry()
    while line := stream.readline(LONGEST):
        if line == b"\n":
            if entry.fields:
                yield entry
                entry = Entry()
            continue
        name, is_text, value = line.partition(b"=")
        if is_text and _NAME.fullmatch(name):
            _add(entry, name, _rest_of_line(stream, value, entry))
        elif line.endswith(b"\n") and _NAME.fullmatch(name := line[:-1]):
            _add(entry, name, _binary(stream, entry))
        elif entry.fields or not line.startswith(b"-- "):
            # `-- No entries --` is all that may stand between entries.
            raise BrokenExport("not the journal's export format")
    if entry.fields:
        raise BrokenExport("cut off in the middle of an entry")


def _add(entry: Entry, name: bytes, value: bytes) -> None:
    if name == b"__CURSOR":
        entry.cursor = value.decode("ascii", "replace")
    if entry.size + len(value) > _LARGEST:
        entry.cut, value = True, b""
    entry.size += len(name) + len(value)
    entry.fields.append((name, value))


def _rest_of_line(stream: BinaryIO, value: bytes, entry: Entry) -> bytes:
    if value.endswith(b"\n"):
        return value[:-1]
    if not (rest := stream.readline(_STEP)):
        raise BrokenExport("cut off in the middle of an entry")
    entry.cut = rest != b"\n"
    while rest and not rest.endswith(b"\n"):
        rest = stream.readline(_STEP)
    return value


def _binary(stream: BinaryIO, entry: Entry) -> bytes:
    length = stream.read(8)
    size = int.from_bytes(length, "little")
    kept = min(size, LONGEST)
    value = stream.read(kept)
    over = size - kept
    if over:
        entry.cut = True
    while over > 0 and (passed := len(stream.read(min(over, _STEP)))):
        over -= passed
    if len(length) < 8 or len(value) < kept or over or stream.read(1) != b"\n":  # noqa: PLR2004 - of a 64-bit number
        raise BrokenExport("cut off in the middle of an entry")
    return value
