"""What one CloudTrail record proves, exceptions included."""

import json

import pytest

from keywatch.collect.calls.cloudtrail_record import Record, decode, issued, known_version, moment, outcome, own, signer
from keywatch.model.call import Outcome

KEY = "AKIA" + "KEYWATCHTESTAAAA"
SESSION = "ASIA" + "KEYWATCHTESTAAAA"
ACCOUNT = "111122223333"


def raw(identity: dict[str, object] | None = None, **changes: object) -> dict[str, object]:
    who = {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/orders",
        "accountId": ACCOUNT,
        "accessKeyId": KEY,
        "userName": "orders",
    }
    record: dict[str, object] = {
        "eventVersion": "1.11",
        "userIdentity": who | (identity or {}),
        "eventTime": "2026-11-23T11:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "aws-cli/2",
        "requestParameters": {"deep": [{"er": None}]},
        "responseElements": None,
        "eventID": "1",
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    return {name: value for name, value in (record | changes).items() if value is not ...}


def record(identity: dict[str, object] | None = None, **changes: object) -> Record:
    [found], broken = decode(json.dumps({"Records": [raw(identity, **changes)]}).encode())
    assert broken == 0
    return found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, Outcome.SUCCESS, id="no-error"),
        pytest.param({"errorCode": None, "errorMessage": ""}, Outcome.SUCCESS, id="empty-error"),
        pytest.param({"responseElements": {"instances": [{"errorCode": "x"}]}}, Outcome.SUCCESS, id="inner-error-code"),
        pytest.param({"errorCode": "AccessDenied"}, Outcome.FAILURE, id="denied"),
        pytest.param({"errorCode": "ThrottlingException"}, Outcome.FAILURE, id="throttled"),
        pytest.param({"errorMessage": "Failed authentication"}, Outcome.FAILURE, id="message-without-code"),
        pytest.param({"responseElements": {"errorCode": 404}}, Outcome.FAILURE, id="error-in-the-response"),
        pytest.param({"errorCode": "Client.DryRunOperation"}, Outcome.ATTEMPT, id="dry-run"),
        pytest.param({"eventType": "AwsServiceEvent"}, None, id="service-event"),
        pytest.param({"eventCategory": "Insight"}, None, id="insight"),
        pytest.param({"eventType": "AwsConsoleAction"}, Outcome.ATTEMPT, id="console"),
        pytest.param({"eventType": ...}, Outcome.ATTEMPT, id="no-type"),
        pytest.param(
            {
                "eventName": "ConsoleLogin",
                "eventType": "AwsConsoleSignIn",
                "responseElements": {"ConsoleLogin": "Failure"},
            },
            Outcome.FAILURE,
            id="failed-login-without-error-code",
        ),
    ],
)
def test_outcome(changes: dict[str, object], expected: Outcome | None) -> None:
    """Success is an API call without errorCode and errorMessage, with the documented exceptions."""
    assert expected is outcome(record(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "expected"), [("1.11", True), ("1.99", True), (None, True), ("2.0", False), ("", False)]
)
def test_versions(version: str | None, expected: bool) -> None:
    """Minor versions add fields; another major version may mean anything."""
    assert expected is known_version(record(eventVersion=version))


def test_a_service_acting_for_the_key_is_an_attempt() -> None:
    """With `invokedBy` an AWS service used forwarded credentials: the key itself called nothing."""
    assert outcome(record({"invokedBy": "cloudformation.amazonaws.com"})) is Outcome.ATTEMPT


@pytest.mark.parametrize(
    ("identity", "changes", "expected"),
    [
        pytest.param({}, {}, KEY, id="a-user"),
        pytest.param({"accessKeyId": ""}, {}, None, id="empty"),
        pytest.param({"type": "AWSAccount"}, {}, None, id="the-other-accounts-copy"),
        pytest.param({"type": "AWSService"}, {}, None, id="a-service"),
        pytest.param({}, {"sharedEventID": "s", "recipientAccountId": "4" * 12}, None, id="shared-foreign"),
        pytest.param({}, {"sharedEventID": "s"}, KEY, id="shared-own"),
        pytest.param({}, {"userIdentity": None}, None, id="nobody"),
        pytest.param({}, {"userIdentity": ...}, None, id="missing"),
    ],
)
def test_signer(identity: dict[str, object], changes: dict[str, object], expected: str | None) -> None:
    """The key is taken from the caller's own copy of a record, where there is one."""
    assert expected == signer(record(identity, **changes))


@pytest.mark.parametrize("name", ["AssumeRole", "GetSessionToken", "GetFederationToken"])
def test_a_session_is_traced_by_the_call_that_made_it(name: str) -> None:
    """The three calls by which a long-lived key makes a session say the session's id."""
    response = {"credentials": {"accessKeyId": SESSION, "expiration": "Nov 23, 2026, 12:00:00 PM"}}
    assert SESSION == issued(record(eventSource="sts.amazonaws.com", eventName=name, responseElements=response))


@pytest.mark.parametrize("response", [None, {}, [], "text", {"credentials": None}, {"credentials": "hidden"}])
def test_a_response_of_any_shape_is_survived(response: object) -> None:
    """`responseElements` is the service's business, and may be anything."""
    found = record(eventSource="sts.amazonaws.com", eventName="AssumeRole", responseElements=response)
    assert issued(found) is None
    assert outcome(found) is Outcome.SUCCESS


def test_our_own_calls_are_ours() -> None:
    """Keywatch's session name and user agent mark what is no evidence of use."""
    assert own(record(userAgent="Boto3/1.44 md/Botocore keywatch"))
    assert own(record({"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/audit/keywatch"}))
    assert not own(record({"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/keywatch/ci"}))


def test_broken_records_cost_themselves() -> None:
    """Records of the wrong shape are counted, and the others of their file are read."""
    items = [raw(), 7, None, {"eventName": "x"}, raw(eventTime=7), raw(userIdentity="me"), raw()]
    records, broken = decode(json.dumps({"Records": items}).encode())
    assert (len(records), broken) == (2, 5)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cut off"),
        (b'{"Records": [{"eventName": "x"', "cut off"),
        (b"[]", "no list"),
        (b"{}", "no list"),
        (b'{"Records": 7}', "no list"),
        (b"\xff", "not JSON"),
        (b'{"Records":' + b"[" * 100_000, "not JSON"),
    ],
)
def test_a_file_of_something_else(data: bytes, why: str) -> None:
    """What is no log file is refused with a reason."""
    with pytest.raises(ValueError, match=why):
        decode(data)


@pytest.mark.parametrize("time", ["", "yesterday", "2026-11-23T11:00:00", "2026-11-23T11:00:00+01:00"])
def test_a_time_that_is_none(time: str) -> None:
    """A record's time is UTC, written with Z, or none at all."""
    with pytest.raises(ValueError):  # noqa: PT011 - the text is Python's
        moment(record(eventTime=time))


def test_unread_fields_may_be_anything() -> None:
    """Fields that are not read never make a record unreadable."""
    assert record(requestParameters=7, additionalEventData=[], tlsDetails="x").event_name == "DescribeInstances"
