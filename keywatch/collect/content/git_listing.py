"""Every blob that a whole history has, and the log that tells of them where there is one."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from keywatch.collect.content.git_log import Log, mapped
from keywatch.collect.content.git_log_asked import Asked
from keywatch.collect.content.git_log_read import ReadFromPacks
from keywatch.collect.content.git_objects import list_names, missing_trees
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.listing import Listed, Listing, listing
from keywatch.collect.content.pack.index import count
from keywatch.model.source import Skipped

_LARGE = 64 << 20
"""Bytes of packs from which on git is asked for the log before it is needed."""
_OBJECTS = 4_000_000
"""Objects beyond which the log would be too long: it takes about a hundred bytes for each."""


class Found(NamedTuple):
    """What a history has."""

    listed: Listed
    unlisted: list[Skipped]
    """What cannot be listed."""
    log: Log[Any] | None
    """Its log, if that is written down."""
    named: bool = False
    """Whether the log alone names the blobs: nobody has looked yet whether they are there."""


def everything(
    git: Git, patience: float, tips: Iterable[str], only: Sequence[str], *, unreachable: bool, odd: bool = False
) -> Found:
    """
    List every blob that a history has; see `list_names`.

    Args:
        git: the repository.
        patience: seconds the log may take.
        tips: what the refs name.
        only: only what these commits reach.
        unreachable: also what no ref reaches.
        odd: git ignores some refs, and will say so if it is asked for what they reach.

    Raises:
        GitFailed: nothing can be listed.
    """
    packs = git.packs()
    objects = sum(map(count, packs))
    whole = not only and not unreachable
    log: Log[Any] | None = None
    reads = whole and not odd and not git.is_shallow  # only git knows where a shallow clone ends
    for telling in _tellings(git, patience, tips, packs, reads=reads) if objects <= _OBJECTS else ():
        # It is asked for in the end. To list all there is as well would be to walk through the same trees again.
        log = Log(git.within(patience), telling, tips, _listing(git, objects) if whole else None)
        if whole and (listed := log.listed()):
            return Found(listed, [], log, named=True)
    found = walked(git, only, unreachable=unreachable, log=log)
    partial = any(path.with_suffix(".promisor").exists() for path in packs) and _without_trees(git)
    if partial or whole:
        found.unlisted.extend(missing_trees(git))
    return found


def _tellings(
    git: Git, patience: float, tips: Iterable[str], packs: Iterable[Path], *, reads: bool
) -> "Iterator[ReadFromPacks | Asked]":
    """Yield what tells of a history, what is fastest first. Of a small one git is not asked before the end."""
    from keywatch.native import library
    from keywatch.native.inflating import inflating

    if reads and (kernel := library()) is not None and inflating() is not None:
        yield ReadFromPacks(git, kernel, tips)
    if sum(path.stat().st_size for path in packs) >= _LARGE:
        yield Asked(git.within(patience))


def walked(git: Git, only: Sequence[str], *, unreachable: bool, log: Log[Any] | None) -> Found:
    """List every blob in another way than by the log; see `everything`."""
    with tempfile.TemporaryFile() as names:
        unlisted = list_names(git, names, only=only, unreachable=unreachable)
        found = _listing(git, sum(map(count, git.packs())))
        for text in mapped([names]):
            found.lines(text)
    return Found(Listed(*found.listed()), unlisted, log)


def _listing(git: Git, objects: int) -> Listing:
    return listing(git.name_size, objects)


def _without_trees(git: Git) -> bool:
    """Tell whether a clone was made that leaves out more than blobs."""
    filters = git.ask("config", "--get-regexp", r"^remote\..*\.partialclonefilter$", ok=(0, 1)).splitlines()
    return any(not line.partition(" ")[2].startswith("blob:") for line in filters)
