"""Decompressors, all driven in the same way: a step at a time, so that a small piece can never become a huge one."""

import bz2
import lzma
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from keywatch.collect.content.archive.content import STEP, Reader
from keywatch.collect.content.archive.limits import Budget, Closed, Damaged


class Decompressor(Protocol):
    """What the standard library's incremental decompressors have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


Make = Callable[[], Decompressor]


def gzip() -> Decompressor:
    """Return a decompressor for gzip, with the library that the rest of keywatch reads gzip with."""
    from isal import igzip_lib

    made: Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return made


def deflate() -> Decompressor:
    """As `gzip`, without a header."""
    from isal import igzip_lib

    made: Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    return made


def bzip2() -> Decompressor:
    """Return a decompressor for bzip2."""
    return bz2.BZ2Decompressor()


def xz(window: int) -> Make:
    """Return what makes decompressors for xz. The limit is of all memory: the dictionary takes nearly all of it."""
    return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=window + (16 << 20))


def zstd(window: int) -> Make:
    """Return what makes decompressors for Zstandard."""
    if sys.version_info >= (3, 14):
        from compression.zstd import DecompressionParameter, ZstdDecompressor
    else:
        from backports.zstd import DecompressionParameter, ZstdDecompressor

    options: dict[int, int] = {DecompressionParameter.window_log_max: window.bit_length() - 1}
    return lambda: ZstdDecompressor(options=options)


def raw_lzma(properties: bytes, window: int) -> Make:
    """
    Return what makes decompressors for LZMA as zip and 7z have it, without a header.

    Raises:
        Damaged: its `properties` are none, or ask for more memory than may be.
    """
    return raw([lzma1(properties, window)])


def raw(filters: list[dict[str, int]]) -> Make:
    """Return what makes decompressors for a chain of filters without a header."""
    return lambda: lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


def lzma1(properties: bytes, window: int) -> dict[str, int]:
    """Return LZMA's filter as Python wants it. liblzma would take as much memory as the file says."""
    if len(properties) < 5 or properties[0] >= 9 * 5 * 5:  # noqa: PLR2004 - the format's numbers
        raise Damaged("no properties of LZMA")
    numbers, lc = divmod(properties[0], 9)
    pb, lp = divmod(numbers, 5)
    return {
        "id": lzma.FILTER_LZMA1,
        "dict_size": dictionary(int.from_bytes(properties[1:5], "little"), window),
        "lc": lc,
        "lp": lp,
        "pb": pb,
    }


def dictionary(size: int, window: int) -> int:
    """
    Return the size of a dictionary.

    Raises:
        Damaged: it is more than may be.
    """
    if size > window:
        raise Closed(f"needs {size >> 20} MB of memory to unpack, more than the {window >> 20} it may take")
    return max(size, 4096)


def inflate(reader: Reader, make: Make, budget: Budget, *, most: int | None = None) -> Iterator[bytes]:
    """
    Yield what one compressed stream unpacks to, and leave `reader` behind its end.

    Args:
        reader: the compressed bytes.
        make: what makes a decompressor.
        budget: is told of every byte.
        most: bytes after which it is enough.

    Raises:
        Damaged: it is no such stream, or ends before its end.
        Exhausted: see `Budget.spend`.
    """
    try:
        decompressor = make()
    except (ValueError, lzma.LZMAError):
        raise Closed("compressed in a way that cannot be read") from None
    made = 0
    while not decompressor.eof:
        piece = next(reader.take(STEP), b"") if decompressor.needs_input else b""
        if not piece and decompressor.needs_input:
            raise Damaged("cut off")
        try:
            data = decompressor.decompress(piece, STEP)
        except MemoryError:
            raise Closed("needs more memory to unpack than there is") from None
        except _errors() as error:
            if "emory" in str(error):  # xz says memory, Zstandard too
                raise Closed("needs more memory to unpack than it may take") from None
            raise Damaged("broken inside") from None
        if not data:
            continue
        budget.spend(len(data))
        yield data
        made += len(data)
        if most is not None and made >= most:
            return
    reader.give_back(decompressor.unused_data)


def streams(pieces: Iterable[bytes], make: Make, signs: tuple[bytes, ...], budget: Budget) -> Iterator[bytes]:
    """
    Yield what one compressed stream after another unpacks to. Zeros between and behind them are padding.

    Raises:
        Damaged: also where something else follows.
    """
    reader = Reader(pieces)
    while True:
        yield from inflate(reader, make, budget)
        while (ahead := reader.peek(STEP)) and not ahead.strip(b"\0"):
            reader.skip(len(ahead))
        if not ahead:
            return
        reader.skip(len(ahead) - len(ahead.lstrip(b"\0")))
        if not reader.peek(16).startswith(signs):
            raise Damaged("something else follows its end")


def _errors() -> tuple[type[Exception], ...]:
    """Return what a decompressor may raise. A library that is not loaded cannot have raised anything."""
    found: list[type[Exception]] = [OSError, EOFError, ValueError, lzma.LZMAError]
    for module, name in (
        ("isal.igzip_lib", "IsalError"),
        ("backports.zstd", "ZstdError"),
        ("compression.zstd", "ZstdError"),
    ):
        if module in sys.modules:
            found.append(getattr(sys.modules[module], name))
    return tuple(found)
