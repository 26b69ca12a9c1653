"""What one CloudTrail record proves, exceptions included."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.collect.calls.cloudtrail_file import decode
from keywatch.collect.calls.cloudtrail_record import Record, issued, known_version, moment, outcome, own, signer
from keywatch.collect.calls.cloudtrail_sessions import Tracer
from keywatch.model.call import Outcome
from keywatch.model.key import SourceId

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


NESTED = json.dumps(raw(requestParameters="DEEP")).encode().replace(b'"DEEP"', b"[" * 50_000 + b"]" * 50_000)


def record(identity: dict[str, object] | None = None, **changes: object) -> Record:
    [found], broken = decode(json.dumps({"Records": [raw(identity, **changes)]}).encode())
    assert broken == 0
    return found


LOGIN = {"eventName": "ConsoleLogin", "eventType": "AwsConsoleSignIn"}
FAILED = {"responseElements": {"ConsoleLogin": "Failure"}}
FORWARDED = {"invokedBy": "cloudformation.amazonaws.com"}


@pytest.mark.parametrize(
    ("identity", "changes", "expected"),
    [
        pytest.param({}, {}, Outcome.SUCCESS, id="the-rule"),
        pytest.param({}, {"errorCode": None, "errorMessage": ""}, Outcome.SUCCESS, id="the-rule-empty-error"),
        pytest.param({}, {"readOnly": False, "eventCategory": "Data"}, Outcome.SUCCESS, id="the-rule-data-event"),
        pytest.param({}, {"errorCode": "AccessDenied"}, Outcome.FAILURE, id="the-rule-denied"),
        pytest.param({}, {"errorMessage": "Failed authentication"}, Outcome.FAILURE, id="the-rule-message-alone"),
        pytest.param({}, {"responseElements": {"errorCode": 404}}, Outcome.FAILURE, id="a-error-in-the-response"),
        pytest.param({}, {"responseElements": {"errorMessage": "no"}}, Outcome.FAILURE, id="a-message-in-the-response"),
        pytest.param({}, {"responseElements": {"errorCode": None}}, Outcome.SUCCESS, id="a-null-in-the-response"),
        pytest.param({}, {"responseElements": {"in": [{"errorCode": "x"}]}}, Outcome.SUCCESS, id="a-deeper-down"),
        pytest.param({}, LOGIN | FAILED | {"errorMessage": "no"}, Outcome.FAILURE, id="b-login-with-message"),
        pytest.param({}, LOGIN | FAILED, Outcome.FAILURE, id="b-login-told-by-the-response-alone"),
        pytest.param(
            {}, LOGIN | {"responseElements": {"ConsoleLogin": "Success"}}, Outcome.ATTEMPT, id="b-login-is-no-api-call"
        ),
        pytest.param({}, {"errorCode": "Client.DryRunOperation"}, Outcome.ATTEMPT, id="c-dry-run"),
        pytest.param(
            {},
            {"errorCode": "DryRunOperation", "errorMessage": "x"},
            Outcome.ATTEMPT,
            id="c-dry-run-of-another-service",
        ),
        pytest.param({}, {"eventType": "AwsServiceEvent"}, None, id="d-service-event"),
        pytest.param({}, {"eventType": "AwsServiceEvent", "errorCode": "x"}, None, id="d-service-event-that-failed"),
        pytest.param(FORWARDED, {}, Outcome.ATTEMPT, id="e-a-service-acting-for-the-key"),
        pytest.param(FORWARDED, {"errorCode": "AccessDenied"}, Outcome.FAILURE, id="e-which-was-denied"),
        pytest.param({}, {"errorCode": "ThrottlingException"}, Outcome.FAILURE, id="f-throttled"),
        pytest.param({}, {"errorCode": "NoSuchEntityException"}, Outcome.FAILURE, id="f-not-found"),
        pytest.param({}, {"eventCategory": "Insight"}, None, id="insight"),
        pytest.param({}, {"eventType": "AwsConsoleAction"}, Outcome.ATTEMPT, id="console"),
        pytest.param({}, {"eventType": "AwsTomorrowsEvent"}, Outcome.ATTEMPT, id="a-type-of-tomorrow"),
        pytest.param({}, {"eventType": ...}, Outcome.ATTEMPT, id="no-type"),
    ],
)
def test_outcome(identity: dict[str, object], changes: dict[str, object], expected: Outcome | None) -> None:
    """
    Success is an API call without errorCode and errorMessage.

    The exceptions: (a) services that tell an error in the response, (b) console logins, (c) dry runs, (d) events that
    are a service's own, (e) services that act with forwarded credentials, (f) throttled or not found, which is no
    success though the key is valid.
    """
    assert expected is outcome(record(identity, **changes))


@pytest.mark.parametrize(
    ("version", "expected"), [("1.11", True), ("1.99", True), (None, True), ("2.0", False), ("", False)]
)
def test_versions(version: str | None, expected: bool) -> None:
    """Minor versions add fields; another major version may mean anything."""
    assert expected is known_version(record(eventVersion=version))


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
        (b'{"Records":' + b"[" * 100_000, "nested too deeply"),
        (b'{"Records": [' + NESTED + b"]}", "nested too deeply"),
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


def test_a_deep_but_readable_record_is_read() -> None:
    """What AWS's services nest is read without a thought."""
    deep: object = "x"
    for _ in range(100):
        deep = [{"inner": deep}]
    assert outcome(record(requestParameters=deep, responseElements=deep)) is Outcome.SUCCESS


def test_huge_strings_are_only_text() -> None:
    """AWS bounds its fields; a file that somebody else wrote may not."""
    huge = "x" * (8 << 20)
    found = record({"arn": huge}, userAgent=huge, requestParameters=huge, errorMessage=huge)
    assert outcome(found) is Outcome.FAILURE


jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from([*raw(), "errorCode", "errorMessage", "sharedEventID", "userAgent"])
odd_records = st.dictionaries(fields, jsons, max_size=4).map(lambda changes: raw(**changes))  # type: ignore[arg-type]
FUTURE = datetime(2027, 1, 1, tzinfo=UTC)


@given(items=st.lists(jsons | odd_records | st.builds(raw), max_size=6))
def test_any_list_of_records_is_survived(items: list[object]) -> None:
    """Whatever a file lists, each item is read or counted, and proves nothing of a key that it does not name."""
    records, broken = decode(json.dumps({"Records": items}).encode())
    assert len(records) + broken == len(items)
    tracer = Tracer()
    trouble = tracer.collect(records, FUTURE)
    calls = list(tracer.take(SourceId("cloudtrail:org")))
    assert {call.handle.value for call in calls} <= {
        found.user_identity.access_key_id for found in records if found.user_identity
    }
    assert all(call.at <= FUTURE for call in calls)
    assert sum(trouble.values()) <= len(records)


@given(data=st.binary(max_size=200), cut=st.integers(0, 2000), at=st.integers(0, 2000))
def test_any_bytes_are_a_file_or_refused(data: bytes, cut: int, at: int) -> None:
    """A file that is cut off, or in which bytes were changed, is read or refused with a reason."""
    whole = json.dumps({"Records": [raw(), raw()]}).encode()
    for text in (data, whole[:cut], whole[:at] + data + whole[at:]):
        try:
            records, _ = decode(text)
        except ValueError as error:
            refused = str(error)
        else:
            refused = ""
            Tracer().collect(records, FUTURE)
        assert refused.startswith("not ") or not refused


def test_unread_fields_may_be_anything() -> None:
    """Fields that are not read never make a record unreadable."""
    assert record(requestParameters=7, additionalEventData=[], tlsDetails="x").event_name == "DescribeInstances"
