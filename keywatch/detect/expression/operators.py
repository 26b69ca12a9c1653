"""What the operators of a filter expression do with values."""

import math
from collections.abc import Callable

from keywatch.detect.expression.functions import LONGEST, Value, number, text, whole
from keywatch.detect.expression.lexer import ExpressionError


def otherwise(value: Value, other: Callable[[], Value]) -> Value:
    """Return `value`, or what `other` gives where that is nothing."""
    return other() if value is None else value


def item(value: Value, key: Value) -> Value:
    """Return an item of a list, or a byte of a text; counted from the end if the number is negative."""
    if isinstance(value, tuple):
        at = whole(key)
        if not -len(value) <= at < len(value):
            raise ExpressionError("asks for an item that is not there")
        return value[at]
    at = whole(key)
    piece = text(value)
    if not -len(piece) <= at < len(piece):
        raise ExpressionError("asks for an item that is not there")
    return piece[at : at + 1 or None]


def sliced(value: Value, begin: Value, finish: Value) -> Value:
    """Return a part of a list or text; a bound that is nothing, or beyond the end, is the end."""
    first = None if begin is None else whole(begin)
    last = None if finish is None else whole(finish)
    return value[first:last] if isinstance(value, tuple) else text(value)[first:last]


def _sum(left: Value, right: Value) -> Value:
    if isinstance(left, bytes) or isinstance(right, bytes):
        if len(text(left)) + len(text(right)) > LONGEST:
            raise ExpressionError(f"makes a text of more than {LONGEST} bytes")
        return text(left) + text(right)
    return number(number(left) + number(right))


def _quotient(left: Value, right: Value) -> Value:
    if not number(right):
        raise ExpressionError("divides by zero")
    return number(left) / number(right)


def _remainder(left: Value, right: Value) -> Value:
    if not whole(right):
        raise ExpressionError("divides by zero")
    rest = abs(whole(left)) % abs(whole(right))
    return -rest if whole(left) < 0 else rest  # the sign of the dividend, as in Go


def _power(left: Value, right: Value) -> Value:
    try:
        return math.pow(number(left), number(right))
    except (OverflowError, ValueError):
        raise ExpressionError("makes a number that is too large, or none") from None


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def _in(left: Value, right: Value) -> bool:
    if not isinstance(right, tuple):
        raise ExpressionError("looks for something in what is no list")
    return any(_equal(left, item) for item in right)


def _ordered(how: Callable[[int], bool]) -> Callable[[Value, Value], Value]:
    def ordered(left: Value, right: Value) -> bool:
        if isinstance(left, bytes):
            one, other = text(left), text(right)
            return how((one > other) - (one < other))
        first, second = number(left), number(right)
        return how((first > second) - (first < second))

    return ordered


BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(lambda order: order < 0),
    "<=": _ordered(lambda order: order <= 0),
    ">": _ordered(lambda order: order > 0),
    ">=": _ordered(lambda order: order >= 0),
    "in": _in,
    "contains": lambda left, right: text(right) in text(left),
    "startsWith": lambda left, right: text(left).startswith(text(right)),
    "endsWith": lambda left, right: text(left).endswith(text(right)),
    "+": _sum,
    "-": lambda left, right: number(number(left) - number(right)),
    "*": lambda left, right: number(number(left) * number(right)),
    "/": _quotient,
    "%": _remainder,
    "**": _power,
    "^": _power,
}
