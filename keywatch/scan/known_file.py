"""
The keys we hold, as a file the daemon leaves for `keywatch scan`, which then names them without opening a database.

It holds public names, fingerprints and sealed anchors, never a value; fingerprints mean nothing without the pepper
beside it, anchors cannot be opened without it, and both are nothing under another one.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from keywatch.collect.regular_file import open_regular
from keywatch.detect.known import KnownKeys
from keywatch.model.held_value import HeldValue, Validity
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Fingerprint

KNOWN = "known-keys.json"
"""The file's name inside the state directory."""

_VERSION = 3
_READABLE = (1, 2, 3)
"""Version 1 has no anchors, version 2 no values of stores."""
_MANY = 1000
"""Values beyond which the file is not written to be read by people: Python indents slowly."""
_LARGEST = 256 << 20
"""Bytes read at most: some 500,000 keys."""


def write_known(
    directory: Path,
    keys: Iterable[Key],
    accounts: frozenset[str],
    *,
    pepper_id: str,
    values: Sequence[HeldValue] = (),
) -> bool:
    """
    Leave `keys` for `keywatch scan`, unless the file says the same already.

    Args:
        directory: the state directory.
        keys: the inventory.
        accounts: every AWS account of ours.
        pepper_id: `Pepper.id` of the pepper their fingerprints were made under.
        values: what stores hold, or held, that showed it to us.

    Returns:
        Whether the file changed. A reader sees the old file or the new one, whole.

    Raises:
        OSError: it cannot be written; the old file is still there.
    """
    body = _written(keys, accounts, pepper_id, values)
    path = directory / KNOWN
    with suppress(OSError):
        if _content(path) == body:
            return False
    draft = path.with_name(f".{KNOWN}.{os.urandom(8).hex()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    return True


def read_known(directory: Path, pepper_id: str, warn: Callable[[str], None] = lambda _: None) -> KnownKeys:
    """
    Return the keys the daemon left in `directory`; none where there is no file, or one made under another pepper.

    Args:
        directory: the state directory.
        pepper_id: `Pepper.id` of the pepper in use.
        warn: is told, for a person, why a file that is there cannot be used.
    """
    path = directory / KNOWN
    try:
        body = _content(path)
    except (FileNotFoundError, NotADirectoryError):
        return KnownKeys(())
    except OSError as error:
        warn(f"{path}: {error.strerror}; no key is named as ours")
        return KnownKeys(())
    try:
        return _read(body, pepper_id)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # No word of what stands in it: the file may be anything.
        warn(f"{path}: damaged; no key is named as ours until the daemon has written it anew")
        return KnownKeys(())


def _written(keys: Iterable[Key], accounts: frozenset[str], pepper_id: str, values: Sequence[HeldValue] = ()) -> bytes:
    records = sorted(
        (
            {
                "kind": key.kind.value,
                "name": key.name,
                "handles": [[handle.space.value, handle.value] for handle in key.handles],
                "fingerprints": sorted(fingerprint.digest for fingerprint in key.fingerprints),
                "seller": key.seller,
                "known": [[known.fingerprint.digest, known.sealed] for known in sorted(key.known)],
            }
            for key in keys
        ),
        key=json.dumps,
    )
    document: dict[str, object] = {
        "version": _VERSION,
        "pepper": pepper_id,
        "accounts": sorted(accounts),
        "keys": records,
        "values": sorted(map(_value_record, values)),
    }
    return json.dumps(document, indent=1 if len(values) < _MANY else None).encode() + b"\n"


def _value_record(value: HeldValue) -> list[str]:
    since = value.since.isoformat() if value.since else ""
    about = (value.fingerprint.digest, value.sealed, value.kind.value, value.validity.value, since)
    return [value.place, value.field, *about]


def _value(record: list[str]) -> HeldValue:
    place, field, digest, sealed, kind, validity, since = map(_text, record)
    return HeldValue(
        place=place,
        field=field,
        fingerprint=Fingerprint(digest),
        sealed=sealed,
        kind=KeyKind(kind),
        validity=Validity(validity),
        since=datetime.fromisoformat(since) if since else None,
    )


def _content(path: Path) -> bytes:
    descriptor, status = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(min(status.st_size, _LARGEST))


def _read(body: bytes, pepper_id: str) -> KnownKeys:
    document = json.loads(body)
    if document["version"] not in _READABLE or document["pepper"] != pepper_id:
        return KnownKeys(())
    return KnownKeys(
        [_key(record) for record in document["keys"]],
        accounts=frozenset(_text(account) for account in document["accounts"]),
        values=[_value(record) for record in document.get("values", ())],
    )


def _key(record: dict[str, list[list[str]]]) -> Key:
    return Key(
        kind=KeyKind(_text(record["kind"])),
        name=_text(record["name"]),
        handles=tuple(Handle(HandleSpace(space), _text(value)) for space, value in record["handles"]),
        locations=(),
        fingerprints=frozenset(Fingerprint(_text(digest)) for digest in record["fingerprints"]),
        seller=_text(record["seller"]) if record.get("seller") else None,
        known=frozenset(
            KnownSecret(Fingerprint(_text(digest)), _text(sealed)) for digest, sealed in record.get("known", ())
        ),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value
