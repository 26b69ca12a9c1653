"""Which files a directory has, and how much they are: found as far as somebody asks, while others are read already."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from keywatch.collect.content.tree import VERSION_CONTROL, Entry, stamp, walk
from keywatch.model.source import Skipped


class Survey:
    """The files below a directory, or one file."""

    def __init__(
        self, top: Path, excluded: frozenset[str] = VERSION_CONTROL, ignored: frozenset[str] = frozenset()
    ) -> None:
        """
        Begin; nothing is looked at yet. See `walk`.

        Raises:
            OSError: it is a file, and cannot be looked at.
        """
        self._digest = hashlib.sha256()
        self._found = (
            walk(str(top), excluded=excluded, ignored=ignored, note=self._digest.update)
            if top.is_dir()
            else self._file(top)
        )
        self.entries: deque[Entry] = deque()
        """Files that were found, and not yet taken."""
        self.skipped: list[Skipped] = []
        """What could not be looked at, so far."""
        self.count = 0
        """Files found so far."""
        self.size = 0
        """Their bytes."""
        self.odd: dict[str, str] = {}
        """Paths of files whose names are no text, by what these are made into."""
        self.is_whole = False
        """Whether all is found."""

    def reach(self, most: int) -> int:
        """Go on until so many bytes are found, and return how many are: fewer only if that is all there is."""
        while self.size < most and self._step():
            pass
        return self.size

    def finish(self) -> None:
        """Find all there is."""
        while self._step():
            pass

    def taken(self) -> Iterator[Entry]:
        """Yield each file as it is found, and hold it no longer."""
        while self.entries or self._step():
            if self.entries:
                yield self.entries.popleft()

    def digest(self) -> str:
        """Return a digest that changes when any file is added, removed, renamed, or written to; of what is found."""
        return self._digest.hexdigest()

    def _step(self) -> bool:
        """Look at one more; tell whether there was any."""
        item = next(self._found, None)
        if isinstance(item, Entry):
            self.entries.append(item)
            self.count += 1
            self.size += item.size
            if not item.path.isascii() and (relative := item.relative) != item.path[item.begin :]:
                self.odd[relative] = item.path
        elif item is not None:
            self.skipped.append(item)
        else:
            self.is_whole = True
        return item is not None

    def _file(self, path: Path) -> Iterator[Entry | Skipped]:
        status = os.lstat(path)
        self._digest.update(stamp(str(path), status))
        yield Entry(str(path), len(str(path)) - len(path.name), status.st_size)
