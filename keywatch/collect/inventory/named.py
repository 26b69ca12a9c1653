"""Patterns of names: `prod/{application}/lwa` says of what it fits which application it is for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from keywatch.model.key import KeyKind

PARTS = ("application", "seller", "region", "client_id", "access_key_id", "owner")
"""What may stand in braces. It stands for anything without a slash; `*` for anything at all."""

_TOKEN = re.compile(r"\*|\{[^{}]*\}|[{}]")


class _Found(Protocol):
    def groupdict(self) -> dict[str, str | None]: ...


class _Compiled(Protocol):
    def fullmatch(self, text: str) -> _Found | None: ...


@dataclass(frozen=True, slots=True)
class NamePattern:
    """
    A pattern of names, and what it says of what fits.

    Raises:
        ValueError: the pattern cannot be read; the message says why, for a person.
    """

    text: str
    kind: KeyKind | None = None
    """None: whatever tags and words say; `other` where they say nothing."""
    holds_key: bool = True
    """False: what fits holds no key, whatever its name sounds like; a tag may still say that it does."""
    _compiled: _Compiled = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_compiled", _compile(self.text))

    def parts_of(self, name: str) -> Mapping[str, str] | None:
        """What the name says by standing in the pattern's braces; None: it does not fit."""
        found = self._compiled.fullmatch(name)
        if found is None:
            return None
        return {part: text for part, text in found.groupdict().items() if text}


def _compile(text: str) -> _Compiled:
    import re2

    pieces: list[str] = []
    seen: set[str] = set()
    at = 0
    for token in _TOKEN.finditer(text):
        pieces += [re2.escape(text[at : token.start()]), _piece(token[0], seen)]
        at = token.end()
    pieces.append(re2.escape(text[at:]))
    # RE2, since names are other people's and a pattern with many stars takes Python's `re` long.
    compiled: _Compiled = re2.compile(f"(?s){''.join(pieces)}")
    return compiled


def _piece(token: str, seen: set[str]) -> str:
    if token == "*":  # noqa: S105 - a star
        return ".*?"
    name = token.strip("{}")
    if name not in PARTS or name in seen:
        raise ValueError(f"may have one each of {', '.join('{' + part + '}' for part in PARTS)}, and * for anything")
    seen.add(name)
    return f"(?P<{name}>[^/]+)"
