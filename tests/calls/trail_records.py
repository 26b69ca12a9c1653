"""Invented CloudTrail records: ordinary ones, and every exception to "no error is a success", in any order."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACCOUNT, OTHER = "111122223333", "444455556666"
REGIONS = ("us-east-1", "eu-west-1")
KEYS = tuple(f"AKIA{'KEYWATCHTEST'}AAA{letter}" for letter in "ABCDE")
LOOSE = "ASIA" + "KEYWATCHTEST" + "ZZZZ"
"""A session that nobody was seen to make."""
Record = dict[str, Any]


def session(number: int) -> str:
    """The id of a session."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return f"ASIA{'KEYWATCHTEST'}{letters[number // 676 % 26]}{letters[number // 26 % 26]}{letters[number % 26]}Q"


def record(at: datetime | str, key: str | None = KEYS[0], **changes: Any) -> Record:  # noqa: ANN401 - as JSON
    """A successful call of `key`. What is changed to `...` is left out."""
    who: dict[str, Any] = {"type": "IAMUser", "accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/ä'b"}
    if key is not None:
        who["accessKeyId"] = key
    fields: Record = {
        "eventVersion": "1.11",
        "userIdentity": who | changes.pop("who", {}),
        "eventTime": at if isinstance(at, str) else f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "aws-cli/2.0",
        "requestParameters": {"filterSet": {"items": ["$", '"', "'", "\u2028"]}},
        "responseElements": None,
        "eventID": "00000000-0000-0000-0000-000000000000",
        "eventType": "AwsApiCall",
        "eventCategory": "Management",
        "recipientAccountId": ACCOUNT,
    }
    return {name: value for name, value in (fields | changes).items() if value is not ...}


def made(at: datetime, new: str, key: str, **changes: Any) -> Record:  # noqa: ANN401 - as JSON
    """A session made by `key`."""
    answer = {"credentials": {"accessKeyId": new, "expiration": "Nov 23, 2026"}}
    fields = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "responseElements": answer}
    return record(at, key, **(fields | changes))


EXCEPTIONS: tuple[Record, ...] = (
    {"errorCode": "AccessDenied", "errorMessage": "User is not authorized"},
    {"errorMessage": "Failed authentication"},
    {"errorCode": "", "errorMessage": ""},
    {"errorCode": "Client.DryRunOperation", "errorMessage": "Request would have succeeded"},
    {"errorCode": "DryRunOperation"},
    {"errorCode": "ThrottlingException"},
    {"who": {"invokedBy": "cloudformation.amazonaws.com"}},
    {"who": {"invokedBy": ""}},
    {"who": {"invokedBy": "AWS Internal"}, "errorCode": "AccessDenied"},
    {"eventType": "AwsServiceEvent"},
    {"eventType": "AwsConsoleAction"},
    {"eventType": "AwsConsoleSignIn", "eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}},
    {"eventType": "AwsConsoleSignIn", "eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Success"}},
    {"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure", "errorCode": ""}},
    {"eventType": ...},
    {"eventCategory": "Insight"},
    {"eventCategory": ...},
    {"responseElements": {"errorCode": "InvalidParameter"}},
    {"responseElements": {"errorCode": 5, "errorMessage": "no"}},
    {"responseElements": {"errorCode": 0}},
    {"responseElements": {"errorCode": "", "errorMessage": None}},
    {"responseElements": {"errorMessage": "no"}, "who": {"invokedBy": "x.amazonaws.com"}},
    {"responseElements": {"errorCode": None}, "who": {"invokedBy": "x.amazonaws.com"}},
    {"responseElements": {"failed": [{"errorCode": "one of many"}]}},
    {"responseElements": {"credentials": {"accessKeyId": session(9999)}}},
    {"sharedEventID": "s", "recipientAccountId": OTHER},
    {"sharedEventID": "s"},
    {"sharedEventID": "", "recipientAccountId": OTHER},
    {"sharedEventID": "s", "recipientAccountId": ...},
    {"recipientAccountId": OTHER},
    {"sharedEventID": "s", "who": {"type": "AWSAccount"}},
    {"who": {"type": "AWSService"}},
    {"who": {"accessKeyId": ""}},
    {"who": {"accessKeyId": None}},
    {"who": {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}},
    {"who": {"type": None, "arn": None, "accountId": None}},
    {"userIdentity": None},
    {"userIdentity": ...},
    {"userAgent": "Boto3/1.44 keywatch"},
    {"who": {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/keywatch"}},
    {"who": {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/keywatch-2"}},
    {"userAgent": None, "sourceIPAddress": None},
    {"eventVersion": "1.0"},
    {"eventVersion": "2.0"},
    {"eventVersion": ""},
    {"eventVersion": ...},
    {"eventName": ...},
    {"eventSource": None},
    {"eventTime": ...},
    {"eventTime": "zesterday"},
    {"eventTime": "2026-99-99T00:00:00Z"},
    {"eventTime": f"{NOW + timedelta(days=1):%Y-%m-%dT%H:%M:%S}+02:00"},
    {"eventTime": f"{NOW + timedelta(days=400):%Y-%m-%dT%H:%M:%SZ}"},
    {"eventTime": f"{NOW - timedelta(minutes=2):%Y-%m-%dT%H:%M:%S}.250Z"},
)


def some(seed: int, count: int = 120) -> list[Record]:
    """`count` records of the last day, of which no two are of one time."""
    chance = random.Random(seed)  # noqa: S311 - the same records for the same seed
    moments = [NOW - timedelta(seconds=seconds) for seconds in chance.sample(range(60, 80_000), count)]
    known = [*KEYS]
    found: list[Record] = []
    for number, at in enumerate(sorted(moments)):
        key = chance.choice([*known, *known[-4:], LOOSE])
        changes = dict(chance.choice(EXCEPTIONS)) if chance.random() < 0.6 else {}
        if str(changes.get("eventTime")).endswith(".250Z"):
            changes["eventTime"] = f"{at:%Y-%m-%dT%H:%M:%S}.250Z"
        if chance.random() < 0.25:
            new = session(number) if chance.random() < 0.9 else key
            name = chance.choice(["AssumeRole", "GetSessionToken", "GetFederationToken", "AssumeRoleWithSAML"])
            broken: Record = {"responseElements": chance.choice([None, {}, {"credentials": None}, {"credentials": {}}])}
            found.append(made(at, new, key, eventName=name, **(changes if "eventName" not in changes else broken)))
            known.append(new)
        else:
            found.append(record(at, key, **changes))
    chance.shuffle(found)
    return found
