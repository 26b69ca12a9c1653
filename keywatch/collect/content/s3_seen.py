"""
What was read of a bucket before: a short digest of each object, in the order of their keys, in files.

A cursor cannot hold ten million ETags, and the date of an object does not tell whether it is new: that of a multipart
upload is the day it was begun, that of a replica the day of its original, and other servers have ideas of their own.
So each pass writes down the digest of every object that it saw to the end, 12 bytes each, and reads what the pass
before it wrote: both go through the keys in the order in which S3 lists them, so neither is ever held in memory.

The cursor says how much of the files counts. It is committed with the findings, and what a file has beyond it is
forgotten: an object is never taken for read whose findings were lost. A file that is missing, shorter than that or
damaged costs reading again, and nothing else; so it need not be flushed to the disk at every step.
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from keywatch.model.source import Cursor, Json

_DIGEST = 12
"""Bytes. To replace an object by another that is taken for it, somebody would have to try some 2^84 of them."""
_HEAD = struct.Struct(">4sIHI")
"""Of a block: mark, number of digests, length of the last key, checksum of what follows."""
_MARK = b"kws1"
_BLOCK = 4096
"""Digests of a block, at most."""
_LONGEST = 1 << 12
"""Bytes of a key are 1024 at most; other servers may allow more."""


def digest_of(key: str, etag: str, size: int, stamp: str = "") -> bytes:
    """Return what tells this version of an object from all others. `stamp` helps where a server gives no ETags."""
    text = f"{key}\0{etag}\0{size}\0{'' if etag else stamp}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


@dataclass(frozen=True, slots=True)
class _Extent:
    """The part of one file that counts."""

    generation: int
    size: int

    @classmethod
    def of(cls, value: Json) -> "_Extent | None":
        if not isinstance(value, Mapping):
            return None
        generation, size = value.get("generation"), value.get("size")
        if not (isinstance(generation, int) and isinstance(size, int) and generation > 0 <= size):
            return None
        return cls(generation, size)

    @property
    def json(self) -> dict[str, Json]:
        return {"generation": self.generation, "size": self.size}


class SeenObjects:
    """One pass over a bucket: asked of each object in the order of keys, told of each that was read."""

    def __init__(self, place: Path | None, cursor: Cursor, ruleset: str) -> None:
        """
        Take up the pass that `cursor` is in, or begin a new one.

        Args:
            place: the files' name, without their number. None: nothing is remembered from one pass to the next.
            cursor: as `cursor` returned it; one of another rule set is void.
            ruleset: what is looked for.

        Raises:
            OSError: the files cannot be written.
        """
        self._place = place
        self._ruleset = ruleset
        used = [extent.generation for extent in map(_Extent.of, (cursor.get("seen"), cursor.get("next"))) if extent]
        if cursor.get("version") != 1 or cursor.get("ruleset") != ruleset:
            cursor = {}
        self._old = _Extent.of(cursor.get("seen"))
        new = _Extent.of(cursor.get("next"))
        after = cursor.get("after")
        self._file: BinaryIO | None = None
        self._size = 0
        self._digests: list[bytes] = []
        self._last = ""
        self.after = after if isinstance(after, str) else ""
        """The key that the pass has come to; empty: it begins."""
        # Never a number that a cursor has named already: should that cursor come back, it must not find other content.
        self._generation = new.generation if new else max([0, *used, *_there(place)]) + 1
        if place is not None:
            self._forget(place, {self._generation, self._old.generation if self._old else 0})
            self._open(place, new.size if new and self.after else 0)
        self._blocks = self._read()
        self._block: tuple[bytes, frozenset[bytes]] | None = (b"", frozenset())

    def has(self, key: str, digest: bytes) -> bool:
        """Whether the pass before this one read this version of the object. Ask in the order of keys."""
        wanted = key.encode("utf-8", "surrogatepass")
        while self._block is not None and self._block[0] < wanted:
            self._block = next(self._blocks, None)
        return self._block is not None and digest in self._block[1]

    def passed(self, key: str, digest: bytes | None) -> None:
        """Note that the pass has come past `key`; with its digest, if it has been read and need not be read again."""
        self.after = key
        if digest is not None:
            self._last = key
            self._digests.append(digest)
            if len(self._digests) >= _BLOCK:
                self._flush()

    def cursor(self) -> Cursor:
        """Return where this pass has come to."""
        self._flush()
        cursor: dict[str, Json] = {"version": 1, "ruleset": self._ruleset, "after": self.after}
        if self._file is not None:
            self._file.flush()
            cursor["next"] = _Extent(self._generation, self._size).json
            if self._old is not None:
                cursor["seen"] = self._old.json
        return cursor

    def finished(self) -> Cursor:
        """Return that this pass has come to its end, so that the next one begins."""
        self._flush()
        cursor: dict[str, Json] = {"version": 1, "ruleset": self._ruleset}
        if self._file is not None:
            self._file.flush()
            cursor["seen"] = _Extent(self._generation, self._size).json
        return cursor

    def close(self) -> None:
        """Close the files."""
        self._blocks.close()
        if self._file is not None:
            self._file.close()

    def _open(self, place: Path, size: int) -> None:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = open(os.open(_named(place, self._generation), flags, 0o600), "r+b")  # noqa: SIM115, PTH123
        if os.fstat(self._file.fileno()).st_size < size:
            size, self.after = 0, ""  # somebody removed it, or the machine went down: this pass begins anew
        self._file.truncate(size)
        self._file.seek(size)
        self._size = size

    def _forget(self, place: Path, kept: set[int]) -> None:
        for path in place.parent.glob(f"{place.name}.*"):
            if path.suffix not in {f".{generation}" for generation in kept}:
                path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._file is None or not self._digests:
            self._digests.clear()
            return
        key = self._last.encode("utf-8", "surrogatepass")
        body = key + b"".join(self._digests)
        block = _HEAD.pack(_MARK, len(self._digests), len(key), zlib.crc32(body)) + body
        self._file.write(block)
        self._size += len(block)
        self._digests.clear()

    def _read(self) -> "Blocks":
        if self._place is None or self._old is None:
            return Blocks(None, 0)
        return Blocks(_named(self._place, self._old.generation), self._old.size)


class Blocks(Iterator[tuple[bytes, frozenset[bytes]]]):
    """The blocks of one file, each with its last key; none after the first that is not whole."""

    def __init__(self, path: Path | None, size: int) -> None:
        self._left = size
        self._file: BinaryIO | None = None
        if path is not None:
            try:
                self._file = path.open("rb")
            except OSError:
                self._left = 0

    def __next__(self) -> tuple[bytes, frozenset[bytes]]:
        head = self._take(_HEAD.size)
        mark, count, length, checksum = _HEAD.unpack(head)
        if mark != _MARK or count > _BLOCK or length > _LONGEST:
            raise StopIteration
        body = self._take(length + count * _DIGEST)
        if zlib.crc32(body) != checksum:
            raise StopIteration
        return body[:length], frozenset(body[at : at + _DIGEST] for at in range(length, len(body), _DIGEST))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take(self, count: int) -> bytes:
        if self._file is None or self._left < count:
            raise StopIteration
        data = self._file.read(count)
        self._left -= count
        if len(data) != count:
            raise StopIteration
        return data


def _there(place: Path | None) -> list[int]:
    """Return the numbers of the files there are."""
    suffixes = (path.suffix[1:] for path in place.parent.glob(f"{place.name}.*")) if place else ()
    return [int(suffix) for suffix in suffixes if suffix.isdecimal()]


def _named(place: Path, generation: int) -> Path:
    return place.with_name(f"{place.name}.{generation}")
