"""
The hashes of values that Vault has handed out, as they stand in its audit log. Pure.

With them a value that was found elsewhere can be told to be one of Vault's, without Vault showing any: it hashes what
it is asked about (`keywatch/collect/inventory/vault_oracle.py`).
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from keywatch.collect.calls.vault_audit_entry import HASHED, KEEPERS, Entry
from keywatch.collect.inventory.secret_values import shown_name
from keywatch.model.held_value import LoggedHash

if TYPE_CHECKING:
    from keywatch.model.source import Json

_DEEP = 8
_TAIL = 100
"""Bytes."""
_MOST = 200
"""Fields of one secret."""
_VALUES = "/data/"
_VERSION = re.compile(rb'"version":(\d{1,9})\D[^"]*$')
"""It stands last in what KV v2 answers, and numbers are not hashed."""
_decode = msgspec.json.Decoder().decode


def handed_out(entry: Entry, place: str, at: datetime) -> Iterator[LoggedHash]:
    """
    Yield the hash of each field of a secret that was read.

    Args:
        entry: a response to `read`.
        place: of the secret, as the inventory has it.
        at: when.
    """
    answer = entry.response
    if answer is None or entry.request.mount_type not in KEEPERS:
        return
    try:
        data: Json = _decode(bytes(answer.data))
    except (msgspec.DecodeError, RecursionError):
        return
    if isinstance(data, dict) and _VALUES in entry.request.path and "metadata" in data:
        data = data.get("data")  # of KV v2
    for number, (field, digest) in enumerate(_hashes("", data, _DEEP)):
        if number == _MOST:
            return
        yield LoggedHash(digest=digest, place=place, field=field, at=at, version=version_of(bytes(answer.data)))


def version_of(data: bytes) -> int:
    """Which version of a secret was handed out; zero: it has none."""
    found = _VERSION.search(data[-_TAIL:])
    return int(found[1]) if found else 0


def _hashes(field: str, value: "Json", deep: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if value.startswith(HASHED):
            yield field, value
    elif deep and isinstance(value, dict):
        for number, (name, inner) in enumerate(value.items(), 1):
            shown = shown_name(name, number)
            yield from _hashes(f"{field}.{shown}" if field else shown, inner, deep - 1)
    elif deep and isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _hashes(f"{field}.{number}" if len(value) > 1 else field, inner, deep - 1)
