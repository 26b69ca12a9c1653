"""Which files a message in the queue tells of."""

import json

import pytest

from keywatch.collect.calls.cloudtrail_notice import Announced, announced

KEY = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/23/a b.json.gz"
FILE = Announced("trail", KEY)


def s3(key: str = KEY.replace(" ", "+").replace("/", "%2F"), event: str = "ObjectCreated:Put") -> dict[str, object]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": event,
        "s3": {"bucket": {"name": "trail", "arn": "arn:aws:s3:::trail"}, "object": {"key": key, "size": 7}},
    }


def sns(message: object, kind: str = "Notification") -> dict[str, object]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"Type": kind, "TopicArn": "arn:aws:sns:us-east-1:111122223333:t", "Message": text, "Signature": "invented"}


BRIDGE = {
    "version": "0",
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "trail"}, "object": {"key": KEY, "size": 7}, "reason": "PutObject"},
}
CLOUDTRAIL = {"s3Bucket": "trail", "s3ObjectKey": [KEY, "second"]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(CLOUDTRAIL, (FILE, Announced("trail", "second")), id="cloudtrail-raw"),
        pytest.param(sns(CLOUDTRAIL), (FILE, Announced("trail", "second")), id="cloudtrail-by-sns"),
        pytest.param({"Records": [s3()]}, (FILE,), id="s3-raw"),
        pytest.param(sns({"Records": [s3(), s3("%C3%A4")]}), (FILE, Announced("trail", "ä")), id="s3-by-sns"),
        pytest.param(sns(sns({"Records": [s3()]})), (FILE,), id="wrapped-twice"),
        pytest.param(BRIDGE, (FILE,), id="eventbridge"),
        pytest.param(sns(BRIDGE), (FILE,), id="eventbridge-by-sns"),
        pytest.param({"Records": [s3(event="ObjectRemoved:Delete"), s3()]}, (FILE,), id="a-removal-beside"),
        pytest.param(BRIDGE | {"detail-type": "Object Deleted"}, (), id="eventbridge-of-a-removal"),
        pytest.param({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail"}, (), id="test-event"),
        pytest.param(sns("CloudTrail validation message."), (), id="cloudtrails-own-test"),
        pytest.param({"Records": []}, (), id="no-records"),
        pytest.param({"s3Bucket": "trail", "s3ObjectKey": []}, (), id="no-keys"),
        pytest.param("hello", None, id="a-string"),
        pytest.param([], None, id="a-list"),
        pytest.param(None, None, id="null"),
        pytest.param({}, None, id="an-empty-object"),
        pytest.param({"s3Bucket": "trail", "s3ObjectKey": "one"}, None, id="a-key-that-is-no-list"),
        pytest.param({"s3Bucket": "trail", "s3ObjectKey": [7]}, None, id="a-key-that-is-a-number"),
        pytest.param({"Records": [s3(), {"eventSource": "aws:ses"}]}, None, id="a-record-of-something-else"),
        pytest.param({"Records": [s3() | {"s3": {"bucket": {}}}]}, None, id="a-record-without-key"),
        pytest.param({"source": "aws.s3", "detail": {"bucket": "trail"}}, None, id="eventbridge-of-another-shape"),
        pytest.param(sns(CLOUDTRAIL, "SubscriptionConfirmation"), None, id="a-subscription-to-confirm"),
        pytest.param(sns(sns(sns(CLOUDTRAIL))), None, id="wrapped-too-often"),
    ],
)
def test_notices(body: object, expected: tuple[Announced, ...] | None) -> None:
    """Three kinds of notice, raw or wrapped by SNS; tests tell of nothing; anything else is no notice."""
    assert expected == announced(json.dumps(body))


@pytest.mark.parametrize("body", ["", "not json", '{"s3Bucket": "trail"', "\ud800", "[" * 100_000, '{"a":' * 100_000])
def test_what_is_no_json_is_no_notice(body: str) -> None:
    """Whatever is in a queue, reading it ends."""
    assert announced(body) is None
