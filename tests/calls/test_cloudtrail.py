"""CloudTrail files in S3: what is read, what is skipped and said, what is covered."""

import gzip
import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto.cloudtrail.models import cloudtrail_backends

from keywatch.baseline import judge
from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.cloudtrail import CloudTrailFiles
from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.model.call import Call, Outcome, Silence
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.source import Skipped
from keywatch.model.standing import Basis, Level, Standing
from keywatch.store import Store
from tests.calls.trail import ACCOUNT, HOUR, KEY, NOW, OTHER, SECOND, SESSION, Trail, assume, facts, read, record


@pytest.fixture
def trail(aws_url: str) -> Trail:
    return Trail(aws_url)


def test_a_record_becomes_a_call(trail: Trail) -> None:
    """A record without an error is a success of the key that signed it, with what, who and where from."""
    trail.put(NOW - HOUR, record(NOW - 2 * HOUR))
    [call] = read(trail.source())[0]
    assert call == Call(
        handle=Handle(HandleSpace.AWS_ACCESS_KEY_ID, KEY),
        at=NOW - 2 * HOUR,
        outcome=Outcome.SUCCESS,
        source=trail.source().id,
        action="ec2:DescribeInstances",
        principal="arn:aws:iam::x:y",
        address="192.0.2.1",
    )


def test_duplicates_and_disorder_change_nothing(trail: Trail) -> None:
    """Of many records, doubled and in any order, the latest of each outcome remains."""
    denied = record(NOW - 3 * HOUR, errorCode="AccessDenied")
    ok, older = record(NOW - 4 * HOUR), record(NOW - 9 * HOUR)
    trail.put(NOW - 2 * HOUR, ok, denied, older)
    trail.put(NOW - HOUR, older, ok, denied, ok)
    expected = [(KEY, Outcome.SUCCESS, NOW - 4 * HOUR), (KEY, Outcome.FAILURE, NOW - 3 * HOUR)]
    assert expected == facts(read(trail.source())[0])


def test_the_order_of_files_and_records_changes_nothing(trail: Trail) -> None:
    """A late file with earlier calls, and a duplicate of an event in another run, leave the latest as it is."""
    trail.put(NOW - 2 * HOUR, record(NOW - 3 * HOUR, eventID="b"), record(NOW - 5 * HOUR, eventID="a"))
    calls, _, last = read(trail.source())
    assert [(KEY, Outcome.SUCCESS, NOW - 3 * HOUR)] == facts(calls)
    trail.put(NOW - HOUR, record(NOW - 5 * HOUR, eventID="a"), record(NOW - 9 * HOUR, eventID="late"))
    again = read(trail.source(), last.cursor)[0]
    # What a later run tells may be older: the store keeps the latest of each key and outcome.
    assert [(KEY, Outcome.SUCCESS, NOW - 5 * HOUR)] == facts(again)


def test_a_duplicate_event_in_a_later_run_is_saved_as_nothing(trail: Trail, tmp_path: Path) -> None:
    """In the store, evidence that was read twice, late or out of order is one call: the latest."""
    with closing(Store.open(tmp_path)) as store:
        for hours, events in ((9, (4,)), (3, (4, 7)), (2, (4, 5)), (1, (4,))):
            records = [record(NOW - at * HOUR, eventID=str(at)) for at in events]
            trail.put(NOW - hours * HOUR, *records, region=("us-east-1", "eu-west-1")[hours % 2])
            source = trail.source()
            for batch in source.read(store.cursor(source.id)):
                store.save_calls(source.id, batch, NOW)
        kept = [item for item in store.evidence() if isinstance(item, Call)]
        assert [(KEY, Outcome.SUCCESS, NOW - 4 * HOUR)] == facts(kept)


def test_a_call_across_accounts_counts_once(trail: Trail) -> None:
    """Of the two copies of a call, the caller's own speaks; the other account's is passed over, whatever it says."""
    shared = {"sharedEventID": "shared", "eventName": "AssumeRole"}
    trail.put(NOW - 2 * HOUR, record(NOW - 3 * HOUR, eventID="1", **shared))
    copy = record(NOW - HOUR, eventID="2", recipientAccountId=OTHER, **shared)
    stranger = record(NOW - HOUR, eventID="3", userIdentity={"type": "AWSAccount", "accessKeyId": KEY}, **shared)
    trail.put(NOW - HOUR, copy, stranger, account=OTHER)
    assert [(KEY, Outcome.SUCCESS, NOW - 3 * HOUR)] == facts(read(trail.source())[0])


def test_calls_for_data_are_counted_where_they_are_recorded(trail: Trail) -> None:
    """An event of a bucket's objects proves a success like any other, and explains what IAM saw."""
    data = {"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "eventCategory": "Data"}
    trail.put(NOW - HOUR, record(NOW - 2 * HOUR, managementEvent=False, readOnly=True, **data))
    [call], _, last = read(trail.source())
    assert ("s3:GetObject", Outcome.SUCCESS) == (call.action, call.outcome)
    assert last.coverage.data_unseen  # no trail records all of them


def test_a_key_that_only_reads_is_not_dying_where_the_trail_records_writes(trail: Trail) -> None:
    """The files are there, and whole; what the trail records decides what their silence is worth."""
    cloudtrail = boto3.client("cloudtrail", endpoint_url=trail.url, region_name="us-east-1")
    cloudtrail.create_trail(Name="audit", S3BucketName="trail", IsMultiRegionTrail=True)
    cloudtrail.start_logging(Name="audit")
    begin = NOW - 110 * 24 * HOUR
    # moto knows no past.
    cloudtrail_backends["123456789012"]["us-east-1"].trails["audit"].status.started = begin.replace(tzinfo=None)
    mine = "123456789012"
    for days in (100, 85, 40, 0):
        trail.put(NOW - days * 24 * HOUR, *([record(NOW - 85 * 24 * HOUR)] if days == 85 else []), account=mine)
    key = Key(
        kind=KeyKind.AWS_ACCESS_KEY,
        handles=(Handle(HandleSpace.AWS_ACCESS_KEY_ID, KEY),),
        name="orders",
        locations=(Location(SourceId("aws-iam:prod"), "user/orders"),),
        created_at=NOW - 400 * 24 * HOUR,
        account=mine,
    )
    silence = Silence(
        handle=key.handles[0],
        since=NOW - 85 * 24 * HOUR + HOUR / 4,
        until=NOW - 4 * HOUR,
        source=SourceId("iam-last-used:prod"),
    )

    def judged(*more: Silence) -> Standing:
        calls, _, last = read(trail.source(assume_complete=False))
        return judge(key, [*calls, *more], [last.coverage], now=NOW)

    assert judged(silence).basis is Basis.PROVEN
    alone = judged()
    assert (Basis.UNKNOWN, Level.URGENT) == (alone.basis, alone.level)
    assert "would not see calls for data" in alone.reasons[0]
    cloudtrail.put_event_selectors(
        TrailName="audit", EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]
    )
    assert judged().reasons == ("cloudtrail:org: the trail records writes only: reads would not be seen",)
    assert judged(silence).basis is Basis.PROVEN  # IAM says that there was none of any kind


def test_a_session_is_its_makers(trail: Trail) -> None:
    """Calls of a session, and of a session made by a session, are calls of the long-lived key."""
    trail.put(NOW - 5 * HOUR, assume(NOW - 5 * HOUR, SESSION))
    trail.put(NOW - 4 * HOUR, assume(NOW - 4 * HOUR, SECOND, SESSION))
    trail.put(NOW - 3 * HOUR, record(NOW - 3 * HOUR, SECOND, errorCode="AccessDenied"))
    trail.put(NOW - 2 * HOUR, record(NOW - 2 * HOUR, SECOND))
    assert [(KEY, Outcome.SUCCESS, NOW - 2 * HOUR), (KEY, Outcome.FAILURE, NOW - 3 * HOUR)] == facts(
        read(trail.source())[0]
    )


def test_a_session_is_traced_even_if_it_is_seen_first(trail: Trail) -> None:
    """A session's calls wait for the call that made it, which another region may deliver later, even in another run."""
    trail.put(NOW - 40 * timedelta(minutes=1), record(NOW - HOUR, SESSION), region="eu-west-1")
    calls, _, last = read(trail.source())
    assert calls == []
    trail.put(NOW - 5 * timedelta(minutes=1), assume(NOW - 2 * HOUR, SESSION))
    assert (KEY, Outcome.SUCCESS, NOW - HOUR) in facts(read(trail.source(), last.cursor)[0])


def test_a_session_of_nobody_known_is_no_evidence(trail: Trail) -> None:
    """A session no long-lived key made (a service's, a console login's) proves nothing of any key."""
    trail.put(NOW - HOUR, record(NOW - HOUR, SESSION))
    assert read(trail.source())[0] == []


def test_root_is_named_by_its_account(trail: Trail) -> None:
    """A call signed by root's key is a call of the account's root, whose key ids nobody can list."""
    trail.put(NOW - HOUR, record(NOW - HOUR, root=True))
    handles = {call.handle for call in read(trail.source())[0]}
    assert {Handle(HandleSpace.AWS_ROOT, ACCOUNT), Handle(HandleSpace.AWS_ACCESS_KEY_ID, KEY)} == handles


def test_our_own_calls_are_no_evidence(trail: Trail) -> None:
    """The key keywatch itself runs on is not used by being watched."""
    trail.put(NOW - HOUR, record(NOW - HOUR, userAgent="Boto3/1.44 keywatch"))
    assert read(trail.source())[0] == []


def test_it_reads_on_where_it_stopped(trail: Trail) -> None:
    """A second run reads new files only, late ones with an earlier stamp included."""
    trail.put(NOW - 3 * HOUR, record(NOW - 3 * HOUR))
    trail.put(NOW - HOUR, record(NOW - 2 * HOUR))
    cursor = json.loads(json.dumps(read(trail.source())[2].cursor))
    assert read(trail.source(), cursor)[0] == []
    trail.put(NOW - 2 * HOUR, record(NOW - 2 * HOUR, KEY[:-1] + "B"))
    trail.put(NOW - HOUR / 2, record(NOW - HOUR))
    assert {KEY, KEY[:-1] + "B"} == {key for key, _, _ in facts(read(trail.source(), cursor)[0])}


def test_batches_can_be_resumed_from(trail: Trail) -> None:
    """After every batch the rest can be read from its cursor, and nothing is missing."""
    keys = [KEY[:-1] + letter for letter in "ABCDEFG"]
    for hours, key in enumerate(keys):
        trail.put(
            NOW - 9 * HOUR + hours * HOUR, record(NOW - 9 * HOUR, key), region=("us-east-1", "eu-west-1")[hours % 2]
        )
    batches = list(trail.source(files_per_batch=2).read({}))
    assert [2, 2, 2, 1] == [len(batch.evidence) for batch in batches]
    for number, batch in enumerate(batches):
        rest = {call.handle.value for call in read(trail.source(), batch.cursor)[0]}
        assert rest == set(keys[2 * number + 2 :])


def test_digests_insights_and_strangers_are_not_read(trail: Trail) -> None:
    """Only log files are: digests, Insights and other objects beside them are left alone."""
    for kind in ("CloudTrail-Digest", "CloudTrail-Insight"):
        trail.put(NOW - HOUR, record(NOW), kind=kind)
    trail.s3.put_object(Bucket="trail", Key=f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/23/note.txt", Body=b"x")
    trail.s3.put_object(Bucket="trail", Key="AWSLogs/readme", Body=b"x")
    trail.put(NOW - HOUR, record(NOW - HOUR))
    calls, skipped, _ = read(trail.source())
    assert (1, []) == (len(calls), skipped)


def test_an_organisations_trail_is_read(trail: Trail) -> None:
    """Below a prefix and an organisation's id all its accounts are found, or the configured ones."""
    for account in (ACCOUNT, OTHER):
        trail.put(NOW - HOUR, record(NOW - HOUR), account=account, prefix="logs/AWSLogs/o-exampleorg1/")
    assert {ACCOUNT, OTHER} == read(trail.source(prefix="/logs/"))[2].coverage.accounts
    assert {OTHER} == read(trail.source(prefix="logs", accounts=(OTHER,)))[2].coverage.accounts


def test_coverage(trail: Trail) -> None:
    """Covered is from the first file to a quarter of an hour before the listing, for AWS keys."""
    trail.put(NOW - 100 * 24 * HOUR, record(NOW - 100 * 24 * HOUR))
    trail.put(NOW - HOUR, record(NOW - HOUR))
    found = read(trail.source())[2].coverage
    assert found.kinds == {KeyKind.AWS_ACCESS_KEY}
    assert found.accounts == {ACCOUNT}
    assert (NOW - 100 * 24 * HOUR, NOW - HOUR / 4) == (found.since, found.until)


def test_the_lookback_bounds_the_first_run(trail: Trail) -> None:
    """Files delivered before the lookback are not read, nor covered."""
    trail.put(NOW - 200 * 24 * HOUR, record(NOW - 200 * 24 * HOUR))
    trail.put(NOW - HOUR, record(NOW - HOUR))
    assert NOW - HOUR == read(trail.source())[2].coverage.since
    assert NOW - 200 * 24 * HOUR == read(trail.source(lookback=timedelta(days=300)))[2].coverage.since


def test_a_half_read_trail_covers_half(trail: Trail) -> None:
    """During a backfill only the time that has been read is covered."""
    for days in (9, 6, 3, 0):
        trail.put(NOW - days * 24 * HOUR - HOUR, record(NOW - days * 24 * HOUR - HOUR))
    first, *_ = trail.source(files_per_batch=2).read({})
    assert NOW - 6 * 24 * HOUR - HOUR - HOUR / 4 == first.coverage.until


def test_a_trail_that_stopped_is_not_believed(trail: Trail) -> None:
    """A trail that delivers nothing for days vouches for one day more, and says so."""
    trail.put(NOW - 240 * HOUR, record(NOW - 240 * HOUR))
    _, [skipped], last = read(trail.source())
    assert NOW - 216 * HOUR == last.coverage.until
    assert "nothing was delivered since 2026-11-13T12:00:00Z" in skipped.why


def test_an_account_that_joined_late_is_not_covered_before(trail: Trail) -> None:
    """An account first seen long after the others is left out, unless a person named it."""
    trail.put(NOW - 900 * HOUR, record(NOW - 900 * HOUR))
    trail.put(NOW - HOUR, record(NOW - HOUR), account=OTHER)
    found = read(trail.source())[2].coverage
    assert (frozenset({ACCOUNT}), NOW - 900 * HOUR) == (found.accounts, found.since)
    named = read(trail.source(accounts=(ACCOUNT, OTHER)))[2].coverage
    assert (frozenset({ACCOUNT, OTHER}), NOW - 900 * HOUR) == (named.accounts, named.since)


def test_a_named_account_the_trail_does_not_have_is_not_covered(trail: Trail) -> None:
    """An account that was named but is not in the bucket is told, and not taken to be silent."""
    trail.put(NOW - HOUR, record(NOW - HOUR))
    _, [skipped], last = read(trail.source(accounts=(ACCOUNT, OTHER)))
    assert {ACCOUNT} == last.coverage.accounts
    assert skipped.what == f"s3://trail/AWSLogs/ of account {OTHER}"


def test_nothing_delivered_covers_nothing(trail: Trail) -> None:
    """A trail without a file in the lookback covers no time at all."""
    trail.put(NOW - 9000 * HOUR, record(NOW - 9000 * HOUR))
    last = read(trail.source())[2]
    assert (last.coverage.since, last.coverage.until, last.evidence) == (None, None, ())


CUT = gzip.compress(b'{"Records": []}' * 1000)[:-30]
DEEP = b'{"Records": [' + b"[" * 50_000 + b"]" * 50_000 + b"]}"
BOMB = zlib.compress(b" " * (64 << 20), wbits=31)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(gzip.compress(DEEP), "it is nested too deeply", id="nested"),
        pytest.param(gzip.compress(b'{"Records": [{}, {"eventTime": 7}]}'), "2 of its records are not", id="fields"),
        pytest.param(gzip.compress(b'{"Records": null}'), "it has no list of records", id="null"),
        pytest.param(gzip.compress(b"\xff\xfe{"), "not JSON, or cut off", id="utf-16"),
        pytest.param(b"", "the gzip stream is cut off", id="empty"),
        pytest.param(b"plain text", "not a gzip stream", id="not-gzip"),
        pytest.param(CUT, "the gzip stream is cut off", id="cut-off"),
        pytest.param(gzip.compress(b"x"), "not JSON, or cut off", id="not-json"),
        pytest.param(gzip.compress(b'{"Records": [{'), "not JSON, or cut off", id="cut-json"),
        pytest.param(gzip.compress(b"{}"), "not a CloudTrail log file: it has no list of records", id="no-records"),
        pytest.param(gzip.compress(b'{"Records": [7]}'), "1 of its records are not CloudTrail records", id="no-record"),
        pytest.param(BOMB, "inflates to more than", id="bomb"),
    ],
)
def test_a_corrupt_file_is_named_and_the_rest_is_done(trail: Trail, body: bytes, why: str) -> None:
    """A file that cannot be used is skipped by key and reason, once, the others are read; silence before it is void."""
    trail.put(NOW - 5 * HOUR)
    bad = trail.put(NOW - 2 * HOUR, body=body)
    trail.put(NOW - HOUR, record(NOW - HOUR))
    calls, [skipped], last = read(trail.source())
    assert len(calls) == 1
    # The success that keeps a key alive may have been in it: its account is covered from there on only.
    assert NOW - 2 * HOUR == last.coverage.since
    assert bad == skipped.what
    assert why in skipped.why
    assert read(trail.source(), last.cursor)[1] == []


def test_records_that_cannot_be_right_are_counted(trail: Trail) -> None:
    """Records from the future, without a time, or of an unknown version are counted by reason, and prove nothing."""
    good = record(NOW - HOUR)
    odd = [record(NOW + HOUR), record(NOW, eventTime="soon"), record(NOW, eventVersion="3.0"), 7]
    trail.put(NOW - HOUR, *odd, good)
    calls, skipped, _ = read(trail.source())
    assert [(KEY, Outcome.SUCCESS, NOW - HOUR)] == facts(calls)
    whys = ["are from the future", "have no time", "are of an unknown version", "are not CloudTrail records"]
    assert {f"1 of its records {why}" for why in whys} == {skip.why for skip in skipped}


def test_members_of_a_gzip_file_are_one_text(trail: Trail) -> None:
    """A gzip file of several members, larger than a step of the inflater, is read whole."""
    text = json.dumps(
        {"Records": [record(NOW - HOUR, padding="x" * (3 << 20)), record(NOW - 2 * HOUR, SESSION)]}
    ).encode()
    trail.put(NOW - HOUR, body=gzip.compress(text[:99]) + gzip.compress(text[99:]))
    calls, skipped, _ = read(trail.source())
    assert (1, []) == (len(calls), skipped)


def test_a_prefix_with_nothing_in_it_is_said(trail: Trail) -> None:
    """A wrong prefix is an error that names where was looked, not a silent trail."""
    trail.put(NOW - HOUR, record(NOW - HOUR))
    with pytest.raises(SourceMalformed, match="no CloudTrail files below s3://trail/elsewhere/AWSLogs/"):
        read(trail.source(prefix="elsewhere"))


def test_a_bucket_that_is_not_there_is_said(trail: Trail) -> None:
    """A wrong bucket is an error."""
    with pytest.raises(SourceMalformed, match="NoSuchBucket"):
        read(trail.source(bucket="nowhere"))


def test_nobody_there_is_unreachable() -> None:
    """A closed port is unreachable."""
    with LoopbackServer(QuietHandler) as server:
        access = AwsAccess(endpoint_url=server.url, attempts=1)
    with pytest.raises(SourceUnreachable):
        list(CloudTrailFiles("org", access, bucket="trail", now=lambda: NOW).read({}))


def test_check_reads_a_byte(trail: Trail) -> None:
    """`check` tries to list and to read, and says what is missing."""
    trail.put(NOW - 9000 * HOUR, record(NOW - 9000 * HOUR))
    listing, reading = "s3:ListBucket on s3://trail/AWSLogs/", "s3:GetObject (and kms:Decrypt) on a log file"
    hint = "check that the trail is logging"
    assert [listing, Skipped(reading, "no file was delivered since 2026-07-26", hint)] == list(trail.source().check())
    trail.put(NOW - HOUR, record(NOW - HOUR))
    assert [listing, reading] == list(trail.source().check())


class S3(LoopbackServer):
    """An S3 that pages, refuses and forgets as it is told."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.refuse: dict[str, tuple[int, str]] = {}
        """Status and code by key; the empty key refuses to list."""
        self.page = 1
        self.together = threading.Barrier(1)
        """A file is answered when so many are asked for."""
        super().__init__(_handler(self))

    def put(self, delivered: datetime, number: int, *records: object) -> str:
        name = f"{ACCOUNT}_CloudTrail_us-east-1_{delivered:%Y%m%dT%H%MZ}_{number:016d}.json.gz"
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/{delivered:%Y/%m/%d}/{name}"
        self.files[key] = gzip.compress(json.dumps({"Records": list(records)}).encode())
        return key

    def source(self) -> CloudTrailFiles:
        access = AwsAccess(endpoint_url=self.url, attempts=1)
        return CloudTrailFiles("org", access, bucket="trail", now=lambda: NOW, assume_complete=True)


def _handler(server: S3) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
            parts = urlsplit(self.path)
            key = parts.path.removeprefix("/trail").lstrip("/")
            if key in server.refuse:
                status, code = server.refuse[key]
                self.answer(
                    status, f"<Error><Code>{code}</Code><Message>invented</Message></Error>".encode(), "text/xml"
                )
            elif key:
                server.together.wait(30)
                self.answer(200, server.files[key], "application/gzip")
            else:
                self.answer(200, listing({name: value[0] for name, value in parse_qs(parts.query).items()}), "text/xml")

    def listing(query: dict[str, str]) -> bytes:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        names = [key for key in sorted(server.files) if key.startswith(prefix) and key > query.get("start-after", "")]
        if delimiter:
            folders = sorted({prefix + key.removeprefix(prefix).split("/")[0] + "/" for key in names})
            items = [f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders]
        else:
            items = [f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in names]
        start = int(query.get("continuation-token", "0"))
        end = start + server.page
        token = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < len(items) else ""
        more = "true" if token else "false"
        inner = "".join(items[start:end])
        return f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{token}{inner}</ListBucketResult>".encode()

    return Handler


@pytest.fixture
def s3() -> Iterator[S3]:
    with S3() as server:
        yield server


def test_files_are_fetched_several_at_a_time(s3: S3) -> None:
    """S3 takes longer to answer than a file takes to read: none of these is answered before all were asked for."""
    s3.together = threading.Barrier(8)
    keys = [KEY[:-1] + letter for letter in "ABCDEFGH"]
    for number, key in enumerate(keys):
        s3.put(NOW - 9 * HOUR + number * HOUR, number, record(NOW - 9 * HOUR, key))
    calls, skipped, _ = read(s3.source())
    assert ([], keys) == (skipped, [call.handle.value for call in calls])


def test_every_page_is_read(s3: S3) -> None:
    """Files beyond the first page of a listing are found."""
    for number in range(5):
        s3.put(NOW - 5 * HOUR + number * HOUR, number, record(NOW - 5 * HOUR, KEY[:-1] + "ABCDE"[number]))
    assert len(read(s3.source())[0]) == 5


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "AccessDenied", SourceDenied),
        (503, "SlowDown", SourceUnreachable),
        (500, "InternalError", SourceUnreachable),
    ],
)
def test_a_refused_listing_fails_the_source(s3: S3, status: int, code: str, error: type[SourceError]) -> None:
    """Refused and throttled are told apart."""
    s3.refuse[""] = (status, code)
    with pytest.raises(error, match="s3:ListBucket"):
        read(s3.source())


def test_a_refused_file_fails_the_source_after_what_was_read(s3: S3) -> None:
    """What was read before a refusal is kept, and the refused file is read once it is allowed."""
    s3.put(NOW - 2 * HOUR, 1, record(NOW - 2 * HOUR))
    key = s3.put(NOW - HOUR, 2, record(NOW - HOUR))
    s3.refuse[key] = (403, "AccessDenied")
    batches = s3.source().read({})
    before = next(batches)
    with pytest.raises(SourceDenied, match="s3:GetObject"):
        next(batches)
    assert len(before.evidence) == 1
    assert before.coverage.until is None
    s3.refuse.clear()
    assert [NOW - HOUR] == [call.at for call in read(s3.source(), before.cursor)[0]]


def test_the_largest_file_is_read(s3: S3) -> None:
    """CloudTrail's files have 50 MB at most; one of that size is read beside the others."""
    line = json.dumps(record(NOW - 2 * HOUR, padding="x" * 900), separators=(",", ":")).encode()
    text = b'{"Records":[' + b",".join([line] * (50_000_000 // len(line))) + b"]}"
    big = s3.put(NOW - 2 * HOUR, 1)
    s3.files[big] = gzip.compress(text, 0)
    s3.put(NOW - HOUR, 2, record(NOW - HOUR, KEY[:-1] + "B"))
    calls, skipped, _ = read(s3.source())
    assert len(s3.files[big]) > 49_000_000
    assert ([], {KEY, KEY[:-1] + "B"}) == (skipped, {call.handle.value for call in calls})


def test_a_vanished_file_is_skipped(s3: S3) -> None:
    """A file that a lifecycle rule removed after it was listed is named, and the rest is read."""
    key = s3.put(NOW - 2 * HOUR, 1)
    s3.put(NOW - HOUR, 2, record(NOW - HOUR))
    s3.refuse[key] = (404, "NoSuchKey")
    calls, [skipped], _ = read(s3.source())
    assert (1, "it was removed before it was read") == (len(calls), skipped.why)


def test_an_archived_file_ends_what_is_covered(s3: S3) -> None:
    """A file in an archive class is skipped, and its account is covered only from there on."""
    key = s3.put(NOW - 20 * HOUR, 1, record(NOW - 20 * HOUR))
    s3.put(NOW - HOUR, 2, record(NOW - HOUR))
    s3.refuse[key] = (403, "InvalidObjectState")
    _, [skipped], last = read(s3.source())
    assert skipped.why == "it lies in an archive storage class"
    assert NOW - 20 * HOUR == last.coverage.since


def test_check_says_what_is_refused(s3: S3) -> None:
    """`check` tells listing from reading."""
    key = s3.put(NOW - HOUR, 1)
    s3.refuse[key] = (403, "AccessDenied")
    listing, missing = s3.source().check()
    assert listing == "s3:ListBucket on s3://trail/AWSLogs/"
    assert isinstance(missing, Skipped)
    assert missing.hint == "allow s3:GetObject to the identity keywatch runs as"
    s3.refuse[""] = (403, "AccessDenied")
    [missing] = s3.source().check()
    assert isinstance(missing, Skipped)
