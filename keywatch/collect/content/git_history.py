"""Who first brought a blob in: one pass over the raw log, for the few blobs in which something was found."""

from collections import Counter
from collections.abc import Container, Iterator
from datetime import UTC, datetime
from typing import IO

from keywatch.collect.content.attribution import Introduction
from keywatch.collect.content.git_objects import decode_path
from keywatch.collect.content.git_plumbing import Git, GitFailed

_PATHS = 20
"""Paths of one blob that are told; the same content may lie in thousands of places."""
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


def introductions(git: Git, blobs: frozenset[str]) -> dict[str, tuple[Introduction, ...]]:
    """
    Return where and by whom each of `blobs` was first brought in; those that history does not know are left out.

    Merges are compared with each parent, so that what only a merge brought in has its commit too.

    Raises:
        ScanError: the history cannot be read.
    """
    first: dict[tuple[bytes, bytes], tuple[bytes, bytes, int]] = {}
    wanted = {blob.encode() for blob in blobs}
    log = ("log", "--all", "--raw", "-z", "--no-abbrev", "--root", "-m", "--no-renames", "--no-ext-diff")
    with git.stream(*log, "--no-textconv", "--no-show-signature", "--format=%x01%H%x02%an%x02%at%x01") as stream:
        paths: Counter[bytes] = Counter()
        for blob, path, brought in _raw(stream.out, wanted):
            # The log comes newest first, so the last word is the oldest.
            if (blob, path) not in first:
                if paths[blob] >= _PATHS_SEEN:
                    continue
                paths[blob] += 1
            first[blob, path] = brought
        try:
            stream.finish()
        except GitFailed:
            # Broken further back, which the reading of the blobs has told: what is known is better than nothing.
            if not first:
                raise
    present = _present(git, first)
    found: dict[str, list[Introduction]] = {}
    for (blob, path), (commit, author, when) in sorted(first.items(), key=lambda item: (item[1][2], item[0])):
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


def _present(git: Git, asked: Container[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]] | None:
    try:
        return {entry for entry in head_tree(git) if entry in asked}
    except GitFailed:
        return None


_Commit = tuple[bytes, bytes, int]


def _raw(out: IO[bytes], wanted: set[bytes]) -> Iterator[tuple[bytes, bytes, _Commit]]:
    """
    Read `log --raw -z`: a header of ours for each commit, then for each change `:modes ids status` NUL path NUL.

    https://git-scm.com/docs/git-diff#_raw_output_format
    """
    commit: _Commit = (b"", b"", 0)
    fields = _fields(out)
    for item in fields:
        field = item.lstrip(b"\n")
        if field.startswith(b"\x01"):
            header, _, field = field[1:].partition(b"\x01")
            name, author, when = header.split(b"\x02")[:3] if header.count(b"\x02") == 2 else _odd(header)  # noqa: PLR2004
            commit = (name, author, int(when))
            field = field.lstrip(b"\n")
        if field.startswith(b":"):
            path = next(fields, b"")
            blob = field.split(b" ")[3]
            if blob in wanted:
                yield blob, path, commit


def _odd(header: bytes) -> tuple[bytes, bytes, bytes]:
    """Take apart a header whose author's name holds our own separator."""
    name, _, rest = header.partition(b"\x02")
    author, _, when = rest.rpartition(b"\x02")
    return name, author, when


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
