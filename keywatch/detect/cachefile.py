"""
Files that spare work: what was computed once, kept in the state directory for the next start.

Such a file is only ever a shortcut. It is data, never code; one that is damaged, of another making, or that somebody
else could have written is not used, and one that cannot be written is done without.
"""

import hashlib
import os
import stat
import zlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from io import FileIO
from pathlib import Path

from keywatch import __version__

_FORMAT = b"keywatch-cache-1"
_HEAD = 256
"""Bytes: its format, the key, the parts' sizes and their checksum, filled up with spaces."""
_KEPT = 8
"""Files of one kind that are kept. Each set of rules that is scanned with makes one; the oldest go first."""


@cache
def code_digest() -> str:
    """
    Return the digest of this package: whatever is computed from our own rules is kept under a name made from it.

    Raises:
        OSError: the files cannot be read one by one: keywatch runs from an archive.
    """
    return digest_of(Path(__file__).parent, __version__)


def digest_of(package: Path, version: str) -> str:
    """
    Return what changes with `version` and with every module and rule in `package`.

    It costs less than a millisecond; times and sizes, which cost nothing, are the same after many an update.
    """
    digest = hashlib.sha256(version.encode())
    folders = (package, *(folder for name in ("rules", "expression") if (folder := package / name).is_dir()))
    for path in sorted(entry.path for folder in folders for entry in os.scandir(folder)):
        if path.endswith((".py", ".toml")):
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path for each takes longer than to read it
                content = file.read()
            digest.update(f"\n{path[len(str(package)) :]} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def read(path: Path, key: str) -> list[bytes] | None:
    """
    Return the parts that were written under `key`; None if the file is missing or may not be used.

    It must be a regular file of ours (or root's) that nobody else may write, of this key, and whole.
    """
    with suppress(OSError, ValueError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with FileIO(descriptor) as file:
            status = os.fstat(descriptor)
            if _may_be_used(status):
                return _parts(file, key, status.st_size)
    return None


def write(path: Path, key: str, *parts: bytes) -> None:
    """Keep `parts` so that a reader sees all of them or none, and nobody else can read or change them."""
    import tempfile

    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines((_head(key, parts), *parts))
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        _forget_oldest(path)


def _forget_oldest(path: Path) -> None:
    files = (file for file in path.parent.glob(f"*{path.suffix}") if not file.name.startswith("."))
    for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)[:-_KEPT]:
        file.unlink(missing_ok=True)


def _may_be_used(status: os.stat_result) -> bool:
    others = stat.S_IWGRP | stat.S_IWOTH
    return stat.S_ISREG(status.st_mode) and status.st_uid in {os.geteuid(), 0} and not status.st_mode & others


def _parts(file: FileIO, key: str, size: int) -> list[bytes] | None:
    head = file.read(_HEAD)
    sizes = [int(word) for word in head.split()[2:-1]]
    if _HEAD + sum(sizes) != size:  # before as much is read as some damaged number says
        return None
    parts = [file.read(size) for size in sizes]
    return parts if _head(key, parts) == head else None


def _head(key: str, parts: Sequence[bytes]) -> bytes:
    check = 0
    for part in parts:
        check = zlib.crc32(part, check)  # against accidents: who may write the file may also write a checksum
    words = [_FORMAT, key.encode(), *(b"%d" % len(part) for part in parts), b"%08x" % check]
    return b" ".join(words).ljust(_HEAD - 1) + b"\n"
