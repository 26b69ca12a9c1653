"""Where in a TOML file a setting stands, so that an error can name the line. `tomllib` does not say."""

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\"'-]+)\s*\]\]?")
_ASSIGNMENT = re.compile(r"^\s*([A-Za-z0-9_\"'-]+(?:\s*\.\s*[A-Za-z0-9_\"'-]+)*)\s*=")

Path = tuple[str | int, ...]
"""Keys and list positions from the top, as pydantic gives them: `("vault", 0, "address")`."""


def line_of(text: str, path: Path) -> int | None:
    """
    Return the line, from 1, on which the setting at `path` stands, or its nearest enclosing table; None for neither.

    Multi-line strings that look like assignments can mislead it: the line is a help, never a decision.
    """
    best_depth, best_line = 0, None
    for place, line in _places(text):
        depth = len(place)
        if depth > best_depth and place == path[:depth]:
            best_depth, best_line = depth, line
    return best_line


def _places(text: str) -> list[tuple[Path, int]]:
    places: list[tuple[Path, int]] = []
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _enter(header[1] == "[[", _keys(header[2]), counts)
            places.append((table, number))
        elif assignment := _ASSIGNMENT.match(line):
            places.append((table + _keys(assignment[1]), number))
    return places


def _enter(array: bool, keys: Path, counts: dict[Path, int]) -> Path:
    """Resolve `[a.b]` below the latest `[[a]]`, and count each `[[a]]`."""
    resolved: Path = ()
    for position, key in enumerate(keys):
        resolved = (*resolved, key)
        if array and position == len(keys) - 1:
            counts[resolved] = counts.get(resolved, -1) + 1
        if resolved in counts:
            resolved = (*resolved, counts[resolved])
    return resolved


def _keys(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
