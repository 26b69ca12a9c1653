"""What the trail itself says that it records, and what is then claimed of keys."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.calls.cloudtrail import CloudTrailFiles
from keywatch.collect.calls.cloudtrail_trail import Trail, TrailFacts
from keywatch.model.source import Skipped
from tests.aws.server import AwsFault, FakeAws
from tests.calls.trail import read

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNT = "111122223333"
ARN = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/audit"
STARTED = NOW - 900 * DAY
UNASKED = "what the trail records could not be asked: reads, regions or services may be left out"


class Account(FakeAws):
    """An account with one trail, which a test changes as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.trail: dict[str, Any] = {
            "Name": "audit",
            "S3BucketName": "trail",
            "S3KeyPrefix": "logs",
            "TrailARN": ARN,
            "IncludeGlobalServiceEvents": True,
            "IsMultiRegionTrail": True,
            "IsOrganizationTrail": True,
        }
        self.others: list[dict[str, Any]] = []
        self.status: dict[str, Any] = {"IsLogging": True, "StartLoggingTime": STARTED, "LatestDeliveryTime": NOW}
        self.selectors: dict[str, Any] = {}
        self.on("cloudtrail", "DescribeTrails", self._describe)
        self.on("cloudtrail", "GetTrailStatus", lambda params, _: self.status if params["Name"] == ARN else {})
        self.on("cloudtrail", "GetEventSelectors", lambda params, _: {"TrailARN": params["TrailName"]} | self.selectors)

    def _describe(self, params: dict[str, Any], _: object) -> dict[str, Any]:
        named = params.get("trailNameList")
        trails = [*self.others, self.trail]
        return {"trailList": [one for one in trails if not named or {one["Name"], one["TrailARN"]} & set(named)]}

    def facts(self, name: str | None = None, prefix: str = "/logs/") -> TrailFacts:
        access = AwsAccess(endpoint_url=self.url, attempts=1)
        return Trail(AwsClients("cloudtrail:org", access), bucket="trail", prefix=prefix, name=name).facts()


@pytest.fixture
def account() -> Iterator[Account]:
    with Account() as server:
        yield server


def test_an_organisations_trail_of_everything_leaves_nothing_out(account: Account) -> None:
    """The trail is found by bucket and prefix among others; with all events and regions its silence is believed."""
    account.others = [account.trail | {"S3BucketName": "other", "TrailARN": ARN + "2"}, {"Name": "x", "TrailARN": "x"}]
    assert TrailFacts(started=STARTED, delivered=NOW) == account.facts()


def test_a_trail_is_named(account: Account) -> None:
    """By name or ARN; one that delivers elsewhere is not taken for ours."""
    assert account.facts("audit") == account.facts(ARN) == TrailFacts(started=STARTED, delivered=NOW)
    assert [("audit", "us-east-1"), (ARN, "eu-west-1")] == [
        (ask.params["trailNameList"][0], ask.caller.region) for ask in account.asked[::3]
    ]
    account.trail["S3KeyPrefix"] = "elsewhere"
    assert account.facts("audit").unseen == (UNASKED,)


def test_a_trail_of_one_account_speaks_for_that_one(account: Account) -> None:
    """A trail that is no organisation's records its own account's calls alone."""
    account.trail["IsOrganizationTrail"] = False
    assert account.facts().account == ACCOUNT


@pytest.mark.parametrize(
    ("trail", "selectors", "clause"),
    [
        pytest.param(
            {"IsMultiRegionTrail": False},
            {},
            "the trail is of eu-west-1 alone: calls in other regions would not be seen",
            id="single-region",
        ),
        pytest.param(
            {"IncludeGlobalServiceEvents": False},
            {},
            "the trail leaves out global services (IAM, STS, CloudFront): calls there would not be seen",
            id="no-global-services",
        ),
        pytest.param(
            {},
            {"EventSelectors": [{"ReadWriteType": "WriteOnly"}]},
            "the trail records writes only: reads would not be seen",
            id="writes-only",
        ),
        pytest.param(
            {},
            {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]},
            "the trail records no management events: what is no call for data would not be seen",
            id="data-only",
        ),
    ],
)
def test_what_is_left_out_is_a_clause(
    account: Account, trail: dict[str, Any], selectors: dict[str, Any], clause: str
) -> None:
    """Each way in which a trail is narrow is told in words; it is no trouble that needs mending."""
    account.trail |= trail
    account.selectors = selectors
    assert TrailFacts(unseen=(clause,), started=STARTED, delivered=NOW) == account.facts()


def test_a_stopped_trail_is_told(account: Account) -> None:
    """A trail that is not logging is told with since when and how to start it."""
    account.status = {"IsLogging": False, "StartLoggingTime": STARTED, "StopLoggingTime": NOW - 3 * DAY}
    facts = account.facts()
    why = "the trail is not logging since 2026-11-20T12:00:00Z"
    assert (NOW - 3 * DAY, (why,)) == (facts.stopped, facts.unseen)
    [skipped] = facts.trouble
    assert ("audit", why) == (skipped.what, skipped.why)
    assert "aws cloudtrail start-logging --name audit" in (skipped.hint or "")
    account.status = {}
    assert account.facts().unseen == ("the trail is not logging",)


@pytest.mark.parametrize(("error", "told"), [("NoSuchBucket", "NoSuchBucket"), ("<script> x", "an error of S3")])
def test_a_trail_that_cannot_deliver_is_told(account: Account, error: str, told: str) -> None:
    """What S3 refuses is lost after a while; only what looks like a code is repeated."""
    account.status["LatestDeliveryError"] = error
    [skipped] = account.facts().trouble
    assert f"the trail could not deliver to its bucket ({told})" == skipped.why == account.facts().unseen[0]


def test_a_delivery_that_is_not_there_is_told(account: Account) -> None:
    """Where the trail delivered what the bucket does not show, what is covered ends with the newest file."""
    account.status["LatestDeliveryTime"] = NOW - timedelta(hours=1)
    name = f"{ACCOUNT}_CloudTrail_us-east-1_20261123T0600Z_0000000000000001.json.gz"
    key = f"logs/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/23/{name}"
    account.on("s3", "ListObjectsV2", lambda params, _: listed(params, key))
    account.on("s3", "GetObject", lambda *_: {"Body": gzip.compress(b'{"Records": []}')})
    access = AwsAccess(endpoint_url=account.url, attempts=1)
    source = CloudTrailFiles("org", access, bucket="trail", prefix="logs", now=lambda: NOW)
    _, [skipped], last = read(source)
    assert skipped.why == (
        "the trail delivered at 2026-11-23T11:00:00Z, but the newest file here is of 2026-11-23T06:00:00Z"
    )
    assert last.coverage.until == NOW - timedelta(hours=6)
    account.status["LatestDeliveryTime"] = NOW - timedelta(hours=5)
    _, skips, last = read(source)
    assert ([], NOW - timedelta(minutes=15)) == (skips, last.coverage.until)


def listed(params: dict[str, Any], key: str) -> dict[str, Any]:
    prefix = params["Prefix"]
    if "Delimiter" not in params:
        return {"IsTruncated": False, "Contents": [{"Key": key}]}
    folder = prefix + key.removeprefix(prefix).split("/")[0] + "/"
    return {"IsTruncated": False, "CommonPrefixes": [{"Prefix": folder}]}


def test_of_several_trails_the_widest_speaks(account: Account) -> None:
    """Two trails may fill one bucket: a narrow one takes nothing from the other."""
    account.others = [account.trail | {"IsMultiRegionTrail": False, "TrailARN": ARN}]
    assert account.facts().unseen == ()


@pytest.mark.parametrize("action", ["DescribeTrails", "GetTrailStatus", "GetEventSelectors"])
def test_a_refusal_is_a_fact(account: Account, action: str) -> None:
    """Where the trail may not be asked, its silence is not believed; what to allow is said, and reading goes on."""
    account.fault = lambda ask: AwsFault("AccessDeniedException", status=400) if ask.operation == action else None
    facts = account.facts()
    [skipped] = facts.trouble
    assert (UNASKED,) == facts.unseen
    assert f"allow cloudtrail:{action}" in (skipped.hint or "")
    assert "s3://trail/logs" in skipped.what


def test_a_trail_we_are_not_shown_is_a_fact(account: Account) -> None:
    """A bucket that another account's trail fills: what to do is said."""
    facts = account.facts(prefix="elsewhere")
    [skipped] = facts.trouble
    assert (UNASKED,) == facts.unseen
    assert "assume_complete = true" in (skipped.hint or "")


def test_check_tells_each(account: Account) -> None:
    """`check` names what can be asked, then what the trail leaves out."""

    def checked() -> list[str | Skipped]:
        access = AwsAccess(endpoint_url=account.url, attempts=1)
        return list(Trail(AwsClients("cloudtrail:org", access), bucket="trail", prefix="logs").check())

    asked = "cloudtrail:DescribeTrails, GetTrailStatus, GetEventSelectors"
    assert [asked] == checked()
    account.trail["IsMultiRegionTrail"] = False
    first, second = checked()
    assert asked == first
    assert isinstance(second, Skipped)
    assert "eu-west-1 alone" in second.why
    account.fault = lambda _: AwsFault("AccessDeniedException")
    [refused] = checked()
    assert isinstance(refused, Skipped)


def test_motos_trail_is_understood(aws_url: str) -> None:
    """What moto answers for a trail that was made and started is read as AWS's own."""
    s3 = boto3.client("s3", endpoint_url=aws_url, region_name="us-east-1")
    s3.create_bucket(Bucket="trail")
    client = boto3.client("cloudtrail", endpoint_url=aws_url, region_name="us-east-1")
    client.create_trail(Name="audit", S3BucketName="trail", IsMultiRegionTrail=True)
    trail = Trail(AwsClients("cloudtrail:org", AwsAccess(endpoint_url=aws_url, attempts=1)), bucket="trail", prefix="")
    assert trail.facts().unseen == ("the trail is not logging",)
    client.start_logging(Name="audit")
    facts = trail.facts()
    assert ((), "123456789012") == (facts.unseen, facts.account)
    selector: Any = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
    client.put_event_selectors(TrailName="audit", EventSelectors=[selector])
    assert trail.facts().unseen == ("the trail records writes only: reads would not be seen",)
