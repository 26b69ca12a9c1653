"""
RE2 for the patterns of our own code: each is compiled when it is first used, and the library loaded with the first.

In most chunks nothing is sighted, and none of them is needed. For the rest of the code they look as RE2's own do.
"""

from collections.abc import Callable
from typing import Any, cast

from keywatch.detect import pattern as exact
from keywatch.detect.pattern import Pattern


class _Late:
    """A pattern to be. What is asked of it once stays as its own attribute, so that it costs nothing from then on."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever RE2's pattern has
        value = getattr(self._make(), name)
        setattr(self, name, value)
        return value


def compile(pattern: bytes) -> Any:  # noqa: A001, ANN401 - as in re2, which has no types
    """Return what `re2.compile` would, sooner or later."""

    def make() -> Any:  # noqa: ANN401
        import re2

        return re2.compile(pattern)  # it remembers the patterns it has compiled

    return _Late(make)


def compiled(regex: str) -> Pattern:
    """As `keywatch.detect.pattern.compiled`."""
    return cast("Pattern", _Late(lambda: exact.compiled(regex)))
