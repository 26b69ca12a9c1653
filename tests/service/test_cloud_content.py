"""Buckets and log groups as sources of the daemon, and as targets of the command."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import boto3
import pytest

from keywatch.cli.main import run
from tests.service.installation import Installation

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

CONFIG = Path(__file__).parents[2] / "config" / "aws"


def secret(name: str) -> str:
    return "amzn1.oa2-cs.v1." + hashlib.sha256(name.encode()).hexdigest()


@pytest.fixture
def s3(aws_url: str) -> "S3Client":
    client: S3Client = boto3.client("s3", endpoint_url=aws_url, region_name="us-east-1")
    client.create_bucket(Bucket="example-logs")
    return client


@pytest.fixture
def logs(aws_url: str) -> "CloudWatchLogsClient":
    client: CloudWatchLogsClient = boto3.client("logs", endpoint_url=aws_url, region_name="us-east-1")
    client.create_log_group(logGroupName="/ecs/helpdesk")
    client.create_log_stream(logGroupName="/ecs/helpdesk", logStreamName="web/1")
    return client


@pytest.fixture
def here(tmp_path: Path, rules_cache: Path) -> Installation:
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    return Installation(tmp_path)


def put(logs: "CloudWatchLogsClient", at: datetime, message: str) -> None:
    entry: Any = {"timestamp": int(at.timestamp() * 1000), "message": message}
    logs.put_log_events(logGroupName="/ecs/helpdesk", logStreamName="web/1", logEvents=[entry])


def places(here: Installation) -> list[tuple[str, str, int]]:
    return sorted((p.target, p.path, p.line) for item in here.findings() for p in item.finding.places)


def test_the_daemon_reads_a_bucket(here: Installation, s3: "S3Client", aws_url: str) -> None:
    """What is in it is found and told; each version is read once, and the memory is in the state directory."""
    here.configure(f'[[bucket]]\nname = "logs"\nurl = "s3://example-logs/rotated/"\nendpoint_url = "{aws_url}"\n')
    s3.put_object(Bucket="example-logs", Key="rotated/app.1", Body=f"one\nSECRET={secret('a')}\n".encode())
    assert here.news()
    assert [("s3://example-logs/rotated/", "rotated/app.1", 2)] == places(here)
    assert (here.source("s3:logs").items, here.news()) == (1, [])
    assert here.source("s3:logs").items == 0
    s3.put_object(Bucket="example-logs", Key="rotated/app.2", Body=secret("b").encode())
    assert len(here.news()) == 1
    assert here.source("s3:logs").items == 1
    assert [path.stat().st_mode & 0o777 for path in (here.directory / "state" / "objects").iterdir()] == [0o600] * 2


def test_the_daemon_reads_log_groups(here: Installation, logs: "CloudWatchLogsClient", aws_url: str) -> None:
    """A secret in an event is told with group, stream and moment."""
    config = f'[[cloudwatch]]\nname = "prod"\ngroups = ["/ecs/*"]\nendpoint_url = "{aws_url}"\n'
    here.configure(config)
    here.now = now = datetime.now(UTC)
    put(logs, now, f"key {secret('a')}")
    assert here.news()
    moment = f"{now:%Y-%m-%dT%H:%M:%S}.{int(now.timestamp() * 1000) % 1000:03d}Z"
    assert [("cloudwatch:us-east-1", f"/ecs/helpdesk/web/1@{moment}", 1)] == places(here)
    assert here.news() == []
    here.configure(config.replace('"/ecs/*"', '"/ecs/*", "/missing"'))
    here.cycle()
    assert [item.what for item in here.source("cloudwatch:prod").skipped] == ["log group /missing"]


def test_a_bucket_is_a_target(
    s3: "S3Client",
    aws_url: str,
    here: Installation,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`keywatch scan s3://…` finds, says where, and fails where it could not look."""
    monkeypatch.setenv("STATE_DIRECTORY", str(here.directory / "state"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_url)
    s3.put_object(Bucket="example-logs", Key="a/../b.env", Body=secret("a").encode())
    assert run(["scan", "--format", "json", "s3://example-logs"]) == 1
    [finding] = json.loads(capsys.readouterr().out)["findings"]
    assert [(place["target"], place["path"]) for place in finding["places"]] == [("s3://example-logs", "a/../b.env")]
    assert run(["scan", "s3://example-logs/misspelled"]) == 2
    assert run(["scan", "s3://nowhere"]) == 2
    assert "there is no bucket nowhere" in capsys.readouterr().err
    assert run(["scan", "--since", "main", "s3://example-logs"]) == 2


def check_requests(url: str, *, after: bytes) -> None:
    """Let moto look at signatures and policies after so many more requests."""
    kind = {"Content-Type": "text/plain"}
    with urlopen(Request(f"{url}/moto-api/reset-auth", data=after, headers=kind, method="POST")):  # noqa: S310
        pass


def test_the_policies_that_ship_suffice(  # noqa: PLR0917 - fixtures
    s3: "S3Client",
    logs: "CloudWatchLogsClient",
    aws_url: str,
    here: Installation,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what `config/aws/` grants, in an AWS that enforces it, both sources read, and nothing else is granted."""
    here.now = now = datetime.now(UTC)
    s3.put_object(Bucket="example-logs", Key="rotated/app.1", Body=secret("a").encode())
    s3.put_object(Bucket="example-logs", Key="elsewhere/app.1", Body=secret("c").encode())
    put(logs, now, secret("b"))
    iam = boto3.client("iam", endpoint_url=aws_url, region_name="us-east-1")
    iam.create_user(UserName="keywatch")
    for name in ("buckets-policy", "log-groups-policy"):
        policy = json.loads((CONFIG / f"{name}.json").read_text("utf-8"))
        if name == "log-groups-policy":
            # Of what is not in S3, moto asks for the action alone.
            policy["Statement"] = [item | {"Resource": "*"} for item in policy["Statement"]]
        iam.put_user_policy(UserName="keywatch", PolicyName=name, PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="keywatch")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    request.addfinalizer(lambda: check_requests(aws_url, after=b"inf"))
    check_requests(aws_url, after=b"0")
    here.configure(
        f'[[bucket]]\nname = "logs"\nurl = "s3://example-logs/rotated/"\nendpoint_url = "{aws_url}"\n'
        f'[[cloudwatch]]\nname = "prod"\ngroups = ["/ecs/*"]\nendpoint_url = "{aws_url}"\n'
    )
    assert here.cycle()
    assert len(places(here)) == 2
    here.configure(here.config.replace("rotated/", "elsewhere/"))
    here.cycle()
    assert [item.why for item in here.source("s3:logs").skipped] == ["s3:GetObject was refused"]
