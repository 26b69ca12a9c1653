"""One look of a follower at all its files: which is which by now, and what is new in each."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from keywatch.collect.checkpoint import Checkpoint
from keywatch.collect.log_file import UNREADABLE, LogFile, unrotated
from keywatch.collect.log_listing import Seen, listed
from keywatch.collect.tail_batch import TailBatch
from keywatch.model.source import Cursor, Json, Skipped


class TailPass:
    """One look at all files."""

    def __init__(self, pattern: str, cursor: Cursor, *, window: int, overlap: int) -> None:
        self.pattern = pattern
        self.window = window
        self.overlap = overlap
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
        """Read every file on to its present end, oldest first."""
        seen = listed(self.pattern)
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
            yield self._batch(self.pattern, b"")

    def _settled(self, item: Seen) -> bool:
        """Whether this is a compressed file read to its end, and unchanged since."""
        point = self.before.get(item.key)
        return point is not None and point.finished and item.unchanged_since(point)

    def _still(self, item: Seen) -> bool:
        """Whether the file in this inode is the one we read before."""
        point = self.before.get(item.key)
        if point is None or self._settled(item):
            return point is not None
        if not point.offset:
            return False  # nothing was read of it: as good as new, and it may continue another
        try:
            with LogFile(item.path) as file:
                return not item.is_open_in(file) or point.continued_by(file)
        except EOFError:
            return False
        except UNREADABLE:
            return True  # said when it is its turn

    def _part_with(self, seen: list[Seen], strangers: list[Seen]) -> None:
        """Take out the places whose inode is gone, or holds something else now."""
        staying = {item.key for item in seen} - {item.key for item in strangers}
        self.gone = {key: point for key, point in self.known.items() if key not in staying}
        for key in self.gone:
            del self.known[key]

    def _open(self, item: Seen, read: Callable[[Seen, LogFile], Iterator[TailBatch]]) -> Iterator[TailBatch]:
        """Read one file; whatever is wrong with it is its own trouble."""
        before = self.before.get(item.key)
        try:
            with LogFile(item.path, salvage=before is not None and item.unchanged_since(before)) as file:
                # Exchanged since it was listed: the next look sorts it out.
                if item.is_open_in(file):
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

    def _resume(self, item: Seen, file: LogFile) -> Iterator[TailBatch]:
        point = replace(self.known[item.key].at(file), path=item.path)
        yield from self._drain(file, point, final=self._final(item))

    def _meet(self, item: Seen, file: LogFile) -> Iterator[TailBatch]:
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

    def _earlier(self, item: Seen, file: LogFile) -> Checkpoint | None:
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

    def _final(self, item: Seen) -> bool:
        """Whether an unfinished last line will stay so: the file was rotated; its writer has moved on, or is silent."""
        before = self.before.get(item.key)
        silent = before is not None and before.size == item.size
        return item.rotated and (item.zipped or unrotated(item.path) in self.written or silent)

    def _drain(self, file: LogFile, point: Checkpoint, *, final: bool) -> Iterator[TailBatch]:
        window = self.window
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
        count = min(self.overlap, point.offset)
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


def _cut(data: bytes, window: int, *, inside: bool, final: bool) -> bytes:
    """Return the whole lines at the front of `data`; inside an over-long line, as much of it as there is."""
    end = data.find(b"\n") if inside else data.rfind(b"\n")
    if end >= 0:
        return data[: end + 1]
    return data if len(data) >= window or final else b""


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
