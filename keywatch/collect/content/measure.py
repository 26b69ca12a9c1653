"""How much there is to read: asked of a source while it is read, for whoever waits."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Ahead:
    """What one reading of a source will come to, in all; what lies before its cursor is not part of it."""

    objects: int
    bytes: int = 0
    """0: only how many objects is known."""


@runtime_checkable
class Measures(Protocol):
    """A content source that knows, sooner or later, how much it will yield."""

    @property
    def ahead(self) -> Ahead | None:
        """What this reading comes to, near enough for a progress bar; None while that is not known. Any thread asks."""
        ...


@runtime_checkable
class Foresees(Protocol):
    """A content source of which something is known before it is read."""

    def foreseen(self, most: int) -> int:
        """
        Return how many bytes reading it from the beginning will come to, at least, as far as that is told at once.

        Args:
            most: what is beyond that is not asked for.
        """
        ...


def packed(*folders: Path) -> int:
    """Return how many bytes come out of git's packs in these folders, at least: mostly it is ten times as many."""
    size = 0
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as listing:
            size += sum(entry.stat(follow_symlinks=False).st_size for entry in listing if entry.name.endswith(".pack"))
    return 4 * size
