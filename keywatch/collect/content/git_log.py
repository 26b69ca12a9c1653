"""The log of a whole history, written down piece by piece on all cores: what it names is all there is to be read."""

import mmap
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Generic, Protocol, TypeVar

from keywatch.collect.content.git_objects import reached_from
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.listing import Listed, Listing
from keywatch.model.errors import ScanError

EMPTY = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The tree with nothing in it, which git knows whether a repository has it or not."""
_BYTES = 512 << 20
_PIECES = 256
"""Pieces at most, as each is an open file."""
COMMITS = 4096
"""Commits of one piece: some tenths of a second, so that the last one does not keep the others waiting."""
_JOBS = 4
"""Threads at most: each has trees unpacked in memory."""

Piece = TypeVar("Piece")


class Tells(Protocol[Piece]):
    """Tells what the commits of a history changed, some thousands at once."""

    def pieces(self, jobs: int) -> AbstractContextManager[Iterator[Piece]]:
        """
        Yield those that are told of together, newest first; what is told is asked for by so many threads at once.

        Raises:
            ScanError, ValueError: it cannot be told, or not of all.
        """
        ...

    def reached(self, piece: Piece) -> Iterable[bytes]:
        """Return names of commits, as digits: in the end all that refs name."""
        ...

    def write_newest(self, piece: Piece, file: IO[bytes], most: int) -> None:
        """Write down all that the first commit of a piece has, as though it had come with it; raises as `pieces`."""
        ...

    def write(self, piece: Piece, file: IO[bytes], most: int) -> None:
        """Write down what came with the commits of a piece, in so many bytes at most; raises as `pieces`."""
        ...


class Log(Generic[Piece]):
    """The log of all refs, newest first. It is written by threads from its making on."""

    def __init__(
        self,
        git: Git,
        telling: Tells[Piece],
        tips: Iterable[str] = (),
        listing: Listing | None = None,
        most: int = _BYTES,
    ) -> None:
        """
        Begin to write it down.

        Args:
            git: the repository.
            telling: tells what is to be written down.
            tips: what the refs name, tags, trees and blobs included; for `listed`.
            listing: an empty list, to which all it names is added.
            most: bytes; a longer one is given up.
        """
        self._git = git
        self._telling = telling
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
            with self._telling.pieces(self._jobs) as pieces:
                threads = [
                    threading.Thread(target=self._write_pieces, args=(pieces,), daemon=True, name="git log")
                    for _ in range(self._jobs)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                if self._broken:
                    raise ValueError("it is broken")  # noqa: TRY301 - what tells it need not look for the rest
        except (ScanError, OSError, ValueError):
            self._broken = True

    def _write_pieces(self, pieces: Iterator[Piece]) -> None:
        try:
            while (begun := self._begin(pieces)) is not None:
                number, piece = begun
                if number == 0:
                    self._add_newest(piece)
                self._end(number, self._written(piece))
        except (ScanError, OSError, ValueError):
            self._broken = True

    def _begin(self, pieces: Iterator[Piece]) -> tuple[int, Piece] | None:
        """Return the piece that comes next, and its number; None: there is none."""
        with self._reading:
            piece = None if self._broken else next(pieces, None)
            if piece is None:
                return None
            self._apart.difference_update(self._telling.reached(piece))
            number, self._begun = self._begun, self._begun + 1
        if number == _PIECES:
            raise ValueError("there are too many commits")
        return number, piece

    def _add_newest(self, piece: Piece) -> None:
        """Let what is there now have the path it has there, as a walk does, which begins with what is newest."""
        if self._listing is None:
            return
        with tempfile.TemporaryFile() as file:
            self._telling.write_newest(piece, file, self._most)
            for text in mapped([file]):
                self._listing.log(text)

    def _written(self, piece: Piece) -> IO[bytes]:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            self._telling.write(piece, file, max(0, self._most - self._bytes))
        except BaseException:
            file.close()
            raise
        return file

    def _end(self, number: int, file: IO[bytes]) -> None:
        """Keep a piece that is written down, and add what those that are next in turn name."""
        with self._writing:
            self._pieces[number] = file
            self._bytes += file.seek(0, os.SEEK_END)
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
