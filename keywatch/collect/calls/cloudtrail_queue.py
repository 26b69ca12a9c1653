"""
The queue in which notices of new files wait. What is in it comes at least once, in no order, and perhaps not at all.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from keywatch.collect.aws import AwsAccess, AwsClients, asking
from keywatch.collect.calls.cloudtrail_bucket import TrailBucket, TrailFile
from keywatch.collect.calls.cloudtrail_notice import announced
from keywatch.model.errors import SourceError
from keywatch.model.source import Skipped

_REGION = re.compile(r"https?://sqs(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.")
_AT_ONCE = 10
"""Messages of one request: SQS gives and takes no more."""
_HIDDEN = 900
"""Seconds for which what was received is shown to nobody else: long enough to read and commit a batch of files."""


class Message(NamedTuple):
    """What was received. The receipt deletes it."""

    body: str
    receipt: str


class NoticeQueue:
    """A queue of SQS. Every method raises `SourceError` as `keywatch.collect.aws.asking` says."""

    def __init__(self, who: str, access: AwsAccess, url: str, *, wait: int = 5) -> None:
        """
        Args:
            who: The source that asks.
            access: How AWS is asked, in the region that the URL names if it names one.
            url: Of the queue.
            wait: Seconds to wait for a message, 0 to 20. With any, all of SQS's servers are asked, so that an answer
                without messages means that there are none.
        """  # noqa: D205
        region = _REGION.match(url)
        self._clients = AwsClients(who, replace(access, region=region[1]) if region else access)
        self.url = url
        self._wait = wait

    def receive(self) -> list[Message]:
        """Receive up to ten messages; none: there are none now."""
        sqs = self._clients.sqs()
        with asking(self._clients.who, "sqs:ReceiveMessage"):
            answer = sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_AT_ONCE,
                WaitTimeSeconds=self._wait,
                VisibilityTimeout=_HIDDEN,
            )
        return [Message(one.get("Body", ""), one.get("ReceiptHandle", "")) for one in answer.get("Messages", [])]

    def delete(self, receipts: Sequence[str]) -> int:
        """Delete messages; return how many could not be, which will come again and change nothing then."""
        sqs = self._clients.sqs()
        failed = 0
        for start in range(0, len(receipts), _AT_ONCE):
            some = receipts[start : start + _AT_ONCE]
            with asking(self._clients.who, "sqs:DeleteMessage"):
                answer = sqs.delete_message_batch(
                    QueueUrl=self.url,
                    Entries=[{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(some)],
                )
            failed += len(answer.get("Failed", []))
        return failed

    def check(self) -> Iterator[str | Skipped]:
        """As `CallSource.check`. A message is received and shown again at once; none is deleted."""
        sqs, what = self._clients.sqs(), f"sqs:ReceiveMessage on {self.url}"
        try:
            with asking(self._clients.who, "sqs:ReceiveMessage"):
                sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=1, WaitTimeSeconds=0, VisibilityTimeout=0)
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
        else:
            yield what


def told(body: str, bucket: TrailBucket) -> tuple[list[TrailFile], str | None]:
    """
    Say which log files of `bucket` a message tells of, and why it is none that is done with when these are read.

    A message that tells of other buckets may be meant for somebody else, and one that is no notice needs a person: both
    are left to the queue's dead-letter queue.
    """
    objects = announced(body)
    if objects is None:
        return [], "are no notices of CloudTrail or S3"
    files = [file for one in objects if one.bucket == bucket.bucket and (file := bucket.file(one.key)) is not None]
    foreign = any(one.bucket != bucket.bucket for one in objects)
    return files, "tell of other buckets" if foreign else None
