"""What a message about client secrets says, in every wrapping it comes in; and that nothing of a new secret is kept."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.collect.calls.secret_notice import Letter, read_letter
from keywatch.model.key import SourceId
from keywatch.model.secret_notice import NoticeKind, SecretNotice

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SOURCE = SourceId("application-notices:sp-api")
CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2
ENDING = "APPLICATION_OAUTH_CLIENT_SECRET_EXPIRY"
SECRET = "amzn1.oa2-cs." + "v1." + "ab" * 32
ENDS = "2027-01-15T00:00:00Z"


def expiry(**changes: object) -> dict[str, Any]:
    """Amazon's notice that a secret ends."""
    payload = {"clientId": CLIENT, "clientSecretExpiryTime": ENDS, "clientSecretExpiryReason": "PERIODIC_ROTATION"}
    return envelope("APPLICATION_OAUTH_CLIENT_SECRET_EXPIRY", {"applicationOAuthClientSecretExpiry": payload | changes})


def new_secret(**changes: object) -> dict[str, Any]:
    """Amazon's notice that there is a new one."""
    payload = {
        "clientId": CLIENT,
        "newClientSecret": SECRET,
        "newClientSecretExpiryTime": "2027-05-26T00:00:00Z",
        "oldClientSecretExpiryTime": "2026-12-04T09:00:00Z",
    }
    return envelope("APPLICATION_OAUTH_CLIENT_NEW_SECRET", {"applicationOAuthClientNewSecret": payload | changes})


def envelope(kind: str, payload: object, **changes: object) -> dict[str, Any]:
    return {
        "notificationVersion": "1.0",
        "notificationType": kind,
        "payloadVersion": "1.0",
        "eventTime": "2026-11-27T09:00:00.123Z",
        "payload": payload,
        "notificationMetadata": {
            "applicationId": "amzn1.sp.solution.00000000-0000-0000-0000-000000000000",
            "subscriptionId": "subscription",
            "publishTime": "2026-11-27T09:00:01.000Z",
            "notificationId": "1",
        },
    } | changes


def by_sns(inner: object) -> object:
    return {"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": json.dumps(inner), "Signature": "x"}


def by_eventbridge(inner: object) -> object:
    return {
        "version": "0",
        "id": "1",
        "detail-type": "x",
        "source": "aws.partner/sellingpartnerapi.amazon.com",
        "detail": inner,
    }


def capitals(inner: object) -> object:
    """As some notifications name their fields."""
    if isinstance(inner, dict):
        return {key[0].upper() + key[1:]: capitals(value) for key, value in inner.items()}
    return inner


def read(message: object) -> Letter:
    return read_letter(message if isinstance(message, str) else json.dumps(message), SOURCE, NOW)


WRAPPINGS = [
    lambda inner: inner,
    capitals,
    by_sns,
    by_eventbridge,
    lambda inner: by_sns(by_eventbridge(inner)),
    lambda inner: by_eventbridge(by_sns(inner)),
]


@pytest.mark.parametrize("wrapped", WRAPPINGS, ids=["bare", "capitals", "sns", "eventbridge", "both", "both-reversed"])
def test_a_notice_is_read_in_each_of_its_wrappings(wrapped: Callable[[object], object]) -> None:
    """The end of a secret, and of a new one only when it was made and when either ends."""
    at = datetime(2026, 11, 27, 9, 0, 0, 123000, tzinfo=UTC)
    assert read(wrapped(expiry())).notice == SecretNotice(
        client_id=CLIENT,
        kind=NoticeKind.EXPIRY,
        at=at,
        ends_at=datetime(2027, 1, 15, tzinfo=UTC),
        source=SOURCE,
    )
    letter = read(wrapped(new_secret()))
    assert letter.notice == SecretNotice(
        client_id=CLIENT,
        kind=NoticeKind.NEW_SECRET,
        at=at,
        ends_at=datetime(2027, 5, 26, tzinfo=UTC),
        old_ends_at=datetime(2026, 12, 4, 9, tzinfo=UTC),
        source=SOURCE,
    )
    assert letter.brings_secret
    assert SECRET not in repr(letter)


@pytest.mark.parametrize(
    ("message", "type_", "why"),
    [
        ("", None, "is no JSON object"),
        ("[1]", None, "is no JSON object"),
        ("[" * 100_000, None, "is no JSON object"),
        ("{}", None, "has no notificationType"),
        (by_sns(by_sns(by_sns(by_sns(expiry())))), None, "is no JSON object"),
        (envelope("ORDER_CHANGE", {}), "ORDER_CHANGE", None),
        (envelope("TEST_NOTIFICATION", {}), "TEST_NOTIFICATION", None),
        (envelope(SECRET, {}), None, "has no notificationType"),
        (expiry(clientId=SECRET), ENDING, "names no client id"),
        (expiry() | {"payload": "x"}, ENDING, "names no client id"),
        (expiry(clientSecretExpiryTime="soon"), ENDING, "does not say when the secret ends"),
        (expiry(clientSecretExpiryTime="9999-01-01T00:00:00Z"), ENDING, "does not say when the secret ends"),
        (expiry() | {"eventTime": None, "notificationMetadata": 1}, ENDING, "does not say when it was sent"),
    ],
)  # fmt: skip
def test_what_is_no_notice_says_why_and_quotes_nothing(message: object, type_: str | None, why: str | None) -> None:
    """A message that something else is told by is understood; one that is broken is counted."""
    letter = read(message)
    assert (letter.type, letter.why, letter.notice) == (type_, why, None)


def test_a_notice_from_the_future_is_as_old_as_its_reading() -> None:
    """Else no later one could ever take its place; and where the event has no time, its publication has."""
    assert read(expiry() | {"eventTime": (NOW + timedelta(days=9)).isoformat()}).notice.at == NOW  # type: ignore[union-attr]
    published = read(expiry() | {"eventTime": None}).notice
    assert published is not None
    assert published.at == datetime(2026, 11, 27, 9, 0, 1, tzinfo=UTC)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Type", "Message", "detail", "detail-type", "payload", "notificationType"]), inner
        )
    ),
    max_leaves=8,
)


@given(json_values)
def test_nothing_that_can_be_sent_breaks_the_reader(message: object) -> None:
    """Strangers may write to a queue."""
    assert read(json.dumps(message)).notice is None
