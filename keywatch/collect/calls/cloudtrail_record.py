"""
CloudTrail records, and what one proves. Pure.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from keywatch.collect.aws import MARK
from keywatch.model.call import Outcome
from keywatch.model.time import parse_rfc3339

_ISSUING = frozenset({"AssumeRole", "GetSessionToken", "GetFederationToken"})
"""What a long-lived key can make a session with, whose `ASIA` id then signs its calls."""
# Members of an enum take five times as long to look up.
_SUCCESS, _FAILURE, _ATTEMPT = Outcome.SUCCESS, Outcome.FAILURE, Outcome.ATTEMPT
_OWN_SESSION = f"/{MARK}"
_DRY = frozenset({"Client.DryRunOperation", "DryRunOperation"})
UNSIGNED = frozenset(
    {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Errors that say the caller does not have the secret: that somebody knows a key's public id is no use of the key.
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"""


class _Known(Enum):
    """Texts that decide, decoded to what there is one of: no text is made for them, and `is` compares them."""

    @classmethod
    def _missing_(cls, value: object) -> "_Known":
        del value
        return cls("")


class Version(_Known):
    """Minor versions add fields; another major version may mean anything."""

    V1_08, V1_09, V1_10, V1_11 = "1.08", "1.09", "1.10", "1.11"
    """Those that are met: nearly every record is of one of them."""
    MINOR = "1."
    UNKNOWN = ""

    @classmethod
    def _missing_(cls, value: object) -> "Version":
        return cls.MINOR if str(value).startswith("1.") else cls.UNKNOWN


class EventType(_Known):
    """What a record is of."""

    API_CALL = "AwsApiCall"
    SERVICE_EVENT = "AwsServiceEvent"
    ENDPOINT_EVENT = "AwsVpceEvent"
    OTHER = ""


class Category(_Known):
    """Why a record was written."""

    MANAGEMENT = "Management"
    DATA = "Data"
    NETWORK = "NetworkActivity"
    INSIGHT = "Insight"
    OTHER = ""


class IdentityType(_Known):
    """What kind of caller signed."""

    ROOT = "Root"
    USER = "IAMUser"
    ROLE = "AssumedRole"
    FEDERATED = "FederatedUser"
    WEB = "WebIdentityUser"
    SAML = "SAMLUser"
    ACCOUNT = "AWSAccount"
    SERVICE = "AWSService"
    OTHER = ""


# gc=False: records cannot form cycles, and the collector need not visit a million of them.
class UserIdentity(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Who signed. `access_key_id` is the session's for sessions, and may be missing or empty."""

    type: IdentityType | None = None
    arn: str | None = None
    account_id: str | None = None
    access_key_id: str | None = None
    invoked_by: str | None = None


_Other: TypeAlias = str | int | float | bool | list[Any] | None


class Issued(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A session's credentials, as STS answers them."""

    access_key_id: Any = None


class Answer(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """The few parts of `responseElements` that decide; its shape is the service's business."""

    error_code: Any = None
    error_message: Any = None
    credentials: Issued | _Other = None
    console_login: Any = msgspec.field(name="ConsoleLogin", default=None)


# In the order of most records: the decoder looks for each field behind the last one.
class Record(msgspec.Struct, rename="camel", frozen=True, gc=False, kw_only=True):
    """The fields that are read of a record; the others are skipped while decoding."""

    event_version: Version | None = None
    user_identity: UserIdentity | None = None
    event_time: str
    event_source: str
    event_name: str
    source_ip: str | None = msgspec.field(name="sourceIPAddress", default=None)
    user_agent: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    response_elements: Answer | _Other = None
    event_type: EventType | None = None
    recipient_account_id: str | None = None
    shared_event: str | None = msgspec.field(name="sharedEventID", default=None)
    event_category: Category | None = None


def known_version(record: Record) -> bool:
    """Whether the record is of the one major version there is."""
    return record.event_version is not Version.UNKNOWN


def signer(record: Record) -> str | None:
    """
    The id of the key or session that signed; None where the record does not say, or is not the signer's own copy.

    Of a call across accounts both accounts get a record with one `sharedEventID`; the other account's shows the caller
    as an `AWSAccount`, and what it says of the key cannot be relied on.
    """
    who = record.user_identity
    if who is None or not who.access_key_id or who.type in (IdentityType.ACCOUNT, IdentityType.SERVICE):
        return None
    foreign = record.recipient_account_id not in (None, who.account_id)
    return None if record.shared_event and foreign else who.access_key_id


def outcome(record: Record) -> Outcome | None:
    """
    How the call ended for the key that signed it. None: it is not a call of that key.

    Success is an `AwsApiCall` without errorCode and errorMessage; the exceptions are in the domain's documentation:
    a dry run was authorised and not executed, with `invokedBy` a service acted on forwarded credentials (an attempt,
    both), a service event is nobody's call, and a few answers hide the error in `responseElements`.
    """
    if record.event_type is EventType.SERVICE_EVENT or record.event_category is Category.INSIGHT:
        return None
    if record.error_code is not None and record.error_code in _DRY:
        return _ATTEMPT
    if record.error_code or record.error_message or _complains(record):
        return _FAILURE
    who = record.user_identity
    forwarded = who is not None and who.invoked_by
    return _SUCCESS if record.event_type is EventType.API_CALL and not forwarded else _ATTEMPT


def signed(record: Record) -> bool:
    """Whether a call that failed, or whose end is not known, was made with the key itself."""
    who = record.user_identity
    return not (who is not None and who.invoked_by) and record.error_code not in UNSIGNED


def issued(record: Record) -> str | None:
    """The id of the session this successful call made, if that is what it did."""
    if record.event_name not in _ISSUING or record.event_source != "sts.amazonaws.com":
        return None
    answer = record.response_elements
    if not isinstance(answer, Answer) or not isinstance(answer.credentials, Issued):
        return None
    session = answer.credentials.access_key_id
    return session if session and isinstance(session, str) else None


def own(record: Record) -> bool:
    """Whether keywatch itself made the call: that it looks at a key is no use of the key."""
    if record.user_agent and MARK in record.user_agent:
        return True
    who = record.user_identity
    return bool(who and who.type is IdentityType.ROLE and who.arn and who.arn.endswith(_OWN_SESSION))


def moment(record: Record) -> datetime:
    """
    When the call was made.

    Raises:
        ValueError: the record's time is not one.
    """
    return _moment(record.event_time)


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    """Of the records of a file, many were made in the same second."""
    if not text.endswith("Z"):
        # All times are compared as text, which is their order in UTC only.
        raise ValueError("not a UTC time")
    return parse_rfc3339(text)


def _complains(record: Record) -> bool:
    answer = record.response_elements
    if not isinstance(answer, Answer):
        return False
    code, message = answer.error_code, answer.error_message
    if (code and isinstance(code, str | int)) or (message and isinstance(message, str)):
        return True
    return record.event_name == "ConsoleLogin" and answer.console_login == "Failure"
