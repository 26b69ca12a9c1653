"""CloudWatch log groups: each event is shown once, late ones too, and what spans several events is seen whole."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.content.cloudwatch import LogGroups
from keywatch.detect.engine import Detector
from keywatch.detect.known import KnownKeys
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk
from keywatch.model.errors import ScanError
from keywatch.model.finding import Place
from keywatch.model.key import SourceId
from keywatch.model.secret import Pepper
from keywatch.model.source import Cursor, Skipped
from keywatch.scan.scanner import Scanner
from tests.content.logs_server import Event, FakeLogs, arn

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GROUP = "/aws/lambda/orders"


def at(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@dataclass
class Reader:
    """A source with the cursor its caller keeps, written as JSON in between, and a clock that is set by hand."""

    url: str
    groups: tuple[str, ...] = (GROUP,)
    now: datetime = NOW
    cursor: str = "{}"
    options: dict[str, Any] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)

    def source(self) -> LogGroups:
        access = AwsAccess(endpoint_url=self.url, attempts=2)
        options = {"now": lambda: self.now, "wait": lambda _: None} | self.options
        return LogGroups(self.groups, access, SourceId("cloudwatch:test"), **options)

    def chunks(self, most: int | None = None) -> Iterator[Chunk]:
        """The chunks of a run, or of its first batches; with each batch, its cursor is committed."""
        self.skipped = []
        for batch in islice(self.source().read(json.loads(self.cursor)), most):
            yield from batch.chunks
            self.skipped += batch.skipped
            if batch.cursor is not None:
                self.cursor = json.dumps(batch.cursor)

    def fresh(self, most: int | None = None) -> list[str]:
        """What a run shows that was not shown before, by stream."""
        return [f"{c.origin.path}: {c.data[c.overlap :].decode()}" for c in self.chunks(most)]


@pytest.fixture
def logs(aws_url: str) -> "CloudWatchLogsClient":
    """A client of moto's CloudWatch Logs."""
    return boto3.client("logs", endpoint_url=aws_url, region_name="us-east-1")


@pytest.fixture
def fake() -> Iterator[FakeLogs]:
    with FakeLogs() as server:
        yield server


def event(number: int, *, minute: float = 0, stream: str = "s", message: str | None = None) -> Event:
    return Event(stream, at(NOW - 60 * MINUTE + minute * MINUTE), message or f"event {number}", f"id{number}")


def test_events_are_read_once(logs: "CloudWatchLogsClient", aws_url: str) -> None:
    """Against moto: a first run goes back a day, a second one shows what came since."""
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="a")
    now = datetime.now(UTC)
    reader = Reader(aws_url, now=now)

    def put(age: timedelta, message: str) -> None:
        entry = {"timestamp": at(now - age), "message": message}
        logs.put_log_events(logGroupName=GROUP, logStreamName="a", logEvents=[entry])  # type: ignore[list-item]

    put(timedelta(hours=30), "too old")
    put(timedelta(hours=20), "old")
    put(5 * MINUTE, "new")
    assert reader.fresh() == [f"{GROUP}/a: old\nnew"]
    assert reader.fresh() == []
    put(4 * MINUTE, "newer")
    put(6 * MINUTE, "late")
    # What stands between new events is shown with them.
    assert reader.fresh() == [f"{GROUP}/a: late\nnew\nnewer"]
    reader.now += MINUTE
    assert (reader.fresh(), reader.skipped) == ([], [])


def test_events_that_arrive_late(fake: FakeLogs) -> None:
    """Whoever is late by less than the overlap is seen, once; the overlap is a setting."""
    fake.groups[GROUP] = [event(1, minute=58)]
    reader = Reader(fake.url, options={"overlap": 10 * MINUTE})
    assert reader.fresh() == [f"{GROUP}/s: event 1"]
    fake.groups[GROUP] = [event(2, minute=40), event(3, minute=51), event(1, minute=58)]
    assert reader.fresh() == [f"{GROUP}/s: event 3\nevent 1"]
    assert reader.fresh() == []


@pytest.mark.parametrize("committed", range(1, 5))
def test_it_can_be_cut_off_after_every_batch(fake: FakeLogs, committed: int) -> None:
    """What the last committed batch left is found, and nothing is shown twice."""
    fake.page = 1
    fake.groups[GROUP] = [event(n, minute=n, message=f"{n} " + "x" * 3_000_000) for n in range(12)]
    reader = Reader(fake.url)
    first = [int(chunk.data[chunk.overlap :].split()[0]) for chunk in reader.chunks(committed)]
    rest = [int(chunk.data[chunk.overlap :].split()[0]) for chunk in reader.chunks()]
    assert first + rest == list(range(12))
    assert len(first) == min(12, 3 * committed)


def test_empty_pages_are_no_end(fake: FakeLogs) -> None:
    """A page without events may have others behind it."""
    fake.empty = 4
    fake.groups[GROUP] = [event(n, minute=n) for n in range(5)]
    assert Reader(fake.url).fresh() == [f"{GROUP}/s: " + "\n".join(f"event {n}" for n in range(5))]


def test_a_token_that_leads_back(fake: FakeLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that goes round in a circle is not followed for ever."""
    fake.groups[GROUP] = [event(1)]
    monkeypatch.setattr(fake, "_events", lambda _: {"events": [], "nextToken": "again"})
    with pytest.raises(ScanError, match="goes round in a circle"):
        Reader(fake.url).fresh()


def test_groups_by_pattern(fake: FakeLogs) -> None:
    """`*` stands for anything; a group that two patterns name is read once, one that nobody names not at all."""
    for name in ("/aws/ecs/a", "/aws/lambda/b", "/aws/lambda/c", "/aws/lambda/d-prod", "/other"):
        fake.groups[name] = [event(1, message=name)]
    reader = Reader(fake.url, groups=("/aws/lambda/*", "/aws/*-prod", "/aws/lambda/b"))
    assert [path.partition(": ")[2] for path in reader.fresh()] == [
        "/aws/lambda/b",
        "/aws/lambda/c",
        "/aws/lambda/d-prod",
    ]
    reader = Reader(fake.url, groups=("/aws/nothing*",))
    assert reader.fresh() == []
    assert [skipped.why for skipped in reader.skipped] == ["there is none of that name"]


def test_groups_by_arn(fake: FakeLogs) -> None:
    """A group of a linked account is asked for by its ARN, and told with its account."""
    fake.groups[GROUP] = [event(1)]
    reader = Reader(fake.url, groups=(f"{arn(GROUP)}:*",))
    assert reader.fresh() == [f"111122223333:{GROUP}/s: event 1"]
    reader = Reader(fake.url, groups=(arn("/aws/*"),))
    assert reader.fresh() == [f"111122223333:{GROUP}/s: event 1"]
    assert [request.get("logGroupIdentifier") for action, request in fake.asked if action == "FilterLogEvents"] == [
        arn(GROUP)
    ] * 2


def test_one_refused_group_does_not_stop_the_others(fake: FakeLogs) -> None:
    """It is named with the permission to grant; when it may be read, it is read from where it would have begun."""
    fake.groups = {"/a": [event(1)], "/b": [event(2)], "/c": [event(3)]}
    fake.fault = lambda _, request: "AccessDeniedException" if request.get("logGroupName") == "/b" else None
    reader = Reader(fake.url, groups=("/a", "/b", "/c"))
    assert reader.fresh() == ["/a/s: event 1", "/c/s: event 3"]
    [skipped] = reader.skipped
    assert (skipped.what, skipped.why) == ("log group /b", "cloudwatch:test: logs:FilterLogEvents was refused")
    fake.fault = lambda _action, _request: None
    assert reader.fresh() == ["/b/s: event 2"]


def test_nothing_may_be_read(fake: FakeLogs) -> None:
    """A source that is refused everything has failed."""
    fake.groups = {"/a": [], "/b": []}
    fake.fault = lambda _action, _request: "AccessDeniedException"
    with pytest.raises(ScanError, match="logs:FilterLogEvents was refused"):
        Reader(fake.url, groups=("/a", "/b")).fresh()


def test_groups_that_vanish(fake: FakeLogs) -> None:
    """One that was asked for by name is missed; one that a pattern found, and that is gone by then, is not."""
    fake.groups = {"/a": [event(1)], "/b": [event(2)]}
    fake.fault = lambda _, request: "ResourceNotFoundException" if request.get("logGroupName") == "/b" else None
    reader = Reader(fake.url, groups=("/*",))
    assert (reader.fresh(), reader.skipped) == (["/a/s: event 1"], [])
    reader = Reader(fake.url, groups=("/a", "/b"))
    assert reader.fresh() == ["/a/s: event 1"]
    assert [(skipped.what, skipped.why) for skipped in reader.skipped] == [("log group /b", "it is not there")]
    assert set(json.loads(reader.cursor)["groups"]) == {"/a"}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("ThrottlingException", "AWS throttles logs:FilterLogEvents", id="throttled"),
        pytest.param("ExpiredTokenException", "credentials have expired", id="expired"),
    ],
)
def test_trouble_in_the_middle(fake: FakeLogs, code: str, message: str) -> None:
    """What came before it is shown and not shown again, and the next run goes on from there."""
    fake.groups[GROUP] = [event(n, minute=n) for n in range(9)]
    fake.fault = lambda _, request: code if request.get("nextToken", "").startswith("6") else None
    reader = Reader(fake.url)
    shown: list[str] = []
    with pytest.raises(ScanError, match=message):
        shown += [chunk.data.decode() for chunk in reader.chunks()]
    assert [place["at"] for place in json.loads(reader.cursor)["groups"].values()] == [event(5, minute=5).at]
    fake.fault = lambda _action, _request: None
    assert reader.fresh() == [f"{GROUP}/s: event 6\nevent 7\nevent 8"]


def test_events_in_disorder(fake: FakeLogs) -> None:
    """Where one stream comes after the other, no place in the middle is kept, and nothing is lost."""
    fake.page = 1
    long = "x" * 3_000_000
    fake.groups[GROUP] = [event(n, minute=n % 4, stream=f"s{n // 4}", message=f"{n} {long}") for n in range(8)]
    reader = Reader(fake.url)
    first = list(reader.chunks(2))
    assert [place["at"] for place in json.loads(reader.cursor)["groups"].values()] == [at(NOW - timedelta(days=1))]
    shown = {chunk.data[chunk.overlap :].split()[0] for chunk in [*first, *reader.chunks()]}
    assert shown == {b"%d" % number for number in range(8)}
    assert reader.fresh() == []


def test_a_cursor_stays_small(fake: FakeLogs) -> None:
    """Of the events in the overlap a bounded number is remembered; beyond it the oldest are shown again."""
    fake.page = 10_000
    fake.groups = {f"/g{n}": [event(m, minute=59, stream=f"s{m % 7}") for m in range(300)] for n in range(200)}
    reader = Reader(fake.url, groups=("/g0", "/g1", *(f"/g{n}" for n in range(2, 200))))
    shown = sum(chunk.data.count(b"event") for chunk in reader.chunks())
    assert shown == 60_000
    assert len(reader.cursor) < 700_000
    again = [line for chunk in reader.chunks() for line in chunk.data[chunk.overlap :].split(b"\n")]
    assert 0 < len(again) < 60_000


def test_a_damaged_cursor(fake: FakeLogs) -> None:
    """A cursor nobody can read begins anew."""
    fake.groups[GROUP] = [event(1)]
    for cursor in ({"version": 2}, {"version": 1, "groups": 5}, {"version": 1, "groups": {GROUP: {"at": "x"}}}):
        assert Reader(fake.url, cursor=json.dumps(cursor)).fresh() == [f"{GROUP}/s: event 1"]
    broken = {"version": 1, "groups": {GROUP: {"at": at(NOW), "seen": "?"}}}
    fake.groups[GROUP] = [event(1, minute=59)]
    assert Reader(fake.url, cursor=json.dumps(broken)).fresh() == [f"{GROUP}/s: event 1"]


def test_check_says_what_is_missing(fake: FakeLogs) -> None:
    """Each group is tried, with one event at most."""
    fake.groups = {"/a": [], "/b": []}
    reader = Reader(fake.url, groups=("/a", "/b*", "/c"))
    fake.fault = lambda _, request: "AccessDeniedException" if request.get("logGroupName") == "/a" else None
    denied, fine, missing = reader.source().check()
    assert fine == "logs:FilterLogEvents on /b"
    assert isinstance(denied, Skipped)
    assert denied.hint == "allow logs:FilterLogEvents to the identity keywatch runs as"
    assert isinstance(missing, Skipped)
    assert missing.why == "it is not there"
    fake.fault = lambda action, _: "AccessDeniedException" if action == "DescribeLogGroups" else None
    hints = [item.hint for item in reader.source().check() if isinstance(item, Skipped)]
    assert "allow logs:DescribeLogGroups to the identity keywatch runs as" in hints


def secret(name: str) -> str:
    return "amzn1.oa2-cs.v1." + hashlib.sha256(name.encode()).hexdigest()


@pytest.fixture
def scanner(rules_cache: Path) -> Iterator[Scanner]:
    scanner = Scanner(Detector(packaged(rules_cache), cache_dir=rules_cache), Pepper(b"p" * 32), KnownKeys(()))
    yield scanner
    scanner.close()


def places(scanner: Scanner, reader: Reader) -> list[Place]:
    cursor: Cursor = json.loads(reader.cursor)
    found: list[Place] = []
    for step in scanner.scan(reader.source(), cursor):
        found += [place for finding in step.findings for place in finding.places]
        cursor = cursor if step.cursor is None else step.cursor
    reader.cursor = json.dumps(cursor)
    return found


def test_a_finding_names_its_event(fake: FakeLogs, scanner: Scanner) -> None:
    """The place is group, stream and moment of the very event, and the line inside it."""
    fake.groups[GROUP] = [
        event(1, minute=1),
        event(2, minute=2, stream="2026/11/27/[$LATEST]x", message=f"dump\nKEY={secret('a')}\n"),
        event(3, minute=3),
    ]
    [place] = places(scanner, Reader(fake.url))
    assert (place.target, place.path) == (
        "cloudwatch:us-east-1",
        f"{GROUP}/2026/11/27/[$LATEST]x@2026-11-27T09:02:00.000Z",
    )
    assert (place.line, place.column) == (2, 5)


def pem() -> list[str]:
    body = base64.b64encode(b"".join(hashlib.sha512(b"%d" % n).digest() for n in range(14))).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return ["-----BEGIN RSA PRIVATE " + "KEY-----", *lines, "-----END RSA PRIVATE " + "KEY-----"]


def test_a_secret_that_spans_events(fake: FakeLogs, scanner: Scanner) -> None:
    """A key that was logged line by line is found, though other streams come in between."""
    events = []
    for number, line in enumerate(pem()):
        events += [
            event(2 * number, minute=number / 100, message=line),
            event(2 * number + 1, minute=number / 100, stream="other"),
        ]
    fake.groups[GROUP] = events
    assert [place.path for place in places(scanner, Reader(fake.url))] == [f"{GROUP}/s@2026-11-27T09:00:00.000Z"]


def test_a_secret_that_spans_runs(fake: FakeLogs, scanner: Scanner) -> None:
    """Its beginning was read by one run and its end by the next: it is found then, where it begins."""
    lines = [event(number, minute=55 + number / 1000, message=line) for number, line in enumerate(pem())]
    fake.groups[GROUP] = lines[:6]
    reader = Reader(fake.url)
    places(scanner, reader)
    fake.groups[GROUP] = lines
    assert f"{GROUP}/s@2026-11-27T09:55:00.000Z" in [place.path for place in places(scanner, reader)]
    assert places(scanner, reader) == []
