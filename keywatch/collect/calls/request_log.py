"""The application's own request log, JSON lines: what proves that a selling-partner key made a successful call."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from keywatch.collect.calls.alike import AlikeLines, Took
from keywatch.collect.calls.answers import Tally
from keywatch.collect.calls.latest import Latest
from keywatch.collect.calls.request_line import Request, RequestLayout, read_line
from keywatch.collect.tail_batch import GATHERED, WINDOW, Lines, Piece, TailBatch
from keywatch.model.call import Call, Coverage, Outcome
from keywatch.model.errors import SourceDenied, SourceError, SourceUnreachable
from keywatch.model.key import HandleSpace, KeyKind, SourceId
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped
from keywatch.model.time import parse_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from keywatch.model.source import Json

_KINDS = frozenset({KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN})


class RequestLog:
    """
    A followed request log.

    It covers the time from the first line ever seen to the last time it was read to its end.
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
        self._alike = AlikeLines(self._layout)
        self._applications = applications

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return _KINDS

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        return (calls for calls, _ in self.steps(cursor) if calls is not None)

    def steps(self, cursor: Cursor) -> Iterator[tuple[CallBatch | None, TailBatch | None]]:
        """See `ReadLog.steps`."""
        started = self._now()
        tail = cursor.get("tail")
        state = _State(cursor, tail if isinstance(tail, Mapping) else {})
        blocked: Skipped | None = None
        self._alike.forget()
        found = _Found(state)
        try:
            for batch in self.lines.read(state.tail):
                state.tail = batch.cursor
                blocked = blocked or batch.blocked
                found.skipped += batch.skipped
                for piece in batch.pieces:
                    found.skipped += self._take(piece, found)
                    found.size += len(piece.data) - piece.overlap
                if found.size < GATHERED:
                    yield None, batch
                    continue
                # Until the end is reached there may be calls that were not read yet: what is covered ends where it did.
                yield self._batch(state, found), batch
                found = _Found(state)
        except SourceError:
            yield self._batch(state, found), None  # what was read before it holds
            raise
        if blocked is not None:
            yield self._batch(state, found), None
            error = SourceUnreachable if blocked.what == self.lines.what else SourceDenied
            raise error(f"{self._id}: {blocked.what}: {blocked.why}", hint=blocked.hint)
        state.until = started
        yield self._batch(state, found), None

    def check(self) -> Iterator[str | Skipped]:
        yield from self.lines.check()

    def _take(self, piece: Piece, found: "_Found") -> Iterator[Skipped]:
        if piece.partial:
            if piece.first_column == 1:
                yield Skipped(_where(piece, 0), f"one line is longer than {WINDOW} bytes")
            return
        data = piece.data[piece.overlap :]
        broken = list(self._read(data, self._now(), found.take))
        if broken:
            place, error = broken[0]
            number, _ = next(islice(_lines(data), place, None))
            yield Skipped(_where(piece, number), f"{len(broken)} lines could not be read, this one first: {error}")

    def _read(self, data: bytes, now: datetime, took: Took) -> Iterator[tuple[int, ValueError]]:
        """Give all requests of some lines to `took`; yield which of the lines cannot be read, and why."""
        lines = self._alike.decoded(data)
        if lines is not None:
            yield from self._alike.take(lines, now, took)
            return
        self._alike.tell(took)  # what was counted came before
        for place, (_, line) in enumerate(_lines(data)):
            try:
                request = read_line(line, self._layout, now)
            except ValueError as error:
                yield place, error
                continue
            if request is not None:
                took(request, 1)

    def _batch(self, state: "_State", found: "_Found") -> CallBatch:
        self._alike.tell(found.take)
        coverage = Coverage(
            source=self._id, kinds=_KINDS, applications=self._applications, since=state.since, until=state.until
        )
        return CallBatch(
            evidence=found.evidence(self._id),
            answers=found.tally.answered(self._id),
            cursor=state.cursor(),
            coverage=coverage,
            skipped=tuple(found.skipped),
        )


class _State:
    """What the cursor carries from run to run."""

    def __init__(self, cursor: Cursor, tail: Cursor) -> None:
        self.tail = tail
        self.since = _moment(cursor.get("since"))
        self.until = _moment(cursor.get("until"))

    def saw(self, at: datetime) -> None:
        """It begins with the first line, not the oldest: one whose clock was wrong must not cover years."""
        self.since = self.since or at

    def cursor(self) -> Cursor:
        found: dict[str, Json] = {"version": 1, "tail": dict(self.tail)}
        if self.since:
            found["since"] = to_rfc3339(self.since)
        if self.until:
            found["until"] = to_rfc3339(self.until)
        return found


_Who: TypeAlias = tuple[str | None, str | None, str | None, str | None, Outcome]


class _Found:
    """What some lines tell."""

    def __init__(self, state: _State) -> None:
        self.tally = Tally()
        self.skipped: list[Skipped] = []
        self.size = 0
        """Bytes of the lines."""
        self._state = state
        # By application, client id, seller and region. A call is made of the few that count, not of each line.
        self._latest: dict[_Who, Request] = {}

    def take(self, request: Request, count: int) -> None:
        self._state.saw(request.at)
        request.count(self.tally, count)
        outcome = request.outcome
        if outcome is None:
            return
        self._keep((request.application, request.client_id, None, None, outcome), request)
        if request.seller:
            self._keep((request.application, None, request.seller, request.region, outcome), request)

    def evidence(self, source: SourceId) -> tuple[Call, ...]:
        latest = Latest()
        for (_, _, seller, _, _), request in self._latest.items():
            for handle in request.handles():
                if (handle.space is HandleSpace.AUTHORISATION) is bool(seller) and (
                    call := request.call(handle, source)
                ):
                    latest.add(call)
        return latest.calls()

    def _keep(self, who: _Who, request: Request) -> None:
        known = self._latest.get(who)
        if known is None or request.at > known.at:
            self._latest[who] = request


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers."""
    for number, line in enumerate(data.split(b"\n")):
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
