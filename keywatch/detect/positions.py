"""On which line of a TOML file each key stands, which the parser does not tell: for errors a person can follow."""

import re
from collections.abc import Mapping
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys in lower case and, for arrays of tables, numbers from 0: `("rules", 3, "allowlists", 0, "paths")`."""

_HEADER = re.compile(r"\s*(\[\[?)([^\]]*)\]")
_KEY = re.compile(r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_MARK = re.compile(r"\"\"\"|'''|\"(?:[^\"\\]|\\.)*(?:\"|$)|'[^']*(?:'|$)|#.*|[\[\]{}]")


def positions(text: str) -> Mapping[Path, int]:
    """Return the line, from 1, on which each table and key of the top levels begins."""
    return _Reader().read(text)


class _Reader:
    def __init__(self) -> None:
        self._found: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}
        self._table: Path = ()
        self._open = ""
        self._depth = 0

    def read(self, text: str) -> Mapping[Path, int]:
        for number, line in enumerate(text.split("\n"), 1):
            rest = line
            if not self._open and not self._depth:
                rest = self._noted(line, number)
            self._passed(rest)
        return self._found

    def _noted(self, line: str, number: int) -> str:
        """Take in what the line begins with, and return what follows that."""
        if header := _HEADER.match(line):
            self._table = self._entered(_parts(header[2]), array=header[1] == "[[")
            self._found.setdefault(self._table, number)
            return ""
        if key := _KEY.match(line):
            self._found.setdefault((*self._table, *_parts(key[1])), number)
            return line[key.end() :]
        return line

    def _entered(self, parts: list[str], *, array: bool) -> Path:
        path: Path = ()
        for part in parts[:-1]:
            path = (*path, part)
            if path in self._arrays:
                path = (*path, self._arrays[path])
        path = (*path, *parts[-1:])
        if array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path = (*path, self._arrays[path])
        return path

    def _passed(self, rest: str) -> None:
        """Follow strings and brackets that go on in the next line."""
        at = 0
        while at < len(rest):
            if self._open:
                end = rest.find(self._open, at)
                while end > 0 and self._open == '"""' and rest[end - 1] == "\\":
                    end = rest.find(self._open, end + 1)
                if end < 0:
                    return
                at, self._open = end + 3, ""
                continue
            mark = _MARK.search(rest, at)
            if mark is None:
                return
            at = mark.end()
            if mark[0] in {'"""', "'''"}:
                self._open = mark[0]
            elif mark[0] in {"[", "{"}:
                self._depth += 1
            elif mark[0] in {"]", "}"}:
                self._depth = max(0, self._depth - 1)


def _parts(name: str) -> list[str]:
    return [part.strip().strip("\"'").lower() for part in name.split(".")]
