"""The log of a whole history, written down piece by piece on all cores: what it names is all there is to be read."""

import mmap
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO

from keywatch.collect.content.git_objects import reached_from
from keywatch.collect.content.git_plumbing import Bounded, Git, Stream
from keywatch.collect.content.listing import Listed, Listing
from keywatch.model.errors import ScanError

_RAW = ("--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv")
# What a merge has that none of its parents has is told of it (-c); all else came with the commits it merges.
FORMAT = (*_RAW, "--root", "-c", "--format=%x01%H%x02%an%x02%at%x01")
_EMPTY = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The tree with nothing in it, which git knows whether a repository has it or not."""
_BYTES = 512 << 20
_PIECES = 256
"""Pieces at most, as each is an open file."""
_COMMITS = 4096
"""Commits of one piece: some tenths of a second, so that the last one does not keep the others waiting."""
_JOBS = 4
"""Processes at most: each has trees unpacked in memory."""


class Log:
    """The log of all refs, newest first. It is written by threads from its making on."""

    def __init__(self, git: Git, tips: Iterable[str] = (), listing: Listing | None = None, most: int = _BYTES) -> None:
        """
        Begin to write it down.

        Args:
            git: the repository.
            tips: what the refs name, tags, trees and blobs included; for `listed`.
            listing: an empty list, to which all it names is added.
            most: bytes; a longer one is given up.
        """
        self._git = git
        self._listing = listing
        self._most = most
        self._apart = {tip.encode() for tip in tips}
        """What the refs name and the log does not."""
        self._jobs = min(len(os.sched_getaffinity(0)), _JOBS)
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._begun = 0
        self._bytes = 0
        self._pieces: dict[int, IO[bytes]] = {}
        self._added = 0
        self._broken = False
        self._thread = threading.Thread(target=self._write, daemon=True, name="git log")
        self._thread.start()

    def read(self) -> list[IO[bytes]] | None:
        """Return its pieces, once all are there, newest first; None: it is too long, or broken."""
        self._thread.join()
        if self._broken:
            return None
        pieces = [self._pieces[number] for number in range(self._begun)]
        for piece in pieces:
            piece.seek(0)
        return pieces

    def listed(self) -> Listed | None:
        """
        Return every blob that some ref reaches, once all is read, the first time; None: the log cannot tell.

        A commit's tree has no blob that is neither told of the commit nor in the tree of a parent, so together they
        tell all, whatever the order of the entries of a tree. What is no commit has to be asked for.
        """
        self._thread.join()
        # Its memory is of no use any more, and the log is kept.
        listing, self._listing = self._listing, None
        if self._broken or listing is None:
            return None
        try:
            with tempfile.TemporaryFile() as lines:
                if reached_from(self._git, self._apart, lines):
                    return None
                for text in mapped([lines]):
                    listing.lines(text)
            return Listed(*listing.listed())
        except (ScanError, OSError, ValueError):
            return None

    def close(self) -> None:
        """Let go of it."""
        self._broken = True
        for piece in self._pieces.values():
            piece.close()

    def __del__(self) -> None:
        self.close()

    def _write(self) -> None:
        try:
            with self._git.stream("rev-list", "--all") as commits:
                threads = [
                    threading.Thread(target=self._write_pieces, args=(commits,), daemon=True, name="git diff-tree")
                    for _ in range(self._jobs)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                if not self._broken:
                    commits.finish()
        except (ScanError, OSError, ValueError):
            self._broken = True

    def _write_pieces(self, commits: Stream) -> None:
        try:
            while (begun := self._begin(commits)) is not None:
                number, names = begun
                if number == 0:
                    self._add_newest(names[0])
                self._end(number, self._written(names))
        except (ScanError, OSError, ValueError):
            self._broken = True

    def _begin(self, commits: Stream) -> tuple[int, list[bytes]] | None:
        """Return the names of commits that come next, and their piece's number; None: there are none."""
        with self._reading:
            names = list(islice(commits.out, _COMMITS))
            if self._broken or not names:
                return None
            self._apart.difference_update([name.rstrip(b"\n") for name in names])
            number, self._begun = self._begun, self._begun + 1
        if number == _PIECES:
            raise ValueError("there are too many commits")
        return number, names

    def _add_newest(self, commit: bytes) -> None:
        """Let what is there now have the path it has there, as a walk does, which begins with what is newest."""
        if self._listing is None:
            return
        change = (_EMPTY[self._git.object_format], commit.decode().strip())
        with tempfile.TemporaryFile() as file:
            with self._git.stream(
                "diff-tree", "-r", *_RAW, *change, into=Bounded(file, self._most, self._jobs)
            ) as stream:
                stream.finish()
            for text in mapped([file]):
                self._listing.log(text)

    def _written(self, names: list[bytes]) -> IO[bytes]:
        piece = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        room = Bounded(piece, max(0, self._most - self._bytes), self._jobs)
        try:
            with tempfile.TemporaryFile() as source:
                source.writelines(names)
                source.seek(0)
                with self._git.stream("diff-tree", "--stdin", "-r", *FORMAT, source=source, into=room) as stream:
                    stream.finish()
        except BaseException:
            piece.close()
            raise
        return piece

    def _end(self, number: int, piece: IO[bytes]) -> None:
        """Keep a piece, and add what those that are next in turn name."""
        with self._writing:
            self._pieces[number] = piece
            self._bytes += piece.seek(0, os.SEEK_END)
            if self._bytes > self._most:
                raise ValueError("it is too long")
            while self._listing is not None and self._added in self._pieces:
                for text in mapped([self._pieces[self._added]]):
                    self._listing.log(text)
                self._added += 1


def mapped(files: Iterable[IO[bytes]]) -> Iterator[mmap.mmap]:
    """Yield what is in files, but for those in which nothing is."""
    for file in files:
        file.flush()
        if size := os.fstat(file.fileno()).st_size:
            with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as text:
                yield text
