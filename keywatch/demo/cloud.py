"""The demo's AWS account: moto's server over HTTP, with a past. No request leaves this machine."""

import gzip
import json
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from keywatch.model.secret import Secret

if TYPE_CHECKING:
    import boto3

ACCOUNT = "123456789012"
"""The account that moto plays unless it is told otherwise."""
REGION = "us-east-1"
BUCKET = "demo-cloudtrail"
_KEY_ID, _KEY = "AKIA" + "KEYWATCHDEMO" + "2345", "invented"
"""moto takes any."""
_DAYS_OF_TRAIL = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudUser:
    """An IAM user with one key, and what that key has done so far."""

    name: str
    owner: str
    age: timedelta
    """Of the key."""
    idle: timedelta | None
    """Since its last successful call; None: never used."""
    refused: timedelta | None = None
    """Since its last refused call."""


@dataclass(frozen=True, slots=True)
class CloudKey:
    """An access key that moto made."""

    id: str
    secret: Secret


class Cloud:
    """A seeded AWS account."""

    def __init__(self, url: str, now: datetime) -> None:
        self.url = url
        self._now = now
        session = _session()
        self._iam = session.client("iam", endpoint_url=url)
        self._s3 = session.client("s3", endpoint_url=url)
        self._cloudtrail = session.client("cloudtrail", endpoint_url=url)
        self._secrets = session.client("secretsmanager", endpoint_url=url)
        self.keys: dict[str, CloudKey] = {}
        """By user."""

    def seed(self, users: Iterable[CloudUser]) -> None:
        """Make the users, their keys, and a trail that has recorded every day of the last ninety-five."""
        people = list(users)
        for user in people:
            self._add(user)
        self._s3.create_bucket(Bucket=BUCKET)
        self._start_trail()
        calls: dict[datetime, list[dict[str, object]]] = {}
        for user in people:
            for at, error in ((user.idle, None), (user.refused, "AccessDenied")):
                if at is not None:
                    moment = self._now - at
                    calls.setdefault(self._delivery(moment), []).append(self._record(user.name, moment, error))
        for back in range(_DAYS_OF_TRAIL, -1, -1):
            day = self._delivery(self._now - timedelta(days=back))
            self._deliver(day, calls.get(day, []))

    def call(self, user: str, at: datetime) -> None:
        """Have a user make one successful call, and CloudTrail deliver the news."""
        self._deliver(at, [self._record(user, at, None)])

    def keep(self, user: str, name: str) -> None:
        """Have Secrets Manager keep a user's key, as its tags say."""
        key = self.keys[user]
        self._secrets.create_secret(
            Name=name, SecretString=key.secret.reveal().decode(), Tags=[{"Key": "access_key_id", "Value": key.id}]
        )

    def environment(self) -> dict[str, str]:
        """What makes boto3 in another process find this account and no other."""
        return {
            "AWS_ACCESS_KEY_ID": _KEY_ID,
            "AWS_SECRET_ACCESS_KEY": _KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def _add(self, user: CloudUser) -> None:
        from moto.iam.models import AccessKeyLastUsed, iam_backends

        self._iam.create_user(UserName=user.name, Tags=[{"Key": "owner", "Value": user.owner}])
        made = self._iam.create_access_key(UserName=user.name)["AccessKey"]
        self.keys[user.name] = CloudKey(made["AccessKeyId"], Secret(made["SecretAccessKey"].encode()))
        # moto has no way to make a key of last year, so its memory is given a past.
        for key in iam_backends[ACCOUNT]["aws"].users[made["UserName"]].access_keys:
            key.create_date = (self._now - user.age).replace(tzinfo=None)
            uses = [use for use in (user.idle, user.refused) if use is not None]
            if uses:
                key.last_used = AccessKeyLastUsed(self._now - min(uses), "sts", REGION)

    def _start_trail(self) -> None:
        from moto.cloudtrail.models import cloudtrail_backends

        trail = self._cloudtrail.create_trail(Name="demo", S3BucketName=BUCKET, IsMultiRegionTrail=True)["Name"]
        self._cloudtrail.start_logging(Name=trail)
        started = self._now - timedelta(days=_DAYS_OF_TRAIL + 1)
        # As with keys: moto knows no past.
        cloudtrail_backends[ACCOUNT][REGION].trails[trail].status.started = started.replace(tzinfo=None)

    def _record(self, user: str, at: datetime, error: str | None) -> dict[str, object]:
        record: dict[str, object] = {
            "eventVersion": "1.11",
            "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "eventID": f"{user}-{at:%Y%m%d%H%M%S}",
            "eventSource": "sts.amazonaws.com",
            "eventName": "GetCallerIdentity",
            "eventType": "AwsApiCall",
            "eventCategory": "Management",
            "awsRegion": REGION,
            "sourceIPAddress": "192.0.2.10",
            "userAgent": "demo",
            "recipientAccountId": ACCOUNT,
            "userIdentity": {
                "type": "IAMUser",
                "arn": f"arn:aws:iam::{ACCOUNT}:user/{user}",
                "accountId": ACCOUNT,
                "accessKeyId": self.keys[user].id,
                "userName": user,
            },
        }
        return record | ({"errorCode": error, "errorMessage": "not allowed"} if error else {})

    def _delivery(self, moment: datetime) -> datetime:
        """When the file with the calls of that day is delivered: at its end, but not later than now."""
        return min(moment.replace(hour=23, minute=55, second=0, microsecond=0), self._now)

    def _deliver(self, at: datetime, records: list[dict[str, object]]) -> None:
        name = f"{ACCOUNT}_CloudTrail_{REGION}_{at:%Y%m%dT%H%MZ}_{secrets.token_hex(8)}"
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{at:%Y/%m/%d}/{name}.json.gz"
        body = gzip.compress(json.dumps({"Records": records}).encode(), mtime=0)
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=body)


@contextmanager
def cloud_server(now: datetime) -> Iterator[Cloud]:
    """Run moto's server on the loopback interface, and forget it all afterwards."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # which logs every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        # moto's memory belongs to the process, not to the server: it may hold an earlier world.
        with urlopen(Request(f"{url}/moto-api/reset", method="POST")):  # noqa: S310 - our own loopback server
            yield Cloud(url, now)
    finally:
        server.stop()


def _session() -> "boto3.Session":
    import boto3

    return boto3.Session(aws_access_key_id=_KEY_ID, aws_secret_access_key=_KEY, region_name=REGION)
