"""
RE2 for the patterns of our own code: each is compiled when it is first used, and the library loaded with the first.

In most chunks nothing is sighted, and none of them is needed. For the rest of the code they look as any `Pattern`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from keywatch.detect import pattern as exact
from keywatch.detect.pattern import Pattern


class _Late:
    """A pattern to be. What is asked of it once stays as its own attribute, so that it costs nothing from then on."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = cache(make)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever RE2's pattern has
        value = getattr(self._make(), name)
        setattr(self, name, value)
        return value


def compile(pattern: bytes) -> Any:  # noqa: A001, ANN401 - what has yet to be made has no type
    """Return the pattern, in UTF-8, sooner or later."""
    return _Late(lambda: Pattern(pattern, latin1=False))


def compiled(regex: str) -> Pattern:
    """As `keywatch.detect.pattern.compiled`."""
    return cast("Pattern", _Late(lambda: exact.compiled(regex)))


def repeated(times: int, besides: int | None = None) -> Pattern:
    """Return what finds one ASCII character, `besides` excepted, `times` in a row: RE2 cannot refer back."""
    return compiled("|".join(rf"\x{byte:02x}{{{times}}}" for byte in range(0x20, 0x7F) if byte != besides))
