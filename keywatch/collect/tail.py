"""
Following log files: every line once, across rotation, truncation, compression and restarts.

A file is known by device and inode *and* by a digest of its head and of the bytes before the place we reached: an
inode alone is reused within milliseconds by a busy logger. What was begun under one name is found again under
another (`app.log.1`), in another inode (copytruncate) and compressed (`app.log.2.gz`). In doubt a line is read twice
rather than missed. The cursor is the caller's: commit it together with what was made of the batch it came with.
"""

import glob
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from keywatch.collect.checkpoint import Checkpoint
from keywatch.collect.log_file import UNREADABLE, LogFile, unrotated
from keywatch.model.source import Cursor, Json, Skipped

WINDOW = 1 << 20
"""Bytes of a file held at a time. A line longer than this comes in pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailBatch:
    """Some lines of one file. Commit what you made of them together with `cursor`, or neither."""

    path: str
    """The file; the follower's pattern where a batch brings only a cursor or what was skipped."""
    data: bytes = field(repr=False)
    """Whole lines with their line ends; the last line of a rotated file may lack one. See `partial`."""
    offset: int = 0
    """Bytes of the file (of its uncompressed content) before `data`."""
    first_line: int = 0
    """The line of the first byte, from 1. Zero: unknown."""
    first_column: int = 1
    """The column of the first byte, in bytes, from 1."""
    overlap: int = 0
    """Leading bytes that the batch before has shown already. Only where the follower was asked for it."""
    partial: bool = False
    """`data` is one piece, perhaps the last, of a line longer than the window."""
    cursor: Cursor
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    path: str
    device: int
    inode: int
    size: int
    modified: int
    asked: bool
    """The pattern names it; else it is a rotated sibling of what the pattern names."""

    @property
    def key(self) -> str:
        return f"{self.device}:{self.inode}"

    @property
    def rotated(self) -> bool:
        return unrotated(self.path) != self.path

    @property
    def zipped(self) -> bool:
        return self.path.endswith(".gz")


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
        return sorted(path for path in _named(self.pattern) if not Path(path).is_dir())

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
        yield from _Pass(self, cursor).run()


class _Pass:
    """One look at all files."""

    def __init__(self, follower: Follower, cursor: Cursor) -> None:
        self.follower = follower
        self.first = not cursor
        self.before = _load(cursor)
        self.known = dict(self.before)
        """The places of files that are still what they were."""
        self.gone: dict[str, Checkpoint] = {}
        """The places whose file was removed or truncated: their content may live on elsewhere."""
        self.found: set[str] = set()
        """Those of them that did."""
        self.written: set[str] = set()
        """Paths of files with something in them: the writer of a rotated sibling has moved on."""
        self.files = {key: point.to_json() for key, point in self.before.items()}
        """What the cursor will hold, kept up to date so that a batch need only copy it."""
        self.changed = self.first
        """Whether the last batch's cursor is behind."""
        self.skipped: list[Skipped] = []

    def run(self) -> Iterator[TailBatch]:
        seen = self._look()
        self.written = {item.path for item in seen if item.size}
        strangers = [item for item in seen if not self._still(item)]
        self._part_with(seen, strangers)
        for item in seen:
            if item.key in self.known and not self._settled(item):
                yield from self._open(item, self._resume)
        # Rotated files first: a copy of what was truncated is older than what took its place.
        for item in sorted(strangers, key=lambda item: not item.rotated):
            yield from self._open(item, self._meet)
        self._forget()
        if self.skipped or self.changed:
            yield self._batch(self.follower.pattern, b"")

    def _look(self) -> list[_Seen]:
        """List the files, oldest first. Live names come first: one renamed meanwhile is met twice, not never."""
        pattern = self.follower.pattern
        asked = _named(pattern)
        beside = [path for path in _named(pattern + "[.~-]*") if unrotated(path) != path]
        wanted = set(asked)
        seen: dict[str, _Seen] = {}
        for path in [*asked, *beside]:
            try:
                status = os.lstat(path)
            except OSError:
                continue  # renamed or removed since it was listed
            if not stat.S_ISDIR(status.st_mode):
                item = _Seen(
                    path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, asked=path in wanted
                )
                seen[item.key] = item
        return sorted(seen.values(), key=lambda item: (item.modified, item.path))

    def _settled(self, item: _Seen) -> bool:
        """Whether this is a compressed file read to its end, and unchanged since."""
        point = self.before.get(item.key)
        return point is not None and point.finished and _unchanged(point, item)

    def _still(self, item: _Seen) -> bool:
        """Whether the file in this inode is the one we read before."""
        point = self.before.get(item.key)
        if point is None or self._settled(item):
            return point is not None
        if not point.offset:
            return False  # nothing was read of it: as good as new, and it may continue another
        try:
            with LogFile(item.path) as file:
                return not _same(file, item) or point.continued_by(file)
        except EOFError:
            return False
        except UNREADABLE:
            return True  # said when it is its turn

    def _part_with(self, seen: list[_Seen], strangers: list[_Seen]) -> None:
        """Take out the places whose inode is gone, or holds something else now."""
        staying = {item.key for item in seen} - {item.key for item in strangers}
        self.gone = {key: point for key, point in self.known.items() if key not in staying}
        for key in self.gone:
            del self.known[key]

    def _open(self, item: _Seen, read: Callable[[_Seen, LogFile], Iterator[TailBatch]]) -> Iterator[TailBatch]:
        """Read one file; whatever is wrong with it is its own trouble."""
        before = self.before.get(item.key)
        try:
            with LogFile(item.path, salvage=before is not None and _unchanged(before, item)) as file:
                # Exchanged since it was listed: the next look sorts it out.
                if _same(file, item):
                    yield from read(item, file)
                    if file.cut_off:
                        self.skipped.append(
                            Skipped(item.path, "its gzip stream is cut off; what comes before was read")
                        )
        except EOFError:
            # Still being compressed, or cut off: if it has not grown by the next look, what there is will be read.
            point = self.known.get(item.key, Checkpoint(path=item.path, device=item.device, inode=item.inode))
            self._put(replace(point, size=item.size, modified=item.modified))
        except UNREADABLE as error:
            reason = getattr(error, "strerror", None) or "not a readable gzip file"
            self.skipped.append(Skipped(item.path, reason, "let keywatch's user read it, or narrow the pattern"))

    def _resume(self, item: _Seen, file: LogFile) -> Iterator[TailBatch]:
        point = replace(self.known[item.key].at(file), path=item.path)
        yield from self._drain(file, point, final=self._final(item))

    def _meet(self, item: _Seen, file: LogFile) -> Iterator[TailBatch]:
        """Read a file not seen before: the continuation of one we know, history, or something new."""
        start = Checkpoint(path=item.path, device=file.device, inode=file.inode)
        earlier = self._earlier(item, file)
        if earlier is not None:
            start = replace(earlier, path=item.path, finished=False)
        elif self.first and not item.asked:
            offset = 0 if file.zipped else file.size
            start = replace(start, offset=offset, line=0, mark=file.mark(offset) or "", finished=file.zipped)
            self._put(start.at(file))
            return
        yield from self._drain(file, start.at(file), final=self._final(item))

    def _earlier(self, item: _Seen, file: LogFile) -> Checkpoint | None:
        """Find the place furthest on in a file of the same family whose content `file` continues."""
        places = list(self.gone.values())
        if item.rotated:
            # A live file is never a copy of another that is still there; a rotated one may be.
            places += self.known.values()
        family = unrotated(item.path)
        best = None
        # From the front to the back: a compressed file is read forwards only.
        for point in sorted(places, key=lambda point: point.offset):
            if point.offset and unrotated(point.path) == family and point.continued_by(file):
                best = point
                self.found.add(point.key)
        return best

    def _final(self, item: _Seen) -> bool:
        """Whether an unfinished last line will stay so: the file was rotated; its writer has moved on, or is silent."""
        before = self.before.get(item.key)
        silent = before is not None and before.size == item.size
        return item.rotated and (item.zipped or unrotated(item.path) in self.written or silent)

    def _drain(self, file: LogFile, point: Checkpoint, *, final: bool) -> Iterator[TailBatch]:
        window = self.follower.window
        self._put(point)
        while piece := _cut(file.at(point.offset, window), window, inside=point.column > 1, final=final):
            here, point = point, point.after(piece, file)
            self._put(point)
            # Only a piece that fills the window ends without a line end while the line goes on.
            yield self._shown(
                file, here, piece, partial=here.column > 1 or (piece[-1:] != b"\n" and len(piece) == window)
            )
        if file.zipped:
            self._put(replace(point, finished=True))

    def _shown(self, file: LogFile, point: Checkpoint, piece: bytes, *, partial: bool) -> TailBatch:
        """Put the overlap before `piece`; from the beginning of a line, where one begins in it."""
        count = min(self.follower.overlap, point.offset)
        extra = file.at(point.offset - count, count) if count else b""
        if count < point.offset:
            extra = extra[extra.find(b"\n") + 1 :]
        newlines = extra.count(b"\n")
        inside = not newlines and len(extra) < point.column
        return self._batch(
            point.path,
            extra + piece,
            offset=point.offset - len(extra),
            first_line=point.line - newlines if point.line else 0,
            first_column=point.column - len(extra) if inside else 1,
            overlap=len(extra),
            partial=partial,
        )

    def _put(self, point: Checkpoint) -> None:
        self.known[point.key] = point
        place = point.to_json()
        self.changed = self.changed or self.files.get(point.key) != place
        self.files[point.key] = place

    def _forget(self) -> None:
        """Drop the places whose content is gone, at the second look, and say so where something was left unread."""
        for key, point in self.gone.items():
            if key in self.known:
                continue  # another file has the inode now
            self.changed = True
            if key in self.found or point.missing:
                del self.files[key]
            else:
                self.files[key] = replace(point, missing=True).to_json()
            if point.missing and point.unread and key not in self.found:
                lost = f"{point.unread} bytes of an unfinished last line went with it when it was removed"
                self.skipped.append(Skipped(point.path, lost))

    def _batch(
        self,
        path: str,
        data: bytes,
        *,
        offset: int = 0,
        first_line: int = 0,
        first_column: int = 1,
        overlap: int = 0,
        partial: bool = False,
    ) -> TailBatch:
        skipped, self.skipped, self.changed = tuple(self.skipped), [], False
        cursor: dict[str, Json] = {"version": 1, "files": dict(self.files)}
        return TailBatch(
            path=path,
            data=data,
            offset=offset,
            first_line=first_line,
            first_column=first_column,
            overlap=overlap,
            partial=partial,
            cursor=cursor,
            skipped=skipped,
        )


def _named(pattern: str) -> list[str]:
    # not Path.glob: that takes no absolute pattern
    return glob.glob(pattern, recursive=True)  # noqa: PTH207


def _cut(data: bytes, window: int, *, inside: bool, final: bool) -> bytes:
    """Return the whole lines at the front of `data`; inside an over-long line, as much of it as there is."""
    end = data.find(b"\n") if inside else data.rfind(b"\n")
    if end >= 0:
        return data[: end + 1]
    return data if len(data) >= window or final else b""


def _same(file: LogFile, item: _Seen) -> bool:
    return (file.device, file.inode) == (item.device, item.inode)


def _unchanged(point: Checkpoint, item: _Seen) -> bool:
    return (point.size, point.modified) == (item.size, item.modified)


def _load(cursor: Cursor) -> dict[str, Checkpoint]:
    """Read the places out of a cursor. One that is not ours is as good as none: reading again beats missing."""
    files = cursor.get("files")
    if not isinstance(files, Mapping):
        return {}
    points: dict[str, Checkpoint] = {}
    for value in files.values():
        if isinstance(value, Mapping):
            with suppress(ValueError):
                point = Checkpoint.from_json(value)
                points[point.key] = point
    return points
