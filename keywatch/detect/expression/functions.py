"""
What a filter expression may call: betterleaks' own functions, and those of expr-lang that make sense for text.

None can loop, call out or grow: each takes time in the length of what it is given, and what it gives is bounded.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias, Union

from keywatch.detect.efficiency import efficiency
from keywatch.detect.entropy import entropy
from keywatch.detect.expression.lexer import ExpressionError

Value: TypeAlias = Union[bytes, bool, int, float, tuple["Value", ...], None]  # noqa: UP007 - it names itself

LONGEST = 1 << 20
"""Bytes. The longest text an expression may make."""
_LARGEST = 1 << 63

_EFFICIENT = 2.5
_SHORT_EFFICIENT = 2.1
_SHORT = 12


def fails_token_efficiency(value: bytes) -> bool:
    """Tell whether `value` reads like natural language: betterleaks' bounds, and our own vocabulary."""
    threshold = _SHORT_EFFICIENT if len(value) < _SHORT else _EFFICIENT
    return efficiency(value) >= threshold


def text(value: Value) -> bytes:
    """Return `value`, which must be text."""
    if not isinstance(value, bytes):
        raise ExpressionError(f"needs text, not {_kind(value)}")
    if len(value) > LONGEST:
        raise ExpressionError(f"makes a text of more than {LONGEST} bytes")
    return value


def number(value: Value) -> int | float:
    """Return `value`, which must be a number, of the size a machine word holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"needs a number, not {_kind(value)}")
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise ExpressionError("makes a number of more than 64 bits")
    return value


def whole(value: Value) -> int:
    """Return `value`, which must be a whole number."""
    if isinstance(value, float) or isinstance(number(value), float):
        raise ExpressionError("needs a whole number")
    return int(number(value))


def truth(value: Value) -> bool:
    """Return `value`, which must be true or false."""
    if not isinstance(value, bool):
        raise ExpressionError(f"needs true or false, not {_kind(value)}")
    return value


def contains_any(value: Value, terms: Sequence[bytes]) -> bool:
    """Tell whether one of the terms stands in `value`, in whatever case."""
    lowered = text(value).lower()
    return any(term in lowered for term in terms)


def _length(value: Value) -> int:
    if isinstance(value, tuple):
        return len(value)
    return len(text(value).decode(errors="replace"))


def _indexed(value: Value, part: Value) -> int:
    return text(value).find(text(part))


def _replaced(value: Value, old: Value, new: Value) -> bytes:
    source, out, into = text(value), text(old), text(new)
    if len(source) + source.count(out) * len(into) > LONGEST:
        raise ExpressionError(f"makes a text of more than {LONGEST} bytes")
    return source.replace(out, into)


def _int(value: Value) -> int:
    try:
        return whole(int(text(value)) if isinstance(value, bytes) else int(number(value)))
    except (ValueError, OverflowError):
        raise ExpressionError("needs a number") from None


def _float(value: Value) -> float:
    try:
        return float(text(value)) if isinstance(value, bytes) else float(number(value))
    except ValueError:
        raise ExpressionError("needs a number") from None


def _string(value: Value) -> bytes:
    if isinstance(value, bytes):
        return text(value)
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return f"{number(value):g}".encode() if isinstance(value, float) else str(number(value)).encode()


def _rounded(how: Callable[[float], int]) -> Callable[..., Value]:
    def rounded(value: Value) -> float:
        found = float(number(value))
        return float(how(found)) if math.isfinite(found) else found

    return rounded


FUNCTIONS: dict[str, tuple[int, int, Callable[..., Value]]] = {
    # name: least and most arguments, function
    "entropy": (1, 1, lambda value: entropy(text(value))),
    "failsTokenEfficiency": (1, 1, lambda value: fails_token_efficiency(text(value))),
    "len": (1, 1, _length),
    "size": (1, 1, _length),
    "max": (1, 16, lambda *values: max(map(number, values))),
    "min": (1, 16, lambda *values: min(map(number, values))),
    "abs": (1, 1, lambda value: abs(number(value))),
    "floor": (1, 1, _rounded(math.floor)),
    "ceil": (1, 1, _rounded(math.ceil)),
    "int": (1, 1, _int),
    "float": (1, 1, _float),
    "string": (1, 1, _string),
    "lower": (1, 1, lambda value: text(value).lower()),
    "upper": (1, 1, lambda value: text(value).upper()),
    "trim": (1, 2, lambda value, cut=None: text(value).strip(None if cut is None else text(cut))),
    "trimPrefix": (2, 2, lambda value, start: text(value).removeprefix(text(start))),
    "trimSuffix": (2, 2, lambda value, end: text(value).removesuffix(text(end))),
    "hasPrefix": (2, 2, lambda value, start: text(value).startswith(text(start))),
    "hasSuffix": (2, 2, lambda value, end: text(value).endswith(text(end))),
    "indexOf": (2, 2, _indexed),
    "lastIndexOf": (2, 2, lambda value, part: text(value).rfind(text(part))),
    "replace": (3, 3, _replaced),
}
"""By name. Those that look at constants are in `calls`: `matchesAny`, `findMatch`, `containsAny`, `get`."""


def _kind(value: Value) -> str:
    if isinstance(value, bytes):
        return "text"
    if isinstance(value, tuple):
        return "a list"
    return "nothing" if value is None else "true or false" if isinstance(value, bool) else "a number"
