"""
Notices of new files, as they lie in a queue. Pure.

Three who may have written them, each perhaps wrapped by SNS: CloudTrail (through its SNS topic), S3's event
notifications, S3's events through EventBridge.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec

_VALIDATION = "CloudTrail validation message."
"""What CloudTrail sends to a topic when it is named in a trail."""
_WRAPPERS = 2


class Announced(NamedTuple):
    """An object that was created."""

    bucket: str
    key: str


def announced(body: str) -> tuple[Announced, ...] | None:
    """
    Say which objects a message tells of: none, where it is a test or tells of something else. None: it is no notice.

    Args:
        body: Of one message of the queue.
    """
    for _ in range(_WRAPPERS + 1):
        if body.strip() == _VALIDATION:
            return ()
        try:
            notice = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        if not isinstance(notice, dict):
            return None
        inner = notice.get("Message")
        if notice.get("Type") == "Notification" and isinstance(inner, str):
            body = inner
            continue
        return _read(notice)
    return None


def _read(notice: dict[str, object]) -> tuple[Announced, ...] | None:
    match notice:
        case {"s3Bucket": str(bucket), "s3ObjectKey": [*keys]} if all(isinstance(key, str) for key in keys):
            return tuple(Announced(bucket, str(key)) for key in keys)
        case {"Event": "s3:TestEvent"}:
            return ()
        case {"source": "aws.s3", "detail": {"bucket": {"name": str(bucket)}, "object": {"key": str(key)}}}:
            # EventBridge does not encode keys.
            return (Announced(bucket, key),) if notice.get("detail-type") == "Object Created" else ()
        case {"Records": [*records]}:
            found = list(_created(records))
            return None if None in found else tuple(one for part in found if part for one in part)
    return None


def _created(records: list[object]) -> Iterator[tuple[Announced, ...] | None]:
    for record in records:
        match record:
            case {
                "eventSource": "aws:s3",
                "eventName": str(event),
                "s3": {"bucket": {"name": str(bucket)}, "object": {"key": str(key)}},
            }:
                yield (Announced(bucket, unquote_plus(key)),) if event.startswith("ObjectCreated:") else ()
            case _:
                yield None
