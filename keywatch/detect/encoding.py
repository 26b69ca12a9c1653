"""
Text inside text: base64, hexadecimal, UTF-16 and escapes undone, each within bounds.

Every function takes a position at which something encoded was sighted and returns the `Edit` that puts plain text in
its place; one without text where it turns out to be something else.
"""

import binascii
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from keywatch.detect import lazy_re2 as re2

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_HEX = b"0123456789abcdefABCDEF"
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_WRAPPED = 60
"""Characters. A line of base64 at least this long may go on in the next line (MIME 76, PEM 64)."""
_STEP = 256
_SHORTEST = 6
"""Bytes of text that are worth a look."""
_MOST_UNZIPPED = 1 << 20
_GZIP = b"\x1f\x8b\x08"
_GZIP_REACH = 64
_NEAR = 24
"""Characters, a multiple of four."""
_PRINTABLE = bytes([9, 10, 13, *range(0x20, 0x7F)])
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_TENTH = 10

_QUOTED = re2.compile(rb"=(?:\r?\n|[0-9A-Fa-f]{2})")
_FORM = re2.compile(rb"%(?:3[Aa]|2[Cc]|21|0[Aa])\+|[a-z]{2}\+[a-z]{2,}\+[a-z]{2}")
_SHORT = {b"\\" + letter: letter for letter in (b'"', b"'", b"/", b"\\")} | {
    rb"\n": b"\n",
    rb"\r": b"\r",
    rb"\t": b"\t",
}
"""What a backslash and one letter stand for."""
_MOST_ESCAPES = 10_000
_plain = dict(_SHORT)
"""What escapes stand for that were met before."""


def _membership(alphabet: bytes) -> bytes:
    return bytes(int(byte in alphabet) for byte in range(256))


_IS_BASE64, _IS_HEX = _membership(_BASE64), _membership(_HEX)
_IS_ZERO = bytes([1]) + bytes(255)
_LINE_END = re2.compile(rb"={0,2}(?:\r?\n|\\n)[ \t>#*\"']{0,40}")


@dataclass(slots=True)
class Edit:
    """A stretch of the chunk and what it says. Never changed; not frozen, for a chunk may have tens of thousands."""

    start: int
    end: int
    text: bytes = field(default=b"", repr=False)
    """Empty: it is not encoded text, or not with its beginning at this place."""
    ours: bool = False
    """The text is no part of the chunk: it only says what stands beside it."""


def named(data: bytes, name: bytes, start: int, end: int) -> Iterator[Edit]:
    """Yield what puts `name` and quotation marks around the value from `start` to `end`."""
    if start:
        escaped = start > 1 and data[start - 2] == ord("\\") and data[start - 1] in b"nrt\"'"
        yield Edit(start - 1 - escaped, start, name, ours=True)
    else:
        yield Edit(0, 1, name + data[:1])  # nothing stands before it that could give way
    if end < len(data):
        yield Edit(end, end + 1, b'"\n', ours=True)


def base64_edit(data: bytes, end: int, phase: int, floor: int) -> Edit:
    """
    Decode the run of base64 around a word that was sighted in it, in either alphabet, over line ends.

    Args:
        data: the chunk.
        end: where the sighted characters end.
        phase: characters since the last group of four began there.
        floor: nothing before this is looked at.
    """
    if not _is_likely(data, end - phase, floor):
        return Edit(end - 1, end)
    start, stop = _run(data, end - 1, _IS_BASE64, floor)
    lines = [*_lines_before(data, start, stop, floor), (start, stop), *_lines_after(data, start, stop)]
    before = sum(line_stop - line_start for line_start, line_stop in lines if line_stop <= start)
    payload = b"".join(data[line_start:line_stop] for line_start, line_stop in lines)
    text = from_base64(payload[(before + end - start - phase) % 4 :])
    if text is None:
        return Edit(lines[0][0], lines[-1][1])
    last = lines[-1][1]
    while last < len(data) and data[last] == ord("=") and last < lines[-1][1] + 2:
        last += 1
    return Edit(lines[0][0], last, text)


def _is_likely(data: bytes, group: int, floor: int) -> bool:
    """Tell whether what stands around the group that begins at `group` is text: most sightings in pictures end here."""
    near = data[max(floor, group - _NEAR) : group + _NEAR]
    if near.translate(None, _BASE64) or group - _NEAR < floor:
        return True  # at an end of the run: looked at as a whole
    raw = binascii.a2b_base64(near[: len(near) // 4 * 4].translate(_FROM_URL))
    return _GZIP in raw or len(raw.translate(None, _PRINTABLE + b"\0")) * 3 <= len(raw)


def from_base64(run: bytes) -> bytes | None:
    """Return the text that `run` stands for; None where it is no text. Characters after the last group are dropped."""
    run = run.rstrip(b"=").translate(_FROM_URL)
    run = run[: len(run) - (len(run) % 4 == 1)]
    return text_of(binascii.a2b_base64(run + b"=" * (-len(run) % 4)))


def hex_edit(data: bytes, end: int, floor: int) -> Edit:
    """Decode the run of hexadecimal digits around a word that was sighted in it."""
    start, stop = _run(data, end - 1, _IS_HEX, floor)
    start += (end - start) % 2
    stop -= (stop - start) % 2
    text = text_of(binascii.unhexlify(data[start:stop]))
    return Edit(start, stop, text or b"")


def utf16_edit(data: bytes, end: int, floor: int) -> Edit:
    """Decode the ASCII text, each letter beside a NUL, around a word of which the last letter was sighted."""
    first, last = _run(data, max(floor, end - 2), _IS_ZERO, floor, stride=2)
    # The letters stand between the NULs, and before the first or behind the last, as the byte order has it.
    begin, stop = first - 1 if first > floor else first + 1, min(last, len(data))
    text = data[begin:stop:2].replace(b"\0", b"\n")
    return Edit(begin, max(stop, end), text if len(text) >= _SHORTEST else b"")


def line_edits(edit: Edit) -> Iterator[Edit]:
    """Yield one `Edit` of UTF-16 as one for each of its lines: what stands in one is then told of that line."""
    start = edit.start
    for line in edit.text.splitlines(keepends=True):
        # Where the letters come first, the last one's NUL is no part of the run.
        end = min(start + 2 * len(line), edit.end)
        yield Edit(start, end, line)
        start = end


def escape_edits(data: bytes, start: int, end: int) -> Iterator[Edit]:
    r"""Yield an edit for each `%3D`, `\u0022`, `\x22`, `\"` and `\n` from `start` to `end`, left to right."""
    form = _FORM.search(data, start, end) is not None and data.find(b"%20", start, end) < 0
    plain = _plain
    for escape in _escapes().finditer(data, start, end):
        as_it_stands = escape[0]
        yield Edit(escape.start(), escape.end(), plain.get(as_it_stands) or _unescaped(as_it_stands))
    if form:
        position = data.find(b"+", start, end)
        while position >= 0:
            yield Edit(position, position + 1, b" ")
            position = data.find(b"+", position + 1, end)


def quoted_edits(data: bytes, start: int, end: int) -> Iterator[Edit]:
    """Yield an edit for each `=3D` and each soft line end of quoted-printable text from `start` to `end`."""
    for escape in _QUOTED.finds(data, start, end):
        digits = data[escape.start() + 1 : escape.end()].strip()
        yield Edit(escape.start(), escape.end(), bytes.fromhex(digits.decode()))


def text_of(raw: bytes) -> bytes | None:
    """Return `raw` where it is text, unzipped and in UTF-8; None where it is not."""
    at = raw.find(_GZIP, 0, _GZIP_REACH)
    if at >= 0:
        raw = _unzipped(raw[at:])
    if raw.count(b"\0") * 3 > len(raw) and raw[1::2].count(b"\0") * 4 > len(raw):
        raw = raw.decode("utf-16-le", "ignore").encode("utf-8", "ignore")
    if len(raw) < _SHORTEST:
        return None
    strange = len(raw.translate(None, _PRINTABLE + (_BEYOND_ASCII if _is_utf8(raw) else b"")))
    return raw if strange * _TENTH <= len(raw) else None


def _unzipped(raw: bytes) -> bytes:
    # What is damaged or cut off still holds what came before.
    unpacker = zlib.decompressobj(31)
    try:
        return unpacker.decompress(raw, _MOST_UNZIPPED)
    except zlib.error:
        return b""


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@cache
def _escapes() -> re.Pattern[bytes]:
    """Return what finds escapes. They are many: RE2 takes three times as long, for each is found by itself there."""
    low = rb"\\u[dD][c-fC-F][0-9A-Fa-f]{2}"
    return re.compile(
        rb"%[0-9A-Fa-f]{2}|\\(?:[\"'/\\nrt]|x[0-9A-Fa-f]{2}|u[dD][89abAB][0-9A-Fa-f]{2}(?:"
        + low
        + rb")?|u[0-9A-Fa-f]{4})"
    )


def _unescaped(escape: bytes) -> bytes:
    """Return what an escape stands for, and remember it."""
    if escape[1:2] == b"u":
        units = escape.replace(rb"\u", b"").decode()
        text = bytes.fromhex(units).decode("utf-16-be", "replace").encode()
    else:
        text = bytes.fromhex(escape[-2:].decode())
    if len(_plain) < _MOST_ESCAPES:
        _plain[escape] = text
    return text


def _run(data: bytes, position: int, members: bytes, floor: int, stride: int = 1) -> tuple[int, int]:
    """Return the bounds of the run of bytes around `position`, `stride` bytes apart, that `members` maps to 1."""
    start, step = position, _STEP
    while start - stride >= floor:
        base = start - stride * min(step, (start - floor) // stride)
        other = data[base:start:stride].translate(members).rfind(b"\0")
        start = base + stride * (other + 1)
        if other >= 0:
            break
        step *= 2
    end, step = position, _STEP
    while end < len(data):
        piece = data[end : end + stride * step : stride].translate(members)
        other = piece.find(b"\0")
        end += stride * (len(piece) if other < 0 else other)
        if other >= 0:
            break
        step *= 2
    return start, max(end, start)


def _lines_after(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the lines in which wrapped base64 goes on after a full one."""
    width = stop - start
    while stop - start == width >= _WRAPPED:
        line_end = _LINE_END.match(data, stop, stop + 48)
        if line_end is None or line_end.end() >= len(data) or b"=" in line_end.text():
            return
        start = line_end.end()
        if not _IS_BASE64[data[start]]:
            return
        start, stop = _run(data, start, _IS_BASE64, start)
        if stop - start > width:
            return
        yield start, stop


def _lines_before(data: bytes, start: int, stop: int, floor: int) -> list[tuple[int, int]]:
    """Return the full lines of wrapped base64 before one that is not longer than they are."""
    lines: list[tuple[int, int]] = []
    least, width = max(_WRAPPED, stop - start), 0
    while True:
        before = data[max(floor, start - 48) : start].rstrip(b" \t>#*\"'")
        cut = 2 if before.endswith((b"\r\n", b"\\n")) else int(before.endswith(b"\n"))
        end = max(floor, start - 48) + len(before) - cut
        if not cut or end <= floor:
            break
        begin = _run(data, end - 1, _IS_BASE64, floor)[0]
        if not _IS_BASE64[data[end - 1]] or end - begin < least or (width and end - begin != width):
            break
        width = end - begin
        least = width
        lines.append((begin, end))
        start = begin
    return lines[::-1]
