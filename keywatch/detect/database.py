"""
All patterns in one Hyperscan database: one pass over the bytes finds where each might match.

Compiling takes seconds for hundreds of rules, loading a compiled database a few milliseconds, so it is kept in the
cache directory under a name that depends on everything it was made from.
"""

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from keywatch.detect import cachefile
from keywatch.detect.pattern import compiled

if TYPE_CHECKING:
    import hyperscan

_SIMPLE = 200
"""
RE2 instructions of a pattern whose starts Hyperscan is asked for, once a set holds one that it refuses to: patterns of
twice the size can take it eight seconds each, and sets of other scanners are full of them.
"""
_MOST_SIGHTINGS = 200_000
"""A pattern that is sighted more often in one chunk than this is hostile or useless; what follows is cut off."""

Sightings: TypeAlias = dict[int, tuple[list[int], list[int]]]
"""By pattern: where candidates start, ascending in their ends, and the furthest end of each."""


class Mode(StrEnum):
    """How a pattern is looked for."""

    START = "start"
    """Hyperscan says where candidates start."""
    END = "end"
    """Too large for that: it says only where candidates of a looser pattern end."""
    WHOLE = "whole"
    """Hyperscan cannot take it at all: the exact pattern goes over the whole chunk."""


_TAIL = re.compile(r"^(?P<head>.*[^\\])(?:\{(?P<least>\d+),\d*\}|(?<=[\]\w)])\+)(?P<rest>\)*)(?:\\b)?$", re.DOTALL)


def loosened(regex: str) -> str:
    r"""
    Return a pattern that is seen once where `regex` is seen at every length its last repeat allows.

    `ghp_[a-z]{8,}\b` becomes `ghp_[a-z]{8}`: whatever the one matches starts with a match of the other.
    """
    tail = _TAIL.match(regex)
    if tail is None or tail["least"] == "0":
        return regex
    repeat = f"{{{tail['least']}}}" if tail["least"] else ""
    return tail["head"] + repeat + tail["rest"]


@dataclass(frozen=True, slots=True)
class Expressions:
    """What goes into a database."""

    patterns: Sequence[str]
    """Regular expressions; the index of one is its number in `sightings`."""
    groups: Sequence[Sequence[str]] = ()
    """Further ones that are told under one number each, after those of `patterns`, by their ends only."""
    note: bytes = b""
    """Kept with the database, for whoever put these together."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    blob: bytes
    modes: tuple[Mode, ...]
    sizes: tuple[int, ...]
    """Of the groups."""
    note: bytes


class Database:
    """The compiled patterns. Safe to share between threads: each gets a scratch of its own."""

    def __init__(
        self, patterns: Sequence[str], cache_dir: Path | None = None, groups: Sequence[Sequence[str]] = ()
    ) -> None:
        """
        Load the database for `patterns` from the cache, or compile it and put it there.

        Args:
            patterns: see `Expressions`.
            cache_dir: None keeps nothing on disk. A cache that cannot be read or written is done without.
            groups: see `Expressions`.
        """
        expressions = Expressions(patterns, groups)
        name = json.dumps([list(patterns), list(map(list, groups))])
        self._prepare(lambda: expressions, None if cache_dir is None else (cache_dir, _key(name)))

    @classmethod
    def named(cls, name: str, make: Callable[[], Expressions], cache_dir: Path) -> "Database":
        """
        Return the database for what `make` returns, which is called only if none is in the cache.

        Args:
            name: other expressions must go by another name, unless they differ by our own code or rules.
            make: puts the expressions together.
            cache_dir: where the database is kept.
        """
        place = None
        with suppress(OSError):
            place = (cache_dir, _key(name + cachefile.code_digest()))
        database = cls.__new__(cls)
        database._prepare(make, place)  # noqa: SLF001 - as its constructor does
        return database

    def _prepare(self, make: Callable[[], Expressions], place: tuple[Path, str] | None) -> None:
        import hyperscan

        path, key = (place[0] / f"rules-{place[1]}.hsdb", place[1]) if place else (None, "")
        loaded = _load(path, key) if path else None
        self.from_cache = loaded is not None
        if loaded is None:
            compiled = _compile(make())
            loaded = (hyperscan.loadb(compiled.blob, hyperscan.HS_MODE_BLOCK), compiled)
            if path:
                _save(path, key, compiled)
        self._database: hyperscan.Database = loaded[0]
        self.modes = loaded[1].modes
        self.note = loaded[1].note
        # In Hyperscan each has a number of its own: one for many patterns makes compiling them fifty times slower.
        patterns, sizes = len(self.modes), loaded[1].sizes
        self._number = [*range(patterns)]
        for number, size in enumerate(sizes, patterns):
            self._number += [number] * size
        loose = (number for number, mode in enumerate(self.modes) if mode is Mode.END)
        self.loose = frozenset([*loose, *range(patterns, patterns + len(sizes))])
        self._local = threading.local()

    def sightings(self, data: bytes | memoryview) -> tuple[Sightings, frozenset[int]]:
        """Return where each pattern may match in `data`, and the patterns that were cut off for being everywhere."""
        found: Sightings = {}
        cut: set[int] = set()
        loose = self.loose  # their starts are not known: every end counts
        numbers = self._number

        def note(own: int, start: int, end: int, _flags: int, _context: object) -> None:
            pattern = numbers[own]
            entry = found.get(pattern)
            if entry is None:
                found[pattern] = ([start], [end])
                return
            starts, ends = entry
            if starts[-1] == start and pattern not in loose:
                ends[-1] = end
            elif len(starts) < _MOST_SIGHTINGS:
                starts.append(start)
                ends.append(end)
            else:
                cut.add(pattern)

        if data:
            text: Any = data  # any buffer will do, whatever its types say
            self._database.scan(text, match_event_handler=note, scratch=self._scratch())
        return found, frozenset(cut)

    def _scratch(self) -> "hyperscan.Scratch":
        import hyperscan

        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch


def _key(name: str) -> str:
    import hyperscan

    # Which instructions the processor has is Hyperscan's own to check: it refuses a database made for others.
    parts = (getattr(hyperscan, "__version__", ""), os.uname().machine, name)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _compile(expressions: Expressions) -> _Compiled:
    import hyperscan

    patterns = expressions.patterns
    # What the next attempt costs more than the one before, it finds out more exactly.
    for modes in ([Mode.START] * len(patterns), [_guessed(pattern) for pattern in patterns]):
        with suppress(hyperscan.error):
            return _made(expressions, modes)
    return _made(expressions, [_mode(pattern) for pattern in patterns])


def _made(expressions: Expressions, modes: Sequence[Mode]) -> _Compiled:
    blob = _compiled(expressions.patterns, modes, expressions.groups)
    return _Compiled(blob, tuple(modes), tuple(map(len, expressions.groups)), expressions.note)


def _guessed(pattern: str) -> Mode:
    return Mode.START if compiled(pattern).programsize <= _SIMPLE else Mode.END


def _mode(pattern: str) -> Mode:
    """Return the best way in which Hyperscan takes `pattern` on its own, and within milliseconds."""
    import hyperscan

    for mode in (Mode.START, Mode.END) if _guessed(pattern) is Mode.START else (Mode.END,):
        with suppress(hyperscan.error):
            _compiled([pattern], [mode], ())
            return mode
    return Mode.WHOLE


def _compiled(patterns: Sequence[str], modes: Sequence[Mode], groups: Sequence[Sequence[str]]) -> bytes:
    import hyperscan

    flags = {
        Mode.START: hyperscan.HS_FLAG_SOM_LEFTMOST | hyperscan.HS_FLAG_ALLOWEMPTY,
        Mode.END: hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_ALLOWEMPTY,
    }
    chosen = [number for number, mode in enumerate(modes) if mode is not Mode.WHOLE]
    grouped = [pattern for group in groups for pattern in group]
    # A database needs a pattern; this one cannot match, for nothing follows the end.
    expressions = [*(loosened(patterns[number]) for number in chosen), *grouped] or [r"\zx"]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[expression.encode() for expression in expressions],
        ids=[*chosen, *range(len(patterns), len(patterns) + len(grouped))] or [0],
        flags=[flags[modes[number]] for number in chosen] + [0] * len(grouped) or [0],
    )
    return bytes(hyperscan.dumpb(database))


def _save(path: Path, key: str, compiled: _Compiled) -> None:
    numbers = json.dumps({"modes": compiled.modes, "sizes": compiled.sizes}).encode()
    cachefile.write(path, key, numbers, compiled.note, compiled.blob)


def _load(path: Path, key: str) -> tuple["hyperscan.Database", _Compiled] | None:
    """Return the cached database, or None where there is none that is whole and fit for this machine."""
    import hyperscan

    if (parts := cachefile.read(path, key)) is None:
        return None
    with suppress(ValueError, KeyError, TypeError, hyperscan.error):
        numbers, note, blob = parts
        found = json.loads(numbers)
        compiled = _Compiled(blob, tuple(map(Mode, found["modes"])), tuple(found["sizes"]), note)
        return hyperscan.loadb(blob, hyperscan.HS_MODE_BLOCK), compiled
    return None
