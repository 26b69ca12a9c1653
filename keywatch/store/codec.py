"""Records to JSON text and back, by their type annotations."""

import json
from typing import TypeVar

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
    return msgspec.convert(json.loads(text), kind)


def storable(text: str) -> str:
    """Make any `str` fit for a text column: lone surrogates become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
