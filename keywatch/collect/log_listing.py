"""The log files a pattern names, and their rotated siblings, as they lie there at one moment."""

import fnmatch
import glob
import os
import re
import stat
from dataclasses import dataclass

from keywatch.collect.checkpoint import Checkpoint
from keywatch.collect.inflating import is_packed
from keywatch.collect.log_file import LogFile
from keywatch.collect.rotation import siblings, unpacked, unrotated


@dataclass(slots=True)
class Seen:
    """A file as it was when the folder was listed. Not frozen, only because there are thousands."""

    path: str
    key: str
    """Device and inode, as in `Checkpoint.key`."""
    size: int
    modified: int
    changed: int
    asked: bool
    """The pattern names it; else it is a rotated sibling of what the pattern names."""
    family: str
    """The path it had, or has, while it is written to."""

    def is_open_in(self, file: LogFile) -> bool:
        """Whether `file`, opened by the name that was listed, is still this one."""
        return f"{file.device}:{file.inode}" == self.key

    def unchanged_since(self, point: Checkpoint) -> bool:
        """Whether nothing was written to it since `point` was made."""
        return (point.size, point.modified) == (self.size, self.modified)

    def untouched_since(self, point: Checkpoint) -> bool:
        """Whether it is certain, without opening it, that it is the file `point` was made of, under the same name."""
        return point.changed == self.changed and (point.size, point.modified) == (self.size, self.modified)

    @property
    def rotated(self) -> bool:
        """Whether its name is one that a rotation gives."""
        return self.family != self.path

    @property
    def packed(self) -> bool:
        """Whether it is compressed."""
        return is_packed(self.path)


def listed(pattern: str) -> list[Seen]:
    """List the files, oldest first. Live names come first: one renamed meanwhile is met twice, not never."""
    asked, beside = _names(pattern)
    seen: dict[str, Seen] = {}
    for path in asked:
        _see(seen, path, unrotated(path), asked=True)
    for path in beside:
        if (family := unrotated(path)) != path:
            _see(seen, path, family, asked=False)
    there = {item.path for item in seen.values()}
    for item in seen.values():
        if item.asked and item.family not in there and not item.path.startswith(item.family):
            # `worker-7.log` is a log of its own, unless there is a `worker.log`.
            item.family = unpacked(item.path)
    return sorted(seen.values(), key=lambda item: (item.modified, item.path))


def _names(pattern: str) -> tuple[list[str], list[str]]:
    """Return the paths a pattern names, and those of what may be rotated siblings; each folder is read once."""
    folder, name = os.path.split(pattern)
    if "**" in pattern or not glob.has_magic(name):
        asked = dict.fromkeys(named(pattern))
        return [*asked], [path for path in _beside(pattern) if path not in asked]
    wanted = re.compile(fnmatch.translate(name)).match
    rotated = re.compile("|".join(fnmatch.translate(other) for other in siblings(name))).match
    asked_for, others = [], []
    for place in named(folder) if glob.has_magic(folder) else [folder]:
        try:
            found = os.listdir(place or ".")  # noqa: PTH208 - names are wanted, and there may be thousands
        except OSError:
            continue  # `Follower.check` and the look itself say that nothing is there
        for entry in found:
            if entry[0] == "." != name[0]:
                continue  # as glob has it
            if wanted(entry):
                asked_for.append(os.path.join(place, entry))  # noqa: PTH118 - there may be thousands
            elif rotated(entry):
                others.append(os.path.join(place, entry))  # noqa: PTH118
    return asked_for, others


def _beside(pattern: str) -> list[str]:
    return [path for name in siblings(pattern) for path in named(name)]


def _see(seen: dict[str, Seen], path: str, family: str, *, asked: bool) -> None:
    try:
        status = os.lstat(path)
    except OSError:
        return  # renamed or removed since it was listed
    if not stat.S_ISDIR(status.st_mode):
        key = f"{status.st_dev}:{status.st_ino}"
        seen[key] = Seen(path, key, status.st_size, status.st_mtime_ns, status.st_ctime_ns, asked, family)


def named(pattern: str) -> list[str]:
    """Return the paths a glob pattern names, directories included."""
    # not Path.glob: that takes no absolute pattern
    return glob.glob(pattern, recursive=True)  # noqa: PTH207
