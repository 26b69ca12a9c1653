"""
One line of a request log, and what it proves. Pure.

Success is a 2xx answer of a production SP-API host. A token exchange proves that the credential is accepted, not that a
call succeeded; the sandbox proves nothing.
https://developer-docs.amazon.com/sp-api/docs/sp-api-endpoints
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

import msgspec

from keywatch.collect.calls.answers import Tally, answer_of, error_text
from keywatch.collect.calls.line_pattern import LinePattern
from keywatch.model.answer import Answer
from keywatch.model.call import Call, Outcome
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.selling_region import REGIONS
from keywatch.model.source import Json

_REGION_OF = {f"sellingpartnerapi-{region}.amazon.com": region for region in REGIONS}
PRODUCTION = frozenset(_REGION_OF)
_TOKEN_HOST = "api.amazon.com"  # noqa: S105 - a host name
TOKEN_PATH = "/auth/o2/token"  # noqa: S105 - a path
AHEAD = timedelta(minutes=5)
"""How far a writer's clock may run before ours. A call from further in the future would keep a key alive for ever."""
_ACCESS_LOG = re.compile(r"(\d{2})/([A-Za-z]{3})/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST = 300
"""Characters that are kept of what was called."""
_LONGEST_NAME = 100
_TOKENS = ("Atz", "amzn1.oa2-cs.", "amzn.mws.", "Bearer ")
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFields:
    """Where a line keeps what. A dotted name goes into nested objects: `request.host`."""

    time: str = "time"
    status: str = "status"
    application: str = "application"
    seller: str = "seller"
    client_id: str = "client_id"
    host: str = "host"
    method: str = "method"
    path: str = "path"
    error: str = "error"
    """Of an answer that is an error: its code, its message or its whole body, as text or object."""


_GROUPS = RequestFields()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLayout:
    """What a log's lines look like, and what they leave unsaid."""

    fields: RequestFields = field(default_factory=RequestFields)
    application: str | None = None
    """The application of lines that name none."""
    applications: Mapping[str, str] = field(default_factory=dict)
    """Application names by LWA client id, for lines that name a client id only."""
    pattern: LinePattern | None = None
    """How lines that are no JSON are read; `fields` are then its groups."""
    zone: tzinfo = UTC
    """Of times that say none."""
    assume_sp_api: bool = False
    """Whether lines without a host are SP-API calls. If not, they prove nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as its log tells it. `outcome` is None where it proves nothing."""

    at: datetime
    outcome: Outcome | None
    application: str | None
    seller: str | None
    client_id: str | None
    action: str | None
    region: str | None = None
    """Of SP-API, where the host tells."""
    answer: Answer | None = None
    """What it says of the credentials; None where `outcome` is."""

    def count(self, tally: Tally, number: int = 1) -> None:
        """Count the answer, or that of `number` calls that are alike."""
        if self.answer is not None:
            tally.add(
                self.answer,
                self.at,
                application=self.application,
                client_id=self.client_id,
                seller=self.seller,
                count=number,
            )

    def handles(self) -> Iterator[Handle]:
        """Yield the credentials the request took: the application's client secret, the seller's token."""
        if self.application:
            yield Handle(HandleSpace.APPLICATION, self.application)
        if self.client_id:
            yield Handle(HandleSpace.LWA_CLIENT_ID, self.client_id)
        if self.application and self.seller:
            name = f"{self.application}/{self.seller}"
            yield Handle(HandleSpace.AUTHORISATION, name)
            if self.region:  # a seller in several regions has a token for each
                yield Handle(HandleSpace.AUTHORISATION, f"{name}/{self.region}")

    def call(self, handle: Handle, source: SourceId) -> Call | None:
        """Return the call of one of the `handles`. None: the request proves nothing."""
        if self.outcome is None:
            return None
        return Call(
            handle=handle,
            at=self.at,
            outcome=self.outcome,
            source=source,
            action=self.action,
            principal=self.application or self.client_id,
        )

    def calls(self, source: SourceId) -> Iterator[Call]:
        """Yield the calls of all its `handles`."""
        for handle in self.handles():
            if call := self.call(handle, source):
                yield call


def read_line(line: bytes, layout: RequestLayout, now: datetime) -> Request | None:
    """
    Read one line. None: it is about something else.

    Raises:
        ValueError: it is not a JSON object, or not of the layout's pattern; or has no time and status, or is from the
            future. The text quotes nothing.
    """
    if layout.pattern is not None:
        said = layout.pattern.record(line)
        return None if said is None else read_record(said, layout, now)
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - what is wrong is the line's text
    return read_record(record, layout, now)


def read_record(record: dict[str, Json], layout: RequestLayout, now: datetime) -> Request:
    """
    Read what a line holds.

    Raises:
        ValueError: it has no time or no status, or is from the future. The text quotes nothing.
    """
    names = layout.fields if layout.pattern is None else _GROUPS
    at = moment(_at(record, names.time), now, layout.zone)
    status = _status(_at(record, names.status))
    client_id = _name(_at(record, names.client_id), "client id")
    known = layout.applications.get(client_id) if client_id else None
    method, path = _text(_at(record, names.method)), _text(_at(record, names.path))
    host, place = _host(_text(_at(record, names.host))), None
    if path and path[0] == "/" and path[1:2] != "/":
        place = _bare(path)
    elif path and (url := _url(path)):
        host, place = host or url.hostname, url.path
    exchange = place == TOKEN_PATH and host in (None, _TOKEN_HOST)
    proves = exchange or host in PRODUCTION or (host is None and layout.assume_sp_api)
    error = error_text(_at(record, names.error)) if status >= 400 else ""  # noqa: PLR2004
    return Request(
        at=at,
        outcome=_outcome(status, exchange=exchange) if proves else None,
        answer=answer_of(status, error, exchange=exchange) if proves else None,
        application=_name(_at(record, names.application), "application") or known or layout.application,
        seller=_name(_at(record, names.seller), "seller"),
        client_id=client_id,
        region=_REGION_OF.get(host or ""),
        action=_action(method, place),
    )


def action_of(method: Json, path: Json) -> str | None:
    """Return the `action` of a request whose path is no URL."""
    place = _text(path)
    return _action(_text(method), _bare(place) if place else None)


def _bare(path: str) -> str:
    """Leave out the query: it may carry what belongs to a buyer."""
    return path.partition("?")[0].partition("#")[0]


def _action(method: str | None, place: str | None) -> str | None:
    return " ".join(part for part in (method, place) if part)[:_LONGEST] or None


def _outcome(status: int, *, exchange: bool) -> Outcome:
    if status >= 400:  # noqa: PLR2004
        return Outcome.FAILURE
    if exchange or not 200 <= status < 300:  # noqa: PLR2004
        return Outcome.ATTEMPT
    return Outcome.SUCCESS


def _at(record: dict[str, Json], name: str) -> Json:
    if name in record:
        return record[name]
    found: Json = record
    for part in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _text(value: Json) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _name(value: Json, what: str) -> str | None:
    """A name, which is kept; so what is wrongly taken for one must not be a token."""
    name = _text(value)
    if name is not None and (len(name) > _LONGEST_NAME or name.startswith(_TOKENS)):
        raise ValueError(f"what should be its {what} looks like a secret or is too long")
    return name


@lru_cache(maxsize=1024)
def _host(text: str | None) -> str | None:
    """A host name in lower case, without scheme and port."""
    url = _url(text if "//" in text else f"//{text}") if text else None
    return url.hostname if url else None


def _url(text: str) -> SplitResult | None:
    try:
        return urlsplit(text)
    except ValueError:
        # `https://[x/`. The error would quote it.
        return None


def _status(value: Json) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 599:  # noqa: PLR2004
        raise ValueError("no HTTP status")
    return value


def moment(value: Json, now: datetime, zone: tzinfo = UTC) -> datetime:
    """
    Read a time in one of the forms that logs have.

    ISO 8601, that of access logs (`27/Nov/2026:12:00:00 +0100`), or seconds, milliseconds, microseconds or nanoseconds
    since 1970, told apart by size. A time without a zone is in `zone`, and of two that are alike, as when
    the clocks go back, the earlier one: it keeps no key alive for longer than is certain.

    Raises:
        ValueError: it is none of these, in the future of `now`, or before there was SP-API. The text quotes nothing.
    """
    try:
        if isinstance(value, str):
            found = _written(value, zone) if not _numeric(value) else _since_1970(float(value))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = _since_1970(value)
        else:
            raise ValueError("no time")  # noqa: TRY004, TRY301
    except (ValueError, OverflowError, OSError):
        raise ValueError("no time") from None
    if found > now + AHEAD:
        raise ValueError("a time in the future")
    if found < EARLIEST:
        raise ValueError("a time before SP-API")
    return found


def _written(text: str, zone: tzinfo) -> datetime:
    if found := _ACCESS_LOG.fullmatch(text.strip()):
        day, month, year, clock, offset = found.groups()
        text = f"{year}-{_MONTHS.index(month.lower()) + 1:02}-{day}T{clock}{offset}"
    at = datetime.fromisoformat(text.strip())
    return (at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC)


def _numeric(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdigit()


def _since_1970(value: float) -> datetime:
    for factor in (1e9, 1e6, 1e3):
        # 1e11 seconds are the year 5138.
        if value >= 1e11 * factor / 1e3:
            return datetime.fromtimestamp(value / factor, UTC)
    return datetime.fromtimestamp(value, UTC)
