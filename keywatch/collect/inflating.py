"""Compressed log files, inflated forwards in bounded memory: gzip, bzip2, xz and Zstandard, as rotations leave them."""

import bz2
import lzma
import os
import sys
from collections.abc import Callable
from typing import Protocol

_STEP = 1 << 16
_MEMORY = 256 << 20
"""Bytes a decoder may ask for: `xz -9` and `zstd --long` take 65 and 128 MB."""
_RATIO = 250
_GRACE = 1 << 30
"""Bytes below which no ratio is suspicious: a log that repeats one line for ever is no attack."""


class Undecodable(ValueError):
    """Not such a stream, or one that inflates beyond reason. The text quotes nothing of the content."""


class _Decoder(Protocol):
    """The interface of `bz2.BZ2Decompressor`, which the others have, or are given here."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def _gzip() -> _Decoder:
    from isal import igzip_lib  # three times as fast as zlib

    made: _Decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return made


def _xz() -> _Decoder:
    return lzma.LZMADecompressor(memlimit=_MEMORY)


def _zstd() -> _Decoder:
    # Its window is 128 MB at most, as the library has it.
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor
    else:
        from backports.zstd import ZstdDecompressor
    return ZstdDecompressor()


PACKED: dict[str, Callable[[], _Decoder]] = {
    ".gz": _gzip, ".bz2": bz2.BZ2Decompressor, ".xz": _xz, ".zst": _zstd,
}  # fmt: skip
"""What a compressed file's name ends in, and its decoder: those that logrotate's `compresscmd` is set to."""


_BEGINNING = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\0", ".zst": b"\x28\xb5\x2f\xfd"}


def is_packed(path: str) -> bool:
    """Whether a file's name says that it is compressed, in a way that can be read."""
    return path.endswith(tuple(PACKED))


class Inflated:
    """A compressed file. Its head and the bytes last read are kept, so that looking back a little costs nothing."""

    def __init__(self, path: str, descriptor: int, *, salvage: bool, keep: int) -> None:
        """
        Begin at the front.

        Args:
            path: tells the kind by its end.
            descriptor: the open file, which stays the caller's.
            salvage: take a stream that ends too early for what there is of it.
            keep: bytes of the head that are kept.
        """
        end = os.path.splitext(path)[1]  # noqa: PTH122 - a text, not a path to open
        self._new = PACKED[end]
        self._beginning = _BEGINNING[end]
        self._descriptor = descriptor
        self._salvage = salvage
        self._keep = keep
        self.cut_off = False
        self._restart()

    def _restart(self) -> None:
        self._taken = self._made = 0
        self._decoder = self._new()
        self._begun = False
        self._head = b""
        self._kept = bytearray()
        self._start = 0

    def at(self, offset: int, count: int) -> bytes:
        """See `Content.at`."""
        if offset + count <= len(self._head):
            return self._head[offset : offset + count]
        if offset < self._start:
            self._restart()
        while self._start + len(self._kept) < offset + count:
            if not (piece := self._next()):
                break
            if len(self._head) < self._keep:
                self._head = (self._head + piece)[: self._keep]
            self._kept += piece
            # One mark and one overlap before the offset may be asked for again.
            spare = min(offset - _STEP - self._start, len(self._kept))
            if spare > _STEP:
                del self._kept[:spare]
                self._start += spare
        begin = offset - self._start
        return bytes(self._kept[begin : begin + count])

    def _next(self) -> bytes:
        """Return the next bytes; none at the end."""
        while not self.cut_off:
            fed = b""
            if self._decoder.eof:
                # Another member or frame may follow; what follows and is none is padding, or of no interest.
                fed = self._decoder.unused_data or self._read()
                if not fed.strip(b"\0"):
                    return b""
                self._decoder, self._begun = self._new(), False
            elif self._decoder.needs_input and not (fed := self._read()):
                return self._ends_early()
            made = self._inflate(fed)
            if made is None:
                return b""
            if made:
                return made
        return b""

    def _inflate(self, fed: bytes) -> bytes | None:
        """Return what some bytes inflate to; None: they are no further member."""
        if not self._made and self._taken == len(fed) and not self._beginning.startswith(fed[: len(self._beginning)]):
            raise Undecodable("not a readable compressed file")  # some decoders would wait for more
        try:
            made = self._decoder.decompress(fed, _STEP)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - each library has its own
            if self._made and not self._begun:
                return None
            raise Undecodable("not a readable compressed file") from None
        self._begun = True
        self._made += len(made)
        if self._made > max(_GRACE, _RATIO * self._taken):
            raise Undecodable(f"inflates to more than {_RATIO} times its size; the rest of it is left out")
        return made

    def _ends_early(self) -> bytes:
        if not self._salvage:
            raise EOFError
        self.cut_off = True
        return b""

    def _read(self) -> bytes:
        piece = os.pread(self._descriptor, _STEP, self._taken)
        self._taken += len(piece)
        return piece
