"""The loopback AWS says what it was told, in the words that botocore understands."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.aws.server import Asked, AwsFault, Caller, FakeAws, refusing

AT = datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC)
ACCOUNT = "111122223333"
USER = {"Path": "/", "UserName": "ä<&>", "UserId": "AIDA" + "A" * 17, "Arn": f"arn:aws:iam::{ACCOUNT}:user/x"}


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as server:
        yield server


def client(server: FakeAws, service: str, attempts: int = 1) -> Any:  # noqa: ANN401 - any service's
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=server.url, region_name="eu-west-1", config=config)  # type: ignore[call-overload]


def snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


@pytest.mark.parametrize(
    ("service", "operation", "params", "answer"),
    [
        (
            "iam",
            "ListUsers",
            {"MaxItems": 5, "Marker": "a b"},
            {"Users": [USER | {"CreateDate": AT}], "IsTruncated": True, "Marker": "m"},
        ),
        ("iam", "ListAccessKeys", {"UserName": "ü"}, {"AccessKeyMetadata": [], "IsTruncated": False}),
        ("iam", "GetAccountSummary", {}, {"SummaryMap": {"Users": 3, "AccountAccessKeysPresent": 0}}),
        (
            "iam",
            "GetCredentialReport",
            {},
            {"Content": b"user,arn\n\xc3\xbc,x\n", "ReportFormat": "text/csv", "GeneratedTime": AT},
        ),
        (
            "sts",
            "AssumeRole",
            {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/x", "RoleSessionName": "keywatch", "DurationSeconds": 900},
            {
                "Credentials": {
                    "AccessKeyId": "ASIA" + "KEYWATCHTEST" + "AAAA",
                    "SecretAccessKey": "invented",
                    "SessionToken": "invented",
                    "Expiration": AT,
                }
            },
        ),
        (
            "organizations",
            "ListAccounts",
            {"NextToken": "1"},
            {"Accounts": [{"Id": ACCOUNT, "Name": "Ünë", "State": "ACTIVE", "JoinedTimestamp": AT}], "NextToken": "2"},
        ),
        (
            "cloudtrail",
            "LookupEvents",
            {
                "LookupAttributes": [
                    {"AttributeKey": "AccessKeyId", "AttributeValue": "AKIA" + "KEYWATCHTEST" + "AAAA"}
                ],
                "StartTime": AT,
                "MaxResults": 50,
            },
            {"Events": [{"EventId": "e", "EventTime": AT, "CloudTrailEvent": '{"a": "ü"}'}], "NextToken": "n"},
        ),
        (
            "secretsmanager",
            "ListSecrets",
            {"IncludePlannedDeletion": True},
            {"SecretList": [{"Name": "s", "LastAccessedDate": AT, "Tags": [{"Key": "a", "Value": "b"}]}]},
        ),
        (
            "ssm",
            "DescribeParameters",
            {"ParameterFilters": [{"Key": "Type", "Values": ["String"]}]},
            {"Parameters": [{"Name": "/p", "Type": "String", "Version": 3, "LastModifiedDate": AT}]},
        ),
        (
            "athena",
            "GetQueryResults",
            {"QueryExecutionId": "q"},
            {"ResultSet": {"Rows": [{"Data": [{"VarCharValue": "a"}, {}]}]}, "UpdateCount": 0},
        ),
        (
            "s3",
            "ListObjectsV2",
            {"Bucket": "bucket", "Prefix": "a b/ü", "StartAfter": "k"},
            {"Name": "bucket", "IsTruncated": False, "Contents": [{"Key": "a b/ü", "Size": 3, "LastModified": AT}]},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_goes_in_comes_out(
    aws: FakeAws, service: str, operation: str, params: dict[str, Any], answer: dict[str, Any]
) -> None:
    """A handler gets the parameters that the caller gave, and the caller gets the answer that the handler gave."""
    aws.on(service, operation, lambda _params, _caller: answer)
    got = getattr(client(aws, service), snake(operation))(**params)
    del got["ResponseMetadata"]
    got.pop("EncodingType", None)
    assert answer == got
    assert params == {name: value for name, value in aws.asked[0].params.items() if name != "EncodingType"}


def test_an_object_has_a_body(aws: FakeAws) -> None:
    """S3's bodies are bytes, and a key may hold whatever a URL must not."""
    aws.on("s3", "GetObject", lambda params, _: {"Body": params["Key"].encode(), "Metadata": {"signature": "00"}})
    got = client(aws, "s3").get_object(Bucket="bucket", Key="a b/ü+?")
    assert got["Body"].read() == "a b/ü+?".encode()
    assert got["Metadata"] == {"signature": "00"}


def test_it_is_known_who_asked(aws: FakeAws) -> None:
    """The record of a request says who signed it, for which region and service, and how often."""
    aws.on("sts", "GetCallerIdentity", lambda _params, _caller: {"Account": ACCOUNT})
    sts = client(aws, "sts")
    sts.get_caller_identity()
    sts.get_caller_identity()
    caller = Caller("AKIA" + "KEYWATCHTEST" + "2345", "eu-west-1", "sts")
    assert [Asked("sts", "GetCallerIdentity", {}, caller, time) for time in (1, 2)] == aws.asked
    assert (2, 0) == (aws.calls("GetCallerIdentity"), aws.calls(service="iam"))


@pytest.mark.parametrize("returned", [True, False])
@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("iam", "GetCredentialReport", "ReportNotPresent", 410),
        ("organizations", "ListAccounts", "AWSOrganizationsNotInUseException", 400),
        ("s3", "ListBuckets", "AccessDenied", 403),
    ],
)
def test_a_fault_is_an_error_of_aws(
    aws: FakeAws, service: str, operation: str, code: str, status: int, *, returned: bool
) -> None:
    """A handler's fault reaches the caller with its code, message and status in all three protocols."""

    def handler(_params: dict[str, Any], _caller: Caller) -> AwsFault:
        fault = AwsFault(code, "no & no", status)
        if returned:
            return fault
        raise fault

    aws.on(service, operation, handler)
    with pytest.raises(ClientError) as caught:
        getattr(client(aws, service), snake(operation))()
    assert {"Code": code, "Message": "no & no"}.items() <= caught.value.response["Error"].items()
    assert status == caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param({"Users": []}, "", id="right"),
        pytest.param({"Users": [USER]}, 'Missing required parameter in Users\\[0\\]: "CreateDate"', id="missing"),
        pytest.param({"Users": [], "Marke": "m"}, 'Unknown parameter in input: "Marke"', id="unknown"),
        pytest.param({"Users": "none"}, "Invalid type for parameter Users", id="type"),
        pytest.param(None, "nobody answers iam:ListUsers", id="no-handler"),
    ],
)
def test_an_answer_that_aws_would_not_give_is_a_mistake(answer: dict[str, Any] | None, told: str) -> None:
    """A test that lets AWS say what its model does not allow fails, even if the code under test would swallow it."""
    server = FakeAws({("iam", "ListUsers"): lambda _params, _caller: answer} if answer is not None else {})
    if not told:
        with server:
            assert client(server, "iam").list_users()["Users"] == []
        return
    with pytest.raises(AssertionError, match=told), server, pytest.raises(ClientError):
        client(server, "iam").list_users()


def test_a_share_is_refused_and_always_the_same(aws: FakeAws) -> None:
    """Three in ten are refused, the same ones each time; the same question asked again is drawn anew."""
    aws.on("iam", "GetAccessKeyLastUsed", lambda params, _: {"UserName": params["AccessKeyId"]})
    asked = [
        Asked("iam", "GetAccessKeyLastUsed", {"AccessKeyId": f"AKIA{number:016}"}, Caller("", "", "iam"), time)
        for number in range(1000)
        for time in (1, 2)
    ]
    first, again, other = (
        [rule(item) is not None for item in asked] for rule in (refusing(0.3), refusing(0.3), refusing(0.3, seed=2))
    )
    assert first == again != other
    assert 500 < sum(first) < 700
    assert first[::2] != first[1::2]


def test_a_refused_call_may_be_tried_again(aws: FakeAws) -> None:
    """Throttling is what botocore takes for throttling."""
    aws.on("iam", "ListUsers", lambda _params, _caller: {"Users": [], "IsTruncated": False})
    aws.fault = lambda asked: AwsFault("Throttling") if asked.time == 1 else None
    assert client(aws, "iam", attempts=2).list_users()["Users"] == []
    assert aws.calls("ListUsers") == 2
