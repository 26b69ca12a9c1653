"""
CloudTrail records: decoding a file of them, and what one proves. Pure.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from datetime import datetime
from functools import lru_cache

import msgspec

from keywatch.collect.aws import MARK
from keywatch.model.call import Outcome
from keywatch.model.time import parse_rfc3339

_ISSUING = frozenset({"AssumeRole", "GetSessionToken", "GetFederationToken"})
"""What a long-lived key can make a session with, whose `ASIA` id then signs its calls."""
# Members of an enum take five times as long to look up.
_SUCCESS, _FAILURE, _ATTEMPT = Outcome.SUCCESS, Outcome.FAILURE, Outcome.ATTEMPT
_VERSIONS = frozenset({"1.08", "1.09", "1.10", "1.11"})
"""Those that are met: nearly every record is of one of them."""
_OWN_SESSION = f"/{MARK}"
_DRY = frozenset({"Client.DryRunOperation", "DryRunOperation"})


# gc=False: records cannot form cycles, and the collector need not visit a million of them.
class UserIdentity(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Who signed. `access_key_id` is the session's for sessions, and may be missing or empty."""

    type: str | None = None
    arn: str | None = None
    account_id: str | None = None
    access_key_id: str | None = None
    invoked_by: str | None = None


class Record(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """The fields that are read of a record; the others are skipped while decoding."""

    event_time: str
    event_name: str
    event_source: str
    event_type: str | None = None
    event_version: str | None = None
    event_category: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    source_ip: str | None = msgspec.field(name="sourceIPAddress", default=None)
    user_agent: str | None = None
    recipient_account_id: str | None = None
    shared_event: str | None = msgspec.field(name="sharedEventID", default=None)
    user_identity: UserIdentity | None = None
    # Its shape is the service's business; it is looked into for a few events only.
    response_elements: msgspec.Raw = msgspec.Raw(b"null")


_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoders raise at what somebody else wrote."""
_NULL = msgspec.Raw(b"null")


class _File(msgspec.Struct):
    Records: list[Record]


class _LooseFile(msgspec.Struct):
    Records: list[msgspec.Raw]


class _Issued(msgspec.Struct, rename="camel"):
    access_key_id: str | None = None


class _Issue(msgspec.Struct):
    credentials: _Issued | None = None


class _Complaint(msgspec.Struct, rename="camel"):
    error_code: str | int | None = None
    error_message: str | None = None


class _Login(msgspec.Struct):
    ConsoleLogin: str | None = None


_decode_file = msgspec.json.Decoder(_File).decode
_decode_loosely = msgspec.json.Decoder(_LooseFile).decode
_decode_record = msgspec.json.Decoder(Record).decode
_decode_issue = msgspec.json.Decoder(_Issue | None).decode
_decode_complaint = msgspec.json.Decoder(_Complaint | None).decode
_decode_login = msgspec.json.Decoder(_Login | None).decode


def decode(data: bytes | bytearray) -> tuple[list[Record], int]:
    """
    Decode a log file: its records, and how many more there are that are not records.

    Raises:
        ValueError: it is not a CloudTrail log file. The text quotes nothing.
    """
    try:
        return _decode_file(data).Records, 0
    except _BROKEN:
        pass
    try:
        raw = _decode_loosely(data).Records
    except msgspec.ValidationError:
        raise ValueError("not a CloudTrail log file: it has no list of records") from None
    except RecursionError:
        raise ValueError("not a CloudTrail log file: it is nested too deeply") from None
    except _BROKEN:
        raise ValueError("not JSON, or cut off") from None
    records = []
    for item in raw:
        try:
            records.append(_decode_record(item))
        except _BROKEN:
            continue
    return records, len(raw) - len(records)


def known_version(record: Record) -> bool:
    """Whether the record is of the one major version there is: another may mean anything."""
    version = record.event_version
    return version in _VERSIONS or version is None or version.startswith("1.")


def signer(record: Record) -> str | None:
    """
    The id of the key or session that signed; None where the record does not say, or is not the signer's own copy.

    Of a call across accounts both accounts get a record with one `sharedEventID`; the other account's shows the caller
    as an `AWSAccount`, and what it says of the key cannot be relied on.
    """
    who = record.user_identity
    if who is None or not who.access_key_id or who.type in ("AWSAccount", "AWSService"):
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
    called = record.event_type == "AwsApiCall"
    if (not called and record.event_type == "AwsServiceEvent") or record.event_category == "Insight":
        return None
    if record.error_code is not None and record.error_code in _DRY:
        return _ATTEMPT
    if record.error_code or record.error_message or (record.response_elements != _NULL and _complains(record)):
        return _FAILURE
    who = record.user_identity
    return _SUCCESS if called and (who is None or not who.invoked_by) else _ATTEMPT


def issued(record: Record) -> str | None:
    """The id of the session this successful call made, if that is what it did."""
    if record.event_name not in _ISSUING or record.event_source != "sts.amazonaws.com":
        return None
    try:
        answer = _decode_issue(record.response_elements)
    except _BROKEN:
        return None
    session = answer.credentials.access_key_id if answer and answer.credentials else None
    return session or None


def own(record: Record) -> bool:
    """Whether keywatch itself made the call: that it looks at a key is no use of the key."""
    if record.user_agent and MARK in record.user_agent:
        return True
    who = record.user_identity
    return bool(who and who.type == "AssumedRole" and who.arn and who.arn.endswith(_OWN_SESSION))


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
    raw = bytes(record.response_elements)
    try:
        if b'"errorCode"' in raw or b'"errorMessage"' in raw:
            complaint = _decode_complaint(raw)
            return bool(complaint and (complaint.error_code or complaint.error_message))
        if record.event_name == "ConsoleLogin":
            login = _decode_login(raw)
            return bool(login and login.ConsoleLogin == "Failure")
    except _BROKEN:
        return False
    return False
