"""
Entries of Vault's and OpenBao's audit log: decoding a piece of the log, and what one says. Pure.

A line is a request or a response, as JSON, perhaps behind the prefix that the device was given.
https://developer.hashicorp.com/vault/docs/audit/schema
"""

from typing import Final

import msgspec

HASHED: Final = "hmac-sha256:"
"""What a hashed value begins with."""
REQUEST: Final = "request"
RESPONSE: Final = "response"
WRITES: Final = frozenset({"create", "update", "patch"})
KEEPERS: Final = frozenset({"kv", "generic", ""})
"""Types of mounts that keep what is written to them; old versions do not tell the type."""
GIVERS: Final = KEEPERS | {"aws"}
"""Types of mounts that give out keys."""


# gc=False: entries cannot form cycles, and the collector need not visit a million of them.
class Auth(msgspec.Struct, frozen=True, gc=False):
    """Whose token it is; in the response to a login, whose it will be."""

    client_token: str | None = None
    accessor: str | None = None
    display_name: str | None = None
    entity_id: str | None = None
    # Looked into once for each token.
    metadata: msgspec.Raw = msgspec.Raw(b"")


class Namespace(msgspec.Struct, frozen=True, gc=False):
    """Where mount and path are; the root namespace has no path."""

    path: str = ""


class Request(msgspec.Struct, frozen=True, gc=False):
    """What was asked; the fields that are not named here are skipped while decoding."""

    operation: str = ""
    path: str = ""
    mount_point: str = ""
    mount_type: str = ""
    client_token: str | None = None
    client_token_accessor: str | None = None
    namespace: Namespace | None = None
    remote_address: str | None = None
    # What was sent: its shape is the engine's business, and it is looked into seldom.
    data: msgspec.Raw = msgspec.Raw(b"")


class Response(msgspec.Struct, frozen=True, gc=False):
    """What was answered."""

    auth: Auth | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    wrap_info: msgspec.Raw = msgspec.Raw(b"")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line."""

    time: str
    type: str
    request: Request
    auth: Auth | None = None
    response: Response | None = None
    error: str | None = None


class _Notes(msgspec.Struct, frozen=True, gc=False):
    """What an auth method notes of whom it let in."""

    role_name: str | None = None  # AppRole
    role: str | None = None  # Kubernetes, JWT, AWS
    username: str | None = None  # userpass, LDAP
    canonical_arn: str | None = None  # AWS by IAM: without the session, of which there are many


_decode = msgspec.json.Decoder(Entry).decode
_decode_lines = msgspec.json.Decoder(Entry).decode_lines
_decode_notes = msgspec.json.Decoder(_Notes | None).decode
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoders raise at what somebody else wrote."""
_BEGINNING = b'{"'
_ANSWER = b',"response":{'


class Torn(ValueError):
    """What began like an entry and is none: it may have been the one that matters."""


def entries(data: bytes) -> list[Entry] | None:
    """Decode whole lines in one go. None: one of them at least is not an entry and nothing else."""
    try:
        return _decode_lines(data)
    except _BROKEN:
        return None


def entry(line: bytes) -> Entry | None:
    """
    Decode one line, whatever stands before the entry in it. None: it is something else, as a server's own log.

    Raises:
        Torn: it is an entry that was cut off, damaged, or of another make. The text quotes nothing.
    """
    start = line.find(_BEGINNING)
    if start < 0:
        return None
    try:
        return _decode(line[start:] if start else line)
    except msgspec.ValidationError:
        # JSON, and no entry: what else a program logs. Of entries, one that lacks what each has.
        if b'"request":' not in line:
            return None
        raise Torn("lack what each entry has") from None
    except _BROKEN:
        raise Torn("are cut off, or not JSON") from None


def beginning(line: bytes) -> Entry | None:
    """
    Decode the front of a line that is too long to be held, without its response. None: not even that can be had.

    What makes an entry long is a listing, or the names of many fields; who asked for it stands before these.
    """
    start, end = line.find(_BEGINNING), line.find(_ANSWER)
    try:
        return _decode(line[start:end] + b"}") if 0 <= start < end else None
    except _BROKEN:
        return None


def has_failed(entry: Entry) -> bool:
    """
    Whether a response says that the request was refused or failed.

    What an engine refuses itself has no error in the entry: all that it answers then is the data `error`.
    """
    answer = entry.response
    return bool(entry.error) or (answer is not None and is_refusal(bytes(answer.data)))


def is_refusal(data: bytes) -> bool:
    """Whether what was answered is nothing but an error."""
    return data.startswith(b'{"error":') and data.count(b'":') == 1


def noted(auth: Auth) -> str:
    """The name by which an auth method knows whom it let in: a role's or a user's; empty where it notes none."""
    try:
        notes = _decode_notes(auth.metadata) if bytes(auth.metadata) else None
    except _BROKEN:
        return ""
    return (notes.role_name or notes.role or notes.username or notes.canonical_arn or "") if notes else ""
