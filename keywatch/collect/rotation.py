"""The names a rotation gives to a log file, and the name it had before. Pure."""

import os
import re
from functools import lru_cache

from keywatch.collect.inflating import PACKED

_PACKED = "|".join(re.escape(end) for end in PACKED)
# logrotate: .1, -20261123, -20261123.gz; Python's TimedRotatingFileHandler: .2026-11-23_14; others: .old, .bak, ~
_STAMP = r"[.-]\d[\dTZ:_.-]*"
_BEHIND = re.compile(rf"(?:{_STAMP}|\.old|\.bak|~)?(?:{_PACKED})?$")
# logrotate's `extension`, log4j, winston: app-20261123.log, app.1.log.gz
_BEFORE = re.compile(rf"{_STAMP}(?P<extension>\.[A-Za-z][A-Za-z0-9_]*)(?:{_PACKED})?$")
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9_]*$")


@lru_cache(maxsize=1 << 14)
def unrotated(path: str) -> str:
    """Return the path a file had while it was written to: `app.log` of `app.log.2.gz`, `app.log` of itself."""
    folder, name = os.path.split(path)
    base = _BEHIND.sub("", name, count=1)
    if base == unpacked(name) and (found := _BEFORE.search(base)):
        base = base[: found.start()] + found["extension"]
    return os.path.join(folder, base) if base else path  # noqa: PTH118 - a thousand of them are asked for at each look


def unpacked(path: str) -> str:
    """Return the path a file had before it was compressed: `app.log.2` of `app.log.2.gz`."""
    base, end = os.path.splitext(path)  # noqa: PTH122 - a text, not a path to open
    return base if end in PACKED else path


def siblings(pattern: str) -> tuple[str, ...]:
    """Return patterns that name at least every file a rotation could have made of those that `pattern` names."""
    beside = [f"{pattern}[.~-]*"]
    if found := _EXTENSION.search(pattern):
        beside.append(f"{pattern[: found.start()]}[.-]*{found[0]}*")
    return tuple(beside)
