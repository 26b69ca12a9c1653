"""Request log: a 2xx answer of a production SP-API host proves a call, and nothing else does."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keywatch.collect.calls.request_line import Request, RequestFields, RequestLayout, read_line
from keywatch.collect.calls.request_log import RequestLog
from keywatch.collect.content.shared_log import SharedLog
from keywatch.collect.tail import Follower
from keywatch.collect.tail_batch import GATHERED, TailBatch
from keywatch.model.call import Call, Evidence, Outcome
from keywatch.model.errors import SourceDenied, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, KeyKind
from keywatch.model.secret import Pepper
from keywatch.model.source import CallBatch, Cursor, Skipped

PEPPER = Pepper(bytes(range(Pepper.SIZE)))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2
HOST = "sellingpartnerapi-eu.amazon.com"
APPLICATION = Handle(HandleSpace.APPLICATION, "orders")
SELLER = Handle(HandleSpace.AUTHORISATION, "orders/A1EXAMPLE")
REGIONAL = Handle(HandleSpace.AUTHORISATION, "orders/A1EXAMPLE/eu")


def line(minutes_ago: int = 1, **changes: object) -> bytes:
    record: dict[str, object] = {
        "time": (NOW - timedelta(minutes=minutes_ago)).isoformat(),
        "status": 200,
        "application": "orders",
        "seller": "A1EXAMPLE",
        "host": HOST,
        "method": "GET",
        "path": "/orders/v0/orders?CreatedAfter=2026-01-01",
    }
    return json.dumps(record | changes).encode() + b"\n"


def request_of(text: bytes, layout: RequestLayout | None = None) -> Request:
    request = read_line(text, layout or RequestLayout(), NOW)
    assert request is not None
    return request


def outcome(layout: RequestLayout | None = None, **changes: object) -> Outcome | None:
    return request_of(line(**changes), layout).outcome  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, Outcome.SUCCESS, id="2xx"),
        pytest.param({"status": "204"}, Outcome.SUCCESS, id="status-as-text"),
        pytest.param({"host": f"HTTPS://{HOST.upper()}:443"}, Outcome.SUCCESS, id="host-as-url"),
        pytest.param({"host": None, "path": f"https://{HOST}/x"}, Outcome.SUCCESS, id="host-in-the-path"),
        pytest.param({"status": 403}, Outcome.FAILURE, id="denied"),
        pytest.param({"status": 429}, Outcome.FAILURE, id="throttled"),
        pytest.param({"status": 503}, Outcome.FAILURE, id="failed"),
        pytest.param({"status": 302}, Outcome.ATTEMPT, id="redirect"),
        pytest.param({"host": f"sandbox.{HOST}"}, None, id="sandbox"),
        pytest.param({"host": "sellingpartnerapi-eu.amazon.com.example.com"}, None, id="another-host"),
        pytest.param({"host": None}, None, id="no-host"),
        pytest.param({"host": "[::1", "path": "https://[canary/"}, None, id="no-url"),
        pytest.param({"host": "api.amazon.com", "path": "/auth/o2/token"}, Outcome.ATTEMPT, id="token-exchange"),
        pytest.param(
            {"host": "api.amazon.com", "path": "/auth/o2/token", "status": 401}, Outcome.FAILURE, id="token-refused"
        ),
    ],
)
def test_what_a_line_proves(changes: dict[str, object], expected: Outcome | None) -> None:
    """Success is 2xx from production; sandbox and strangers prove nothing; a token exchange is an attempt."""
    assert expected is outcome(**changes)  # type: ignore[arg-type]


def test_a_log_of_sp_api_calls_needs_no_host() -> None:
    """Lines without a host count where the log is configured to be of SP-API calls, token exchanges still do not."""
    layout = RequestLayout(assume_sp_api=True)
    assert outcome(layout, host=None) is Outcome.SUCCESS
    assert outcome(layout, host=None, path="/auth/o2/token") is Outcome.ATTEMPT
    assert outcome(layout, host=f"sandbox.{HOST}") is None


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-23T11:00:00Z",
        "2026-11-23T12:00:00.000000000+01:00",
        1795431600,
        1795431600.0,
        "1795431600",
        1795431600_000,
        1795431600_000_000,
        1795431600_000_000_000,
    ],
)
def test_times_are_read_in_every_common_form(time: object) -> None:
    """RFC 3339 and epoch in seconds, milli-, micro- and nanoseconds are the same instant."""
    assert datetime(2026, 11, 23, 11, tzinfo=UTC) == request_of(line(time=time)).at


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        line(time=None),
        line(time=True),
        line(time="yesterday"),
        line(time=1e300),
        line(time=-1),
        line(minutes_ago=-6),
        line(status=None),
        line(status=True),
        line(status=42),
        line(status="\u0662\u0660\u0660"),
    ],
)
def test_nonsense_is_no_request(text: bytes) -> None:
    """A line without a plausible time and status, or from the future, is malformed; the reason quotes none of it."""
    with pytest.raises(ValueError, match=r"^(not JSON|not a JSON object|no time|a time .*|no HTTP status)$"):
        read_line(text, RequestLayout(), NOW)


def test_fields_are_mapped() -> None:
    """Names may be dotted, a client id may stand for its application, and the query never becomes evidence."""
    fields = RequestFields(time="ts", status="response.code", client_id="app.id", path="request.uri", host="a.b")
    layout = RequestLayout(fields=fields, applications={CLIENT: "orders"})
    record = {
        "ts": NOW.isoformat(),
        "response": {"code": 200},
        "app": {"id": CLIENT},
        "seller": "A1EXAMPLE",
        "request": {"uri": "/x?email=buyer@example.com"},
        "a.b": HOST,
    }
    request = request_of(json.dumps(record).encode(), layout)
    calls = list(request.calls(RequestLog("x", Follower("x", PEPPER), now=lambda: NOW).id))
    assert [APPLICATION, Handle(HandleSpace.LWA_CLIENT_ID, CLIENT), SELLER, REGIONAL] == [call.handle for call in calls]
    assert [call.action for call in calls] == ["/x"] * 4


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "requests.log"
    path.write_bytes(b"")
    return path


def source(log: Path, applications: frozenset[str] = frozenset()) -> RequestLog:
    return RequestLog("orders", Follower(str(log), PEPPER), now=lambda: NOW, applications=applications)


def read(log: Path, cursor: Cursor | None = None) -> tuple[list[Evidence], list[Skipped], CallBatch]:
    batches = list(source(log).read(cursor or {}))
    evidence = [item for batch in batches for item in batch.evidence]
    return evidence, [item for batch in batches for item in batch.skipped], batches[-1]


def facts(evidence: list[Evidence]) -> Iterator[tuple[Handle, Outcome, datetime]]:
    return ((item.handle, item.outcome, item.at) for item in evidence if isinstance(item, Call))


def test_a_line_is_a_call_of_application_and_authorisation(log: Path) -> None:
    """One successful request proves the application's secret and the seller's token."""
    log.write_bytes(line())
    evidence, skipped, last = read(log)
    call = {"at": NOW - timedelta(minutes=1), "outcome": Outcome.SUCCESS, "source": source(log).id}
    details = {"action": "GET /orders/v0/orders", "principal": "orders"}
    assert [Call(handle=handle, **call, **details) for handle in (SELLER, REGIONAL, APPLICATION)] == evidence  # type: ignore[arg-type]
    assert skipped == []
    assert last.coverage.kinds == {KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN}


def test_only_the_latest_of_each_outcome_is_kept(log: Path) -> None:
    """Whatever their order, many lines become one call an outcome and handle."""
    log.write_bytes(line(5) + line(2) + line(9) + line(1, status=429))
    latest = NOW - timedelta(minutes=2)
    refused = NOW - timedelta(minutes=1)
    expected = [
        (handle, result, at)
        for handle in (SELLER, REGIONAL, APPLICATION)
        for result, at in ((Outcome.FAILURE, refused), (Outcome.SUCCESS, latest))
    ]
    assert expected == list(facts(read(log)[0]))


def test_it_reads_on_where_it_stopped(log: Path) -> None:
    """A second run tells what is new, and nothing again."""
    log.write_bytes(line(5))
    cursor = read(log)[2].cursor
    with log.open("ab") as file:
        file.write(line(1))
    assert {NOW - timedelta(minutes=1)} == {at for _, _, at in facts(read(log, json.loads(json.dumps(cursor)))[0])}


def test_coverage_runs_from_the_first_line_to_now(log: Path) -> None:
    """It starts at the first line, and not years before as a line's clock was wrong, and ends when all was read."""
    log.write_bytes(line(70) + line(50) + line(5_000_000))
    first = read(log)[2]
    assert (NOW - timedelta(minutes=70), NOW) == (first.coverage.since, first.coverage.until)
    with log.open("ab") as file:
        file.write(line(1))
    assert first.coverage.since == read(log, first.cursor)[2].coverage.since


def test_nothing_is_covered_before_the_end_is_reached(log: Path) -> None:
    """A run that stops half-way does not claim to have seen what it did not read."""
    write_much(log)
    first, *_, last = source(log).read({})
    assert (first.coverage.until, last.coverage.until) == (None, NOW)


def write_much(log: Path) -> int:
    """Write more than is committed at once; return how many lines that is."""
    padded = line(50, padding="x" * 900_000)
    count = GATHERED // len(padded) + 10
    log.write_bytes(padded * count)
    return count


def test_what_a_shared_log_proves_is_told_behind_what_is_scanned(log: Path) -> None:
    """All is shown to be scanned; there is a place to resume from only where the calls up to there are told."""
    count = write_much(log)
    shared = SharedLog(source(log))
    batches = list(shared.read({}))
    assert sum(len(chunk.data) for batch in batches for chunk in batch.chunks) == log.stat().st_size
    told = [batch.calls for batch in batches if batch.calls]
    assert len(batches) > len(told) > 1
    assert all((batch.calls is None) is (batch.cursor is None) for batch in batches)
    assert sum(answered(calls) for calls in told) == count


def test_who_stops_half_way_counts_nothing_twice(log: Path) -> None:
    """What was counted and not told when a run was ended is read again by the next."""
    count = write_much(log)
    shared = SharedLog(source(log))
    for batch in shared.read({}):
        assert batch.calls is None
        break
    assert sum(answered(batch.calls) for batch in shared.read({}) if batch.calls) == count


class BreaksOff(Follower):
    """A log that cannot be read further than one batch."""

    def read(self, cursor: Cursor) -> Iterator[TailBatch]:
        yield next(super().read(cursor))
        raise SourceUnreachable("the rest is gone", hint="wait")


def test_what_was_read_before_an_error_is_told(log: Path) -> None:
    """A log that breaks off before much of it was read goes on from there the next time."""
    log.write_bytes(line())
    run = RequestLog("orders", BreaksOff(str(log), PEPPER), now=lambda: NOW).read({})
    batch = next(run)
    assert (answered(batch), batch.coverage.until) == (1, None)
    with pytest.raises(SourceUnreachable, match="the rest is gone"):
        next(run)
    assert answered(read(log, batch.cursor)[2]) == 0


def answered(calls: CallBatch) -> int:
    """Return how many of the application's calls were answered, of the kind that is written here."""
    counts = [one for item in calls.answers if item.handle == APPLICATION for one in item.days.values()]
    return sum(one.calls for one in counts)


def test_an_empty_log_covers_nothing_yet(log: Path) -> None:
    """Before the first line nothing is known of the time before."""
    assert read(log)[2].coverage.since is None


def test_a_log_may_be_of_certain_applications_only(log: Path) -> None:
    """Other applications are not taken to be silent because this log does not name them."""
    *_, last = source(log, frozenset({"orders"})).read({})
    assert last.coverage.applications == {"orders"}


def test_broken_lines_are_counted_and_named(log: Path) -> None:
    """Malformed lines cost themselves: the first is named, all are counted, the rest is read."""
    log.write_bytes(line(3) + b"\nERROR boom\n" + line(status=7) + line(1))
    evidence, skipped, _ = read(log)
    assert [Skipped(f"{log}, line 3", "2 lines could not be read, this one first: not JSON")] == skipped
    assert {NOW - timedelta(minutes=1)} == {at for _, _, at in facts(evidence)}


def test_a_line_of_megabytes_is_skipped(log: Path) -> None:
    """An over-long line is counted once, and its neighbours are read."""
    log.write_bytes(line(3) + line(2, padding="x" * (3 << 20)) + line(1))
    evidence, skipped, _ = read(log)
    assert [Skipped(f"{log}, line 2", "one line is longer than 1048576 bytes")] == skipped
    assert {NOW - timedelta(minutes=1)} == {max(at for _, _, at in facts(evidence))}


def test_no_file_is_unreachable(tmp_path: Path) -> None:
    """A log that is not there is not a silent one."""
    with pytest.raises(SourceUnreachable, match="names no file"):
        read(tmp_path / "nothing.log")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_denied(log: Path) -> None:
    """A log that may not be read is not a silent one."""
    log.write_bytes(line())
    log.chmod(0)
    with pytest.raises(SourceDenied):
        read(log)


def test_a_directory_in_its_place_is_no_log(tmp_path: Path) -> None:
    """A path that is not a readable file fails the source rather than covering it."""
    log = tmp_path / "requests.log"
    log.symlink_to(tmp_path / "elsewhere")
    with pytest.raises((SourceDenied, SourceUnreachable)):
        read(log)


def test_check_tries_the_files(log: Path) -> None:
    """`check` says which files can be read."""
    assert [f"read {log}"] == list(source(log).check())


def test_calls_of_one_seller_in_two_regions_are_of_two_tokens(log: Path) -> None:
    """Each region has an authorisation of its own: one that is used keeps no other one alive."""
    log.write_bytes(line(5, host=HOST.replace("-eu", "-na")) + line(2))
    found = {handle.value: at for handle, _, at in facts(read(log)[0]) if handle.space is HandleSpace.AUTHORISATION}
    assert found == {
        "orders/A1EXAMPLE": NOW - timedelta(minutes=2),
        "orders/A1EXAMPLE/eu": NOW - timedelta(minutes=2),
        "orders/A1EXAMPLE/na": NOW - timedelta(minutes=5),
    }
