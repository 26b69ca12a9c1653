"""
All patterns in one Hyperscan database: one pass over the bytes finds where each might match.

Compiling takes seconds for hundreds of rules, loading a compiled database a millisecond, so it is kept in the cache
directory under a name that depends on everything it was made from.
"""

import hashlib
import json
import os
import platform
import re
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import hyperscan

_FORMAT = b"keywatch-hsdb 1\n"
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
class _Compiled:
    blob: bytes
    modes: tuple[Mode, ...]


class Database:
    """The compiled patterns. Safe to share between threads: each gets a scratch of its own."""

    def __init__(
        self, patterns: Sequence[str], cache_dir: Path | None = None, groups: Sequence[Sequence[str]] = ()
    ) -> None:
        """
        Load the database for `patterns` from the cache, or compile it and put it there.

        Args:
            patterns: regular expressions; the index of one is its number in `sightings`.
            cache_dir: None keeps nothing on disk. A cache that cannot be read or written is done without.
            groups: further ones that are told under one number each, after those of `patterns`, by their ends only.
        """
        import hyperscan

        key = _key(patterns, groups, version("hyperscan"))
        path = cache_dir / f"rules-{key}.hsdb" if cache_dir is not None else None
        self.from_cache = False
        loaded = _load(path, len(patterns)) if path is not None else None
        if loaded is None:
            compiled = _compile(patterns, groups)
            loaded = (hyperscan.loadb(compiled.blob, hyperscan.HS_MODE_BLOCK), compiled)
            if path is not None:
                _save(path, compiled)
        else:
            self.from_cache = True
        self._database: hyperscan.Database = loaded[0]
        self.modes = loaded[1].modes
        # In Hyperscan each has a number of its own: one for many patterns makes compiling them fifty times slower.
        grouped = [number for number, group in enumerate(groups, len(patterns)) for _ in group]
        self._number = [*range(len(patterns)), *grouped]
        loose = (number for number, mode in enumerate(self.modes) if mode is Mode.END)
        self._loose = frozenset([*loose, *range(len(patterns), len(patterns) + len(groups))])
        self._local = threading.local()

    def sightings(self, data: bytes) -> tuple[Sightings, frozenset[int]]:
        """Return where each pattern may match in `data`, and the patterns that were cut off for being everywhere."""
        found: Sightings = {}
        cut: set[int] = set()
        loose = self._loose  # their starts are not known: every end counts
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
            self._database.scan(data, match_event_handler=note, scratch=self._scratch())
        return found, frozenset(cut)

    def _scratch(self) -> "hyperscan.Scratch":
        import hyperscan

        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch


def _key(patterns: Sequence[str], groups: Sequence[Sequence[str]], library: str) -> str:
    parts = [
        library,
        platform.machine(),
        platform.processor(),
        _FORMAT.decode(),
        list(patterns),
        list(map(list, groups)),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _compile(patterns: Sequence[str], groups: Sequence[Sequence[str]]) -> _Compiled:
    import hyperscan

    modes = [Mode.START] * len(patterns)
    try:
        blob = _compiled(patterns, modes, groups)
    except hyperscan.error:
        modes = [_mode(pattern) for pattern in patterns]
        blob = _compiled(patterns, modes, groups)
    return _Compiled(blob, tuple(modes))


def _mode(pattern: str) -> Mode:
    """Return the best way in which Hyperscan takes `pattern` on its own."""
    import hyperscan

    for mode in (Mode.START, Mode.END):
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


def _save(path: Path, compiled: _Compiled) -> None:
    """Write the cache so that a reader sees all of it or nothing, and nobody else can write it."""
    body = json.dumps(compiled.modes).encode() + b"\n" + compiled.blob
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_FORMAT + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _load(path: Path, patterns: int) -> tuple["hyperscan.Database", _Compiled] | None:
    """Return the cached database, or None where there is none that is whole and fit for this machine."""
    import hyperscan

    with suppress(OSError, ValueError, hyperscan.error):
        head, digest, body = path.read_bytes().split(b"\n", 2)
        if head + b"\n" != _FORMAT or hashlib.sha256(body).hexdigest().encode() != digest:
            return None
        modes, blob = body.split(b"\n", 1)
        compiled = _Compiled(blob, tuple(Mode(mode) for mode in json.loads(modes)))
        if len(compiled.modes) == patterns:
            return hyperscan.loadb(blob, hyperscan.HS_MODE_BLOCK), compiled
    return None
