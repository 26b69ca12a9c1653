"""One look of a follower at all its files: which is which by now, and what is new in each."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from keywatch.collect.checkpoint import Checkpoint, Places, cursor_of
from keywatch.collect.inflating import Undecodable
from keywatch.collect.log_file import Digest, LogFile
from keywatch.collect.log_listing import Seen, listed
from keywatch.collect.rotation import unpacked, unrotated
from keywatch.collect.tail_batch import WINDOWS, Piece, TailBatch
from keywatch.model.source import Cursor, Skipped

_SETTLED = 3_000_000_000
"""Nanoseconds after which a write is sure to give a file another time: coarse file systems count in two seconds."""
_LET_READ = "let keywatch's user read it, or narrow the pattern"


class TailPass:
    """One look at all files."""

    def __init__(
        self,
        pattern: str,
        cursor: Cursor,
        digest: Digest,
        *,
        window: int,
        overlap: int,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.pattern = pattern
        self.digest = digest
        self.window = window
        self.overlap = overlap
        self.first = not cursor
        self.trusted = now() - _SETTLED
        places = Places.read(cursor)
        self.before = places.files
        self.known = dict(self.before)
        """The places of files that are still what they were."""
        self.gone = {f"{point.key}:{point.mark}": point for point in places.parted}
        """The places whose file was removed or truncated: their content may live on elsewhere."""
        self.kin: dict[str, set[str]] = {}
        """By family, which of the known and the gone may be of it."""
        for name, point in [*self.known.items(), *self.gone.items()]:
            self._relate(name, point)
        self.found: set[str] = set()
        """Those of them that did."""
        self.written: set[str] = set()
        """Paths of files with something in them: the writer of a rotated sibling has moved on."""
        self.newest: dict[str, int] = {}
        """When a file of each family was written to last."""
        self.files = places.as_json(cursor)
        self.parted = {name: point.to_json() for name, point in self.gone.items()}
        """What the cursor will hold, kept up to date so that a batch need only copy it."""
        self.changed = self.first or not places.current
        """Whether the last batch's cursor is behind."""
        self.pieces: list[Piece] = []
        self.skipped: list[Skipped] = []
        self.blocked: Skipped | None = None
        self.lost: str | None = None

    def run(self) -> Iterator[TailBatch]:
        """Read every file on to its present end, oldest first."""
        seen = listed(self.pattern)
        self._survey(seen)
        strangers = [item for item in seen if not self._still(item)]
        self._part_with(seen, strangers)
        size = 0
        for piece in self._pieces(seen, strangers):
            self.pieces.append(piece)
            size += len(piece.data)
            if size >= WINDOWS * self.window:
                yield self._batch()
                size = 0
        self._forget()
        if self.pieces or self.skipped or self.changed:
            yield self._batch()

    def _pieces(self, seen: list[Seen], strangers: list[Seen]) -> Iterator[Piece]:
        for item in seen:
            if item.key in self.known and not self._idle(item):
                yield from self._open(item, self._resume)
        # Rotated files first: a copy of what was truncated is older than what took its place. Before all of them what
        # is not to be read at all, so that a run that ends early leaves no history to be taken for news.
        for item in sorted(strangers, key=lambda item: (not item.rotated, item.asked)):
            yield from self._open(item, self._meet)

    def _survey(self, seen: list[Seen]) -> None:
        self.written = {item.path for item in seen if item.size}
        for item in seen:
            self.newest[item.family] = max(self.newest.get(item.family, 0), item.modified)
        if not any(item.asked for item in seen):
            hint = "check the pattern, and that keywatch's user may list the folder"
            self._block(Skipped(self.pattern, "names no file", hint))

    def _idle(self, item: Seen) -> bool:
        """Whether there is nothing new in this file, and it need not be opened to know."""
        point = self.before.get(item.key)
        if point is None:
            return False
        if item.path != point.path:
            # Renamed, and nobody wrote to it since: nothing is lost when it goes.
            self._put(replace(point, path=item.path))
        if self._settled(item, point):
            if point.trouble:
                self._block(Skipped(item.path, point.trouble))
            return True
        return item.untouched_since(point) and (point.unread == 0 or not self._final(item))

    def _settled(self, item: Seen, point: Checkpoint) -> bool:
        """Whether this is a compressed file read as far as can be, and unchanged since."""
        return (point.finished or point.trouble != "") and item.packed and item.unchanged_since(point)

    def _still(self, item: Seen) -> bool:
        """Whether the file in this inode is the one we read before."""
        point = self.before.get(item.key)
        if point is None or self._settled(item, point):
            return point is not None
        if item.untouched_since(point):
            return True
        if not point.offset:
            return False  # nothing was read of it: as good as new, and it may continue another
        try:
            with LogFile(item.path, self.digest) as file:
                return not item.is_open_in(file) or point.continued_by(file)
        except (EOFError, Undecodable):
            return False
        except OSError:
            return True  # said when it is its turn

    def _part_with(self, seen: list[Seen], strangers: list[Seen]) -> None:
        """Take out the places whose inode is gone, or holds something else now."""
        there = {item.key for item in seen}
        for key in self.before.keys() - (there - {item.key for item in strangers}):
            point = self.known.pop(key)
            del self.files[key]
            self.changed = True
            if point.offset or (point.unread and key not in there):
                name = f"{key}:{point.mark}"
                self.gone[name] = point
                self._relate(name, point)
                self.parted[name] = point.to_json()

    def _open(self, item: Seen, read: Callable[[Seen, LogFile], Iterator[Piece]]) -> Iterator[Piece]:
        """Read one file; whatever is wrong with it is its own trouble."""
        before = self.before.get(item.key)
        # While the plain file is there, a compressed one that has no end is not finished yet, however slow it is.
        waiting = item.packed and item.path.rpartition(".")[0] in self.written
        salvage = before is not None and item.unchanged_since(before) and not waiting
        try:
            with LogFile(item.path, self.digest, salvage=salvage) as file:
                # Exchanged since it was listed: the next look sorts it out.
                if item.is_open_in(file):
                    yield from read(item, file)
                    if file.cut_off:
                        why = "its compressed stream is cut off; what comes before was read"
                        self.skipped.append(Skipped(item.path, why))
        except EOFError:
            # Still being compressed, or cut off: if it has not grown by the next look, what there is will be read.
            self._put(replace(self._place(item), size=item.size, modified=item.modified, changed=0))
        except Undecodable as error:
            self._put(replace(self._place(item), size=item.size, modified=item.modified, trouble=str(error)))
            self._block(Skipped(item.path, str(error)))
        except OSError as error:
            self._block(Skipped(item.path, error.strerror or "cannot be read", _LET_READ))

    def _place(self, item: Seen) -> Checkpoint:
        device, _, inode = item.key.partition(":")
        return self.known.get(item.key, Checkpoint(path=item.path, device=int(device), inode=int(inode)))

    def _block(self, skipped: Skipped) -> None:
        self.skipped.append(skipped)
        self.blocked = self.blocked or skipped

    def _resume(self, item: Seen, file: LogFile) -> Iterator[Piece]:
        point = self.known[item.key]
        # Asked again of the very file that is read: it may have been truncated, and written to, since it was listed.
        if point.continued_by(file):
            yield from self._drain(file, point.at(file, item.path, self.trusted), final=self._final(item))

    def _meet(self, item: Seen, file: LogFile) -> Iterator[Piece]:
        """Read a file not seen before: the continuation of one we know, history, or something new."""
        start = Checkpoint(path=item.path, device=file.device, inode=file.inode)
        earlier = self._earlier(item, file)
        if earlier is None and not (self.first and not item.asked) and self._is_copy(item, file):
            return
        if earlier is not None:
            start = replace(earlier, finished=False)
        elif self.first and not item.asked:
            offset = 0 if file.packed else file.size
            start = replace(start, offset=offset, line=0, mark=file.mark(offset), finished=file.packed)
            self._put(start.at(file, item.path, self.trusted))
            return
        yield from self._drain(file, start.at(file, item.path, self.trusted), final=self._final(item))

    def _is_copy(self, item: Seen, file: LogFile) -> bool:
        """Whether all that is in this file is in another one too: a copy, perhaps unfinished, of what still is."""
        if not item.rotated or file.packed or not file.size:
            return False
        kin = (self.known.get(name) for name in self.kin.get(item.family, ()))
        known = {point.path: point for point in kin if point is not None}
        for path in {item.family, *known} - {item.path}:
            try:
                with LogFile(path, self.digest) as whole:
                    if whole.packed or (whole.device, whole.inode) == (file.device, file.inode):
                        continue
                    if not whole.continues(file.size, file.mark(file.size)):
                        continue
            except OSError:
                continue
            settled = file.changed <= self.trusted and file.at(file.size - 1, 1) == b"\n"
            if settled and path in known and known[path].offset >= file.size:
                # Nobody copies into it any more: it need not be looked at again. One that ends inside a line is, as so
                # little proves nothing: what has another place in it may begin with the same few letters.
                start = Checkpoint(path=item.path, device=file.device, inode=file.inode, line=0, offset=file.size)
                self._put(replace(start, mark=file.mark(file.size)).at(file, item.path, self.trusted))
            return True
        return False

    def _earlier(self, item: Seen, file: LogFile) -> Checkpoint | None:
        """Find the place furthest on in a file of the same family whose content `file` continues."""
        kin = self.kin.get(item.family, ())
        places = [(name, self.gone[name]) for name in kin if name in self.gone]
        if item.rotated:
            # A live file is never a copy of another that is still there; a rotated one may be.
            places += [(name, self.known[name]) for name in kin if name in self.known]
        best = None
        # From the front to the back: a compressed file is read forwards only.
        for name, point in sorted(places, key=lambda place: place[1].offset):
            if (point.offset or item.rotated) and point.continued_by(file):
                self.found.add(name)
                best = point if point.offset else best
        return best

    def _final(self, item: Seen) -> bool:
        """Whether an unfinished last line will stay so: the file was rotated; its writer has moved on, or is silent."""
        if not item.rotated:
            return False
        if item.packed or item.family in self.written:
            return True
        before = self.before.get(item.key)
        silent = before is not None and before.size == item.size
        return silent and (not item.asked or item.modified < self.newest[item.family])

    def _drain(self, file: LogFile, point: Checkpoint, *, final: bool) -> Iterator[Piece]:
        window = self.window
        self._put(point)
        if 1 < point.column <= window and file.at(point.offset, 1):
            # A line that was taken for finished goes on: it is shown again, whole.
            back = point.column - 1
            point = replace(point, offset=point.offset - back, column=1)
        if (data := file.data_from(point.offset)) - point.offset > window:
            # A truncated log whose writer went on at its old place: there was never anything in the hole.
            point = replace(point, offset=data, column=1)
        while piece := _cut(file.at(point.offset, window), window, inside=point.column > 1, final=final):
            here, point = point, point.after(piece, file)
            self._put(point)
            # Only a piece that fills the window ends without a line end while the line goes on.
            yield self._shown(
                file, here, piece, partial=here.column > 1 or (piece[-1:] != b"\n" and len(piece) == window)
            )
        if file.packed:
            self._put(replace(point, finished=True))

    def _shown(self, file: LogFile, point: Checkpoint, piece: bytes, *, partial: bool) -> Piece:
        """Put the overlap before `piece`; from the beginning of a line, where one begins in it."""
        count = min(self.overlap, point.offset)
        extra = file.at(point.offset - count, count) if count else b""
        if count < point.offset:
            extra = extra[extra.find(b"\n") + 1 :]
        newlines = extra.count(b"\n")
        inside = not newlines and len(extra) < point.column
        return Piece(
            path=point.path,
            data=extra + piece,
            offset=point.offset - len(extra),
            first_line=point.line - newlines if point.line else 0,
            first_column=point.column - len(extra) if inside else 1,
            overlap=len(extra),
            partial=partial,
        )

    def _relate(self, name: str, point: Checkpoint) -> None:
        for family in {unrotated(point.path), unpacked(point.path)}:
            self.kin.setdefault(family, set()).add(name)

    def _put(self, point: Checkpoint) -> None:
        before = self.known.get(point.key)
        if before is None or before.path != point.path:
            self._relate(point.key, point)
        self.known[point.key] = point
        place = point.to_json()
        self.changed = self.changed or self.files.get(point.key) != place
        self.files[point.key] = place

    def _forget(self) -> None:
        """Drop the places whose content is gone, at the second look, and say so where something was left unread."""
        for name, point in self.gone.items():
            self.changed = True
            if name in self.found or point.missing:
                del self.parted[name]
            else:
                self.parted[name] = replace(point, missing=True).to_json()
            if not point.missing or name in self.found:
                continue
            if point.unread:
                lost = f"{point.unread} bytes of an unfinished last line went with it when it was removed"
                self.skipped.append(Skipped(point.path, lost))
            if unrotated(point.path) == point.path:
                # One that was rotated had come to its end; this one was still written to.
                self.lost = f"{point.path} was removed or truncated: what came after the last look at it was not read"

    def _batch(self) -> TailBatch:
        batch = TailBatch(
            pieces=tuple(self.pieces),
            cursor=cursor_of(self.files, self.parted.values()),
            skipped=tuple(self.skipped),
            blocked=self.blocked,
            lost=self.lost,
        )
        self.pieces, self.skipped, self.blocked, self.lost, self.changed = [], [], None, None, False
        return batch


def _cut(data: bytes, window: int, *, inside: bool, final: bool) -> bytes:
    """Return the whole lines at the front of `data`; inside an over-long line, as much of it as there is."""
    end = data.find(b"\n") if inside else data.rfind(b"\n")
    if end >= 0:
        return data[: end + 1]
    return data if len(data) >= window or final else b""
