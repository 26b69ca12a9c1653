"""Inflating gzip that somebody else wrote, in bounded memory."""

from collections.abc import Iterable
from typing import cast

from isal import isal_zlib

# isal's stubs call the class an instance.
_Broken = cast("type[Exception]", isal_zlib.IsalError)
_STEP = 128 << 10
"""Bytes inflated at a time: few enough to be still in the processor's cache when they are put in their place."""
_GRACE = 8 << 20
"""Bytes below which no ratio is suspicious: a small file of spaces is no attack."""
_KEPT, _LARGE, _FIRST = 8, 16 << 20, 1 << 20
"""Buffers that are kept, their size at most, and what a new one holds."""


class GzipRefused(ValueError):
    """Not gzip, cut off, or inflating to more than it may. The text quotes nothing of the content."""


class Buffers:
    """
    Memory to inflate into, which is used again.

    For a file of some megabytes the system takes nearly as long to hand out fresh memory as isal takes to fill it.
    Threads may share it.
    """

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    def take(self) -> bytearray:
        """Return a buffer of some size."""
        try:
            return self._free.pop()
        except IndexError:
            return bytearray(_FIRST)

    def give(self, content: memoryview) -> None:
        """Take back the buffer that `content` lies in, of which nothing is read any more."""
        buffer = content.obj
        content.release()
        if isinstance(buffer, bytearray) and len(buffer) <= _LARGE and len(self._free) < _KEPT:
            self._free.append(buffer)


def gunzip(pieces: Iterable[bytes], *, most: int, ratio: int = 250, buffers: Buffers | None = None) -> memoryview:
    """
    Inflate a gzip stream of one or more members.

    Args:
        pieces: The compressed bytes.
        most: Bytes to inflate to at most.
        ratio: How many times its size the stream may inflate to, once that is more than 8 MB. Log files come to 30.
        buffers: Where the result lies, until it is given back there.

    Raises:
        GzipRefused: it is not such a stream.
    """
    buffer = (buffers or Buffers()).take()
    taken = made = 0
    member = isal_zlib.decompressobj(wbits=31)
    for piece in pieces:
        taken += len(piece)
        rest, full = piece, False
        # A step that came out full may have more in store, even when all its input is taken.
        while rest or (full and not member.eof):
            if member.eof:
                member = isal_zlib.decompressobj(wbits=31)
            try:
                data = member.decompress(rest, _STEP)
            except _Broken:
                raise GzipRefused("not a gzip stream") from None
            end = made + len(data)
            if end > most or end > max(_GRACE, ratio * taken):
                raise GzipRefused(f"inflates to more than {min(most, max(_GRACE, ratio * taken))} bytes")
            if end > len(buffer):
                buffer += bytes(max(len(buffer), len(data)))  # twice its size, so that it is not moved often
            buffer[made:end] = data
            made, full = end, len(data) == _STEP
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise GzipRefused("the gzip stream is cut off")
    return memoryview(buffer)[:made]
