"""Lengths of time as people write them: `30s`, `5m`, `6h`, `1d`."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DIGITS = 6


def parse_interval(text: object) -> timedelta:
    """
    Read a whole number with a unit of seconds, minutes, hours or days.

    Raises:
        ValueError: `text` is anything else, or nothing at all.
    """
    if isinstance(text, timedelta):
        return text
    if isinstance(text, str):
        number, unit = text.strip()[:-1], text.strip()[-1:]
        if number.isascii() and number.isdigit() and len(number) <= _DIGITS and unit in _UNITS and int(number) > 0:
            return timedelta(**{_UNITS[unit]: int(number)})
    raise ValueError('should be a length of time such as "30s", "5m", "6h" or "1d"')


def interval_words(interval: timedelta) -> str:
    """Write a length of time as it would be configured, in the largest unit that is exact: `90s`, `1h`."""
    seconds = int(interval.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


Interval = Annotated[timedelta, BeforeValidator(parse_interval)]
"""A setting that is a length of time."""
