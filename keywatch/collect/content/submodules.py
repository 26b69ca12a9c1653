"""The submodules of a work tree: repositories of their own, scanned as such where they are checked out."""

import os
from collections.abc import Iterator
from pathlib import Path

from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.tree import printable
from keywatch.model.errors import ScanError
from keywatch.model.source import Skipped

_DEEPEST = 8
_MOST = 1000


def submodules(top: Path, depth: int = 0) -> Iterator[Path | Skipped]:
    """
    Yield the work trees of the submodules below `top`, theirs included; a `Skipped` for each that is not checked out.

    A repository without submodules costs a look for `.gitmodules`, no git.
    """
    if not os.path.lexists(top / ".gitmodules") or not os.path.lexists(top / ".git") or depth > _DEEPEST:
        return
    for number, name in enumerate(_links(top)):
        place = top / name
        if number >= _MOST:
            yield Skipped(printable(str(top)), f"more than {_MOST} submodules", "scan the others by their paths")
            return
        # The index is the repository's word: a path in it may lead anywhere.
        inside = place.parent.resolve().is_relative_to(top.resolve()) and not place.is_symlink()
        if ".." in Path(name).parts or not inside:
            yield Skipped(printable(str(place)), "a submodule whose path leads out of the repository")
        elif os.path.lexists(place / ".git"):
            yield place
            yield from submodules(place, depth + 1)
        else:
            hint = "git submodule update --init, or scan it by its address"
            yield Skipped(printable(str(place)), "a submodule that is not checked out", hint)


def _links(top: Path) -> list[str]:
    try:
        entries = Git(top).ask("ls-files", "--stage", "-z").split("\0")
    except ScanError:
        return []  # it is told by whoever reads the repository itself
    return sorted({entry.partition("\t")[2] for entry in entries if entry.startswith("160000 ")})
