"""The log files a pattern names, and their rotated siblings, as they lie there at one moment."""

import glob
import os
import stat
from dataclasses import dataclass

from keywatch.collect.checkpoint import Checkpoint
from keywatch.collect.log_file import LogFile, unrotated


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was when the folder was listed."""

    path: str
    device: int
    inode: int
    size: int
    modified: int
    asked: bool
    """The pattern names it; else it is a rotated sibling of what the pattern names."""

    def is_open_in(self, file: LogFile) -> bool:
        """Whether `file`, opened by the name that was listed, is still this one."""
        return (file.device, file.inode) == (self.device, self.inode)

    def unchanged_since(self, point: Checkpoint) -> bool:
        """Whether nothing was written to it since `point` was made."""
        return (point.size, point.modified) == (self.size, self.modified)

    @property
    def key(self) -> str:
        return f"{self.device}:{self.inode}"

    @property
    def rotated(self) -> bool:
        """Whether its name is one that a rotation gives."""
        return unrotated(self.path) != self.path

    @property
    def zipped(self) -> bool:
        """Whether it is compressed."""
        return self.path.endswith(".gz")


def listed(pattern: str) -> list[Seen]:
    """List the files, oldest first. Live names come first: one renamed meanwhile is met twice, not never."""
    asked = named(pattern)
    beside = [path for path in named(pattern + "[.~-]*") if unrotated(path) != path]
    wanted = set(asked)
    seen: dict[str, Seen] = {}
    for path in [*asked, *beside]:
        try:
            status = os.lstat(path)
        except OSError:
            continue  # renamed or removed since it was listed
        if not stat.S_ISDIR(status.st_mode):
            item = Seen(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, asked=path in wanted)
            seen[item.key] = item
    return sorted(seen.values(), key=lambda item: (item.modified, item.path))


def named(pattern: str) -> list[str]:
    """Return the paths a glob pattern names, directories included."""
    # not Path.glob: that takes no absolute pattern
    return glob.glob(pattern, recursive=True)  # noqa: PTH207
