"""Who brought content into a repository: asked for the few blobs in which something was found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from keywatch.model.finding import Place
from keywatch.model.source import Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """The first commit that put one blob at one path."""

    path: str
    commit: str | None
    """None: it is in the working tree only."""
    author: str | None
    committed_at: datetime | None
    """When it was authored; aware UTC."""
    present: bool | None
    """Whether the working tree, or the tree of HEAD, still has it at this path; None: that cannot be told."""


@runtime_checkable
class Attributes(Protocol):
    """A content source that knows the history of what it yields."""

    def introductions(self, blobs: Iterable[str]) -> Mapping[str, tuple[Introduction, ...]]:
        """
        Return, for each blob that history knows, where and by whom it was first brought in, oldest first.

        Raises:
            ScanError: the history cannot be read.
        """
        ...

    def uncommitted(self, places: Iterable[Place]) -> Mapping[str, tuple[Introduction, ...]]:
        """Return, for each blob of `places` that the working tree has there, where that is; no history is asked."""
        ...


@runtime_checkable
class Resumes(Protocol):
    """A content source that can be read on from where an earlier reading had come, and tells what became of places."""

    @property
    def resumes(self) -> bool:
        """Whether a cursor of this reading serves another one."""
        ...

    def standing(self, places: Iterable[Place], cursor: Cursor) -> list[Place]:
        """
        Return those of `places`, of a reading up to `cursor`, that are still there, as they are now.

        Raises:
            ScanError: that cannot be told.
        """
        ...


@runtime_checkable
class Vouches(Protocol):
    """A content source that can say of a place seen earlier that its content is no longer there."""

    def gone(self, places: Iterable[Place]) -> frozenset[Place]:
        """
        Return those places whose content is no longer there: no ref reaches it, no file has it.

        Raises:
            ScanError: that cannot be told; nothing may be taken for gone.
        """
        ...
