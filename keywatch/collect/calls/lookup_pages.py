"""
CloudTrail's event history in one Region, a page at a time and no faster than AWS allows.

Two requests a second for an account and Region, whoever makes them; 50 events a page, the newest first; 90 days.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from keywatch.collect.aws import AwsClients, asking, error_code
from keywatch.collect.calls.cloudtrail_file import decode
from keywatch.collect.calls.cloudtrail_record import Record
from keywatch.model.errors import SourceMalformed, SourceUnreachable
from keywatch.model.time import to_utc

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.type_defs import EventTypeDef, LookupEventsRequestTypeDef, LookupEventsResponseTypeDef

Attribute: TypeAlias = Literal["AccessKeyId", "Username"]

_PAGE = 50
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
_PATIENCE = 8
"""Times that one request is repeated after AWS said that it came too soon."""


class TokenExpired(SourceMalformed):
    """A page was asked for too late, as happens where others ask so much that we have to wait."""


class Pace:
    """Keeps requests apart: half a second, and longer for a while after AWS has complained."""

    def __init__(
        self,
        *,
        interval: float = 0.5,
        slowest: float = 4.0,
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._least = interval
        self._slowest = slowest
        self._interval = interval
        self._sleep = sleep
        self._monotonic = monotonic
        self._next: float | None = None

    def wait(self) -> None:
        """Return when the next request may be made, and take it for made."""
        now = self._monotonic()
        if self._next is not None and self._next > now:
            self._sleep(self._next - now)
            now = max(self._next, self._monotonic())
        self._next = now + self._interval

    def slower(self) -> None:
        """AWS complained: others ask too."""
        self._interval = min(self._interval * 2, self._slowest)
        self._next = self._monotonic() + self._interval

    def faster(self) -> None:
        """AWS did not complain."""
        self._interval = max(self._interval * 0.9, self._least)


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, the newest first."""

    records: list[Record]
    broken: list[datetime]
    """The times of events that hold no record."""
    times: tuple[datetime, ...]
    """The times of all events, as the history has them."""


class RegionHistory:
    """The event history of one account in one Region."""

    def __init__(self, clients: AwsClients, region: str, *, pace: Pace, stopping: Callable[[], bool] = bool) -> None:
        self._who = clients.who
        self._clients = clients
        self.region = region
        self._pace = pace
        self._stopping = stopping

    def pages(self, attribute: Attribute, value: str, start: datetime, end: datetime) -> Iterator[Page]:
        """
        Yield what happened from `start` to `end`, both included, the newest first.

        Raises:
            SourceError: as `keywatch.collect.aws.asking` says.
        """
        ask: LookupEventsRequestTypeDef = {
            "LookupAttributes": [{"AttributeKey": attribute, "AttributeValue": value}],
            "StartTime": start,
            "EndTime": end,
            "MaxResults": _PAGE,
        }
        token, reached, begun = "", end, end
        while True:
            more: LookupEventsRequestTypeDef = {**ask, "NextToken": token} if token else ask
            try:
                answer = self._asked(more)
            except TokenExpired as error:
                if reached == begun:
                    raise SourceMalformed(error.message) from None
                token, begun = "", reached
                ask["EndTime"] = reached  # what happened in that second comes twice, which changes nothing
                continue
            page = self._page(answer.get("Events", []))
            reached = min(page.times, default=reached)
            yield page
            before, token = token, answer.get("NextToken", "")
            if not token:
                return
            if token == before:
                raise SourceMalformed(f"{self._what} says there is more, but not where")

    @property
    def _what(self) -> str:
        return f"{self._who}: cloudtrail:LookupEvents in {self.region}"

    def _asked(self, ask: "LookupEventsRequestTypeDef") -> "LookupEventsResponseTypeDef":
        from botocore.exceptions import ClientError

        cloudtrail = self._clients.cloudtrail(self.region)
        for _ in range(_PATIENCE):
            if self._stopping():
                raise SourceUnreachable(f"{self._who}: stopped, as keywatch is stopping")
            self._pace.wait()
            with asking(self._who, f"cloudtrail:LookupEvents in {self.region}"):
                try:
                    answer = cloudtrail.lookup_events(**ask)
                except ClientError as error:
                    if error_code(error) == "InvalidNextTokenException":
                        raise TokenExpired(f"{self._what} does not know its own page any more") from None
                    if error_code(error) not in _THROTTLED:
                        raise
                    self._pace.slower()
                    continue
            if answer["ResponseMetadata"].get("RetryAttempts", 0):
                self._pace.slower()  # the client itself was told to wait
            else:
                self._pace.faster()
            return answer
        hint = "others ask for the same history: it will be tried again next time"
        raise SourceUnreachable(f"{self._what} was throttled {_PATIENCE} times running", hint=hint)

    def trial(self, value: str, now: datetime) -> None:
        """Ask once, for a key that is none."""
        next(self.pages("AccessKeyId", value, now, now), None)

    def _page(self, events: "list[EventTypeDef]") -> Page:
        records: list[Record] = []
        broken: list[datetime] = []
        times: list[datetime] = []
        for event in events:
            at = event.get("EventTime")
            if at is None:
                raise SourceMalformed(f"{self._what} answers with an event without a time")
            times.append(to_utc(at))
            try:
                # Each by itself: one that is cut off must not take the others with it.
                found, lost = decode(b'{"Records":[' + event.get("CloudTrailEvent", "").encode() + b"]}")
            except ValueError:
                found, lost = [], 1
            records += found
            if lost or not found:
                broken.append(to_utc(at))
        return Page(records, broken, tuple(times))
