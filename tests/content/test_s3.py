"""Objects of a bucket: each version is read once, whatever breaks, and what cannot be read is said."""

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.content import open_target
from keywatch.collect.content.s3 import S3Objects
from keywatch.model.errors import ScanError, UsageError
from keywatch.model.source import ContentBatch, Cursor, Skipped
from tests.content.s3_server import BUCKET, Asked, FakeS3, Fault

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL = f"s3://{BUCKET}"


def source(url: str, memory: Path | None = None, *, target: str = URL, **options: object) -> S3Objects:
    access = {name: options.pop(name) for name in ("attempts", "anonymous", "adaptive") if name in options}
    reached = AwsAccess(endpoint_url=url, connections=20, **({"attempts": 2} | access))  # type: ignore[arg-type]
    return S3Objects(target, reached, memory=memory, wait=lambda _: None, **options)  # type: ignore[arg-type]


def run(objects: S3Objects, cursor: Cursor | None = None) -> tuple[dict[str, bytes], list[Skipped], Cursor]:
    """Everything a pass shows, by key; every cursor goes through JSON, as in the store."""
    shown: dict[str, bytes] = {}
    skipped: list[Skipped] = []
    last: Cursor = cursor or {}
    for batch in objects.read(cursor or {}):
        gather(batch, shown)
        skipped += batch.skipped
        last = last if batch.cursor is None else json.loads(json.dumps(batch.cursor))
    return shown, skipped, last


def fails(objects: S3Objects, shown: dict[str, bytes], message: str) -> Cursor:
    """Read until it fails as it should; return where to go on."""
    cursor: Cursor = {}
    batches = objects.read({})
    while True:
        try:
            batch = next(batches)
        except ScanError as error:
            assert message in error.message  # noqa: PT017 - what came before it matters as well
            return cursor
        gather(batch, shown)
        cursor = batch.cursor or cursor


def gather(batch: ContentBatch, shown: dict[str, bytes]) -> None:
    for chunk in batch.chunks:
        shown[chunk.origin.path] = shown.get(chunk.origin.path, b"") + chunk.data[chunk.overlap :]


@pytest.fixture
def s3(aws_url: str) -> "S3Client":
    """A client of moto's S3, in which there is an empty bucket."""
    client: S3Client = boto3.client("s3", endpoint_url=aws_url, region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def fake() -> Iterator[FakeS3]:
    with FakeS3() as server:
        yield server


def numbered(count: int) -> dict[str, bytes]:
    return {f"{number:05d}": b"content of %d" % number for number in range(count)}


def test_every_object_below_the_prefix_is_read(s3: "S3Client", aws_url: str) -> None:
    """A prefix is the beginning of a key; folders are empty objects and hold nothing."""
    for key in ("logs/a", "logs/b/c", "logs-old/d", "other"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    s3.put_object(Bucket=BUCKET, Key="logs/b/")
    shown, skipped, _ = run(source(aws_url, target=f"{URL}/logs/"))
    assert ({"logs/a": b"logs/a", "logs/b/c": b"logs/b/c"}, []) == (shown, skipped)
    assert set(run(source(aws_url, target=f"{URL}/logs"))[0]) == {"logs/a", "logs/b/c", "logs-old/d"}


def test_only_what_changed_is_read_again(s3: "S3Client", aws_url: str, tmp_path: Path) -> None:
    """A second pass shows new objects and new versions, and nothing else; copies with other content count as new."""
    for key in "abc":
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    _, _, cursor = run(source(aws_url, tmp_path))
    assert run(source(aws_url, tmp_path), cursor)[0] == {}
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"changed")
    s3.put_object(Bucket=BUCKET, Key="b", Body=b"b")
    s3.put_object(Bucket=BUCKET, Key="b2", Body=b"new")
    s3.delete_object(Bucket=BUCKET, Key="c")
    shown, _, cursor = run(source(aws_url, tmp_path), cursor)
    assert shown == {"a": b"changed", "b2": b"new"}
    s3.put_object(Bucket=BUCKET, Key="c", Body=b"c")
    assert run(source(aws_url, tmp_path), cursor)[0] == {"c": b"c"}


def test_objects_in_parts_and_versions(s3: "S3Client", aws_url: str, tmp_path: Path) -> None:
    """The ETag of a multipart upload is no digest of its content, and tells a change; the newest version is read."""
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    cursor: Cursor = {}
    for content in (b"first", b"second"):
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
        part = s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=1, Body=content)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload=parts)  # type: ignore[arg-type]
        shown, _, cursor = run(source(aws_url, tmp_path), cursor)
        assert shown == {"parts": content}
    s3.delete_object(Bucket=BUCKET, Key="parts")
    assert run(source(aws_url, tmp_path))[0] == {}


def test_other_rules_read_everything_again(fake: FakeS3, tmp_path: Path) -> None:
    """What was read is remembered for what was looked for."""
    fake.objects = numbered(5)
    _, _, cursor = run(source(fake.url, tmp_path, ruleset="one"))
    shown, _, cursor = run(source(fake.url, tmp_path, ruleset="two"), cursor)
    assert len(shown) == 5
    assert run(source(fake.url, tmp_path, ruleset="two"), cursor)[0] == {}


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_it_can_be_cut_off_after_every_batch(fake: FakeS3, tmp_path: Path, ahead: int) -> None:
    """
    Whichever batch is the last to be committed, what it left is found, once, however far the source had gone ahead.

    The bucket changes while it is down: what comes behind the place is read in this pass, the rest in the next.
    """
    for committed in range(1, 8):
        memory = tmp_path / str(committed)
        fake.objects = numbered(20)
        cursor: Cursor = {}
        shown: dict[str, bytes] = {}
        _, _, cursor = run(source(fake.url, memory))
        fake.objects |= {f"{number:05d}": b"new content of %d" % number for number in range(0, 20, 2)}
        batches = source(fake.url, memory, chunks_per_batch=2).read(cursor)
        for number, batch in enumerate(islice(batches, committed + ahead)):
            if number < committed:
                gather(batch, shown)
                cursor = json.loads(json.dumps(batch.cursor))
        # Nobody closes it: a killed process does not either.
        rest, _, cursor = run(source(fake.url, memory, chunks_per_batch=2), cursor)
        assert not set(shown) & set(rest)
        assert shown | rest == {key: data for key, data in fake.objects.items() if data.startswith(b"new")}
        assert run(source(fake.url, memory), cursor)[0] == {}


def test_a_killed_process_loses_nothing(fake: FakeS3, tmp_path: Path) -> None:
    """`kill -9` after each of the first batches: every object is committed once, and the memory is still of use."""
    fake.objects = numbered(12)
    code = (
        "import json, os, sys; from pathlib import Path;"
        "from keywatch.collect.aws import AwsAccess; from keywatch.collect.content.s3 import S3Objects;"
        "access, memory = AwsAccess(endpoint_url=sys.argv[2]), Path(sys.argv[3]);"
        "objects = S3Objects(sys.argv[1], access, memory=memory, chunks_per_batch=3)\n"
        "for batch in objects.read(json.loads(sys.argv[4])):\n"
        "    print(json.dumps([[c.origin.path for c in batch.chunks], batch.cursor]), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    cursor, shown = "{}", []
    for _ in range(5):
        command = [sys.executable, "-c", code, URL, fake.url, str(tmp_path / "memory"), cursor]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        keys, place = json.loads(done.stdout)
        shown += keys
        cursor = json.dumps(place)
    assert shown == sorted(fake.objects)
    assert run(source(fake.url, tmp_path / "memory"), json.loads(cursor))[0] == {}


@pytest.mark.parametrize("damage", ["removed", "cut", "flipped", "zeroed"])
def test_a_damaged_memory_costs_time_only(fake: FakeS3, tmp_path: Path, damage: str) -> None:
    """Objects are read again rather than not at all."""
    fake.objects = numbered(250)
    _, _, cursor = run(source(fake.url, tmp_path, chunks_per_batch=100))
    [file] = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    if damage == "removed":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(data[:-100])
    else:
        data[-100:] = bytes(100) if damage == "zeroed" else bytes(byte ^ 1 for byte in data[-100:])
        file.write_bytes(data)
    shown, _, cursor = run(source(fake.url, tmp_path), cursor)
    assert len(shown) == (250 if damage == "removed" else 50)
    assert run(source(fake.url, tmp_path), cursor)[0] == {}


def test_memory_that_cannot_be_written(fake: FakeS3, tmp_path: Path) -> None:
    """A state directory that takes nothing ends the run, and says what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(ScanError, match="cannot be remembered"):
        run(source(fake.url, tmp_path / "file" / "memory"))


def test_many_are_fetched_at_once_and_shown_in_order(fake: FakeS3) -> None:
    """The first is answered when five others have been asked for; it is shown first all the same."""
    fake.objects = numbered(40)
    others = threading.Semaphore(0)

    def before(asked: Asked) -> None:
        if asked.key == "00000":
            assert all(others.acquire(timeout=20) for _ in range(5))
        elif asked.key:
            others.release()

    fake.before = before
    batches = list(source(fake.url).read({}))
    assert [chunk.origin.path for batch in batches for chunk in batch.chunks] == sorted(fake.objects)


def big(size: int) -> bytes:
    return b"".join(b"line %08d\n" % number for number in range(size // 14 + 1))[:size]


@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_a_broken_transfer_goes_on_where_it_broke(fake: FakeS3, *, ignores_ranges: bool) -> None:
    """Nothing is missing and nothing double, and of what had come nothing is asked for again."""
    fake.ignores_ranges = ignores_ranges
    fake.objects = {"large": big(9_000_000), "small": b"small"}
    breaks = iter([1_000_000, 0, 3_000_000, 3_100_000])

    def fault(asked: Asked) -> Fault | None:
        after = next(breaks, None) if asked.key == "large" else None
        return None if after is None else Fault(after=after)

    fake.fault = fault
    shown, skipped, _ = run(source(fake.url))
    assert (fake.objects, []) == (shown, skipped)
    asked = [asked.headers for asked in fake.asked if asked.key == "large"]
    assert [None, "bytes=1000000-", "bytes=1000000-"] == [headers.get("range") for headers in asked[:3]]
    assert all("if-match" in headers for headers in asked)


def test_a_transfer_that_always_breaks_is_given_up(fake: FakeS3, tmp_path: Path) -> None:
    """One such object is named, the others are read, and it is tried again next time."""
    fake.objects = numbered(3)
    fake.fault = lambda asked: (
        Fault(after=4)
        if asked.key == "00001" and "range" not in asked.headers
        else Fault(after=0)
        if asked.key == "00001"
        else None
    )
    shown, [skipped], cursor = run(source(fake.url, tmp_path))
    assert set(shown) == {"00000", "00002"}
    assert (f"{URL}/00001", "the transfer broke off again and again") == (skipped.what, skipped.why)
    fake.fault = lambda _: None
    assert set(run(source(fake.url, tmp_path), cursor)[0]) == {"00001"}


def test_an_object_replaced_before_it_is_read(fake: FakeS3, tmp_path: Path) -> None:
    """What is read is what is there now, and it is remembered as that."""
    fake.objects = numbered(2)

    def before(asked: Asked) -> None:
        if asked.key == "00001":
            fake.objects["00001"] = b"another"

    fake.before = before
    shown, skipped, cursor = run(source(fake.url, tmp_path))
    assert ({"00000": b"content of 0", "00001": b"another"}, []) == (shown, skipped)
    assert run(source(fake.url, tmp_path), cursor)[0] == {}


def test_an_object_replaced_while_it_is_read(fake: FakeS3, tmp_path: Path) -> None:
    """Two versions are never mixed: the new one is read from its beginning."""
    old, new = big(6_000_000), big(5_000_000).upper()
    fake.objects = {"a": old}

    def fault(asked: Asked) -> Fault | None:
        if asked.key and fake.objects["a"] is old and "range" not in asked.headers:
            return Fault(after=4_500_000)
        if asked.key:
            fake.objects["a"] = new
        return None

    fake.fault = fault
    shown, skipped, cursor = run(source(fake.url, tmp_path))
    assert skipped == []
    assert shown["a"].endswith(new)
    assert old.startswith(shown["a"][: -len(new)])
    assert run(source(fake.url, tmp_path), cursor)[0] == {}


def test_an_object_that_never_stands_still(fake: FakeS3, tmp_path: Path) -> None:
    """It is named, and tried again next time."""
    fake.objects = {"a": big(6_000_000), "b": b"b"}
    fake.fault = lambda asked: (
        Fault(412, "PreconditionFailed")
        if "range" in asked.headers
        else Fault(after=5_000_000)
        if asked.key == "a"
        else None
    )
    _, [skipped], cursor = run(source(fake.url, tmp_path))
    assert skipped.why == "it changes faster than it can be read"
    fake.fault = lambda _: None
    assert set(run(source(fake.url, tmp_path), cursor)[0]) == {"a"}


def test_an_object_that_vanishes(fake: FakeS3, tmp_path: Path) -> None:
    """What was removed after it was listed is no trouble; when it comes back, it is read."""
    fake.objects = numbered(3)
    fake.fault = lambda asked: Fault(404, "NoSuchKey") if asked.key == "00001" else None
    shown, skipped, cursor = run(source(fake.url, tmp_path))
    assert (["00000", "00002"], []) == (sorted(shown), skipped)
    fake.fault = lambda _: None
    assert set(run(source(fake.url, tmp_path), cursor)[0]) == {"00001"}


KMS = "User: arn:aws:iam::111122223333:user/x is not authorized to perform: kms:Decrypt on the resource"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        pytest.param(Fault(403, "AccessDenied"), "s3:GetObject was refused", id="denied"),
        pytest.param(Fault(403, "AccessDenied", KMS), "kms:Decrypt was refused", id="kms-denied"),
        pytest.param(Fault(400, "KMS.DisabledException"), "its KMS key cannot be used", id="kms-disabled"),
        pytest.param(Fault(403, "InvalidObjectState"), "it lies in an archive storage class", id="archived"),
        pytest.param(Fault(400, "InvalidRequest"), "it is not given out like that", id="sse-c"),
        pytest.param(Fault(500, "InternalError"), "the server fails to give it out", id="broken"),
    ],
)
def test_an_object_that_is_refused(fake: FakeS3, tmp_path: Path, fault: Fault, why: str) -> None:
    """It is named with what to do, and the others are read; when it can be read one day, it is, ETag or no."""
    fake.objects = numbered(4)
    fake.fault = lambda asked: fault if asked.key == "00002" else None
    shown, [skipped], cursor = run(source(fake.url, tmp_path, attempts=1))
    assert sorted(shown) == ["00000", "00001", "00003"]
    assert (f"{URL}/00002", True) == (skipped.what, skipped.why.startswith(why))
    again = run(source(fake.url, tmp_path, attempts=1), cursor)
    assert ({}, [skipped]) == again[:2]
    fake.fault = lambda _: None
    assert set(run(source(fake.url, tmp_path), again[2])[0]) == {"00002"}


def test_many_refused_objects_are_counted(fake: FakeS3) -> None:
    """A bucket of archived objects makes no list without an end."""
    fake.objects = numbered(100)
    fake.fault = lambda asked: Fault(403, "InvalidObjectState") if asked.key else None
    shown, skipped, _ = run(source(fake.url))
    assert shown == {}
    assert len(skipped) == 21
    assert skipped[-1].what == f"{URL}: 80 more objects"


def test_a_server_that_fails_at_everything(fake: FakeS3, tmp_path: Path) -> None:
    """After five objects in a row it is left alone; what was read before is not read again."""
    fake.objects = numbered(30)
    fake.fault = lambda asked: Fault(500, "InternalError") if asked.key > "00003" else None
    shown: dict[str, bytes] = {}
    cursor = fails(source(fake.url, tmp_path, attempts=1), shown, "one object after the other")
    assert sorted(shown) == ["00000", "00001", "00002", "00003"]
    fake.fault = lambda _: None
    rest = run(source(fake.url, tmp_path), cursor)
    assert not set(rest[0]) & set(shown)
    run_again = run(source(fake.url, tmp_path), rest[2])
    assert set(rest[0]) | set(shown) | set(run_again[0]) == set(fake.objects)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(Fault(400, "ExpiredToken"), "credentials have expired", id="expired"),
        pytest.param(Fault(403, "InvalidAccessKeyId"), "does not accept our credentials", id="wrong"),
        pytest.param(Fault(503, "SlowDown"), "AWS throttles s3:GetObject", id="throttled"),
    ],
)
def test_trouble_that_is_no_objects_own(fake: FakeS3, tmp_path: Path, fault: Fault, message: str) -> None:
    """The run ends, and the next one goes on behind the last object that was read."""
    fake.objects = numbered(50)
    fake.fault = lambda asked: fault if asked.key > "00019" else None
    shown: dict[str, bytes] = {}
    cursor = fails(source(fake.url, tmp_path, attempts=1), shown, message)
    assert len(shown) == 20
    fake.fault = lambda _: None
    rest, _, _ = run(source(fake.url, tmp_path), cursor)
    assert (set(fake.objects), set()) == (set(rest) | set(shown), set(rest) & set(shown))


def test_throttling_is_waited_out(fake: FakeS3) -> None:
    """SlowDown is answered by asking again, more slowly."""
    fake.objects = numbered(3)
    slow = iter([Fault(503, "SlowDown"), Fault(503, "SlowDown")])
    fake.fault = lambda _: next(slow, None)
    shown, skipped, _ = run(source(fake.url, attempts=5, adaptive=True))
    assert (fake.objects, []) == (shown, skipped)


def test_a_bucket_in_another_region(fake: FakeS3) -> None:
    """A redirect is followed, for the listing and the objects."""
    fake.objects = numbered(3)
    fake.fault = lambda asked: (
        Fault(301, "PermanentRedirect", headers={"x-amz-bucket-region": "eu-central-1"})
        if asked.region != "eu-central-1"
        else None
    )
    assert run(source(fake.url))[0] == fake.objects


def test_keys_that_look_like_something_else(fake: FakeS3) -> None:
    """Line ends, escapes, `..` and other scripts are parts of a name, and mean nothing."""
    names = (
        "a\nb",
        "../../etc/passwd",
        "/",
        "//x",
        "a/./b",
        "%2e%2e/%00",
        "\x1b[31mred",
        "ünï/😀",
        "a+b c&d?e#f",
        "\ufffe",
    )
    fake.objects = {name: name.encode() for name in names}
    shown, skipped, _ = run(source(fake.url))
    assert (fake.objects, []) == (shown, skipped)


def test_a_listing_in_no_order(fake: FakeS3) -> None:
    """Where a place among the keys means nothing, that is said rather than objects missed."""
    fake.objects = numbered(5)
    list(source(fake.url).read({}))
    fake._order.reverse()
    with pytest.raises(ScanError, match="not listed in their order"):
        run(source(fake.url))


def test_a_prefix_that_leads_nowhere(fake: FakeS3) -> None:
    """A misspelled prefix must not look clean."""
    fake.objects = numbered(2)
    shown, [skipped], _ = run(source(fake.url, target=f"{URL}/misspelled"))
    assert ({}, "no object's key begins like that") == (shown, skipped.why)


def test_a_bucket_that_is_not_there(aws_url: str) -> None:
    """It is said which."""
    with pytest.raises(ScanError, match="there is no bucket nowhere"):
        run(source(aws_url, target="s3://nowhere/x"))


def test_who_pays_and_who_asks(fake: FakeS3) -> None:
    """A requester may pay, and a public bucket may be asked without a signature."""
    fake.objects = numbered(1)
    run(source(fake.url, requester_pays=True))
    assert {asked.headers.get("x-amz-request-payer") for asked in fake.asked} == {"requester"}
    fake.asked.clear()
    run(source(fake.url, anonymous=True))
    assert {asked.headers.get("authorization") for asked in fake.asked} == {None}


def test_a_target_typed_by_hand(fake: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    `s3://` finds its endpoint where the aws command does, and asks it by path, as it has no host name for each bucket.

    Without any credentials it asks like anybody.
    """
    fake.objects = numbered(1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", fake.url.replace("127.0.0.1", "localhost"))
    target = open_target(f"{URL}/000")
    assert isinstance(target, S3Objects)
    assert run(target)[0] == fake.objects
    assert "authorization" in fake.asked[-1].headers
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    target = open_target(URL)
    assert isinstance(target, S3Objects)
    assert run(target)[0] == fake.objects
    assert "authorization" not in fake.asked[-1].headers


@pytest.mark.parametrize("text", ["s3://", "s3:///y", "s3://../y", "s3://b?x/y"])
def test_what_is_no_bucket(text: str) -> None:
    """A URL that names no bucket is bad usage."""
    with pytest.raises(UsageError, match="not a bucket's URL"):
        open_target(text)


def test_check_says_what_is_missing(fake: FakeS3) -> None:
    """Each permission by itself, and what to do about it."""
    fake.objects = {"folder/": b"", "folder/a": b"a"}
    assert [f"s3:ListBucket on {URL}", "s3:GetObject (and kms:Decrypt where it is encrypted)"] == list(
        source(fake.url).check()
    )
    fake.fault = lambda asked: Fault(403, "AccessDenied", KMS) if asked.key else None
    [_, missing] = source(fake.url).check()
    assert isinstance(missing, Skipped)
    assert missing.why == "kms:Decrypt was refused"
    fake.fault = lambda _: Fault(403, "AccessDenied")
    [missing] = source(fake.url).check()
    assert isinstance(missing, Skipped)
    assert missing.hint == f"allow s3:ListBucket on bucket {BUCKET} to the identity keywatch runs as"
    fake.fault = lambda _: None
    [_, missing] = source(fake.url, target=f"{URL}/nothing").check()
    assert isinstance(missing, Skipped)


def peak(code: str, *arguments: str) -> tuple[int, list[str]]:
    """Run code in a process of its own; return its peak memory in MB, and what it printed."""
    # Not ru_maxrss: that begins with what this process has in memory.
    code = f"{code}\nprint(int(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]) // 1024)\n"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=True, text=True)
    *words, size = done.stdout.split()
    return int(size), words


READ = """
import json, sys
from pathlib import Path
from keywatch.collect.aws import AwsAccess
from keywatch.collect.content.s3 import S3Objects
memory = Path(sys.argv[3]) if sys.argv[3] else None
objects = S3Objects(sys.argv[1], AwsAccess(endpoint_url=sys.argv[2], connections=20), memory=memory)
size, cursor, longest = 0, json.loads(sys.argv[4]), 0
for batch in objects.read(cursor):
    size += sum(len(chunk.data) - chunk.overlap for chunk in batch.chunks)
    cursor = batch.cursor or cursor
    longest = max(longest, len(json.dumps(cursor)))
print(size, longest, json.dumps(cursor).replace(" ", ""))
"""


def test_a_large_object_takes_little_memory(fake: FakeS3) -> None:
    """A body of 300 MB is never held whole."""
    fake.objects = {"large": big(1 << 20) * 300, "small": b"small"}
    base, _ = peak("import boto3\nboto3.client('s3', region_name='us-east-1')")
    used, (size, _, _) = peak(READ, URL, fake.url, "", "{}")
    assert int(size) == (300 << 20) + 5
    assert used - base < 80


def test_a_long_listing_takes_little_memory_and_a_short_cursor(fake: FakeS3, tmp_path: Path) -> None:
    """Of 30,000 objects neither pass holds the names, and the second asks for none of them."""
    fake.objects = dict.fromkeys((f"some/folder/{number:012d}.log" for number in range(30_000)), b"")
    fake.objects["zzz"] = b"the last"
    base, _ = peak("import boto3\nboto3.client('s3', region_name='us-east-1')")
    used, (size, longest, cursor) = peak(READ, URL, fake.url, str(tmp_path), "{}")
    assert (int(size), used - base < 20, int(longest) < 500) == (8, True, True)
    fake.asked.clear()
    used, (size, _, _) = peak(READ, URL, fake.url, str(tmp_path), cursor)
    assert (int(size), used - base < 20, fake.got()) == (0, True, [])
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 2 * 30_001 * 13


def test_other_encodings(s3: "S3Client", aws_url: str) -> None:
    """An object's bytes take the same way as a file's: UTF-16 comes as UTF-8."""
    s3.upload_fileobj(io.BytesIO("läuft".encode("utf-16")), BUCKET, "text")
    assert run(source(aws_url))[0] == {"text": "läuft".encode()}
