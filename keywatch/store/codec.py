"""Records to JSON text and back, by their type annotations."""

import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def dump(record: object) -> str:
    """
    Write a frozen record as JSON, the same record always as the same text.

    The result is pure ASCII: a path that is not valid UTF-8 reaches us as lone surrogates, which neither SQLite nor a
    UTF-8 encoder takes, but which an escape carries there and back unharmed.
    """
    return json.dumps(msgspec.to_builtins(record, order="deterministic"), separators=(",", ":"))


def load(text: str, kind: type[T]) -> T:
    """
    Read what `dump` wrote. Fields this version does not know are left out, missing ones take their defaults.

    Raises:
        msgspec.ValidationError: the text is not such a record.
    """
    try:
        decoded: T = _decoder(kind).decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:  # it has lone surrogates, which are no text to msgspec
        return msgspec.convert(json.loads(text), kind)
    return decoded


_decoders: dict[object, "msgspec.json.Decoder[Any]"] = {}
"""One a type: there are few of them, and making one takes longer than using it."""


def _decoder(kind: object) -> "msgspec.json.Decoder[Any]":
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    return _decoders[kind]


def storable(text: str) -> str:
    """Make any `str` fit for a text column: lone surrogates become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
