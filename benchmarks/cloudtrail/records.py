"""Log files as a busy account's trail delivers them: mixed services, sessions, errors; some 1.2 kB an event."""

import gzip
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ACCOUNT = "111122223333"
REGIONS = ("us-east-1", "eu-west-1", "eu-central-1")
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CALLS = (
    ("ec2", "DescribeInstances", True, 400),
    ("ec2", "DescribeNetworkInterfaces", True, 300),
    ("sts", "AssumeRole", True, 500),
    ("kms", "Decrypt", True, 250),
    ("kms", "GenerateDataKey", True, 250),
    ("logs", "CreateLogStream", False, 120),
    ("ssm", "GetParameter", True, 90),
    ("ssm", "UpdateInstanceInformation", False, 500),
    ("s3", "GetBucketAcl", True, 200),
    ("ecs", "DescribeTasks", True, 600),
    ("lambda", "GetFunction20150331v2", True, 150),
    ("sqs", "GetQueueAttributes", True, 150),
    ("iam", "ListAccessKeys", True, 80),
    ("cloudwatch", "PutMetricAlarm", False, 700),
    ("dynamodb", "DescribeTable", True, 200),
)
_ERRORS = ("AccessDenied", "Client.UnauthorizedOperation", "ThrottlingException", "NoSuchEntityException")
_AGENTS = (
    "aws-sdk-java/2.25.11 Linux/5.10.215-203.850.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.11+9-LTS vendor/Amazon",
    "Boto3/1.34.106 md/Botocore#1.34.106 ua/2.0 os/linux#6.1.90-99.173.amzn2023.x86_64 lang/python#3.11.9",
    "aws-cli/2.15.30 Python/3.11.8 Linux/6.1.82 exe/x86_64.amzn.2023 prompt/off command/ec2.describe-instances",
    "APN/1.0 HashiCorp/1.0 Terraform/1.8.3 terraform-provider-aws/5.49.0 (+https://registry.terraform.io)",
)


class Trail:
    """Makes records: always the same ones."""

    def __init__(self, seed: int = 20261127) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - records, not secrets
        self.keys = [self._id("AKIA") for _ in range(200)]
        self._sessions = [self._id("ASIA") for _ in range(2000)]

    def files(self, directory: Path, count: int, events: int) -> tuple[list[Path], int]:
        """Write `count` files of `events` records each; return them, and how many bytes they inflate to."""
        paths, size = [], 0
        for number in range(count):
            begin = BEGIN + timedelta(minutes=5 * number)
            text = json.dumps({"Records": list(self._records(begin, events))}, separators=(",", ":")).encode()
            region = REGIONS[number % len(REGIONS)]
            name = f"{ACCOUNT}_CloudTrail_{region}_{begin:%Y%m%dT%H%MZ}_{number:016d}.json.gz"
            paths.append(directory / name)
            paths[-1].write_bytes(gzip.compress(text, 6, mtime=0))
            size += len(text)
        return paths, size

    def _records(self, begin: datetime, count: int) -> Iterator[dict[str, object]]:
        for number in range(count):
            # Records of a file stand in no order.
            yield self._record(begin + timedelta(seconds=self._dice.randrange(300)), number)

    def _record(self, at: datetime, number: int) -> dict[str, object]:
        dice = self._dice
        service, name, reads, size = _CALLS[dice.randrange(len(_CALLS))]
        record: dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": self._identity(at),
            "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "awsRegion": dice.choice(REGIONS),
            "sourceIPAddress": f"203.0.113.{dice.randrange(256)}",
            "userAgent": f"[{dice.choice(_AGENTS)}]",
        }
        failed = dice.random() < 0.06  # noqa: PLR2004 - one in sixteen
        if failed:
            record["errorCode"] = dice.choice(_ERRORS)
            record["errorMessage"] = f"User is not authorized to perform: {service}:{name} on resource: {self._hex(40)}"
        record["requestParameters"] = {"filterSet": {"items": [{"name": self._hex(12), "value": self._hex(size // 3)}]}}
        if name == "AssumeRole" and not failed:
            # An id is given once; whoever used the old one uses that of a key's new session from now on.
            made = self._id("ASIA")
            if record["userIdentity"].get("type") == "IAMUser":
                self._sessions[dice.randrange(len(self._sessions))] = made
            record["responseElements"] = {
                "credentials": {"accessKeyId": made, "sessionToken": self._hex(size // 2), "expiration": "soon"},
                "assumedRoleUser": {"assumedRoleId": f"AROA{self._hex(16)}:ci", "arn": f"arn:aws:sts::{ACCOUNT}:x/ci"},
            }
        else:
            record["responseElements"] = None if reads else {"_return": True, "detail": self._hex(size // 2)}
        return record | {
            "requestID": f"{self._hex(8)}-{self._hex(4)}-{self._hex(4)}-{self._hex(12)}",
            "eventID": f"{self._hex(8)}-{number:04x}-{self._hex(4)}-{self._hex(12)}",
            "readOnly": reads,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
            "tlsDetails": {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "clientProvidedHostHeader": f"{service}.eu-west-1.amazonaws.com",
            },
        }

    def _identity(self, at: datetime) -> dict[str, object]:
        kind = self._dice.random()
        if kind < 0.15:  # noqa: PLR2004 - a seventh are a service's own
            return {"type": "AWSService", "invokedBy": "ecs.amazonaws.com"}
        if kind < 0.4:  # noqa: PLR2004 - a quarter are signed by long-lived keys
            number = self._dice.randrange(len(self.keys))
            arn = f"arn:aws:iam::{ACCOUNT}:user/application-{number}"
            return {
                "type": "IAMUser",
                "principalId": f"AIDA{self._hex(17)}",
                "arn": arn,
                "accountId": ACCOUNT,
                "accessKeyId": self.keys[number],
                "userName": f"application-{number}",
            }
        # A few sessions make most calls.
        session = self._sessions[int(len(self._sessions) * self._dice.random() ** 3)]
        return {
            "type": "AssumedRole",
            "principalId": f"AROA{self._hex(17)}:i-{self._hex(17)}",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/application-role/i-{self._hex(17)}",
            "accountId": ACCOUNT,
            "accessKeyId": session,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": f"AROA{self._hex(17)}",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/application-role",
                    "accountId": ACCOUNT,
                    "userName": "application-role",
                },
                "attributes": {"creationDate": f"{at:%Y-%m-%dT%H:%M:%SZ}", "mfaAuthenticated": "false"},
                "ec2RoleDelivery": "2.0",
            },
        }

    def _id(self, prefix: str) -> str:
        return prefix + "".join(self._dice.choices(_LETTERS, k=16))

    def _hex(self, length: int) -> str:
        return f"{self._dice.getrandbits(4 * length):0{length}X}"
