"""One reading of an audit log: what comes of it is decoded, and what is no entry, or a broken one, is counted."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from keywatch.collect.calls.vault_audit_entry import Entry, Torn, beginning, entries, entry
from keywatch.collect.calls.vault_audit_state import AuditState
from keywatch.collect.calls.vault_audit_tally import Tally
from keywatch.collect.tail_batch import WINDOW, Piece, TailBatch
from keywatch.model.source import Skipped
from keywatch.model.time import parse_rfc3339

_LONG = f"an entry is longer than {WINDOW} bytes: what became of the request is not known"
_OTHER = "are no entries of an audit log"
_FORMAT = "is it the log of an audit device of format json?"


class AuditReading:
    """What one run reads."""

    def __init__(self, state: AuditState, tally: Tally, started: datetime, *, mixed: bool) -> None:
        """
        Begin.

        Args:
            state: what is known; it is kept up to date.
            tally: counts.
            started: the time.
            mixed: whether other lines than entries are as they should be.
        """
        self._mixed = mixed
        self.state = state
        self.tally = tally
        self._started = started
        self._prefix = b""
        """What stood before the last entry that had something before it."""
        self._skipped: list[Skipped] = []

    def take(self, batch: TailBatch) -> None:
        """Count what a batch brought."""
        self._skipped += batch.skipped
        if batch.lost is not None:
            self._skipped.append(
                Skipped("what is covered", batch.lost, "read it more often, or keep rotated files longer")
            )
            self.state.lost(self._started)
        for piece in batch.pieces:
            if piece.partial:
                self._long(piece)
            else:
                self._whole(piece)

    def skipped(self) -> tuple[Skipped, ...]:
        """What could not be read since the last time."""
        odd = [Skipped("entries", f"those that {why}: {count}") for why, count in self.tally.trouble.items()]
        self.tally.trouble.clear()
        found, self._skipped = (*self._skipped, *odd), []
        return found

    def _whole(self, piece: Piece) -> None:
        data = piece.data[piece.overlap :] if piece.overlap else piece.data
        found = entries(data.replace(b"\n" + self._prefix, b"\n").removeprefix(self._prefix) if self._prefix else data)
        if found is not None:
            self._seen(found)
            self.tally.count(found, lambda number: _where(piece, number))
            return
        trouble: dict[str, list[int]] = {}
        numbered = list(self._one_by_one(data, trouble))
        found = [item for _, item in numbered]
        self._seen(found)
        self.tally.count(found, lambda number: _where(piece, numbered[number][0]))
        for why, lines in trouble.items():
            if why == _OTHER and self._mixed and found:
                continue
            hint = _FORMAT if why == _OTHER else None
            self._skipped.append(
                Skipped(_where(piece, lines[0]), f"lines that {why}: {len(lines)}, this one first", hint)
            )

    def _one_by_one(self, data: bytes, trouble: dict[str, list[int]]) -> Iterator[tuple[int, Entry]]:
        torn = False
        for number, raw in enumerate(data.split(b"\n")):
            # A truncated log that its writer goes on with has zeros where the old lines were.
            line = raw.strip(b"\0 \t\r")
            if not line:
                continue
            try:
                item = entry(line)
            except Torn as error:
                trouble.setdefault(str(error), []).append(number)
                torn = True
                continue
            if item is None:
                trouble.setdefault(_OTHER, []).append(number)
                continue
            if torn:
                self._hole([item])
                torn = False
            self._prefix = line[: line.find(b'{"')]
            yield number, item
        if torn:
            self._hole([])

    def _long(self, piece: Piece) -> None:
        """Take what can be had of a line that does not fit into memory."""
        if piece.first_column != 1 or piece.overlap >= len(piece.data):
            return
        item = beginning(piece.data[piece.overlap :])
        if item is None:
            self._hole([])
        else:
            self._seen([item])
            self.tally.cut(item, 0, lambda _: _where(piece, 0))
        self._skipped.append(Skipped(_where(piece, 0), _LONG if item else f"a line is longer than {WINDOW} bytes"))

    def _seen(self, found: list[Entry]) -> None:
        for item in (found[0], found[-1]) if found else ():
            if (at := _moment(item)) is not None and at <= self._started:
                self.state.saw(at)

    def _hole(self, after: Iterable[Entry]) -> None:
        """What could not be read may have been the one success that counts: nothing before what comes next is whole."""
        at = next((at for item in after if (at := _moment(item)) is not None), None)
        self.state.lost(at or self._started)


def _moment(item: Entry) -> datetime | None:
    try:
        return parse_rfc3339(item.time)
    except ValueError:
        return None


def _where(piece: Piece, number: int) -> str:
    if not piece.first_line:
        return f"{piece.path}, byte {piece.offset + piece.overlap} and after" if piece.offset else piece.path
    return f"{piece.path}, line {piece.first_line + piece.data.count(10, 0, piece.overlap) + number}"
