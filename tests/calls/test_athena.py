"""CloudTrail through Athena: what is asked, what it may cost, what is covered, and when a query is stopped."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from structlog.testing import capture_logs

from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.athena import AthenaTrail
from keywatch.collect.calls.athena_client import cleaned
from keywatch.collect.calls.athena_cost import estimate
from keywatch.collect.calls.athena_rows import COLUMNS, understand
from keywatch.collect.calls.cloudtrail import CloudTrailFiles
from keywatch.model.call import Call, Outcome
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.source import CallBatch, Cursor, Skipped
from tests.aws.server import AwsFault, FakeAws
from tests.calls.athena_duck import TABLE, Duck, result
from tests.calls.athena_server import DuckAthena, refused
from tests.calls.trail_records import ACCOUNT, KEYS, NOW, OTHER, REGIONS, made, record, session, some

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAG = timedelta(minutes=15)


@pytest.fixture
def athena(tmp_path: Path) -> Iterator[DuckAthena]:
    with FakeAws() as aws:
        yield DuckAthena(aws, tmp_path)


def read(source: AthenaTrail, cursor: Cursor | None = None) -> list[CallBatch]:
    """All batches of a run; every cursor goes through JSON, as in the store."""
    return [replace(batch, cursor=json.loads(json.dumps(batch.cursor))) for batch in source.read(cursor or {})]


def facts(batches: list[CallBatch]) -> list[tuple[str, Outcome, datetime]]:
    calls = [item for batch in batches for item in batch.evidence if isinstance(item, Call)]
    return [(call.handle.value, call.outcome, call.at) for call in calls]


def test_it_says_what_the_files_say(aws_url: str, tmp_path: Path) -> None:
    """The same trail, read from S3 and asked of Athena, gives the same evidence, over HTTP all the way."""
    s3 = boto3.client("s3", endpoint_url=aws_url, region_name="us-east-1")
    s3.create_bucket(Bucket="trail")
    duck = Duck(tmp_path)
    records = some(7, 240)
    for number, region in enumerate(REGIONS):
        part, day = records[number::2], NOW - HOUR
        duck.add(part, account=ACCOUNT, region=region, day=day)
        name = f"{ACCOUNT}_CloudTrail_{region}_{day:%Y%m%dT%H%MZ}_{number:016d}.json.gz"
        body = gzip.compress(json.dumps({"Records": part}).encode())
        s3.put_object(Bucket="trail", Key=f"AWSLogs/{ACCOUNT}/CloudTrail/{region}/{day:%Y/%m/%d}/{name}", Body=body)
    access = AwsAccess(endpoint_url=aws_url, attempts=1)
    client = boto3.client("athena", endpoint_url=aws_url, region_name="us-east-1")
    client.create_work_group(
        Name="keywatch",
        Configuration={"BytesScannedCutoffPerQuery": 10**9, "ResultConfiguration": {"OutputLocation": "s3://trail/r/"}},
    )
    first, last = NOW.date() - timedelta(days=22), NOW.date()
    sql = TABLE.calls([ACCOUNT], REGIONS, first, last, latest=NOW + timedelta(minutes=5))
    answer = {"results": [{"rows": result(duck.ask(sql), COLUMNS), "column_info": []}]}
    queue, kind = f"{aws_url}/moto-api/static/athena/query-results", {"Content-Type": "application/json"}
    with urlopen(Request(queue, json.dumps(answer).encode(), kind)):  # noqa: S310 - our own loopback server
        pass
    source = AthenaTrail(
        "org",
        access,
        table=TABLE,
        accounts=(ACCOUNT,),
        regions=REGIONS,
        now=lambda: NOW,
        workgroup="keywatch",
        lookback=timedelta(days=20),
    )
    [batch] = read(source)
    files = CloudTrailFiles("org", access, bucket="trail", now=lambda: NOW)
    expected = {item for each in files.read({}) for item in each.evidence if isinstance(item, Call)}
    assert len(expected) > 10
    assert expected == {replace(call, source=files.id) for call in batch.evidence if isinstance(call, Call)}
    [query] = client.list_query_executions(WorkGroup="keywatch")["QueryExecutionIds"]
    assert sql == client.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Query"]


def test_coverage_begins_with_the_trail_and_ends_with_its_delay(athena: DuckAthena) -> None:
    """Silence counts from the first day with files on, and up to what has been delivered."""
    athena.put(NOW - 9 * DAY, record(NOW - 9 * DAY))
    athena.put(NOW, record(NOW - HOUR))
    [batch] = read(athena.source())
    coverage = batch.coverage
    assert (frozenset({ACCOUNT}), frozenset({KeyKind.AWS_ACCESS_KEY})) == (coverage.accounts, coverage.kinds)
    assert (datetime(2026, 11, 14, tzinfo=UTC), NOW - LAG) == (coverage.since, coverage.until)
    assert () == batch.skipped


def test_a_long_past_is_asked_about_in_parts(athena: DuckAthena) -> None:
    """A backfill is several queries, each saved, so that what was paid for is not asked again; sessions overlap."""
    athena.put(NOW - 70 * DAY, record(NOW - 70 * DAY, KEYS[1]))
    athena.put(NOW - 65 * DAY, record(NOW - 65 * DAY, KEYS[1]))
    edge = NOW - 35 * DAY
    athena.put(edge - DAY, made(edge - HOUR, session(1), KEYS[0]))
    athena.put(edge, record(edge + HOUR, session(1)))
    athena.put(NOW, record(NOW - HOUR, KEYS[2]))
    first = next(athena.source(lookback=95 * DAY).read({}))
    assert datetime(2026, 9, 20, tzinfo=UTC) == first.coverage.until
    rest = read(athena.source(lookback=95 * DAY), json.loads(json.dumps(first.cursor)))
    assert 3 == len(rest)
    assert (KEYS[0], Outcome.SUCCESS, edge + HOUR) in facts(rest)
    assert 4 == len(athena.queries)
    assert NOW - LAG == rest[-1].coverage.until
    assert datetime(2026, 9, 14, tzinfo=UTC) == rest[-1].coverage.since


def test_later_runs_ask_about_the_last_days_only(athena: DuckAthena) -> None:
    """What came late is found within the margin, at the price of three days, and the bucket is not listed again."""
    athena.put(NOW - 5 * DAY, record(NOW - 5 * DAY))
    athena.put(NOW, record(NOW - HOUR))
    [batch] = read(athena.source())
    listed = athena.aws.calls("ListObjectsV2")
    athena.now = NOW + DAY
    athena.put(NOW - DAY, record(NOW - DAY, KEYS[1]))
    athena.put(athena.now, record(athena.now - HOUR))
    [second] = read(athena.source(), batch.cursor)
    assert (KEYS[1], Outcome.SUCCESS, NOW - DAY) in facts([second])
    assert "day >= '2026/11/21' AND day <= '2026/11/24'" in athena.queries[-1]
    assert batch.coverage.since == second.coverage.since
    assert NOW + DAY - LAG == second.coverage.until
    assert listed == athena.aws.calls("ListObjectsV2")


def test_a_new_account_is_asked_about_from_the_beginning(athena: DuckAthena) -> None:
    """Once more is asked about, its past is asked about too; less needs no new past."""
    athena.put(NOW, record(NOW - HOUR))
    athena.put(NOW - 9 * DAY, record(NOW - 9 * DAY, KEYS[1]), account=OTHER)
    [batch] = read(athena.source())
    [both] = read(athena.source(accounts=(ACCOUNT, OTHER)), batch.cursor)
    assert (KEYS[1], Outcome.SUCCESS, NOW - 9 * DAY) in facts([both])
    assert frozenset({ACCOUNT, OTHER}) == both.coverage.accounts
    [one] = read(athena.source(), both.cursor)
    assert "day >= '2026/11/21'" in athena.queries[-1]
    assert frozenset({ACCOUNT}) == one.coverage.accounts


def test_a_gap_that_was_not_asked_about_is_not_covered(athena: DuckAthena) -> None:
    """After a pause longer than the lookback, what lies before it proves nothing any more."""
    athena.put(NOW, record(NOW - HOUR))
    [batch] = read(athena.source())
    athena.now = NOW + 50 * DAY
    athena.put(athena.now - 5 * DAY, record(athena.now - 5 * DAY))
    athena.put(athena.now, record(athena.now - HOUR))
    [second] = read(athena.source(), batch.cursor)
    assert datetime(2027, 1, 7, tzinfo=UTC) == second.coverage.since


def test_what_cannot_be_judged_ends_what_is_covered(athena: DuckAthena) -> None:
    """A record of another version may be the success that keeps a key alive: it is told, and covered from then on."""
    athena.put(NOW - 9 * DAY, record(NOW - 9 * DAY))
    athena.put(NOW - 3 * DAY, record(NOW - 3 * DAY, eventVersion="2.0"), record(NOW, eventTime="soon"))
    athena.put(NOW, record(NOW - HOUR))
    [batch] = read(athena.source())
    assert datetime(2026, 11, 21, tzinfo=UTC) == batch.coverage.since
    assert {
        Skipped(f"account {ACCOUNT}", "1 of its records are of an unknown version"),
        Skipped(f"account {ACCOUNT}", "1 of its records have no time"),
    } == set(batch.skipped)


def test_an_account_without_records_is_told_and_not_covered(athena: DuckAthena) -> None:
    """A wrong account id, or one that the trail does not record, must not look like an account of idle keys."""
    athena.put(NOW, record(NOW - HOUR))
    [batch] = read(athena.source(accounts=(ACCOUNT, OTHER)))
    assert frozenset({ACCOUNT}) == batch.coverage.accounts
    [skipped] = batch.skipped
    assert (f"account {OTHER}", "the trail has no records of it") == (skipped.what, skipped.why)


def test_no_records_at_all_are_an_error(athena: DuckAthena) -> None:
    """A wrong bucket or prefix answers with nothing, and that is no silence."""
    with pytest.raises(SourceMalformed, match="no records below s3://trail/AWSLogs/"):
        read(athena.source())


def test_a_trail_that_fell_silent_is_not_believed(athena: DuckAthena) -> None:
    """If nothing at all was delivered for more than a day, what follows is not covered, and somebody hears of it."""
    athena.put(NOW - 4 * DAY, record(NOW - 4 * DAY, userAgent="keywatch"))
    [batch] = read(athena.source())
    assert NOW - 3 * DAY == batch.coverage.until
    assert "nothing was delivered since 2026-11-19T12:00:00Z" in batch.skipped[0].why


def test_the_first_run_says_what_it_costs(athena: DuckAthena) -> None:
    """Before a backfill is paid for, its size and price are in the log."""
    athena.put(NOW, record(NOW - HOUR))
    with capture_logs() as logs:
        read(athena.source())
    [told] = [line for line in logs if line["event"] == "backfill_begins"]
    assert (10**8, "1 queries, 0.1 GB, 0.01 USD") == (told["bytes"], told["what"])


@pytest.mark.parametrize("limit", [{"most_scanned": 10**7}, {"cutoff": 10**7}])
def test_a_backfill_above_the_limit_is_refused(athena: DuckAthena, limit: dict[str, int]) -> None:
    """Nothing is asked that would exceed our limit or the workgroup's, and the error says what to do."""
    athena.put(NOW, record(NOW - HOUR))
    if cutoff := limit.pop("cutoff", 0):
        athena.group["Configuration"]["BytesScannedCutoffPerQuery"] = cutoff
    with pytest.raises(SourceDenied, match=r"a first run would read 0\.1 GB, 0\.01 USD, and 10\.0 MB") as error:
        read(athena.source(**limit))
    assert "most_scanned_gb" in (error.value.hint or "")
    assert [] == athena.queries


def test_a_query_that_reads_too_much_is_stopped(athena: DuckAthena) -> None:
    """The estimate may have been wrong: what Athena counts while it runs has the last word."""
    athena.put(NOW, record(NOW - HOUR))
    athena.scanned = 2 * 10**9
    with pytest.raises(SourceDenied, match=r"stopped after 2\.0 GB"):
        read(athena.source(most_scanned=10**9))
    assert ["1"] == athena.stopped


def test_a_workgroup_without_a_limit_is_refused(athena: DuckAthena) -> None:
    """A query without a limit of Athena's own is made only where a person says so."""
    athena.put(NOW, record(NOW - HOUR))
    del athena.group["Configuration"]["BytesScannedCutoffPerQuery"]
    with pytest.raises(SourceDenied, match="lets a query read without limit"):
        read(athena.source())
    assert facts(read(athena.source(require_cutoff=False)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"State": "DISABLED"}, "is disabled"),
        ({"Configuration": {"BytesScannedCutoffPerQuery": 10**9}}, "no place for its results"),
    ],
)
def test_a_workgroup_that_cannot_be_used_is_told(athena: DuckAthena, change: dict[str, Any], message: str) -> None:
    """Switched off, or without a place for results: it is told before anything is asked."""
    athena.group |= change
    with pytest.raises(SourceMalformed, match=message):
        read(athena.source())


@pytest.mark.parametrize(
    ("state", "reason", "kind", "message", "hint"),
    [
        ("FAILED", "TABLE_NOT_FOUND: line 3:8: Table 'x' does not exist", SourceMalformed, "TABLE_NOT_FOUND", "create"),
        ("FAILED", "COLUMN_NOT_FOUND: line 1:1: Column 'y' cannot be resolved", SourceMalformed, "COLUMN", "another"),
        ("FAILED", "Access Denied (Service: Amazon S3; Status Code: 403)", SourceMalformed, "Access", "glue:GetTable"),
        ("FAILED", "", SourceMalformed, "it gives no reason", "console"),
        ("CANCELLED", "Bytes scanned limit was exceeded", SourceDenied, "limit was exceeded", "most_scanned_gb"),
        ("CANCELLED", "Query cancelled by user", SourceDenied, "cancelled by user", "again next time"),
        ("LOST", "", SourceMalformed, "does not document", ""),
    ],
)
def test_why_a_query_ended_is_told(  # noqa: PLR0917 - a table
    athena: DuckAthena, state: str, reason: str, kind: type[SourceError], message: str, hint: str
) -> None:
    """Failed and cancelled queries say why, as Athena does, and what to do."""
    athena.put(NOW, record(NOW - HOUR))
    athena.states, athena.reason = ["QUEUED", "RUNNING", state], reason
    with pytest.raises(kind, match=message) as error:
        read(athena.source())
    assert hint in (error.value.hint or "")


def test_a_failure_that_passes_is_tried_again(athena: DuckAthena) -> None:
    """Where Athena says so, up to twice: the next run may be half a day away."""
    athena.put(NOW, record(NOW - HOUR))
    athena.failures = 2
    assert facts(read(athena.source()))
    assert 3 == len(athena.queries)
    athena.failures = 100
    with pytest.raises(SourceUnreachable, match="Slow Down"):
        read(athena.source())
    assert 6 == len(athena.queries)


def test_a_reason_is_told_in_one_bounded_line_without_data() -> None:
    """What Athena quotes of the records is left out: it may be anything."""
    assert "a b" == cleaned("a\n\x1b\tb")
    assert 300 == len(cleaned("x" * 5000))
    quoted = "HIVE_BAD_DATA: Error parsing 'Bearer abc' in s3://trail/AWSLogs/1.json.gz (offset 5)"
    assert "HIVE_BAD_DATA in s3://trail/AWSLogs/1.json.gz" == cleaned(quoted)


def test_a_query_is_stopped_when_the_daemon_is(athena: DuckAthena) -> None:
    """Nobody will read its answer, so it need not be paid for."""
    athena.put(NOW, record(NOW - HOUR))
    with pytest.raises(SourceUnreachable, match="keywatch is stopping"):
        read(athena.source(stopping=lambda: bool(athena.waits)))
    assert ["1"] == athena.stopped


def test_a_query_without_end_is_stopped(athena: DuckAthena, monkeypatch: pytest.MonkeyPatch) -> None:
    """After half an hour nobody waits any more; the waits grow up to two seconds."""
    athena.put(NOW, record(NOW - HOUR))
    athena.states = ["RUNNING"]
    source = athena.source()
    monkeypatch.setattr(source._athena, "_monotonic", lambda: 20 * sum(athena.waits))
    with pytest.raises(SourceUnreachable, match="no answer from Athena after 30 minutes"):
        read(source)
    assert ["1"] == athena.stopped
    assert 2.0 == max(athena.waits)


def test_a_stop_that_fails_hides_nothing(athena: DuckAthena) -> None:
    """That a query cannot be stopped is not what a person must hear."""
    athena.put(NOW, record(NOW - HOUR))
    athena.aws.on("athena", "StopQueryExecution", refused)
    with pytest.raises(SourceUnreachable, match="keywatch is stopping"):
        read(athena.source(stopping=lambda: True))


@pytest.mark.parametrize(
    "answer",
    [
        {"ResultSet": {"Rows": [{"Data": [{"VarCharValue": "kind"}]}]}},
        {"ResultSet": {"Rows": result([], COLUMNS)}, "NextToken": "again"},
        {"ResultSet": {"Rows": [*result([], COLUMNS), {"Data": []}]}},
        {"ResultSet": {"Rows": [*result([], COLUMNS), {"Data": [{"VarCharValue": "x"}] * len(COLUMNS)}]}},
    ],
    ids=["other-columns", "pages-without-end", "short-row", "nonsense"],
)
def test_an_answer_that_makes_no_sense_is_malformed(athena: DuckAthena, answer: dict[str, Any]) -> None:
    """Nothing is concluded from an answer that is not to what was asked."""
    athena.put(NOW, record(NOW - HOUR))
    athena.aws.on("athena", "GetQueryResults", lambda _, __: answer)
    with pytest.raises(SourceMalformed):
        read(athena.source())


def test_an_answer_too_long_for_memory_is_refused(tmp_path: Path) -> None:
    """The rows that are held while sessions are traced are bounded."""
    duck = Duck(tmp_path)
    duck.add([record(NOW - HOUR, key) for key in KEYS], account=ACCOUNT, region="us-east-1", day=NOW)
    rows = duck.ask(TABLE.calls([ACCOUNT], ["us-east-1"], NOW.date(), NOW.date(), latest=NOW))
    assert 5 == len(understand(rows, SourceId("athena:org"), NOW, most=5).calls)
    with pytest.raises(SourceMalformed, match="more than 4 keys"):
        understand(rows, SourceId("athena:org"), NOW, most=4)


def test_throttling_is_told_as_such(athena: DuckAthena) -> None:
    """Athena's own word for "too many requests" is one that passes."""
    athena.put(NOW, record(NOW - HOUR))
    athena.aws.on("athena", "StartQueryExecution", lambda _, __: AwsFault("TooManyRequestsException"))
    with pytest.raises(SourceUnreachable, match="throttles athena:StartQueryExecution"):
        read(athena.source())


def test_check_names_what_holds_and_what_it_costs(athena: DuckAthena) -> None:
    """Each permission is tried, by a query that reads no file; the price of a first run is told."""
    athena.put(NOW, record(NOW - HOUR))
    assert [
        "athena:GetWorkGroup on keywatch: a query may read 1.0 GB",
        "athena:StartQueryExecution, GetQueryExecution and GetQueryResults on security.cloudtrail",
        "s3:ListBucket on s3://trail/AWSLogs/: a first run reads 0.1 GB, 0.01 USD",
    ] == list(athena.source().check())
    assert "day >= '2013/11/13' AND day <= '2013/11/13'" in athena.queries[0]


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("athena", "GetWorkGroup"),
        ("athena", "StartQueryExecution"),
        ("athena", "GetQueryResults"),
        ("s3", "ListObjectsV2"),
    ],
)
def test_check_names_what_is_missing(athena: DuckAthena, service: str, operation: str) -> None:
    """One missing permission is named with a hint, and the others are still tried."""
    athena.put(NOW, record(NOW - HOUR))
    athena.aws.on(service, operation, refused)
    results = list(athena.source().check())
    [missing] = [item for item in results if isinstance(item, Skipped)]
    assert f"{service}:" in missing.what
    assert "allow" in (missing.hint or "")
    assert 3 == len(results)


def test_check_says_that_a_first_run_is_too_dear(athena: DuckAthena) -> None:
    """A person hears it before the daemon does."""
    athena.put(NOW, record(NOW - HOUR))
    [skipped] = [item for item in athena.source(most_scanned=10**7).check() if isinstance(item, Skipped)]
    assert "are allowed" in skipped.why


def test_the_table_is_made_on_request(athena: DuckAthena) -> None:
    """The very statement that a person may read."""
    athena.source().create()
    assert [TABLE.statement()] == athena.queries


def test_a_cost_may_be_estimated_from_some_folders(athena: DuckAthena) -> None:
    """Where there are more folders than a person waits for, some stand for the others, and the cost says "about"."""
    accounts = tuple(f"{number:012d}" for number in range(1, 9))
    for account in accounts:
        athena.put(NOW, record(NOW - HOUR), account=account)
    source = athena.source(accounts=accounts)
    ask = partial(estimate, source._clients, source._bucket, regions=frozenset({"us-east-1"}), since=NOW - DAY)
    exact = ask(accounts=frozenset(accounts))
    assert ("0.8 GB, 0.01 USD", 8 * 10**8) == (str(exact), exact.bytes)
    some = ask(accounts=frozenset(accounts), requests=3, usd_per_tb=10**5)
    assert ("about 0.8 GB, about 80.00 USD", 8 * 10**8) == (str(some), some.bytes)
    nothing = ask(accounts=frozenset({OTHER}))
    assert (0, True) == (nothing.bytes, nothing.exact)


def test_all_pages_of_a_listing_are_counted(athena: DuckAthena) -> None:
    """A thousand files a page, and a page that leads to itself is left."""
    for number in range(5):
        athena.put(NOW - number * HOUR, record(NOW - number * HOUR - HOUR))
    athena.listed = 2
    with capture_logs() as logs:
        read(athena.source())
    assert [5 * 10**8] == [line["bytes"] for line in logs if line["event"] == "backfill_begins"]
    athena.stuck = True
    with pytest.raises(SourceMalformed, match="there is more, but not where"):
        read(athena.source())
