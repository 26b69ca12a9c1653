"""How numbers, days and names are written for a person. Pure."""

import unicodedata
from datetime import date, datetime

from keywatch.model.finding import Severity

RANK = {severity: rank for rank, severity in enumerate(Severity)}
"""How bad a severity is, 0 to 3."""


def one_line(text: str, most: int = 300) -> str:
    """
    Make a string that came from outside fit to be read in one line of at most `most` characters.

    Control characters, line breaks, invisible and direction-changing characters (a file name may hold any of them) are
    replaced; what is too long is cut in the middle, because paths and ids carry their meaning at both ends.
    """
    # Almost every name is printable as it is, and there are many.
    clean = text if text.isprintable() else "".join(_visible(character) for character in text)
    line = " ".join(clean.split())
    if len(line) <= most:
        return line
    head = (most - 1) // 2
    return f"{line[:head]}…{line[len(line) - (most - 1 - head) :]}"


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] != "C":
        return " " if category in {"Zl", "Zp"} else character
    return " " if character in "\n\r\t\v\f\x85" else "\ufffd"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Write `1 place`, `2 places`, `no places`."""
    word = noun if number == 1 else plural or f"{noun}s"
    return f"{number or 'no'} {word}"


def day(moment: datetime | date) -> str:
    """Write the UTC day, `2026-11-23`."""
    return moment.strftime("%Y-%m-%d")


def minute(moment: datetime) -> str:
    """Write the UTC minute, `2026-11-23 14:18 UTC`."""
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def days_from_now(days: int) -> str:
    """Write `today`, `tomorrow`, `in 4 days`, `3 days ago`."""
    if days < 0:
        return f"{count(-days, 'day')} ago"
    return {0: "today", 1: "tomorrow"}.get(days) or f"in {count(days, 'day')}"
