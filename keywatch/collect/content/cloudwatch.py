"""
CloudWatch log groups.

Facts this rests on (API reference, FilterLogEvents): events come in the order of their time, those of all streams of a
group interleaved; a page may be empty and yet have another behind it; an event may arrive long after its time. Some ten
requests a second are answered for a whole account and region, which others use as well.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from keywatch.collect.aws import AwsAccess, AwsClients, asking, error_code
from keywatch.collect.content.log_groups import Group, resolve
from keywatch.collect.content.log_place import GroupPlace, Places, name_of
from keywatch.collect.content.log_streams import LogEvent, LogStreams
from keywatch.model.errors import ScanError, SourceDenied, SourceError, SourceMalformed
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import (
        FilteredLogEventTypeDef,
        FilterLogEventsRequestTypeDef,
        FilterLogEventsResponseTypeDef,
    )

LOOKBACK = timedelta(days=1)
OVERLAP = timedelta(minutes=10)
_PAUSE = 0.25
"""Seconds between two requests: half of what the smallest quota allows, as we are not alone."""
_MANY = 100
"""Groups after which there is a place to resume from, even if nothing was new in them."""


class _Vanished(Exception):
    """The group is not there (any more)."""


class LogGroups:
    """Log groups of one account and region, read on from where they were left."""

    def __init__(
        self,
        groups: tuple[str, ...],
        access: AwsAccess,
        id: SourceId,  # noqa: A002 - the Protocol's word
        *,
        now: Callable[[], datetime],
        lookback: timedelta = LOOKBACK,
        overlap: timedelta = OVERLAP,
        page: int | None = None,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """
        Name what to read; nobody is asked yet.

        Args:
            groups: names or ARNs; `*` stands for anything.
            access: how the account is reached.
            id: the source's name.
            now: the clock.
            lookback: how far back a group is read when it is read first.
            overlap: how late an event may arrive and still be seen: as much is asked for again each time.
            page: events in one answer, at most; None: as many as fit.
            wait: sleeps.
        """
        self.id = id
        self.target = f"cloudwatch:{access.region}"
        self._patterns = groups
        self._clients = AwsClients(id, access)
        self._now = now
        self._lookback = lookback
        self._overlap = _milliseconds(overlap)
        self._page = page
        self._wait = wait
        self._asked = float("-inf")

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read what was logged since `cursor`. See `ContentSource.read`."""
        try:
            yield from self._read(cursor)
        except SourceError as error:
            raise ScanError(error.message, hint=error.hint) from None
        finally:
            self._clients.close()

    def check(self) -> Iterator[str | Skipped]:
        """Try to list the groups that have to be looked up, and to read one event of each. See `KeySource.check`."""
        try:
            for group in resolve(self._clients, self._patterns):
                if isinstance(group, Skipped):
                    yield group
                    continue
                yield self._tried(group)
        except SourceError as error:
            yield Skipped("logs:DescribeLogGroups", error.message, error.hint)
        finally:
            self._clients.close()

    def _tried(self, group: Group) -> str | Skipped:
        what = f"logs:FilterLogEvents on {group.label}"
        now = _instant(self._now())
        try:
            self._ask(_request(group, now - 1, now) | {"limit": 1})
        except _Vanished:
            return _missing(group)
        except SourceError as error:
            return Skipped(what, error.message, error.hint)
        return what

    def _read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        until = self._now()
        found = list(resolve(self._clients, self._patterns))
        groups = [item for item in found if isinstance(item, Group)]
        skipped = [item for item in found if isinstance(item, Skipped)]
        places = Places(cursor, len(groups), self._overlap)
        if not skipped:
            places.forget_others(group.label for group in groups)
        earliest = _instant(until - self._lookback)
        refused: list[SourceError] = []
        for number, group in enumerate(groups, 1):
            place = places.of(group.label, earliest)
            try:
                yield from self._group(group, place, places, _instant(until))
            except _Vanished:
                skipped += [_missing(group)] if group.by_name else []
            except (SourceDenied, SourceMalformed) as error:
                refused.append(error)
                skipped.append(Skipped(f"log group {group.label}", error.message, error.hint))
            if number % _MANY == 0:
                yield ContentBatch(chunks=(), cursor=places.cursor(), skipped=tuple(skipped))
                skipped = []
        yield ContentBatch(chunks=(), cursor=places.cursor(), skipped=tuple(skipped))
        if refused and len(refused) == len(groups):
            raise refused[-1]

    def _group(self, group: Group, place: GroupPlace, places: Places, until: int) -> Iterator[ContentBatch]:
        """Read one group to its end, in batches; what is left over of its last one is told too."""
        streams = LogStreams(self.target, group.label)
        request = _request(group, place.start, until)
        if self._page:
            request["limit"] = self._page
        try:
            for page in self._pages(request):
                for event in page.get("events", []):
                    at, name = event.get("timestamp", 0), _name(event)
                    text = event.get("message", "").removesuffix("\n").encode("utf-8", "surrogatepass")
                    streams.add(LogEvent(event.get("logStreamName", ""), at, text), known=place.note(name, at))
                if streams.is_full:
                    place.here()
                    places.keep(group.label, place)
                    yield ContentBatch(chunks=tuple(streams.chunks()), cursor=places.cursor())
        except (SourceError, _Vanished) as trouble:
            # What came before it holds.
            if not isinstance(trouble, _Vanished):
                place.here()
                places.keep(group.label, place)
            yield ContentBatch(chunks=tuple(streams.chunks()), cursor=places.cursor())
            raise
        place.ended(until)
        places.keep(group.label, place)
        if left := tuple(streams.chunks()):
            yield ContentBatch(chunks=left, cursor=places.cursor())

    def _pages(self, request: "FilterLogEventsRequestTypeDef") -> Iterator["FilterLogEventsResponseTypeDef"]:
        token = ""
        while True:
            more: FilterLogEventsRequestTypeDef = {**request, "nextToken": token} if token else request
            answer = self._ask(more)
            yield answer
            before, token = token, answer.get("nextToken") or ""
            if not token:
                return
            if token == before:
                raise SourceMalformed(f"{self.id}: logs:FilterLogEvents goes round in a circle")

    def _ask(self, request: "FilterLogEventsRequestTypeDef") -> "FilterLogEventsResponseTypeDef":
        from botocore.exceptions import ClientError

        self._pace()
        logs = self._clients.logs()
        with asking(self.id, "logs:FilterLogEvents"):
            try:
                return logs.filter_log_events(**request)
            except ClientError as error:
                if error_code(error) == "ResourceNotFoundException":
                    raise _Vanished from None
                raise

    def _pace(self) -> None:
        left = self._asked + _PAUSE - time.monotonic()
        if left > 0:
            self._wait(left)
        self._asked = time.monotonic()


def _request(group: Group, start: int, end: int) -> "FilterLogEventsRequestTypeDef":
    # AWS has interleaved them for years, whatever is asked; other servers do when they are asked.
    request: FilterLogEventsRequestTypeDef = {"startTime": start, "endTime": end, "interleaved": True}
    if group.arn:
        request["logGroupIdentifier"] = group.arn
    else:
        request["logGroupName"] = group.name
    return request


def _name(event: "FilteredLogEventTypeDef") -> bytes:
    """Return what tells an event from all others, also where a server gives it no id."""
    if named := event.get("eventId"):
        return name_of(named)
    text = f"{event.get('logStreamName')}\0{event.get('timestamp')}\0{event.get('message')}"
    return name_of(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


def _missing(group: Group) -> Skipped:
    return Skipped(f"log group {group.label}", "it is not there", "check its name and the region, or take it out")


def _instant(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


_: type[ContentSource] = LogGroups
