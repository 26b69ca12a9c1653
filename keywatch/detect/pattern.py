"""Exact patterns: RE2 on bytes, linear on any input. Python's own `re` never sees scanned content."""

from functools import cache
from typing import Protocol, cast


class Hit(Protocol):
    """Where a pattern matched."""

    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...
    def span(self, group: int = 0) -> tuple[int, int]: ...


class Pattern(Protocol):
    """A compiled pattern. Safe to share between threads."""

    groups: int
    programsize: int
    """Instructions it was compiled to: what it costs, about."""

    def search(self, data: bytes, pos: int = 0, endpos: int = ..., /) -> Hit | None: ...


class BadPattern(ValueError):
    """RE2 refuses the pattern; the text says why."""


@cache
def compiled(regex: str) -> Pattern:
    """
    Compile `regex` to match bytes.

    Latin-1 makes every byte a character, so invalid UTF-8 can be searched; a character of the pattern beyond ASCII
    matches its UTF-8 bytes, which is right everywhere but inside a class.

    Raises:
        BadPattern: RE2 does not know this syntax (look-around, back-references, repeats over 1000).
    """
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = 64 << 20
    try:
        return cast("Pattern", re2.compile(regex.encode(), options))
    except re2.error as error:
        reason = error.args[0]
        raise BadPattern(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None
