"""The queue of notices: what is deleted, what is put back, and that no new secret is lost by keywatch's reading."""

import json
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.application_notices import ApplicationNotices
from keywatch.model.errors import SourceDenied
from keywatch.model.secret_notice import NoticeKind
from keywatch.model.source import CallBatch, Skipped
from tests.calls.test_secret_notice import NOW, SECRET, envelope, expiry, new_secret

if TYPE_CHECKING:
    from collections.abc import Generator

    from mypy_boto3_sqs import SQSClient


class Queue:
    """A queue of moto's, in which Amazon leaves its notices."""

    def __init__(self, url: str) -> None:
        self.endpoint = url
        self.sqs: SQSClient = boto3.client("sqs", endpoint_url=url, region_name="us-east-1")
        self.url = self.sqs.create_queue(QueueName="notices")["QueueUrl"]

    def say(self, *messages: object) -> None:
        for one in messages:
            body = one if isinstance(one, str) else json.dumps(one)
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def left(self) -> list[str]:
        """What kinds of messages another reader would get now."""
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return sorted(json.loads(one["Body"])["notificationType"] for one in found.get("Messages", []))

    def redrive(self) -> None:
        dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"RedrivePolicy": policy})

    def source(self, **options: Any) -> ApplicationNotices:  # noqa: ANN401 - what the class takes
        access = AwsAccess(endpoint_url=self.endpoint, attempts=2)
        return ApplicationNotices("sp-api", access, self.url, now=lambda: NOW, wait=0, **options)


@pytest.fixture
def queue(aws_url: str) -> Queue:
    return Queue(aws_url)


def read(source: ApplicationNotices) -> tuple[list[NoticeKind], list[Skipped], CallBatch]:
    batches = list(source.read({}))
    notices = [notice.kind for batch in batches for notice in batch.notices]
    assert SECRET not in repr(batches)
    return sorted(notices), [item for batch in batches for item in batch.skipped], batches[-1]


BOTH = [NoticeKind.EXPIRY, NoticeKind.NEW_SECRET]
NEW, ENDS = "APPLICATION_OAUTH_CLIENT_NEW_SECRET", "APPLICATION_OAUTH_CLIENT_SECRET_EXPIRY"


@pytest.mark.parametrize(
    ("options", "left"),
    [
        pytest.param({}, [NEW, "ORDER_CHANGE"], id="its-own-queue"),
        pytest.param({"delete_new_secrets": True}, ["ORDER_CHANGE"], id="a-copy-of-all"),
        pytest.param({"delete": False}, [NEW, ENDS, "ORDER_CHANGE", "TEST"], id="somebody-elses"),
    ],
)
def test_what_others_need_is_there_for_them_at_once(queue: Queue, options: dict[str, bool], left: list[str]) -> None:
    """A message with a new secret is deleted only where that is said; and what is put back comes again as it was."""
    queue.say(expiry(), new_secret(), envelope("ORDER_CHANGE", {}), envelope("TEST", {}))
    first = read(queue.source(**options))
    assert queue.left() == sorted(left)
    assert first[0] == BOTH
    notices, skipped, last = read(queue.source(**options))
    assert queue.left() == sorted(left)
    assert set(notices) == {
        NoticeKind.NEW_SECRET if kind == NEW else NoticeKind.EXPIRY for kind in left if "CLIENT" in kind
    }
    assert [item.why for item in skipped] == ["messages of other kinds: ORDER_CHANGE"] * (
        options.get("delete") is not False
    )
    assert last.coverage.until == NOW
    assert last.coverage.kinds == frozenset()


def test_a_message_that_cannot_be_read_is_left_and_told(queue: Queue) -> None:
    """It may be a new secret in a wrapping that nobody knew."""
    queue.say("{not json", expiry(), {"notificationType": None})
    notices, skipped, _ = read(queue.source())
    assert notices == [NoticeKind.EXPIRY]
    assert [item.why for item in skipped] == ["2 messages could not be read: one is no JSON object"]
    assert len(read(queue.source())[1]) == 1


def test_messages_are_deleted_after_they_were_committed(queue: Queue) -> None:
    """A run that is cut short leaves them, and hides none for longer than a minute."""
    queue.say(expiry())
    batches = cast("Generator[CallBatch, None, None]", queue.source().read({}))
    assert [notice.kind for notice in next(batches).notices] == [NoticeKind.EXPIRY]
    batches.close()
    names: Any = ["ApproximateNumberOfMessagesNotVisible"]
    assert queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"][names[0]] == "1"


def test_many_messages_that_are_put_back_end_a_run_all_the_same(queue: Queue) -> None:
    """Each is read once, and all of them are there afterwards."""
    queue.say(*(new_secret() for _ in range(25)))
    notices, _, _ = read(queue.source(delete=False))
    assert notices == [NoticeKind.NEW_SECRET] * 25
    assert len(queue.left()) == 10


def test_a_queue_that_moves_what_is_looked_at_is_not_read(queue: Queue) -> None:
    """Its redrive policy would take the new secret from whoever waits for it; where all is deleted it does no harm."""
    queue.redrive()
    queue.say(new_secret())
    for options in ({}, {"delete": False}):
        source = queue.source(**options)
        with pytest.raises(SourceDenied, match="dead-letter queue"):
            list(source.read({}))
        assert [type(item) for item in source.check()] == [str, Skipped]
    assert read(queue.source(delete_new_secrets=True))[0] == [NoticeKind.NEW_SECRET]


def test_check_names_what_it_needs(queue: Queue) -> None:
    """And says of a queue that is not there what to look at."""
    assert [str(item).partition(" ")[0] for item in queue.source().check()] == [
        "sqs:ReceiveMessage",
        "sqs:GetQueueAttributes",
    ]
    queue.url += "-gone"
    assert all(isinstance(item, Skipped) for item in queue.source().check())
