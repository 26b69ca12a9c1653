"""The blobs of a repository: listed once each, sized before they are read, read in one stream."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import IO

from keywatch.collect.content.git_patience import Patience
from keywatch.collect.content.git_plumbing import Git, GitFailed
from keywatch.model.source import Skipped

LARGEST = 64 << 20
"""Bytes of a blob that is still read. Larger ones are named: a few kilobytes of pack can hold a gigabyte."""

_FORMAT = "%(objectname) %(objecttype) %(objectsize) %(rest)"
_ALL = ("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")
_NO_BLOBS = frozenset({b"commit", b"tree", b"tag"})
_BLOBS_ONLY = ("--filter=object:type=blob", "--filter-provided-objects")
_HEADER = re.compile(rb"(?P<name>[0-9a-f]{40,64}) (?:missing|blob (?P<size>\d+)(?: (?P<path>.*))?)\n", re.DOTALL)
_NAMED = 20
"""Missing objects named one by one; beyond that they are counted."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob's name, one path it has or had, and its content."""

    id: str
    path: str
    data: bytes = field(repr=False)


class BlobList:
    """What is to be read: blob names and paths in a temporary file, which holds nothing secret."""

    def __init__(self) -> None:
        # Of a million blobs the names alone would take a hundred megabytes of memory.
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.count = 0
        self.bytes = 0
        self.skipped: list[Skipped] = []

    def add(self, line: bytes, size: int) -> None:
        self.file.write(line + b"\n")
        self.count += 1
        self.bytes += size

    def line(self, start: int, count: int) -> tuple[int, bytes]:
        """Return the line that is `count` lines after offset `start`, and the offset after it; empty: there is none."""
        os.lseek(self.file.fileno(), start, os.SEEK_SET)
        with os.fdopen(os.dup(self.file.fileno()), "rb") as lines:
            for _ in range(count):
                start += len(lines.readline())
            line = lines.readline()
        return start + len(line), line.rstrip(b"\n")

    def close(self) -> None:
        self.file.close()


def list_blobs(
    git: Git, *, exclude: Iterable[str] = (), only: Iterable[str] = (), unreachable: bool = False, largest: int
) -> BlobList:
    """
    List every blob reachable from any ref, HEAD included, and not from `exclude`.

    With `only`, from these commits instead. With `unreachable`, also what nothing reaches, as long as it is there.

    Where the history itself is broken, every object in the database is listed instead: more than was asked for is
    better than less. Blobs above `largest` bytes, and missing objects, are `skipped` in the result.

    Raises:
        GitFailed: not even that is possible.
    """
    found = BlobList()
    with _closed_on_error(found), tempfile.TemporaryFile() as names:
        found.skipped += list_names(git, names, exclude=exclude, only=only, unreachable=unreachable)
        _measure(git, names, found, largest)
    found.file.seek(0)
    return found


def list_names(
    git: Git, names: IO[bytes], *, exclude: Iterable[str] = (), only: Iterable[str] = (), unreachable: bool = False
) -> list[Skipped]:
    """
    Write a line `name path` into `names` for each blob that `list_blobs` lists, and return what cannot be listed.

    Raises:
        GitFailed: nothing can.
    """
    with tempfile.TemporaryFile() as revisions:
        tips = list(only)
        revisions.write("".join(f"{name}\n" for name in (*tips, *(f"^{name}" for name in exclude))).encode())
        revisions.seek(0)
        try:
            skipped = _reachable(git, revisions, names, every=not tips)
            if unreachable:
                _others(git, names)
        except GitFailed as error:
            skipped = [Skipped(f"{git.path}: history", error.message, error.hint)]
            names.seek(0)
            names.truncate()
            _everything(git, names)
    names.seek(0)
    return skipped


def reached_from(git: Git, tips: Iterable[bytes], names: IO[bytes]) -> list[Skipped]:
    """
    Write a line `name path` into `names` for each blob that those of `tips` reach that lead to no commit.

    Raises:
        GitFailed: that cannot be told.
    """
    question = "".join(f"{tip.decode()}^{{}}\n" for tip in tips)
    answers = git.ask("cat-file", "--batch-check=%(objecttype) %(objectname)", question=question) if question else ""
    others = [line.partition(" ")[2] for line in answers.splitlines() if not line.startswith("commit ")]
    return list_names(git, names, only=others) if others else []


def list_named(git: Git, blobs: Iterable[bytes], *, largest: int, present: bool = True) -> BlobList:
    """
    List the blobs whose names, or lines `name path`, are given; see `list_blobs`.

    Args:
        git: the repository.
        blobs: the names, or lines.
        largest: bytes of a blob that is still read.
        present: whether they were seen to be there.
    """
    found = BlobList()
    with _closed_on_error(found), tempfile.TemporaryFile() as names:
        names.writelines(name + b"\n" for name in blobs)
        names.seek(0)
        _measure(git, names, found, largest, present=present)
    found.file.seek(0)
    return found


def answers(git: Git, blobs: Iterable[bytes]) -> bool:
    """Tell whether git can say of some blobs, given as names or lines `name path`, whether they are there."""
    try:
        with closing(list_named(git, blobs, largest=LARGEST)):
            return True
    except GitFailed:
        return False


def reachable(git: Git, blobs: set[str]) -> frozenset[str]:
    """
    Return those of `blobs` that some ref reaches.

    Raises:
        GitFailed: the history cannot be walked, so nothing can be said.
    """
    return frozenset(name for name in map(bytes.decode, _reached(git)) if name in blobs)


def _reached(git: Git) -> Iterator[bytes]:
    """Yield the name of each blob that some ref reaches."""
    listing = ("rev-list", "--objects", "--no-object-names", "--all", *_BLOBS_ONLY, "--missing=allow-any")
    with git.stream(*listing) as stream:
        for line in stream.out:
            yield line.rstrip(b"\n")
        stream.finish()


@contextmanager
def _closed_on_error(found: BlobList) -> Iterator[None]:
    try:
        yield
    except BaseException:
        found.close()
        raise


def _reachable(git: Git, revisions: IO[bytes], names: IO[bytes], *, every: bool) -> list[Skipped]:
    missing: list[str] = []
    listing = ("rev-list", "--objects", *(["--all"] if every else []), *_BLOBS_ONLY, "--missing=print", "--stdin")
    with git.stream(*listing, source=revisions) as stream:
        for line in stream.out:
            if line.startswith(b"?"):
                missing.append(line[1:].split()[0].decode())
            else:
                names.write(line)
        stream.finish()
    return _missing(git, missing)


def missing_trees(git: Git) -> list[Skipped]:
    """Say which trees are missing. What is in them is listed nowhere, and `rev-list` is silent of it."""
    missing: list[str] = []
    listing = ("rev-list", "--objects", "--all", "--filter=blob:none", "--missing=print")
    with suppress(GitFailed), git.stream(*listing) as stream:
        missing += [line[1:].split()[0].decode() for line in stream.out if line.startswith(b"?")]
        stream.finish()
    return _missing(git, missing)


def _missing(git: Git, missing: list[str]) -> list[Skipped]:
    """Say what is missing."""
    partial = bool(missing) and git.ask("config", "--get-regexp", r"^remote\..*\.promisor$", ok=(0, 1)) != ""
    if partial or len(missing) > _NAMED:
        hint = "fetch them (`git fetch --refetch --no-filter`) and scan again; keywatch never fetches by itself"
        return [Skipped(f"{git.path}: {len(missing)} objects", "not in this partial clone", hint)]
    return [Skipped(f"{git.path}: object {name}", "missing", "run `git fsck`") for name in missing]


def _others(git: Git, names: IO[bytes]) -> None:
    """Add the blobs that no ref reaches; they have no path that could be told."""
    reached = frozenset(_reached(git))
    with git.own_objects() as own, own.stream(*_ALL) as stream:
        names.writelines(name + b"\n" for name in _blobs(stream.out) if name not in reached)
        stream.finish()


def _everything(git: Git, names: IO[bytes]) -> None:
    with git.own_objects() as own, own.stream(*_ALL) as stream:
        names.writelines(name + b"\n" for name in _blobs(stream.out))


def _blobs(listing: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the names of all but what is known not to be a blob: what is broken is told when it is read."""
    for line in listing:
        name, _, kind = line.rstrip(b"\n").partition(b" ")
        if kind not in _NO_BLOBS:
            yield name


def _measure(git: Git, names: IO[bytes], found: BlobList, largest: int, *, present: bool = True) -> None:
    """Sort out what is no blob, or too big, by the objects' headers: a small delta can be a huge blob."""
    missing: list[str] = []
    with git.stream("cat-file", "--buffer", f"--batch-check={_FORMAT}", source=names) as stream:
        for line in stream.out:
            name, _, rest = line.rstrip(b"\n").partition(b" ")
            kind, _, rest = rest.partition(b" ")
            if kind == b"missing" and not present:
                missing.append(name.decode())
            elif kind == b"missing":
                found.skipped.append(Skipped(f"{git.path}: object {name.decode()}", "cannot be read", "run `git fsck`"))
            if kind != b"blob":
                continue
            size, _, path = rest.partition(b" ")
            if int(size) > largest:
                what = f"{git.path}: blob {name.decode()} ({decode_path(path)})"
                found.skipped.append(Skipped(what, f"{int(size):,} bytes are more than the limit of {largest:,}"))
            else:
                found.add(name + b" " + path, int(size))
        stream.finish()
    found.skipped += _missing(git, missing)


def read_blobs(git: Git, found: BlobList) -> Iterator[Blob | Skipped]:
    """Read the listed blobs in order. `git` gives up at a broken one: that one is named, and git started again."""
    start = told = 0
    patience = Patience(found.bytes)
    while True:
        os.lseek(found.file.fileno(), start, os.SEEK_SET)
        answered = 0
        reading = git.stream("cat-file", "--buffer", f"--batch={_FORMAT}", source=found.file, patient=True)
        with reading as stream, patience.watching(stream.stop):
            while (blob := patience.wait(partial(_next, git, stream.out))) is not None:
                answered += 1
                yield blob
        start, broken = found.line(start, answered)
        told += answered + 1
        if not broken:
            return
        name, _, path = broken.partition(b" ")
        if patience.over:
            what = f"{git.path}: blob {name.decode()} ({decode_path(path)}) and {found.count - told} more"
            hint = "chains of deltas that are this slow are made on purpose; if not: `git repack -a -d -f`"
            yield Skipped(what, "git takes beyond reason to put them together", hint)
            return
        yield Skipped(f"{git.path}: blob {name.decode()} ({decode_path(path)})", "broken", "run `git fsck`")


def _next(git: Git, out: IO[bytes]) -> Blob | Skipped | None:
    """Read one answer of `cat-file --batch`; None: there is none, it breaks off, or does not keep to its own length."""
    header = _HEADER.fullmatch(out.readline())
    if header is None:
        return None
    name = header["name"].decode()
    if header["size"] is None:
        return Skipped(f"{git.path}: object {name}", "missing", "run `git fsck`")
    size = int(header["size"])
    data = out.read(size)
    if len(data) < size or out.read(1) != b"\n":
        return None
    return Blob(name, decode_path(header["path"] or b""), data)


def decode_path(path: bytes) -> str:
    """Return a path as text. Bytes that are not UTF-8 stay visible, and never become half a character."""
    return path.decode("utf-8", "backslashreplace")
