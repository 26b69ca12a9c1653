"""
Following log files: every line once, across rotation, truncation, compression and restarts.

A file is known by device and inode *and* by a digest of its head and of the bytes before the place we reached: an
inode alone is reused within milliseconds by a busy logger. What was begun under one name is found again under
another (`app.log.1`), in another inode (copytruncate) and compressed (`app.log.2.gz`). In doubt a line is read twice
rather than missed. The cursor is the caller's: commit it together with what was made of the batch it came with.
"""

from collections.abc import Iterator
from pathlib import Path

from keywatch.collect.log_file import LogFile
from keywatch.collect.log_listing import named
from keywatch.collect.tail_batch import WINDOW, TailBatch
from keywatch.collect.tail_pass import TailPass
from keywatch.model.source import Cursor, Skipped

__all__ = ["WINDOW", "Follower", "TailBatch"]


class Follower:
    """Follows every file a glob pattern names, and their rotated siblings as far as they have not been read."""

    def __init__(self, pattern: str, *, window: int = WINDOW, overlap: int = 0) -> None:
        """
        Name what to follow; nothing is opened yet.

        Args:
            pattern: a path or glob (`**` descends). Links to files are not followed.
            window: bytes of a file held in memory at a time.
            overlap: bytes of the batch before, at most, that each batch repeats at its front.
        """
        self.pattern = pattern
        self.window = window
        self.overlap = overlap

    def files(self) -> list[str]:
        """Return what the pattern names now, sorted; directories left out."""
        return sorted(path for path in named(self.pattern) if not Path(path).is_dir())

    def check(self) -> Iterator[str | Skipped]:
        """Try to open each file the pattern names now. See `KeySource.check`."""
        paths = self.files()
        if not paths:
            yield Skipped(
                self.pattern, "names no file", "check the pattern, and that keywatch's user may list the folder"
            )
        for path in paths:
            try:
                with LogFile(path):
                    yield f"read {path}"
            except OSError as error:
                reason = error.strerror or "cannot be read"
                yield Skipped(path, reason, "let keywatch's user read it, or narrow the pattern")

    def read(self, cursor: Cursor) -> Iterator[TailBatch]:
        """
        Read every file on from `cursor` to its present end, oldest first; empty: from the beginning.

        An unfinished last line is left for the next time, unless the file was rotated and its writer has moved on.
        Rotated files that were there before the first read are history, and left alone unless the pattern names them.
        """
        yield from TailPass(self.pattern, cursor, window=self.window, overlap=self.overlap).run()
