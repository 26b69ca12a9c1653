"""A CloudTrail trail's bucket in moto, and what tests put there."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3

from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.cloudtrail import CloudTrailFiles
from keywatch.model.call import Call, Outcome
from keywatch.model.source import CallBatch, Cursor, Skipped

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT, OTHER = "111122223333", "444455556666"
KEY = "AKIA" + "KEYWATCHTESTAAAA"
SESSION = "ASIA" + "KEYWATCHTESTAAAA"
SECOND = "ASIA" + "KEYWATCHTESTBBBB"


def record(at: datetime, key: str = KEY, **changes: object) -> dict[str, object]:
    root = changes.pop("root", False)
    who = {"type": "Root" if root else "IAMUser", "accountId": ACCOUNT, "accessKeyId": key, "arn": "arn:aws:iam::x:y"}
    fields: dict[str, object] = {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "sourceIPAddress": "192.0.2.1",
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
    }
    return fields | changes


def assume(at: datetime, session: str, key: str = KEY) -> dict[str, object]:
    response = {"credentials": {"accessKeyId": session}}
    return record(at, key, eventSource="sts.amazonaws.com", eventName="AssumeRole", responseElements=response)


class Trail:
    """A trail's bucket in moto."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.s3: S3Client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
        self.s3.create_bucket(Bucket="trail")
        self.count = 0

    def put(
        self,
        delivered: datetime,
        *records: object,
        region: str = "us-east-1",
        account: str = ACCOUNT,
        prefix: str = "AWSLogs/",
        kind: str = "CloudTrail",
        body: bytes | None = None,
    ) -> str:
        self.count += 1
        name = f"{account}_{kind}_{region}_{delivered:%Y%m%dT%H%MZ}_{self.count:016d}.json.gz"
        key = f"{prefix}{account}/{kind}/{region}/{delivered:%Y/%m/%d}/{name}"
        data = gzip.compress(json.dumps({"Records": list(records)}).encode())
        self.s3.put_object(Bucket="trail", Key=key, Body=data if body is None else body)
        return f"s3://trail/{key}"

    def source(self, **changes: object) -> CloudTrailFiles:
        access = AwsAccess(endpoint_url=self.url, attempts=1)
        options: dict[str, object] = {"bucket": "trail", "now": lambda: NOW, "assume_complete": True}
        return CloudTrailFiles("org", access, **(options | changes))  # type: ignore[arg-type]


def read(source: CloudTrailFiles, cursor: Cursor | None = None) -> tuple[list[Call], list[Skipped], CallBatch]:
    """All calls and skips of a run, and its last batch; every cursor goes through JSON, as in the store."""
    batches = []
    for batch in source.read(cursor or {}):
        json.dumps(batch.cursor)
        batches.append(batch)
    calls = [item for batch in batches for item in batch.evidence if isinstance(item, Call)]
    return calls, [item for batch in batches for item in batch.skipped], batches[-1]


def facts(calls: list[Call]) -> list[tuple[str, Outcome, datetime]]:
    return [(call.handle.value, call.outcome, call.at) for call in calls]
