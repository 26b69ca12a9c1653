"""New files announced by a queue: read once, deleted when committed, and never trusted to be all there are."""

import json
from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.cloudtrail import CloudTrailFiles
from keywatch.collect.calls.cloudtrail_queue import NoticeQueue
from keywatch.model.source import CallBatch, Cursor, Skipped
from tests.aws.server import AwsFault, FakeAws
from tests.calls.trail import ACCOUNT, HOUR, KEY, NOW, OTHER, Trail, facts, read, record

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MINUTE = timedelta(minutes=1)
KEYS = [KEY[:-1] + letter for letter in "ABCDEFGH"]
HINT = "they are left in it: give it a dead-letter queue, and let nobody but the trail or the bucket write to it"


class Announcing(Trail):
    """A trail whose bucket announces new files to a queue, as S3 does; all of it in moto."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sqs: SQSClient = boto3.client("sqs", endpoint_url=url, region_name="us-east-1")
        self.queue = self.sqs.create_queue(QueueName="news")["QueueUrl"]
        self.now = NOW

    def announce(self) -> None:
        """From now on."""
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        queues: Any = [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        self.s3.put_bucket_notification_configuration(
            Bucket="trail", NotificationConfiguration={"QueueConfigurations": queues}
        )

    def say(self, body: object) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body if isinstance(body, str) else json.dumps(body))

    def waiting(self) -> tuple[int, int]:
        """How many messages are there to be had, and how many are hidden for now."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def show_again(self) -> None:
        """Let everything that was received and not deleted come again, as it does in a quarter of an hour."""
        from moto.sqs.models import sqs_backends

        for message in sqs_backends["123456789012"]["us-east-1"].queues["news"]._messages:
            message.visible_at = 0

    def source(self, **changes: object) -> CloudTrailFiles:
        options: dict[str, object] = {"queue": self.queue, "queue_wait": 0, "now": lambda: self.now}
        return super().source(**(options | changes))


@pytest.fixture
def trail(aws_url: str) -> Announcing:
    """Listed once, and an hour later."""
    return Announcing(aws_url)


@pytest.fixture
def cursor(trail: Announcing) -> Cursor:
    """Where the first run, which lists the bucket, left it."""
    trail.put(NOW - HOUR, record(NOW - HOUR, KEYS[0]))
    trail.announce()
    last = read(trail.source())[2]
    assert NOW - HOUR / 4 == last.coverage.until
    assert trail.waiting() == (0, 0)  # S3's test event was read, and is gone
    trail.now += HOUR
    return last.cursor


def test_what_is_announced_is_read(trail: Announcing, cursor: Cursor) -> None:
    """S3's own notices lead to the files; when they are committed, the messages are gone."""
    trail.put(NOW + MINUTE, record(NOW, KEYS[1]))
    trail.put(NOW + 2 * MINUTE, record(NOW, KEYS[2]), region="eu-west-1", account=OTHER)
    calls, skipped, last = read(trail.source(), cursor)
    assert {KEYS[1], KEYS[2]} == {key for key, _, _ in facts(calls)}
    assert ([], (0, 0)) == (skipped, trail.waiting())
    assert read(trail.source(), last.cursor)[0] == []


def test_a_queue_proves_nothing_of_what_it_did_not_tell(trail: Announcing, cursor: Cursor) -> None:
    """What is covered ends with the last listing, however much was announced since."""
    trail.put(NOW + MINUTE, record(NOW, KEYS[1]))
    assert NOW - HOUR / 4 == read(trail.source(), cursor)[2].coverage.until


def test_what_the_queue_lost_is_found_by_the_next_listing(trail: Announcing, cursor: Cursor) -> None:
    """A file nobody announced is read within hours, one that was announced is not read twice, and both are covered."""
    trail.put(NOW + MINUTE, record(NOW, KEYS[1]))
    trail.put(NOW + 3 * HOUR, record(NOW + 3 * HOUR, KEYS[2]))
    for message in trail.sqs.receive_message(QueueUrl=trail.queue, MaxNumberOfMessages=1)["Messages"]:
        trail.sqs.delete_message(QueueUrl=trail.queue, ReceiptHandle=message["ReceiptHandle"])
    trail.now = NOW + 4 * HOUR
    calls, _, last = read(trail.source(), cursor)
    assert [KEYS[2]] == [key for key, _, _ in facts(calls)]
    trail.now = NOW + 7 * HOUR
    calls, _, last = read(trail.source(), last.cursor)
    assert [KEYS[1]] == [key for key, _, _ in facts(calls)]
    assert trail.now - HOUR / 4 == last.coverage.until


def test_messages_are_deleted_after_their_batch_was_committed(trail: Announcing, cursor: Cursor) -> None:
    """A run that is cut short before the commit leaves its messages; they come again, and change nothing then."""
    for number in (1, 2, 3):
        trail.put(NOW + number * MINUTE, record(NOW, KEYS[number]))
    batches = cast("Generator[CallBatch, None, None]", trail.source(files_per_batch=1).read(cursor))
    first = next(batches)
    assert (0, 3) == trail.waiting()  # received, and not yet deleted
    batches.close()
    assert (0, 3) == trail.waiting()
    trail.show_again()
    again, _, last = read(trail.source(), cursor)
    assert {*KEYS[1:4]} == {key for key, _, _ in facts(again)}
    assert (0, 0) == trail.waiting()
    assert len(first.evidence) == 3  # SQS gives up to ten at once
    trail.say({"s3Bucket": "trail", "s3ObjectKey": [key_of(trail, 1)]})
    assert read(trail.source(), last.cursor)[0] == []


def key_of(trail: Announcing, number: int) -> str:
    keys = [item["Key"] for item in trail.s3.list_objects_v2(Bucket="trail")["Contents"]]
    return sorted(keys, key=lambda key: key[-24:])[number]


def test_cloudtrails_own_notice_may_name_several(trail: Announcing, cursor: Cursor) -> None:
    """A notice through SNS that names two files, and one that names the first of them again."""
    trail.s3.put_bucket_notification_configuration(Bucket="trail", NotificationConfiguration={})
    for number in (1, 2):
        trail.put(NOW + number * MINUTE, record(NOW, KEYS[number]))
    both = {"s3Bucket": "trail", "s3ObjectKey": [key_of(trail, 1), key_of(trail, 2)]}
    trail.say({"Type": "Notification", "Message": json.dumps(both)})
    trail.say({"s3Bucket": "trail", "s3ObjectKey": [key_of(trail, 1)]})
    calls, skipped, _ = read(trail.source(), cursor)
    assert {KEYS[1], KEYS[2]} == {key for key, _, _ in facts(calls)}
    assert ([], (0, 0)) == (skipped, trail.waiting())


def test_what_is_no_notice_is_counted_and_left(trail: Announcing, cursor: Cursor) -> None:
    """Malformed messages and those of other buckets stay for the dead-letter queue; the good ones beside are read."""
    trail.put(NOW + MINUTE, record(NOW, KEYS[1]))
    for body in ("junk", {"Records": 7}, {"s3Bucket": "other", "s3ObjectKey": ["x"]}):
        trail.say(body)
    calls, skipped, _ = read(trail.source(), cursor)
    assert [KEYS[1]] == [key for key, _, _ in facts(calls)]
    assert [
        Skipped(trail.queue, "2 of its messages are no notices of CloudTrail or S3", HINT),
        Skipped(trail.queue, "1 of its messages tell of other buckets", HINT),
    ] == skipped
    assert (0, 3) == trail.waiting()


def test_what_is_no_log_file_of_ours_is_let_go(trail: Announcing, cursor: Cursor) -> None:
    """Digests, strangers, what is too old or of accounts nobody asked for: no trouble, and deleted."""
    for kind in ("CloudTrail-Digest", "CloudTrail-Insight"):
        trail.put(NOW, kind=kind)
    trail.put(NOW, record(NOW, KEYS[1]), prefix="elsewhere/AWSLogs/")
    trail.put(NOW - 9000 * HOUR, record(NOW, KEYS[2]))
    trail.put(NOW, record(NOW, KEYS[3]), account=OTHER)
    trail.s3.put_object(Bucket="trail", Key="AWSLogs/../x", Body=b"x")
    calls, skipped, _ = read(trail.source(accounts=(ACCOUNT,)), cursor)
    assert ([], [], (0, 0)) == (calls, skipped, trail.waiting())


def test_a_corrupt_file_that_was_announced_is_named(trail: Announcing, cursor: Cursor) -> None:
    """It ends what is covered, as one that was listed; its message is gone, since it would not get better."""
    bad = trail.put(NOW + MINUTE, body=b"plain text")
    _, [skipped], last = read(trail.source(), cursor)
    assert (bad, "not a gzip stream") == (skipped.what, skipped.why)
    assert NOW + MINUTE == last.coverage.since
    assert trail.waiting() == (0, 0)


def test_a_file_that_is_gone_is_named(trail: Announcing, cursor: Cursor) -> None:
    """What was announced and is not there may have been the proof that a key lives."""
    trail.put(NOW + MINUTE, record(NOW))
    trail.s3.delete_object(Bucket="trail", Key=key_of(trail, 1))
    _, [skipped], last = read(trail.source(), cursor)
    assert ("it was removed before it was read", NOW + MINUTE) == (skipped.why, last.coverage.since)


def test_without_its_queue_the_bucket_is_listed(trail: Announcing, cursor: Cursor) -> None:
    """A queue that cannot be read is told of, and blinds nobody."""
    trail.put(NOW + MINUTE, record(NOW, KEYS[1]))
    trail.sqs.delete_queue(QueueUrl=trail.queue)
    calls, [skipped], last = read(trail.source(), cursor)
    assert [KEYS[1]] == [key for key, _, _ in facts(calls)]
    assert (trail.queue, NOW + HOUR - HOUR / 4) == (skipped.what, last.coverage.until)
    assert "sqs:ReceiveMessage" in skipped.why
    first_run = read(trail.source())
    assert len(first_run[0]) == 2
    assert [skipped] == first_run[1]


def test_check_tries_the_queue(trail: Announcing, cursor: Cursor) -> None:
    """`check` receives, deletes nothing, and hides nothing."""
    trail.put(NOW + MINUTE, record(NOW))
    assert f"sqs:ReceiveMessage on {trail.queue}" in list(trail.source().check())
    assert (1, 0) == trail.waiting()
    missing = next(item for item in trail.source(queue=f"{trail.queue}-x").check() if isinstance(item, Skipped))
    assert "sqs:ReceiveMessage" in missing.what
    assert cursor


class Queue(FakeAws):
    """A queue that does as it is told; the bucket has nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[list[str]] = []
        self.deleted: list[str] = []
        self.on("s3", "GetObject", lambda *_: AwsFault("AccessDenied", status=403))
        self.on("sqs", "ReceiveMessage", self._receive)
        self.on("sqs", "DeleteMessageBatch", self._delete)

    def _receive(self, params: dict[str, Any], _: object) -> dict[str, Any]:
        assert (params["MaxNumberOfMessages"], params["WaitTimeSeconds"]) == (10, 5)
        some = self.given.pop(0) if self.given else []
        return {"Messages": [{"Body": body, "ReceiptHandle": f"r-{len(self.given)}"} for body in some]}

    def _delete(self, params: dict[str, Any], _: object) -> dict[str, Any]:
        entries = params["Entries"]
        self.deleted += [entry["ReceiptHandle"] for entry in entries]
        failed = [{"Id": entries[-1]["Id"], "SenderFault": False, "Code": "InternalError"}]
        return {"Successful": [{"Id": entry["Id"]} for entry in entries[:-1]], "Failed": failed}

    def source(self) -> CloudTrailFiles:
        access = AwsAccess(endpoint_url=self.url, attempts=1)
        url = f"{self.url}/{ACCOUNT}/news"
        return CloudTrailFiles("org", access, bucket="trail", now=lambda: NOW, queue=url, assume_complete=True)


@pytest.fixture
def queue() -> Iterator[Queue]:
    with Queue() as server:
        yield server


def listed_at(when: str) -> Cursor:
    return {"listed": when}


def test_the_queue_is_asked_in_its_own_region() -> None:
    """A queue may be elsewhere than the bucket: its URL says where."""
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/news"
    made = NoticeQueue("cloudtrail:org", AwsAccess(region="us-east-1"), url)
    assert made._clients.access.region == "eu-west-1"


def test_a_long_poll_asks_every_server_of_sqs(queue: Queue) -> None:
    """An answer without messages ends the run; a message that could not be deleted is no trouble."""
    queue.given = [['{"Event": "s3:TestEvent"}']] * 3
    calls, skipped, _ = read(queue.source(), listed_at("2026-11-23T11:00:00Z"))
    assert ([], [], ["r-2", "r-1", "r-0"]) == (calls, skipped, queue.deleted)
    assert queue.calls("ReceiveMessage") == 4


def test_a_file_that_may_not_be_read_keeps_its_message(queue: Queue) -> None:
    """What came before it is done with, the refused one comes again; the bucket is asked, and refuses as well."""
    name = f"{ACCOUNT}_CloudTrail_us-east-1_20261123T1100Z_0000000000000001.json.gz"
    key = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/23/{name}"
    queue.on("s3", "ListObjectsV2", lambda *_: AwsFault("AccessDenied", status=403))
    queue.given = [['{"Event": "s3:TestEvent"}'], [json.dumps({"s3Bucket": "trail", "s3ObjectKey": [key]})]]
    batches = queue.source().read(listed_at("2026-11-23T11:00:00Z"))
    assert next(batches).evidence == ()
    with pytest.raises(Exception, match=r"s3:ListBucket was refused"):
        next(batches)
    assert queue.deleted == ["r-1"]
