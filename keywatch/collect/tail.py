"""
Following log files: every line once, across rotation, truncation, compression and restarts.

A file is known by device and inode *and* by a keyed digest of its head and of the bytes before the place we reached:
an inode alone is reused within milliseconds by a busy logger. What was begun under one name is found again under
another (`app.log.1`, `app-20261123.log`), in another inode (copytruncate) and compressed (`app.log.2.gz`). In doubt a
line is read twice rather than missed. The cursor is the caller's: commit it together with what was made of the batch
it came with.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from keywatch.collect.log_file import LogFile
from keywatch.collect.log_listing import named
from keywatch.collect.tail_batch import WINDOW, Lines, TailBatch
from keywatch.collect.tail_pass import TailPass
from keywatch.model.secret import Pepper
from keywatch.model.source import Cursor, Skipped


class Follower:
    """Follows every file a glob pattern names, and their rotated siblings as far as they have not been read."""

    def __init__(
        self,
        pattern: str,
        pepper: Pepper,
        *,
        window: int = WINDOW,
        overlap: int = 0,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        Name what to follow; nothing is opened yet.

        Args:
            pattern: a path or glob (`**` descends). Links to files are not followed.
            pepper: keys the digests in the cursor, so that no line can be guessed from them.
            window: bytes of a file held in memory at a time.
            overlap: bytes of the piece before, at most, that each piece repeats at its front.
            now: the clock that files are stamped by, in nanoseconds since 1970.
        """
        self.what = pattern
        self._pepper = pepper
        self._window = window
        self._overlap = overlap
        self._now = now

    def check(self) -> Iterator[str | Skipped]:
        """Try to open each file the pattern names now. See `KeySource.check`."""
        paths = sorted(path for path in named(self.what) if not Path(path).is_dir())
        if not paths:
            yield Skipped(self.what, "names no file", "check the pattern, and that keywatch's user may list the folder")
        for path in paths:
            try:
                with LogFile(path, self._pepper.mark):
                    yield f"read {path}"
            except OSError as error:
                reason = error.strerror or "cannot be read"
                yield Skipped(path, reason, "let keywatch's user read it, or narrow the pattern")

    def read(self, cursor: Cursor) -> Iterator[TailBatch]:
        """
        Read every file on from `cursor` to its present end. See `Lines.read`.

        An unfinished last line is left for the next time, unless the file was rotated and its writer has moved on.
        Rotated files that were there before the first read are history, and left alone unless the pattern names them.
        A file that was not touched since the last time is not opened.
        """
        look = TailPass(self.what, cursor, self._pepper.mark, window=self._window, overlap=self._overlap, now=self._now)
        yield from look.run()


_: type[Lines] = Follower
