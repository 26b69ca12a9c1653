"""
What stands in an audit log in the clear that should not. Pure; no value leaves this module.

Vault writes every string of requests and responses as an HMAC, but for times, unless the device was told `log_raw`, or
a mount to leave fields as they are. Numbers and booleans it never hashes.
https://developer.hashicorp.com/vault/docs/audit#sensitive-information
"""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from keywatch.collect.calls.vault_audit_entry import HASHED, KEEPERS, WRITES, Entry
from keywatch.model.time import parse_rfc3339

if TYPE_CHECKING:
    from keywatch.model.source import Json

# `":"` and `["` stand between strings only: within one, a quote is escaped.
_SUSPECT = re.compile(rb'(?:":|\[)"(?!hmac-sha256:|\d{4}-\d\d-\d\dT|")')
_FIELDS = 20
"""Names of one entry that are told."""
_DEEP = 20
_LONGEST = 64
"""Characters of a field's name."""
_LOGIN = "/login"
_SHOWN = frozenset(
    {
        "iam_request_headers",
        "identity",
        "jwt",
        "passcode",
        "password",
        "pkcs7",
        "role_id",
        "secret_id",
        "signature",
        "token",
    }
)
"""What is shown to log in and lets anybody in who has it."""
_decode = msgspec.json.Decoder().decode


def shows_token(entry: Entry) -> bool:
    """Whether a token stands in the entry: then nothing in this log is hashed."""
    issued = entry.response.auth if entry.response else None
    tokens = (entry.request.client_token, *(auth.client_token for auth in (entry.auth, issued) if auth))
    return any(token and not token.startswith(HASHED) for token in tokens)


def fields_in_clear(entry: Entry, known: frozenset[str]) -> tuple[str, ...]:
    """
    Name the fields whose values stand in the entry: of a secret that was read or written, or shown to log in.

    What other engines leave as it is somebody chose: the names in certificates, as the roles of a login.

    Args:
        entry: any.
        known: fields that may.
    """
    asked, answer = entry.request, entry.response
    if asked.mount_type in KEEPERS:
        parts = [asked.data] if asked.operation in WRITES else []
        parts += [answer.data] if answer is not None and asked.operation == "read" else []
        found = {name for part in parts for name in _in_clear(bytes(part))} - known
    elif _LOGIN in asked.path:
        found = {name for name in _in_clear(bytes(asked.data)) if name in _SHOWN} - known
    else:
        return ()
    return tuple(sorted(found)[:_FIELDS])


def _in_clear(data: bytes) -> Iterator[str]:
    if not _SUSPECT.search(data):
        return
    try:
        found = _decode(data)
    except (msgspec.DecodeError, RecursionError):
        return
    yield from _walk(found, "", _DEEP)


def _walk(value: "Json", name: str, deep: int) -> Iterator[str]:
    """Yield the names of what holds text; of a list, its own."""
    inner: Iterable[tuple[str, Json]] = ()
    if isinstance(value, str):
        if value and not value.startswith(HASHED) and not _is_time(value):
            yield name[:_LONGEST]
    elif isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = ((name, item) for item in value)
    if deep:
        for key, item in inner:
            yield from _walk(item, key, deep - 1)


def _is_time(text: str) -> bool:
    if not text[:4].isdecimal():
        return False
    try:
        parse_rfc3339(text)
    except ValueError:
        return False
    return True
