"""The SQL that Athena is sent: it says what the reader of files says of the same records; nothing foreign enters it."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import cycle, pairwise
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from keywatch.collect.calls.athena_rows import COLUMNS, understand
from keywatch.collect.calls.athena_sql import TrailTable
from keywatch.collect.calls.cloudtrail_file import decode
from keywatch.collect.calls.cloudtrail_sessions import Tracer
from keywatch.model.call import Call
from keywatch.model.errors import SourceMalformed
from keywatch.model.key import SourceId
from keywatch.model.usage import Origin, Usage, hour_of
from tests.calls.athena_duck import TABLE, Duck, columns
from tests.calls.trail_records import ACCOUNT, EXCEPTIONS, KEYS, NOW, Record, made, record, session, some

SOURCE = SourceId("athena:org")
AHEAD = timedelta(minutes=5)
HOUR = timedelta(hours=1)


def from_files(records: list[Record]) -> tuple[set[Call], dict[str, int]]:
    """What the reader of files makes of the records, and what it cannot judge."""
    tracer = Tracer()
    decoded, broken = decode(json.dumps({"Records": records}).encode())
    trouble = dict(tracer.collect(decoded, NOW + AHEAD))
    if broken:
        trouble["are not CloudTrail records"] = broken
    return set(tracer.take(SOURCE)), trouble


def from_sql(records: list[Record], directory: Path) -> tuple[set[Call], dict[str, int]]:
    """What the query makes of them."""
    duck = Duck(directory)
    duck.add(records, account=ACCOUNT, region="us-east-1", day=NOW)
    sql = TABLE.calls([ACCOUNT], ["us-east-1"], NOW.date(), NOW.date(), latest=NOW + AHEAD)
    answer = understand(duck.ask(sql), SOURCE, NOW)
    return set(answer.calls), answer.accounts[ACCOUNT].trouble


def uses_by_file(records: list[Record]) -> dict[tuple[str, Origin], int]:
    """By key and origin, the hours in which files say that it was used."""
    tracer = Tracer()
    tracer.collect(decode(json.dumps({"Records": records}).encode())[0], NOW + AHEAD)
    return hours(tracer.take_uses(SOURCE))


def hours(uses: Iterable[Usage]) -> dict[tuple[str, Origin], int]:
    at = hour_of(NOW + AHEAD)
    return {(use.handle.value, use.origin): use.spell.before(at) for use in uses}


@pytest.mark.parametrize("seed", range(4))
def test_the_latest_calls_say_from_where_as_in_files(seed: int, tmp_path: Path) -> None:
    """From where and by what each key and session was used last is told; nothing that files would not tell."""
    places = cycle(["192.0.2.1", "198.51.100.7", "2001:db8::1", "ec2.amazonaws.com"])
    programs = cycle(["aws-cli/2.0", "Boto3/1.4 os/linux", "a\x1fb", "Boto3/1.4 keywatch", ""])
    errors = cycle([None, "SignatureDoesNotMatch", "AccessDenied", None])
    records = []
    for each, place, program, error in zip(some(seed), places, programs, errors, strict=False):
        failed = {"errorCode": error} if error and "errorCode" not in each else {}
        records.append(each | {"sourceIPAddress": place, "userAgent": program} | failed)
    duck = Duck(tmp_path)
    duck.add(records, account=ACCOUNT, region="us-east-1", day=NOW)
    sql = TABLE.calls([ACCOUNT], ["us-east-1"], NOW.date(), NOW.date(), latest=NOW + AHEAD)
    told, expected = hours(understand(duck.ask(sql), SOURCE, NOW).uses), uses_by_file(records)
    assert len({key for key, _ in told}) > 1
    assert {key for key, _ in told} <= {key for key, _ in expected}
    assert all(bits & ~expected.get(use, 0) == 0 for use, bits in told.items())


def exception(number: int) -> list[Record]:
    """One exception: of a key, of a session, and of the call that makes a session, all with ids of their own."""
    change, at = EXCEPTIONS[number], NOW - 20 * HOUR + number * timedelta(seconds=7)
    key, other, third = (f"AKIA{session(3 * number + n)[4:]}" for n in range(3))
    one, two = session(3 * number + 1000), session(3 * number + 1001)
    return [
        made(at, one, key),
        record(at + HOUR, other, **dict(change)),
        record(at + 2 * HOUR, one, **dict(change)),
        made(at + 3 * HOUR, two, third, **dict(change)),
        record(at + 4 * HOUR, two),
    ]


def test_each_exception_is_judged_as_in_files(tmp_path: Path) -> None:
    """What is no success, no call or no record is that in both, alone and on a session that the key made."""
    numbers = range(len(EXCEPTIONS))
    actual, trouble = from_sql([entry for number in numbers for entry in exception(number)], tmp_path)
    counted: Counter[str] = Counter()
    for number in numbers:
        expected, told = from_files(exception(number))
        counted += Counter(told)
        assert expected <= actual, EXCEPTIONS[number]
        actual -= expected
    assert set() == actual
    assert counted == Counter(trouble)


@pytest.mark.parametrize("seed", range(12))
def test_any_records_are_judged_as_in_files(seed: int, tmp_path: Path) -> None:
    """A day of calls, errors, exceptions and chains of sessions in no order proves the same, whoever reads it."""
    records = some(seed)
    expected, trouble = from_files(records)
    actual, found = from_sql(records, tmp_path)
    assert expected
    assert expected == actual
    assert trouble == found


def test_chains_of_sessions_lead_to_the_key(tmp_path: Path) -> None:
    """Ten hops are followed, as in files, and sessions of roles are nobody's and not even sent."""
    chain = [KEYS[0], *(session(number) for number in range(10))]
    records = [made(NOW - 20 * HOUR + n * HOUR, new, key) for n, (key, new) in enumerate(pairwise(chain))]
    records += [record(NOW - HOUR, chain[-1]), record(NOW - HOUR, session(500))]
    calls, _ = from_sql(records, tmp_path)
    assert calls == from_files(records)[0]
    assert {(KEYS[0], NOW - HOUR)} == {(call.handle.value, call.at) for call in calls}


def test_only_the_folders_that_are_asked_for_are_read(tmp_path: Path) -> None:
    """Accounts, regions and days are partitions: what lies elsewhere is not there."""
    duck = Duck(tmp_path)
    other = "444455556666"
    for key, account, region, day in (
        (KEYS[0], ACCOUNT, "us-east-1", NOW),
        (KEYS[1], other, "us-east-1", NOW),
        (KEYS[2], ACCOUNT, "eu-west-1", NOW),
        (KEYS[3], ACCOUNT, "us-east-1", NOW - timedelta(days=1)),
        (KEYS[4], ACCOUNT, "us-east-1", NOW + timedelta(days=1)),
    ):
        duck.add([record(NOW - HOUR, key)], account=account, region=region, day=day)
    sql = TABLE.calls([ACCOUNT], ["us-east-1"], NOW.date(), NOW.date(), latest=NOW)
    answer = understand(duck.ask(sql), SOURCE, NOW)
    assert [KEYS[0]] == [call.handle.value for call in answer.calls]
    assert [ACCOUNT] == list(answer.accounts)


def test_the_table_has_what_the_query_reads() -> None:
    """The statement that makes the table is one to Athena, and names every column of the query."""
    sql = TABLE.calls([ACCOUNT], ["us-east-1"], NOW.date(), NOW.date(), latest=NOW)
    query = sqlglot.parse_one(sql, read="athena")
    assert isinstance(query, exp.Select)
    [mentioned] = [table for table in query.find_all(exp.Table) if table.db == "security"]
    judged = mentioned.find_ancestor(exp.Select)
    assert judged is not None
    read = {column.name if not column.table else column.table for column in judged.find_all(exp.Column)}
    assert read <= set(columns())
    assert {"account", "region", "day"} <= set(columns())
    assert list(COLUMNS) == [column.alias_or_name for column in query.selects]


def test_the_table_lies_over_the_trail() -> None:
    """Partitions are projected from the folders that CloudTrail makes, with what the trail puts before them."""
    table = TrailTable(database="d", table="t", bucket="trail", prefix="some/prefix/", organisation="o-" + "abcdefghij")
    root = "s3://trail/some/prefix/AWSLogs/o-" + "abcdefghij/"
    assert f"LOCATION '{root}'" in table.statement()
    assert f"'{root}${{account}}/CloudTrail/${{region}}/${{day}}'" in table.statement()
    assert "CREATE EXTERNAL TABLE IF NOT EXISTS `d`.`t`" in table.statement()
    assert "--" not in table.statement()


HOSTILE = [
    "x'; DROP TABLE t; --",
    "111122223333'",
    "111122223333\n",
    "",
    "\uff11" * 12,
    "@{mark}",
    "us-east-1\n",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["database", "table", "bucket", "prefix", "organisation"])
def test_no_foreign_text_enters_a_statement(field: str, value: str) -> None:
    """A name that could mean anything else in SQL is refused, and not repeated."""
    if field == "prefix" and not value:
        return  # no prefix is a prefix
    names = {"database": "d", "table": "t", "bucket": "trail"} | {field: value}
    with pytest.raises(SourceMalformed) as refused:
        TrailTable(**names)
    assert value not in refused.value.message or not value


@pytest.mark.parametrize("value", HOSTILE)
def test_no_foreign_text_enters_a_query(value: str) -> None:
    """Nor does an account or region that is none, and a query about none of them is not made."""
    today = datetime(2026, 11, 23, tzinfo=UTC).date()
    for accounts, regions in (([value], ["us-east-1"]), ([ACCOUNT], [value]), ([], ["us-east-1"]), ([ACCOUNT], [])):
        with pytest.raises(SourceMalformed):
            TABLE.calls(accounts, regions, today, today, latest=NOW)
