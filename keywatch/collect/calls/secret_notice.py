"""
What Amazon announces of client secrets, as it lies in a queue. Pure.

Two notifications of SP-API, perhaps wrapped by SNS or EventBridge on the way. One says when the secret in use ends; the
other brings a new one, in clear. What is read of that is when it was made and when either ends, and nothing else.
https://developer-docs.amazon.com/sp-api/docs/rotate-your-application-client-secret
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from keywatch.model.key import SourceId
from keywatch.model.secret_notice import NoticeKind, SecretNotice
from keywatch.model.time import parse_rfc3339

_WRAPPERS = 3
_KINDS = {
    "APPLICATION_OAUTH_CLIENT_SECRET_EXPIRY": NoticeKind.EXPIRY,
    "APPLICATION_OAUTH_CLIENT_NEW_SECRET": NoticeKind.NEW_SECRET,
}
_PAYLOADS = {
    NoticeKind.EXPIRY: "applicationOAuthClientSecretExpiry",
    NoticeKind.NEW_SECRET: "applicationOAuthClientNewSecret",
}
_CLIENT_ID = re.compile(r"amzn1\.application-oa2-client\.[0-9A-Za-z]{1,64}")
_TYPE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = timedelta(days=3660)
"""A secret lives for half a year: what ends so far ahead is no date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message, understood. It holds nothing of the message's text but names and times."""

    type: str | None
    """Which notification it is; None: it is none of SP-API's."""
    notice: SecretNotice | None = None
    why: str | None = None
    """Why there is no notice in it, where there should be one."""

    @property
    def brings_secret(self) -> bool:
        """Whether a client secret is lost with it, whatever else could be made of it."""
        return self.type is not None and _KINDS.get(self.type) is NoticeKind.NEW_SECRET


def read_letter(body: str, source: SourceId, now: datetime) -> Letter:
    """
    Read a message of the queue.

    Args:
        body: its text, which may hold a client secret.
        source: who reads it.
        now: aware UTC. What claims to be said later is taken as said now, or nothing true could follow it.
    """
    envelope = _unwrapped(body)
    if envelope is None:
        return Letter(type=None, why="is no JSON object")
    said = _of(envelope, "notificationType")
    type_ = said if isinstance(said, str) and _TYPE.fullmatch(said) else None
    kind = _KINDS.get(type_ or "")
    if kind is None:
        return Letter(type=type_, why=None if type_ else "has no notificationType")
    try:
        return Letter(type=type_, notice=_notice(kind, envelope, source, now))
    except ValueError as error:
        return Letter(type=type_, why=str(error))


def _unwrapped(body: str) -> Mapping[str, Any] | None:
    found: object = body
    for _ in range(_WRAPPERS + 1):
        if isinstance(found, str):
            try:
                found = msgspec.json.decode(found)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                return None
        match found:
            case {"Type": "Notification", "Message": str(inner)}:
                found = inner
            case {"detail-type": str(), "detail": inner}:
                found = inner
            case dict():
                return found
            case _:
                return None
    return None


def _notice(kind: NoticeKind, envelope: Mapping[str, Any], source: SourceId, now: datetime) -> SecretNotice:
    payload = _of(_of(envelope, "payload"), _PAYLOADS[kind])
    client_id = _of(payload, "clientId")
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise ValueError("names no client id")
    at = _instant(_of(envelope, "eventTime") or _of(_of(envelope, "notificationMetadata"), "publishTime"), now)
    if at is None:
        raise ValueError("does not say when it was sent")
    is_new = kind is NoticeKind.NEW_SECRET
    ends_at = _instant(_of(payload, "newClientSecretExpiryTime" if is_new else "clientSecretExpiryTime"), now)
    if ends_at is None and not is_new:
        raise ValueError("does not say when the secret ends")
    return SecretNotice(
        client_id=client_id,
        kind=kind,
        at=min(at, now),
        ends_at=ends_at,
        old_ends_at=_instant(_of(payload, "oldClientSecretExpiryTime"), now) if is_new else None,
        source=source,
    )


def _of(table: object, name: str) -> Any:  # noqa: ANN401 - JSON
    """A field. Some of SP-API's notifications begin their names with capitals, others do not."""
    if not isinstance(table, Mapping):
        return None
    return next((value for key, value in table.items() if str(key).lower() == name.lower()), None)


def _instant(value: object, now: datetime) -> datetime | None:
    """A time that can be one; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        found = parse_rfc3339(value)
    except ValueError:
        return None
    return found if _EARLIEST <= found <= now + _LATEST else None
