"""
Calls that a program reports of itself, by `POST /v1/calls`. Pure but for the clock.

A report is what a request log's line says, with the same names; so what proves a call there proves it here. Reporting a
call twice changes nothing: of each key and outcome the latest call is kept, and what was told before under the same id
is not counted again. What it proves is taken all the same, should somebody give two calls one id.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from keywatch.collect.calls.answers import Tally, answer_to_key, error_text
from keywatch.collect.calls.latest import Latest
from keywatch.collect.calls.report_body import MOST, NotAReport, count_of, document, name_of, one_a_line
from keywatch.collect.calls.request_line import Request, RequestLayout, moment, read_record
from keywatch.model.call import Call, Coverage, Outcome
from keywatch.model.errors import ConfigError, KeywatchError, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, KeyKind, SourceId
from keywatch.model.secret import Secret
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped
from keywatch.model.time import parse_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from keywatch.model.source import Json

__all__ = ["MOST", "SILENT_AFTER", "NotAReport", "Received", "Rejected", "ReportedCalls"]

SILENT_AFTER = timedelta(hours=26)
"""How long a reporter may send nothing, not even that there is nothing: a daily job reports daily."""
_SHORTEST = 16
"""Characters of a token."""
_SELLING_PARTNER = frozenset({KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN})
_ACCESS_KEY = re.compile(r"(?:AKIA|A3T[A-Z0-9])[A-Z2-7]{16}")


@dataclass(frozen=True, slots=True)
class Rejected:
    """One call that was not taken."""

    index: int
    """Its place in the report, from 0."""
    id: str | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a report brought."""

    batch: CallBatch
    accepted: int
    """Calls that prove something, tokens that were exchanged and failures included."""
    ignored: int
    """Calls that were understood and prove nothing: to the sandbox, to other hosts."""
    repeated: int
    """Calls that were told before, by their ids."""
    rejected: tuple[Rejected, ...]
    outcomes: dict[Outcome, int]
    """How many calls of each outcome were told of."""


class ReportedCalls:
    """
    One reporter: a program, or several that share a token.

    It speaks for selling-partner keys, of all applications or of some; or else for the keys it is configured with. It
    covers the time from its first report to its last one, empty reports included. One that falls silent is blind.
    """

    def __init__(
        self,
        name: str,
        *,
        token: Callable[[], Secret],
        now: Callable[[], datetime],
        layout: RequestLayout | None = None,
        applications: frozenset[str] = frozenset(),
        keys: frozenset[str] = frozenset(),
        silent_after: timedelta = SILENT_AFTER,
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            token: Reads what a report must show. Raises `KeywatchError` where it cannot.
            now: The clock.
            layout: Which application calls are of that name none.
            applications: The only ones it may speak for. Empty: all.
            keys: Names of declared keys, or access key ids. Not empty: it speaks for these and no selling-partner key.
            silent_after: How long it may send nothing.
        """  # noqa: D205
        self._id = SourceId(f"reported:{name}")
        self._token = token
        self._now = now
        self._layout = layout or RequestLayout()
        self._applications = applications
        self._keys = keys
        self._silent_after = silent_after

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return frozenset(KeyKind) if self._keys else _SELLING_PARTNER

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        """Bring nothing: reports come by themselves. What is to be noticed here is that none comes."""
        yield from ()
        last = _moment(cursor.get("last"))
        if last is None:
            hint = "give the program the reporter's token; `POST /v1/calls` in the README shows how to try it"
            raise SourceUnreachable(f"{self._id}: nothing has been reported yet", hint=hint)
        if self._now() - last > self._silent_after:
            hint = "look whether the program runs, has the right token and reaches keywatch"
            raise SourceUnreachable(f"{self._id}: nothing was reported since {to_rfc3339(last)}", hint=hint)

    def check(self) -> Iterator[str | Skipped]:
        try:
            self.token()
        except KeywatchError as error:
            yield Skipped("bearer token", error.message, error.hint)
        else:
            yield "bearer token"

    def token(self) -> Secret:
        """
        Return what a report must show, read anew.

        Raises:
            KeywatchError: it cannot be read, or could be guessed.
        """
        token = self._token()
        if len(token) < _SHORTEST:
            hint = "make one with: openssl rand -hex 32"
            raise ConfigError(f"{self._id}: its token has less than {_SHORTEST} characters", hint=hint)
        return token

    def receive(
        self,
        body: bytes,
        cursor: Cursor,
        *,
        lines: bool = False,
        known: Callable[[Collection[str]], Collection[str]] = lambda _: (),
    ) -> Received:
        """
        Read a report.

        Args:
            body: `{"calls": [...], "dropped": 0}`, or a call a line.
            cursor: Of the report before.
            lines: Whether it is a call a line.
            known: Which of some ids were told before.

        Raises:
            NotAReport: nothing of it can be used.
        """
        now = self._now()
        records, dropped = one_a_line(body) if lines else document(body)
        if len(records) > MOST:
            raise NotAReport(f"more than {MOST} calls in one report")
        told = set(known([name for record in records if (name := name_of(record))]))
        found = _Found()
        for index, record in enumerate(records):
            name = name_of(record)
            try:
                found.take(self._read(record, now), count_of(record), again=name in told)
            except ValueError as error:
                found.rejected.append(Rejected(index, name, str(error)))
                continue
            if name is not None and name not in told:
                told.add(name)
                found.ids.append(name)
        return Received(
            batch=self._batch(found, cursor, now, hole=dropped > 0),
            accepted=len(records) - found.ignored - found.repeated - len(found.rejected),
            ignored=found.ignored,
            repeated=found.repeated,
            rejected=tuple(found.rejected),
            outcomes=found.outcomes,
        )

    def _read(self, record: "Json", now: datetime) -> "_Read":
        if not isinstance(record, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - what is wrong is the report's text
        if "key" in record:
            call = self._use(record, now)
            return _Read(call.outcome, [call], None, error_text(record.get("error")))
        if self._keys:
            raise ValueError("names no key, and this reporter speaks for some keys only")
        request = read_record(record, self._layout, now)
        if self._applications and request.application not in self._applications:
            raise ValueError("not of an application that this reporter speaks for")
        calls = list(request.calls(self._id))
        if request.outcome is not None and not calls:
            raise ValueError("names no application and no client_id")
        return _Read(request.outcome, calls, request, "")

    def _use(self, record: "dict[str, Json]", now: datetime) -> Call:
        name, action = record["key"], record.get("action")
        if not isinstance(name, str) or name not in self._keys:
            raise ValueError("not a key that this reporter speaks for")
        try:
            outcome = Outcome(str(record.get("outcome")))
        except ValueError:
            raise ValueError("no outcome: success, failure or attempt") from None
        return Call(
            handle=_handle(name),
            at=moment(record.get("time"), now),
            outcome=outcome,
            source=self._id,
            action=action[:200] if isinstance(action, str) and action.isprintable() else None,
        )

    def _batch(self, found: "_Found", cursor: Cursor, now: datetime, *, hole: bool) -> CallBatch:
        # What was dropped may have been the only call of a key: silence counts from here on.
        since = now if hole else _moment(cursor.get("since")) or now
        coverage = Coverage(
            source=self._id,
            kinds=self.kinds,
            applications=self._applications,
            handles=frozenset(_handle(name) for name in self._keys),
            since=since,
            until=now,
        )
        place: dict[str, Json] = {"version": 1, "since": to_rfc3339(since), "last": to_rfc3339(now)}
        return CallBatch(
            evidence=found.evidence.calls(),
            answers=found.tally.answered(self._id),
            ids=tuple(found.ids),
            cursor=place,
            coverage=coverage,
        )


class _Read(NamedTuple):
    """One call of a report."""

    outcome: Outcome | None
    calls: list[Call]
    request: Request | None
    """None: it is a use of some other key."""
    error: str
    """What such a use was refused with. It is looked at and not kept."""


class _Found:
    """What a report has brought so far."""

    def __init__(self) -> None:
        self.evidence, self.tally = Latest(), Tally()
        self.ids: list[str] = []
        self.outcomes: dict[Outcome, int] = {}
        self.rejected: list[Rejected] = []
        self.ignored = self.repeated = 0

    def take(self, read: "_Read", count: int, *, again: bool) -> None:
        outcome, calls, request, error = read
        for call in calls:
            self.evidence.add(call)
        if again:
            self.repeated += 1
        elif outcome is None:
            self.ignored += 1
        else:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
            self._count(calls, request, error, count)

    def _count(self, calls: list[Call], request: Request | None, error: str, count: int) -> None:
        if request is not None:
            request.count(self.tally, count)
            return
        for call in calls:
            if call.handle.space is HandleSpace.AWS_ACCESS_KEY_ID and call.outcome is not Outcome.ATTEMPT:
                answer = answer_to_key(error, succeeded=call.outcome is Outcome.SUCCESS)
                if answer is not None:
                    self.tally.add_to(call.handle, answer, call.at, count)


def _handle(name: str) -> Handle:
    return Handle(HandleSpace.AWS_ACCESS_KEY_ID if _ACCESS_KEY.fullmatch(name) else HandleSpace.DECLARED, name)


def _moment(value: "Json") -> datetime | None:
    return parse_rfc3339(value) if isinstance(value, str) else None


_: type[CallSource] = ReportedCalls
