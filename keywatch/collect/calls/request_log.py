"""The application's own request log, JSON lines: what proves that a selling-partner key made a successful call."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from keywatch.collect.calls.answers import Tally
from keywatch.collect.calls.latest import Latest
from keywatch.collect.calls.request_line import Request, RequestLayout, read_line
from keywatch.collect.tail_batch import WINDOW, Lines, Piece, TailBatch
from keywatch.model.call import Coverage
from keywatch.model.errors import SourceDenied, SourceUnreachable
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped
from keywatch.model.time import parse_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from keywatch.model.source import Json

_KINDS = frozenset({KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN})


class RequestLog:
    """
    A followed request log.

    It covers the time from the oldest line ever seen to the last time it was read to its end.
    """

    def __init__(
        self,
        name: str,
        lines: Lines,
        *,
        now: Callable[[], datetime],
        layout: RequestLayout | None = None,
        applications: frozenset[str] = frozenset(),
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            lines: The log. Bytes its pieces have shown before are not read again.
            now: The clock.
            layout: How its lines are read.
            applications: Those that write to this log. Empty: all there are, so that one which never shows up in it
                is taken to be silent.
        """  # noqa: D205
        self._id = SourceId(f"request-log:{name}")
        self.lines = lines
        self._now = now
        self._layout = layout or RequestLayout()
        self._applications = applications

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return _KINDS

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        return (calls for calls, _ in self.steps(cursor))

    def steps(self, cursor: Cursor) -> Iterator[tuple[CallBatch, TailBatch | None]]:
        """Read as `read` does, and give what was read beside what it proves; None: nothing that is not known."""
        started = self._now()
        tail = cursor.get("tail")
        state = _State(cursor, tail if isinstance(tail, Mapping) else {})
        blocked: Skipped | None = None
        for batch in self.lines.read(state.tail):
            state.tail = batch.cursor
            blocked = blocked or batch.blocked
            evidence, tally = Latest(), Tally()
            broken = [item for piece in batch.pieces for item in self._take(piece, evidence, tally, state)]
            # Until the end is reached there may be calls that were not read yet: what is covered ends where it did.
            yield self._batch(state, evidence, tally, (*batch.skipped, *broken)), batch
        if blocked is not None:
            error = SourceUnreachable if blocked.what == self.lines.what else SourceDenied
            raise error(f"{self._id}: {blocked.what}: {blocked.why}", hint=blocked.hint)
        state.until = started
        yield self._batch(state, Latest(), Tally(), ()), None

    def check(self) -> Iterator[str | Skipped]:
        yield from self.lines.check()

    def _take(self, piece: Piece, evidence: Latest, tally: Tally, state: "_State") -> Iterator[Skipped]:
        if piece.partial:
            if piece.first_column == 1:
                yield Skipped(_where(piece, 0), f"one line is longer than {WINDOW} bytes")
            return
        now = self._now()
        broken = 0
        first: tuple[int, str] | None = None
        latest: dict[tuple[object, ...], Request] = {}  # a call is made of the few that count, not of each line
        for number, line in _lines(piece):
            try:
                request = read_line(line, self._layout, now)
            except ValueError as error:
                broken += 1
                first = first or (number, str(error))
                continue
            if request is None:
                continue
            state.saw(request.at)
            request.count(tally)
            who = (request.application, request.seller, request.client_id, request.region, request.outcome)
            if who not in latest or request.at > latest[who].at:
                latest[who] = request
        for request in latest.values():
            for call in request.calls(self._id):
                evidence.add(call)
        if first is not None:
            yield Skipped(_where(piece, first[0]), f"{broken} lines could not be read, this one first: {first[1]}")

    def _batch(self, state: "_State", evidence: Latest, tally: Tally, skipped: tuple[Skipped, ...]) -> CallBatch:
        coverage = Coverage(
            source=self._id, kinds=_KINDS, applications=self._applications, since=state.since, until=state.until
        )
        return CallBatch(
            evidence=evidence.calls(),
            answers=tally.answered(self._id),
            cursor=state.cursor(),
            coverage=coverage,
            skipped=skipped,
        )


class _State:
    """What the cursor carries from run to run."""

    def __init__(self, cursor: Cursor, tail: Cursor) -> None:
        self.tail = tail
        self.since = _moment(cursor.get("since"))
        self.until = _moment(cursor.get("until"))

    def saw(self, at: datetime) -> None:
        self.since = min(self.since, at) if self.since else at

    def cursor(self) -> Cursor:
        found: dict[str, Json] = {"version": 1, "tail": dict(self.tail)}
        if self.since:
            found["since"] = to_rfc3339(self.since)
        if self.until:
            found["until"] = to_rfc3339(self.until)
        return found


def _lines(piece: Piece) -> Iterator[tuple[int, bytes]]:
    """What a piece shows for the first time: lines that are not empty, with their numbers in it."""
    for number, line in enumerate(piece.data[piece.overlap :].split(b"\n")):
        # A truncated log that its writer goes on with has zeros where the old lines were.
        if line := line.strip(b"\0 \t\r"):
            yield number, line


def _moment(value: "Json") -> datetime | None:
    return parse_rfc3339(value) if isinstance(value, str) else None


def _where(piece: Piece, number: int) -> str:
    if not piece.first_line:
        return f"{piece.path}, byte {piece.offset + piece.overlap} and after"
    return f"{piece.path}, line {piece.first_line + piece.data.count(10, 0, piece.overlap) + number}"


_: type[CallSource] = RequestLog
