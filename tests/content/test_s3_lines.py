"""A bucket that a log is shipped to: whole lines of each object, once, however it is packed and whatever breaks."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.content.s3_lines import BucketLines
from keywatch.collect.tail_batch import WINDOW, TailBatch
from keywatch.model.errors import SourceError
from keywatch.model.key import SourceId
from keywatch.model.source import Cursor, Skipped
from tests.content.s3_server import BUCKET, Asked, FakeS3, Fault

AT = f"s3://{BUCKET}"
URL = f"{AT}/audit/"
DAY = timedelta(days=1)


@pytest.fixture
def bucket() -> Iterator[FakeS3]:
    with FakeS3() as server:
        yield server


def lines(bucket: FakeS3, memory: Path, url: str = URL, lookback: timedelta = 9000 * DAY) -> BucketLines:
    reached = AwsAccess(endpoint_url=bucket.url, attempts=1, anonymous=True)
    return BucketLines(
        url,
        reached,
        SourceId("vault-audit:x"),
        memory=memory,
        now=lambda: datetime.now(UTC),
        lookback=lookback,
        wait=lambda _: None,
    )


def run(source: BucketLines, cursor: Cursor | None = None) -> tuple[list[TailBatch], dict[str, bytes], Cursor]:
    batches = list(source.read(cursor or {}))
    text: dict[str, bytes] = {}
    for piece in (piece for batch in batches for piece in batch.pieces):
        assert piece.partial or piece.data.endswith(b"\n") or piece is batches[-1].pieces[-1]
        text[piece.path] = text.get(piece.path, b"") + piece.data
    return batches, text, json.loads(json.dumps(batches[-1].cursor))


def test_each_object_is_read_once_however_it_is_packed(bucket: FakeS3, tmp_path: Path) -> None:
    """Plain, gzip or a zip of both: the same lines; what was read is not read again, what is new is."""
    bucket.objects = {"audit/1.log": b"one\ntwo\n", "audit/2.log.gz": gzip.compress(b"three\n"), "other": b"x\n"}
    _, text, cursor = run(lines(bucket, tmp_path))
    assert {f"{AT}/audit/1.log": b"one\ntwo\n", f"{AT}/audit/2.log.gz!2.log": b"three\n"} == text
    assert {} == run(lines(bucket, tmp_path), cursor)[1]
    bucket.objects["audit/3.log"] = b"four"
    _, text, cursor = run(lines(bucket, tmp_path), cursor)
    assert {f"{AT}/audit/3.log": b"four"} == text


def test_lines_stay_whole_and_numbered_across_pieces(bucket: FakeS3, tmp_path: Path) -> None:
    """An object of megabytes comes in pieces that end at lines; one that is too long comes in parts that say so."""
    many = b"".join(b"%07d %s\n" % (number, b"x" * 500) for number in range(5000))
    long = b"y" * (2 * WINDOW + 7)
    bucket.objects = {"audit/1": many, "audit/2": b"a\n" + long + b"\nb\nc\n"}
    batches, text, _ = run(lines(bucket, tmp_path))
    assert many == text[f"{AT}/audit/1"]
    pieces = [piece for batch in batches for piece in batch.pieces]
    for piece in pieces:
        if piece.path.endswith("1"):
            assert piece.first_line == 1 + int(piece.data[:7])
    last = [(piece.first_line, piece.partial, piece.data[-4:]) for piece in pieces if piece.path.endswith("2")]
    assert [(2, True), (2, True), (2, True)] == [(line, partial) for line, partial, _ in last if partial]
    assert (3, False, b"b\nc\n") == last[-1]


def test_old_objects_are_left_out(bucket: FakeS3, tmp_path: Path) -> None:
    """A bucket keeps years; what is older than asked for costs a line of its listing."""
    bucket.objects = {"audit/1.log": b"one\n"}
    assert {} == run(lines(bucket, tmp_path, lookback=-DAY))[1]


def test_what_cannot_be_read_is_lost_and_tried_again(bucket: FakeS3, tmp_path: Path) -> None:
    """One object that is refused costs itself; what is covered ends with it until it can be read."""
    bucket.objects = {"audit/1": b"one\n", "audit/2": b"two\n"}

    def denied(asked: Asked) -> Fault | None:
        return Fault(403, "AccessDenied") if asked.key == "audit/1" else None

    bucket.fault = denied
    batches, text, cursor = run(lines(bucket, tmp_path))
    assert {f"{AT}/audit/2": b"two\n"} == text
    assert [f"s3://{BUCKET}/audit/1"] == [item.what for batch in batches for item in batch.skipped]
    assert any(batch.lost and "could not be read" in batch.lost for batch in batches)
    bucket.fault = lambda _: None
    assert {f"{AT}/audit/1": b"one\n"} == run(lines(bucket, tmp_path), cursor)[1]


def test_a_packed_object_that_is_cut_off_is_lost_in_part(bucket: FakeS3, tmp_path: Path) -> None:
    """What there is of it is read, and that something is missing is said."""
    bucket.objects = {"audit/1.gz": gzip.compress(b"".join(b"%d\n" % n for n in range(9000)))[:-900]}
    batches, _, _ = run(lines(bucket, tmp_path))
    assert any(batch.lost for batch in batches)
    assert any(batch.skipped for batch in batches)


def test_a_prefix_that_leads_nowhere_is_told(bucket: FakeS3, tmp_path: Path) -> None:
    """A misspelled one must not look silent; a bucket that may not be listed is an error."""
    [batch] = lines(bucket, tmp_path).read({})
    assert ["no object's key begins like that"] == [item.why for item in batch.skipped]
    bucket.fault = lambda asked: None if asked.key else Fault(403, "AccessDenied")
    with pytest.raises(SourceError, match="s3:ListBucket"):
        list(lines(bucket, tmp_path).read({}))


def test_check_tries_listing_and_reading(bucket: FakeS3, tmp_path: Path) -> None:
    """Both rights are tried, and named."""
    bucket.objects = {"audit/1": b"one\n"}
    said = [str(item) for item in lines(bucket, tmp_path).check()]
    assert said[0] == f"s3:ListBucket on {URL}"
    assert said[1].startswith("s3:GetObject")
    bucket.fault = lambda asked: Fault(403, "AccessDenied") if asked.key else None
    assert isinstance(list(lines(bucket, tmp_path).check())[1], Skipped)
