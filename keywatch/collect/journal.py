"""
The systemd journal, read on from a cursor, as lines grouped by who wrote them and when.

Where a line is found is told as unit and minute, which `journalctl --unit --since` takes: an entry has no line number.

A place is asked for with `--cursor`, which shows the entry that was reached again, and not with `--after-cursor`: where
that entry was vacuumed, the latter leaves out the first one that is still there (systemd 252).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import BinaryIO, cast

from keywatch.collect.journal_export import LONGEST, BrokenExport, Entry, entries
from keywatch.collect.journalctl import BY_HAND, GROUP_HINT, CursorLost, journalctl
from keywatch.collect.tail_batch import WINDOW, WINDOWS, Lines, Piece, TailBatch
from keywatch.model.errors import SourceError, SourceUnreachable
from keywatch.model.source import Cursor, Json, Skipped

_HELD = 1 << 20
"""Bytes read again, at most, in search of the place that was reached."""
_WRITERS = 256
"""Writers whose last lines are kept, to stand before their next ones."""
_WHO = (b"_SYSTEMD_USER_UNIT", b"_SYSTEMD_UNIT", b"SYSLOG_IDENTIFIER", b"_COMM")
_DESCRIBING = frozenset(
    b"PRIORITY SYSLOG_FACILITY SYSLOG_IDENTIFIER SYSLOG_PID SYSLOG_TIMESTAMP SYSLOG_RAW MESSAGE MESSAGE_ID ERRNO TID"
    b" CODE_FILE CODE_LINE CODE_FUNC INVOCATION_ID USER_INVOCATION_ID UNIT USER_UNIT JOB_ID JOB_TYPE JOB_RESULT".split()
)
"""Fields beside the message, or the message itself, in which nothing leaks that is not in the message."""


class Journal:
    """What journald has collected, of some units or of all."""

    def __init__(
        self,
        wanted: Sequence[str] = (),
        *,
        directory: str | None = None,
        overlap: int = 0,
        whole: bool = False,
    ) -> None:
        """
        Name what to read; nothing is started yet.

        Args:
            wanted: units, of which any will do, and matches `FIELD=value`, which narrow that down; none: everything.
            directory: where the files are, if not this machine's own.
            overlap: bytes of a writer's lines, at most, that each piece repeats at its front.
            whole: give the other fields that a program wrote as well, and its command line; else its messages alone.
        """
        self._wanted = tuple(wanted)
        self._directory = directory
        self._overlap = overlap
        self._whole = whole
        self.what = " ".join(["journal", *([f"in {directory}"] if directory else []), *wanted])

    def check(self) -> Iterator[str | Skipped]:
        """Read the last entry. See `KeySource.check`."""
        try:
            skipped, _ = self._tried()
            yield from skipped
            if not skipped:
                yield f"read {self.what}"
        except SourceError as error:
            yield Skipped(self.what, error.message, error.hint)

    def read(self, cursor: Cursor) -> Iterator[TailBatch]:
        """Read on to the present end. See `Lines.read`."""
        reached, back = (str(cursor.get(name) or "") for name in ("cursor", "back"))
        try:
            if back and back != reached and self._is_there(back):
                yield from self._from(back, reached)
                return
            yield from self._from(reached, reached)
        except CursorLost:
            # Of a journal that was replaced: what there is now is read from the oldest on.
            yield TailBatch(cursor={}, skipped=(self._lost(),), lost=self._lost().why)
            yield from self._from("", "")

    def _from(self, start: str, reached: str) -> Iterator[TailBatch]:
        """Read on from the entry of cursor `start`; what comes up to `reached` was read before."""
        reading = _Reading(self._overlap, whole=self._whole, remote=self._directory is not None)
        try:
            with journalctl(self._arguments(start)) as run:
                stream = entries(cast("BinaryIO", run.output))
                first = next(stream, None)
                if start and (first is None or first.cursor != start):
                    # The entry itself would be shown: it is gone, and maybe what came after it.
                    reading.skipped.append(self._lost())
                    reading.lost = self._lost().why
                    reached = ""
                yield from reading.batches(_chained(first, stream), reached)
                said, blocked = self._told(run.finish())
        except BrokenExport as error:
            raise SourceUnreachable(f"journal: what journalctl writes is {error}", hint=BY_HAND) from None
        if not reading.cursor:
            # Without an entry it exits as if all were well, even where there is no journal.
            said, blocked = self._tried()
        if said or reading.skipped:
            yield reading.batch(said, blocked, {"version": 1, "cursor": reached, "back": start})

    def _is_there(self, cursor: str) -> bool:
        """Whether the entry of this cursor is still there."""
        with journalctl(self._arguments(cursor)) as run:
            try:
                first = next(entries(cast("BinaryIO", run.output)), None)
            except BrokenExport:
                return False
            return first is not None and first.cursor == cursor

    def _tried(self) -> tuple[list[Skipped], Skipped | None]:
        """Ask for one entry in the form that complains of everything. See `_told`."""
        with journalctl([*self._arguments("", "short"), "--lines=1"]) as run:
            shown = run.output.read(_HELD)
            while run.output.read(_HELD):
                pass
            complaints = run.finish()
        if not complaints and (not shown or shown.startswith(b"-- No entries --")):
            nothing = Skipped(self.what, "has no entry yet", "check the names of units and fields")
            return [nothing], nothing
        return self._told(complaints)

    def _told(self, complaints: list[str]) -> tuple[list[Skipped], Skipped | None]:
        """Return what is to be said of journalctl's complaints, and what of it keeps entries from us."""
        if any("not seeing messages" in line for line in complaints):
            hidden = Skipped(self.what, "only entries of keywatch's own user may be read", GROUP_HINT)
            return [hidden], hidden
        said = [Skipped(self.what, f"journalctl: {line}", BY_HAND) for line in complaints]
        return said, said[0] if said else None

    def _lost(self) -> Skipped:
        why = "the entry that was reached is not there any more: others may have gone before they were read"
        return Skipped(self.what, why, "read it more often, or let journald keep more (SystemMaxUse=)")

    def _arguments(self, cursor: str, output: str = "export") -> list[str]:
        arguments = [f"--output={output}"]
        if self._directory:
            arguments.append(f"--directory={self._directory}")
        if cursor:
            arguments.append(f"--cursor={cursor}")
        arguments += [f"--unit={name}" for name in self._wanted if "=" not in name]
        return arguments + [match for match in self._wanted if "=" in match]


class _Reading:
    """One reading of the journal: entries gathered into pieces, and the place that was reached."""

    def __init__(self, overlap: int, *, whole: bool, remote: bool) -> None:
        self._overlap = overlap
        self._whole = whole
        self._remote = remote
        self.cursor = ""
        """Of the last entry."""
        self._back = ""
        """Of the entry from which on the last `overlap` bytes are read again next time."""
        self._trail: deque[tuple[str, int]] = deque()
        self._trailing = 0
        self._tails: dict[str, bytes] = {}
        self._commands: dict[str, bytes] = {}
        self._gathered: dict[tuple[str, str], list[bytes]] = {}
        self._size = 0
        self.skipped: list[Skipped] = []
        self.lost: str | None = None

    def batches(self, stream: Iterable[Entry], reached: str) -> Iterator[TailBatch]:
        """Gather the entries that come after the one of cursor `reached`, if that is among them, else all."""
        held: list[Entry] = []
        size = 0
        for entry in stream:
            if reached:
                held.append(entry)
                size += entry.size
                if entry.cursor == reached:
                    for known in held:
                        self._remember(known)
                elif size <= _HELD:
                    continue
                else:
                    # Where it was reached is not told any more: twice rather than not at all.
                    self._take(held)
                reached, held = "", []
            else:
                self._take([entry])
            if self._size >= WINDOWS * WINDOW:
                yield self.batch()
        self._take(held)
        if self._gathered:
            yield self.batch()

    def batch(
        self, said: Sequence[Skipped] = (), blocked: Skipped | None = None, otherwise: Cursor | None = None
    ) -> TailBatch:
        """Hand out what was gathered; the cursor is `otherwise` where there was no entry at all."""
        pieces = [self._piece(who, path, lines) for (who, path), lines in self._gathered.items()]
        skipped = (*self.skipped, *said)
        lost, self.lost = self.lost, None
        self._gathered, self._size, self.skipped = {}, 0, []
        cursor: dict[str, Json] = (
            {"version": 1, "cursor": self.cursor, "back": self._back or self._trail[0][0]}
            if (self.cursor)
            else dict(otherwise or {})
        )
        return TailBatch(pieces=tuple(pieces), cursor=cursor, skipped=skipped, blocked=blocked, lost=lost)

    def _piece(self, who: str, path: str, lines: list[bytes]) -> Piece:
        before, new = self._tails.get(who, b""), b"".join(lines)
        if who:
            self._keep(who, before + new)
        return Piece(path=path, data=before + new, overlap=len(before))

    def _keep(self, who: str, text: bytes) -> None:
        self._tails.pop(who, None)
        if not self._overlap:
            return
        tail = text[-self._overlap :]
        self._tails[who] = tail if len(tail) == len(text) else tail[tail.find(b"\n") + 1 :]
        if len(self._tails) > _WRITERS:
            del self._tails[next(iter(self._tails))]

    def _remember(self, entry: Entry) -> None:
        """Note an entry that was read before: it stands before the next of the same writer."""
        who, text = self._who(entry), self._text(entry)
        self._keep(who, self._tails.get(who, b"") + text)
        self._move_to(entry, len(text))

    def _take(self, some: Iterable[Entry]) -> None:
        for entry in some:
            who, text = self._who(entry), self._text(entry)
            self._gathered.setdefault((who, f"{who} {_minute(entry)}"), []).append(text)
            self._size += len(text)
            if self._whole and (command := entry.get(b"_CMDLINE")) and self._commands.get(who) != command:
                # Each entry repeats it: once is enough, and always in the same place.
                self._commands[who] = command
                self._gathered[("", f"{who} command line")] = [command + b"\n"]
            if entry.cut:
                self.skipped.append(Skipped(f"{who} {_minute(entry)}", f"what is beyond {LONGEST} bytes of a field"))
            self._move_to(entry, len(text))

    def _move_to(self, entry: Entry, size: int) -> None:
        self.cursor = entry.cursor
        self._trail.append((entry.cursor, size))
        self._trailing += size
        while self._trail and self._trailing - self._trail[0][1] >= self._overlap:
            self._back, gone = self._trail.popleft()
            self._trailing -= gone

    def _who(self, entry: Entry) -> str:
        who = next((value for name in _WHO if (value := entry.get(name))), b"unknown").decode("utf-8", "replace")
        return f"{entry.get(b'_HOSTNAME').decode('utf-8', 'replace')} {who}" if self._remote else who

    def _text(self, entry: Entry) -> bytes:
        lines = [value for name, value in entry.fields if name == b"MESSAGE"]
        if self._whole:
            lines += [
                name + b"=" + value
                for name, value in entry.fields
                if not name.startswith(b"_") and name not in _DESCRIBING
            ]
        return b"".join(line + b"\n" for line in lines)


def _chained(first: Entry | None, rest: Iterable[Entry]) -> Iterator[Entry]:
    if first is not None:
        yield first
        yield from rest


def _minute(entry: Entry) -> str:
    try:
        moment = datetime.fromtimestamp(int(entry.get(b"__REALTIME_TIMESTAMP")) // 1_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"
    return f"{moment:%Y-%m-%d %H:%M}Z"


_: type[Lines] = Journal
