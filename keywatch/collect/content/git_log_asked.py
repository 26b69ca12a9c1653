"""What commits changed, as git tells it."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO

from keywatch.collect.content.git_log import COMMITS, EMPTY
from keywatch.collect.content.git_plumbing import Bounded, Git

_RAW = ("--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv")
# What a merge has that none of its parents has is told of it (-c); all else came with the commits it merges.
FORMAT = (*_RAW, "--root", "-c", "--format=%x01%H%x01")


class Asked:
    """Asks git, by a process for each thread that wants to know."""

    def __init__(self, git: Git) -> None:
        """Name the repository."""
        self._git = git
        self._jobs = 1

    @contextmanager
    def pieces(self, jobs: int) -> Iterator[Iterator[list[bytes]]]:
        """See `Tells.pieces`."""
        self._jobs = jobs
        with self._git.stream("rev-list", "--all") as commits:
            yield iter(lambda: list(islice(commits.out, COMMITS)), [])
            commits.finish()

    def reached(self, piece: list[bytes]) -> Iterable[bytes]:
        """See `Tells.reached`."""
        return [name.rstrip(b"\n") for name in piece]

    def write_newest(self, piece: list[bytes], file: IO[bytes], most: int) -> None:
        """See `Tells.write_newest`."""
        change = (EMPTY[self._git.object_format], piece[0].decode().strip())
        with self._git.stream("diff-tree", "-r", *_RAW, *change, into=Bounded(file, most, self._jobs)) as stream:
            stream.finish()

    def write(self, piece: list[bytes], file: IO[bytes], most: int) -> None:
        """See `Tells.write`."""
        with tempfile.TemporaryFile() as source:
            source.writelines(piece)
            source.seek(0)
            room = Bounded(file, most, self._jobs)
            with self._git.stream("diff-tree", "--stdin", "-r", *FORMAT, source=source, into=room) as stream:
                stream.finish()
