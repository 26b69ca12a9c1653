"""Every blob that a whole history has, and the log that tells of them where there is one."""

import tempfile
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from keywatch.collect.content.git_log import Log, mapped
from keywatch.collect.content.git_objects import list_names
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.listing import Listed, listing
from keywatch.collect.content.pack.index import count
from keywatch.model.source import Skipped

_LARGE = 64 << 20
"""Bytes of packs from which on the log is written down."""
_OBJECTS = 4_000_000
"""Objects beyond which the log would be too long: it takes about a hundred bytes for each."""


class Everything(NamedTuple):
    """What a history has."""

    listed: Listed
    unlisted: list[Skipped]
    """What cannot be listed."""
    log: Log | None
    """Its log, if that is written down."""


def everything(git: Git, patience: float, tips: Iterable[str], only: Sequence[str], *, unreachable: bool) -> Everything:
    """
    List every blob that a history has; see `list_names`.

    Args:
        git: the repository.
        patience: seconds the log may take.
        tips: what the refs name.
        only: only what these commits reach.
        unreachable: also what no ref reaches.

    Raises:
        GitFailed: nothing can be listed.
    """
    name_size = 32 if git.object_format == "sha256" else 20
    packs = git.packs()
    objects = sum(map(count, packs))
    log = None
    if sum(path.stat().st_size for path in packs) >= _LARGE and objects <= _OBJECTS:
        # It is asked for in the end. To list all there is as well would be to walk through the same trees again.
        whole = not only and not unreachable
        log = Log(Git(git.path, timeout=patience), tips, listing(name_size, objects) if whole else None)
        if whole and (found := log.listed()):
            return Everything(found, [], log)
    with tempfile.TemporaryFile() as names:
        unlisted = list_names(git, names, only=only, unreachable=unreachable)
        lines = listing(name_size, objects)
        for text in mapped([names]):
            lines.lines(text)
    return Everything(Listed(*lines.listed()), unlisted, log)
