"""What lies in a repository's working tree and in no commit."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from keywatch.collect.content.attribution import Introduction
from keywatch.collect.content.file_content import blob_id
from keywatch.collect.content.files import outer
from keywatch.model.finding import Place

_PATHS = 20
"""Paths of one blob that are told."""


def uncommitted(
    top: Path, places: Iterable[Place], algorithm: str, odd: Mapping[str, str]
) -> dict[str, tuple[Introduction, ...]]:
    """
    Return, for each blob of `places` that the working tree has there, where that is.

    Args:
        top: of the working tree.
        places: where blobs were found that history does not know.
        algorithm: by which git names them.
        odd: files whose names are no text, by what these are made into.
    """
    blobs: dict[str, str | None] = {}
    found: dict[str, set[str]] = {}
    for place in places:
        path = next((name for name in _enclosing(place.path) if name in odd), None) or outer(top, place.path)
        if path not in blobs:
            blobs[path] = blob_id(odd.get(path, str(top / path)), algorithm)
        if place.blob is not None and blobs[path] == place.blob:
            found.setdefault(place.blob, set()).add(path)
    return {blob: tuple(map(_lying, sorted(paths)[:_PATHS])) for blob, paths in found.items()}


def _enclosing(path: str) -> Iterable[str]:
    """Yield a path, and those of the archives that it may be in."""
    while path:
        yield path
        path = path.rpartition("!")[0]


def _lying(path: str) -> Introduction:
    return Introduction(path=path, commit=None, author=None, committed_at=None, present=True)
