"""Who first brought a blob in: one pass over the raw log, for the few blobs in which something was found."""

import tempfile
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import IO

from keywatch.collect.content.attribution import Introduction
from keywatch.collect.content.git_log import mapped
from keywatch.collect.content.git_log_asked import FORMAT
from keywatch.collect.content.git_objects import decode_path
from keywatch.collect.content.git_plumbing import Git, GitFailed

_PATHS = 20
"""Paths of one blob that are told; the same content may lie in thousands of places."""
_NO_DATE = 1 << 62
"""What stands for the date of a commit that has none: later than any."""
_NOBODY = (b"", _NO_DATE)
_PATHS_SEEN = 1000
"""Paths of one blob that are looked at at all."""
_TREE_LIMIT = 2_000_000
"""Entries of HEAD's tree looked at: twelve tree objects can spell ten thousand million paths."""


def head_tree(git: Git) -> Iterator[tuple[bytes, bytes]]:
    """
    Yield the blobs of HEAD's tree and their paths; none where there is no commit yet.

    Raises:
        GitFailed: the tree is broken.
    """
    if not git.ask("rev-parse", "--verify", "--quiet", "HEAD^{tree}", ok=(0, 1)):
        return
    with git.stream("ls-tree", "-r", "-z", "--full-tree", "HEAD") as stream:
        for number, entry in enumerate(_fields(stream.out)):
            if number >= _TREE_LIMIT:
                return
            meta, _, path = entry.partition(b"\t")
            yield meta.split(b" ")[2], path
        stream.finish()


_LOG = ("log", "--all", "--no-show-signature", *FORMAT)
# An author's name may hold the separator as well; the others may not.
_AUTHORS = ("log", "--no-walk=unsorted", "--stdin", "--no-show-signature", "-z", "--format=%H%x02%an%x02%at")


def introductions(
    git: Git, blobs: frozenset[str], log: Sequence[IO[bytes]] | None = None
) -> dict[str, tuple[Introduction, ...]]:
    """
    Return where and by whom each of `blobs` was first brought in; those that history does not know are left out.

    Args:
        git: the repository.
        blobs: their names.
        log: the pieces that `Log` has written down; without them git is asked.

    Raises:
        ScanError: the history cannot be read.
    """
    wanted = {blob.encode() for blob in blobs}
    if log is not None:
        first = _first(_written(log, wanted, git.name_size))
    else:
        with git.stream(*_LOG) as stream:
            first = _first(changes_in(stream.out, wanted))
            try:
                stream.finish()
            except GitFailed:
                # Broken further back, which the reading of the blobs has told: what is known is better than nothing.
                if not first:
                    raise
    present = _present(git, first)
    by = _authors(git, set(first.values()))
    brought = [(change, commit, *by.get(commit, _NOBODY)) for change, commit in first.items()]
    found: dict[str, list[Introduction]] = {}
    for (blob, path), commit, author, when in sorted(brought, key=lambda item: (item[3], item[0])):
        places = found.setdefault(blob.decode(), [])
        if len(places) < _PATHS:
            places.append(
                Introduction(
                    path=decode_path(path),
                    commit=commit.decode(),
                    author=author.decode("utf-8", "replace"),
                    committed_at=_instant(when),
                    present=None if present is None else (blob, path) in present,
                )
            )
    return {blob: tuple(places) for blob, places in found.items()}


def _first(changes: Iterable["_Change"]) -> dict[tuple[bytes, bytes], bytes]:
    """Return the first commit that brought in each wanted blob at each of its paths."""
    first: dict[tuple[bytes, bytes], bytes] = {}
    paths: Counter[bytes] = Counter()
    for blob, path, brought in changes:
        # The log comes newest first, so the last word is the oldest.
        if (blob, path) not in first:
            if paths[blob] >= _PATHS_SEEN:
                continue
            paths[blob] += 1
        first[blob, path] = brought
    return {change: header.strip(b"\n\x01") for change, header in first.items()}


def _authors(git: Git, commits: set[bytes]) -> dict[bytes, tuple[bytes, int]]:
    """Return who wrote each of some commits, and when."""
    if not commits:
        return {}
    with tempfile.TemporaryFile() as question:
        question.writelines(commit + b"\n" for commit in commits)
        question.seek(0)
        known = {}
        with git.stream(*_AUTHORS, source=question) as stream:
            for field in _fields(stream.out):
                name, _, rest = field.strip(b"\n").partition(b"\x02")
                author, _, when = rest.rpartition(b"\x02")
                known[name] = author, int(when) if when.removeprefix(b"-").isdigit() else _NO_DATE
            stream.finish()
    return known


def _present(git: Git, asked: Container[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]] | None:
    try:
        return {entry for entry in head_tree(git) if entry in asked}
    except GitFailed:
        return None


_Change = tuple[bytes, bytes, bytes]
"""A blob's name, its path, and the header of the commit that brought it in."""


def _written(pieces: Sequence[IO[bytes]], wanted: set[bytes], name_size: int) -> Iterator[_Change]:
    """Read what was written down."""
    from keywatch.native import library

    kernel = library()
    if kernel is None:
        for piece in pieces:
            yield from changes_in(piece, wanted)
        return
    from keywatch.native.listing import brought

    for text in mapped(pieces):
        yield from brought(kernel, text, [*wanted], name_size)


def changes_in(out: IO[bytes], wanted: set[bytes]) -> Iterator[_Change]:
    """
    Yield what brought in one of some blobs.

    Of `log --raw -z` is read a header of ours for each commit, then for each change `:modes ids status` NUL path NUL.

    https://git-scm.com/docs/git-diff#_raw_output_format
    """
    name_size = max(map(len, wanted), default=0)
    header = rest = blob = b""
    while piece := out.read(1 << 20):
        *fields, rest = (rest + piece).split(b"\0")
        # Some ten fields for each commit, of which next to none are looked for.
        for field in fields:
            if blob:
                if blob in wanted:
                    yield blob, field, header
                blob = b""
                continue
            if field[:1] == b":" or field[:2] == b"\n:":
                # Of a merge one name for each parent comes first, and the status has a letter for each.
                blob = field.rsplit(b" ", 2)[1] if b"::" in field[:3] else field[-2 - name_size : -2]
            elif field:
                header = field


def _fields(out: IO[bytes]) -> Iterator[bytes]:
    """Split a stream at its NULs."""
    rest = b""
    while piece := out.read(1 << 16):
        *whole, rest = (rest + piece).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _instant(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a commit may claim any date
