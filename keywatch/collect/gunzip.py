"""Inflating gzip that somebody else wrote, in bounded memory."""

from collections.abc import Iterable
from typing import cast

from isal import isal_zlib

# isal's stubs call the class an instance.
_Broken = cast("type[Exception]", isal_zlib.IsalError)
_STEP = 1 << 20
_GRACE = 8 << 20
"""Bytes below which no ratio is suspicious: a small file of spaces is no attack."""


class GzipRefused(ValueError):
    """Not gzip, cut off, or inflating to more than it may. The text quotes nothing of the content."""


def gunzip(pieces: Iterable[bytes], *, most: int, ratio: int = 250) -> bytearray:
    """
    Inflate a gzip stream of one or more members.

    Args:
        pieces: The compressed bytes.
        most: Bytes to inflate to at most.
        ratio: How many times its size the stream may inflate to, once that is more than 8 MB. Log files come to 30.

    Raises:
        GzipRefused: it is not such a stream.
    """
    inflated = bytearray()  # which grows where it lies: putting pieces together would take the memory twice
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
            made += len(data)
            if made > most or made > max(_GRACE, ratio * taken):
                raise GzipRefused(f"inflates to more than {min(most, max(_GRACE, ratio * taken))} bytes")
            full = len(data) == _STEP
            inflated += data
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise GzipRefused("the gzip stream is cut off")
    return inflated
