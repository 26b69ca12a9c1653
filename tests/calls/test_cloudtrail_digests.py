"""Digests: what a chain proves, and what is told where it is broken."""

import builtins
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from keywatch.model.errors import SourceMalformed
from keywatch.model.source import Skipped
from tests.aws.server import AwsFault
from tests.calls.signed_bucket import FINGERPRINT, SignedBucket, public, signing_key
from tests.calls.trail import ACCOUNT, HOUR, NOW, read

HINT = "find out who can write to the bucket; AWS's own check: aws cloudtrail validate-logs"


@pytest.fixture
def bucket() -> Iterator[SignedBucket]:
    with SignedBucket() as server:
        yield server


def told(skipped: list[Skipped]) -> list[tuple[str, str]]:
    """Alarms alone: what and why."""
    return [(skip.what.removeprefix("s3://trail/"), skip.why) for skip in skipped if skip.hint == HINT]


def test_a_whole_chain_proves_what_it_covers(bucket: SignedBucket) -> None:
    """Nothing is wrong: covered is from the first file to the end of the last digest, and no further."""
    bucket.hours(4, until=NOW - HOUR / 2)
    calls, skipped, last = read(bucket.source())
    assert (1, []) == (len(calls), skipped)
    assert (NOW - 4 * HOUR, NOW - HOUR / 2) == (last.coverage.since, last.coverage.until)


def test_without_verification_digests_are_not_read(bucket: SignedBucket) -> None:
    """By default digests are left alone, and keys are not asked for."""
    bucket.hours(2)
    read(bucket.source(verify_digests=False))
    assert not [ask for ask in bucket.asked if "Digest" in str(ask.params) or ask.service == "cloudtrail"]


def test_empty_digests_prove_silence(bucket: SignedBucket) -> None:
    """Days without a file are covered, if every hour of them has a digest that says so."""
    bucket.hours(1, until=NOW - 72 * HOUR)
    for back in range(71, -1, -1):
        bucket.digest(NOW - back * HOUR)
    _, skipped, last = read(bucket.source())
    assert ([], NOW) == (skipped, last.coverage.until)
    quiet = read(bucket.source(verify_digests=False))[2].coverage
    assert quiet.until == NOW - 48.5 * HOUR  # a day after the last file, and no more


def test_a_chain_is_followed_from_run_to_run(bucket: SignedBucket) -> None:
    """The next run looks at the digests since, once an hour; each file is compared once."""
    bucket.hours(3)
    _, _, last = read(bucket.source())
    bucket.asked.clear()
    bucket.now += HOUR / 2
    read(bucket.source(), last.cursor)
    assert bucket.calls("GetObject") == 0
    bucket.now += 1.5 * HOUR
    bucket.hours(2, until=NOW + 2 * HOUR)
    _, skipped, last = read(bucket.source(), last.cursor)
    assert ([], NOW + 2 * HOUR) == (skipped, last.coverage.until)
    assert bucket.calls("GetObject") == 6  # two digests; two files, as such and to be compared


def test_each_region_is_a_chain_with_keys_of_its_own(bucket: SignedBucket) -> None:
    """Covered is up to the end of the shortest chain; keys are asked for in each digest's region."""
    bucket.hours(2)
    bucket.digest(NOW - HOUR, bucket.log(NOW - 1.5 * HOUR, region="eu-west-1"), region="eu-west-1", starting=True)
    _, skipped, last = read(bucket.source())
    assert ([], NOW - HOUR) == (skipped, last.coverage.until)
    asked = [ask.caller.region for ask in bucket.asked if ask.operation == "ListPublicKeys"]
    assert ["eu-west-1", "us-east-1"] == sorted(asked)


def test_keys_may_be_on_several_pages(bucket: SignedBucket) -> None:
    """CloudTrail changes its keys, and lists them by pages."""
    bucket.keys = {"other": public(signing_key(1)), **bucket.keys}
    bucket.hours(1)
    assert read(bucket.source())[1] == []


ALTERED_LOG = "this log file was altered after it was delivered"
GONE_LOG = "this log file cannot be read, which its digest names: it was removed before it was read"
BROKEN = "the digest before this one is missing or was altered"
SIGNATURE = "this digest was altered: its signature is wrong"


def test_an_altered_log_file_is_an_alarm(bucket: SignedBucket) -> None:
    """A file that is not as CloudTrail delivered it is named; its account is covered from that hour on only."""
    logs = bucket.hours(4)
    bucket.write(logs[1], b'{"Records": []}')
    _, skipped, last = read(bucket.source())
    assert [(logs[1], ALTERED_LOG)] == told(skipped)
    assert (NOW - 2 * HOUR, NOW) == (last.coverage.since, last.coverage.until)
    assert (f"s3://trail/{logs[1]}: {ALTERED_LOG}",) == last.coverage.altered


def test_what_was_altered_is_told_for_a_month(bucket: SignedBucket) -> None:
    """Later runs, which look at later digests, still say it; after a month it is history."""
    logs = bucket.hours(4)
    bucket.write(logs[1], b'{"Records": []}')
    _, _, last = read(bucket.source())
    bucket.now += 24 * HOUR
    assert len(read(bucket.source(), last.cursor)[2].coverage.altered) == 1
    bucket.now += 30 * 24 * HOUR
    assert read(bucket.source(), last.cursor)[2].coverage.altered == ()


def test_a_missing_log_file_is_an_alarm(bucket: SignedBucket) -> None:
    """A file that its digest names and the bucket does not have is named."""
    logs = bucket.hours(4)
    del bucket.objects[logs[2]]
    _, skipped, last = read(bucket.source())
    assert [(logs[2], GONE_LOG)] == told(skipped)
    assert last.coverage.since == NOW - HOUR


def test_a_missing_digest_is_an_alarm(bucket: SignedBucket) -> None:
    """The digest after the gap points to one that is not there: what was delivered in between is not known."""
    bucket.hours(4)
    digests = [key for key in bucket.objects if "Digest" in key]
    del bucket.objects[digests[1]]
    _, skipped, last = read(bucket.source())
    assert [(digests[2], BROKEN)] == told(skipped)
    assert last.coverage.since == NOW - 2 * HOUR


def test_an_altered_digest_is_an_alarm(bucket: SignedBucket) -> None:
    """A digest from which a log file was struck out fails by its signature, and the next one by its link."""
    bucket.hours(4)
    digests = [key for key in bucket.objects if "Digest" in key]
    body, metadata = bucket.objects[digests[1]]
    bucket.write(digests[1], json.dumps(json.loads(gzip.decompress(body)) | {"logFiles": []}).encode(), metadata)
    _, skipped, last = read(bucket.source())
    assert [(digests[1], SIGNATURE), (digests[2], BROKEN)] == told(skipped)
    assert last.coverage.since == NOW - 2 * HOUR


def test_a_digest_that_was_replaced_by_another_trails_is_an_alarm(bucket: SignedBucket) -> None:
    """A well-signed digest under the name of another is told by what it says of itself."""
    bucket.hours(2)
    first, second = [key for key in bucket.objects if "Digest" in key]
    bucket.objects[second] = bucket.objects[first]
    _, skipped, _ = read(bucket.source())
    assert "this digest was moved: it says that it belongs elsewhere" in [why for _, why in told(skipped)]


def test_logging_that_was_off_is_told(bucket: SignedBucket) -> None:
    """Digests that begin anew say since when nothing was logged or digested."""
    bucket.hours(2, until=NOW - 6 * HOUR)
    anew = bucket.digest(NOW, starting=True)
    _, skipped, last = read(bucket.source())
    why = "digests begin anew here: the trail, or its validation, was off since 2026-11-23T06:00:00Z"
    assert [(anew, why)] == told(skipped)
    assert last.coverage.since == NOW - HOUR


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(lambda b: b.digest(NOW, signer=signing_key(1)), SIGNATURE, id="signed-by-a-stranger"),
        pytest.param(
            lambda b: b.digest(NOW, digestPublicKeyFingerprint="f" * 32),
            "this digest is signed with a key that AWS does not know",
            id="unknown-key",
        ),
        pytest.param(lambda b: unsigned(b, {}), SIGNATURE, id="no-signature"),
        pytest.param(
            lambda b: unsigned(b, {"signature": "zz", "signature-algorithm": "SHA256withRSA"}),
            SIGNATURE,
            id="no-hexadecimal",
        ),
        pytest.param(
            lambda b: b.keys.update({FINGERPRINT: b"junk"}) or b.digest(NOW), SIGNATURE, id="key-that-is-none"
        ),
        pytest.param(lambda b: b.write(b.digest(NOW), b"[]"), "this digest cannot be read: it is no digest", id="list"),
        pytest.param(
            lambda b: b.digest(NOW, digestStartTime="soon"),
            "this digest cannot be read: it is no digest",
            id="no-time",
        ),
        pytest.param(
            lambda b: b.objects.update({b.digest(NOW): (b"plain text", {})}),
            "this digest cannot be read: not a gzip stream",
            id="not-gzip",
        ),
        pytest.param(
            lambda b: b.digest(NOW, logFiles=[{"s3Bucket": "other", "s3Object": "x", "hashValue": "y"}]),
            "this log file lies in another bucket, where nobody looks",
            id="another-bucket",
        ),
    ],
)
def test_digests_of_no_use(bucket: SignedBucket, spoil: Callable[[SignedBucket], Any], why: str) -> None:
    """Whatever is wrong with a digest is told in words, quoting nothing of it."""
    bucket.log(NOW - 3 * HOUR)
    spoil(bucket)
    _, skipped, last = read(bucket.source())
    assert [why] == [said for _, said in told(skipped)]
    assert last.coverage.since in (NOW, None)


def unsigned(bucket: SignedBucket, metadata: dict[str, str]) -> None:
    key = bucket.digest(NOW)
    bucket.objects[key] = bucket.objects[key][0], metadata


def test_late_files_have_digests_apart(bucket: SignedBucket) -> None:
    """A digest of files that came late is verified, and is no link of the chain."""
    bucket.hours(2)
    late = bucket.log(NOW - HOUR / 4)
    bucket.digest(NOW + HOUR / 2, late, late=True)
    bucket.hours(1, until=NOW + HOUR)
    bucket.now += HOUR
    _, skipped, last = read(bucket.source())
    assert ([], NOW + HOUR) == (skipped, last.coverage.until)
    bucket.write(late, b'{"Records": []}')
    assert [(late, ALTERED_LOG)] == told(read(bucket.source())[1])


def test_without_digests_nothing_is_proven(bucket: SignedBucket) -> None:
    """A trail without validation covers nothing where a person asked for proof, and says what to switch on."""
    bucket.log(NOW - HOUR)
    _, [skipped], last = read(bucket.source())
    assert (None, f"account {ACCOUNT}") == (last.coverage.since, skipped.what)
    assert ("there are no digests of it", "switch on log file validation") == (skipped.why, skipped.hint)


def test_a_refusal_to_list_keys_is_said(bucket: SignedBucket) -> None:
    """What was read before holds; the source fails with what to allow; `check` says so beforehand."""
    bucket.hours(1)
    bucket.fault = lambda ask: AwsFault("AccessDeniedException") if ask.operation == "ListPublicKeys" else None
    with pytest.raises(Exception, match="cloudtrail:ListPublicKeys was refused"):
        read(bucket.source())
    *_, missing = bucket.source().check()
    assert isinstance(missing, Skipped)
    assert "allow cloudtrail:ListPublicKeys" in (missing.hint or "")
    bucket.fault = lambda _: None
    assert list(bucket.source().check())[-1] == "digests, and cloudtrail:ListPublicKeys"


def test_without_the_extra_it_is_said_what_to_install(bucket: SignedBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library that verifies is not installed with keywatch itself."""
    real = builtins.__import__

    def lacking(name: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - as Python's
        if name.partition(".")[0] == "cryptography":
            raise ImportError(name)
        return real(name, *rest, **more)

    bucket.hours(1)
    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(SourceMalformed, match="needs the package cryptography") as caught:
        read(bucket.source())
    assert caught.value.hint == "install it: pip install 'keywatch[digests]'"
