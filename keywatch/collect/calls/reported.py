"""
Calls that a program reports of itself, by `POST /v1/calls`. Pure but for the clock.

A report is what a request log's line says, with the same names; so what proves a call there proves it here. Reporting a
call twice changes nothing, as of each key and outcome the latest call is kept.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from keywatch.collect.calls.latest import Latest
from keywatch.collect.calls.request_line import RequestLayout, moment, read_record
from keywatch.model.call import Call, Coverage, Outcome
from keywatch.model.errors import ConfigError, KeywatchError, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, KeyKind, SourceId
from keywatch.model.secret import Secret
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped
from keywatch.model.time import parse_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from keywatch.model.source import Json

MOST = 1000
"""Calls in one report."""
SILENT_AFTER = timedelta(hours=26)
"""How long a reporter may send nothing, not even that there is nothing: a daily job reports daily."""
_SHORTEST = 16
"""Characters of a token."""
_SELLING_PARTNER = frozenset({KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN})
_ACCESS_KEY = re.compile(r"(?:AKIA|A3T[A-Z0-9])[A-Z2-7]{16}")
_ID = re.compile(r"[\x21-\x7e]{1,100}")


class NotAReport(ValueError):
    """The whole of it cannot be read. The text says why, and quotes nothing."""


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

    def receive(self, body: bytes, cursor: Cursor, *, lines: bool = False) -> Received:
        """
        Read a report.

        Args:
            body: `{"calls": [...], "dropped": 0}`, or a call a line.
            cursor: Of the report before.
            lines: Whether it is a call a line.

        Raises:
            NotAReport: nothing of it can be used.
        """
        now = self._now()
        records, dropped = _lines(body) if lines else _document(body)
        if len(records) > MOST:
            raise NotAReport(f"more than {MOST} calls in one report")
        evidence = Latest()
        rejected: list[Rejected] = []
        outcomes: dict[Outcome, int] = {}
        ignored = 0
        for index, record in enumerate(records):
            try:
                outcome, calls = self._read(record, now)
                count = _count(record)
            except ValueError as error:
                rejected.append(Rejected(index, _name(record), str(error)))
                continue
            if outcome is None:
                ignored += 1
                continue
            outcomes[outcome] = outcomes.get(outcome, 0) + count
            for call in calls:
                evidence.add(call)
        return Received(
            batch=self._batch(evidence, cursor, now, hole=dropped > 0),
            accepted=len(records) - ignored - len(rejected),
            ignored=ignored,
            rejected=tuple(rejected),
            outcomes=outcomes,
        )

    def _read(self, record: "Json", now: datetime) -> tuple[Outcome | None, list[Call]]:
        if not isinstance(record, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - what is wrong is the report's text
        if "key" in record:
            call = self._use(record, now)
            return call.outcome, [call]
        if self._keys:
            raise ValueError("names no key, and this reporter speaks for some keys only")
        request = read_record(record, self._layout, now)
        if self._applications and request.application not in self._applications:
            raise ValueError("not of an application that this reporter speaks for")
        calls = list(request.calls(self._id))
        if request.outcome is not None and not calls:
            raise ValueError("names no application and no client_id")
        return request.outcome, calls

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

    def _batch(self, evidence: Latest, cursor: Cursor, now: datetime, *, hole: bool) -> CallBatch:
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
        return CallBatch(evidence=evidence.calls(), cursor=place, coverage=coverage)


def _document(body: bytes) -> "tuple[list[Json], int]":
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


def _lines(body: bytes) -> "tuple[list[Json], int]":
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


def _count(record: "Json") -> int:
    count = record.get("count", 1) if isinstance(record, dict) else 1
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 1 << 40:
        raise ValueError("count is not a count")
    return count


def _name(record: "Json") -> str | None:
    name = record.get("id") if isinstance(record, dict) else None
    return name if isinstance(name, str) and _ID.fullmatch(name) else None


def _handle(name: str) -> Handle:
    return Handle(HandleSpace.AWS_ACCESS_KEY_ID if _ACCESS_KEY.fullmatch(name) else HandleSpace.DECLARED, name)


def _moment(value: "Json") -> datetime | None:
    return parse_rfc3339(value) if isinstance(value, str) else None


_: type[CallSource] = ReportedCalls
