"""What must hold for any input: no failure, and no place that is not where it says."""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator

from keywatch.detect.canonical import canonical
from keywatch.detect.engine import Detector
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import Match

_OFFSET, _LINE, _COLUMN = 1000, 7, 5
"""Where the chunk says that it begins."""
_DEPTH = 6
_MOST_READINGS = 1000
_LONGEST = 6
"""Encoded runs that are looked into, the longest first."""

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(rb"[0-9a-fA-F]{12,}")
_WIDE = (
    re.compile(rb"(?:[^\0]\0){4,}[^\0]?"),
    re.compile(rb"(?:\0[^\0]){4,}"),
    re.compile(rb"(?:.\0){4,}.?", re.DOTALL),
)
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\([\"'/\\nrt])")
_PAINT = re.compile(rb"\x1b\[[0-9;]*[mK]|\{\+|\+\}")
"""Colours of a terminal, and the marks of a diff by words."""
_SOFT = re.compile(rb"=\r?\n[ \t>|]*")
_QUOTED = re.compile(rb"=([0-9A-Fa-f]{2})")
"""Quoted-printable."""
_SEAM = re.compile(
    rb"=?\r?\n[ \t>|*#/\"'+]*|={0,2}\\n[ \t>#*\"']*|[\"'`]\s*(?:[+&~.]|\.\.|\\)?\s*[+&~.]?\s*[@$rbuf]?[\"'`]"
)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Broken(AssertionError):
    """Something does not hold. Says what, and of which rule; never the secret."""


def check(detector: Detector, data: bytes) -> list[Match]:
    """
    Scan `data` and return what was found.

    Raises:
        Broken: a place lies outside of the input, or says another line, or does not hold the secret.
    """
    matches = detector.scan(Chunk(data, Origin("t", "p"), _OFFSET, _LINE, _COLUMN))
    for match in matches:
        _check_place(match, data)
        start = match.offset - _OFFSET
        if not holds(match.secret.reveal(), data[start : start + match.length]):
            raise Broken(f"{match.rule.id}: its secret is not at its place and cannot be decoded from there")
    return matches


def _check_place(match: Match, data: bytes) -> None:
    start = match.offset - _OFFSET
    end = start + match.length
    if not 0 <= start < end <= len(data):
        raise Broken(f"{match.rule.id}: from {start} to {end} of {len(data)} bytes")
    told = ((match.line, match.column), (match.end_line, match.end_column))
    if told != (_counted(data, start, start), _counted(data, end - 1, end)):
        raise Broken(f"{match.rule.id}: from {start} to {end} is not at lines and columns {told}")


def _counted(data: bytes, inside: int, position: int) -> tuple[int, int]:
    """The line of the byte `inside`, and the column of `position` in it: characters, each by its first byte."""
    before = data[:inside].split(b"\n")
    line = data[inside - len(before[-1]) : position]
    characters = sum(byte & 0xC0 != 0x80 for byte in line)  # noqa: PLR2004 - the bits of a byte that goes on
    return (_LINE + len(before) - 1, characters + (1 if len(before) > 1 else _COLUMN))


def holds(secret: bytes, written: bytes) -> bool:
    """
    Tell whether `secret` can be read in `written`, by a reader that knows nothing of how the engine decodes.

    True as well where there are too many ways to read it: then this reader does not know.
    """
    seen, front = {written}, [written]
    for _ in range(_DEPTH):
        if any(secret in text or secret in canonical(text) for text in front):
            return True
        front = list({text for reading in front for text in _decoded(reading)} - seen)
        seen.update(front)
        if len(seen) > _MOST_READINGS:
            return True
    return False


def _decoded(text: bytes) -> Iterator[bytes]:
    """Yield `text` with one of its parts, or all of one kind, in plain: what stands around a part may go with it."""
    yield _ESCAPE.sub(_plain, text)
    yield _ESCAPE.sub(_plain, text.replace(b"+", b" "))
    yield _SEAM.sub(b"", text)
    yield _PAINT.sub(b"", text)
    yield _SOFT.sub(b"", text)
    yield _QUOTED.sub(lambda octet: bytes([int(octet[1], 16)]), _SOFT.sub(b"", text))
    for wide in _WIDE:
        yield wide.sub(lambda run: run[0].replace(b"\0", b""), text)
        yield wide.sub(lambda run: run[0][::2].replace(b"\0", b"\n"), text)
    for run in sorted(_RUN.finditer(text), key=_length)[-_LONGEST:]:
        body = run[0].rstrip(b"=")
        for first in range(4):
            raw = _from_base64(body[first:])
            for end in (run.end(), run.start() + len(body)):
                yield text[: run.start()] + raw + text[end:]
            yield text[: run.start()] + _unzipped(raw) + text[run.end() :]
            yield text[: run.start()] + raw.decode("utf-16-le", "ignore").encode(errors="ignore") + text[run.end() :]
    for run in sorted(_HEX.finditer(text), key=_length)[-_LONGEST:]:
        for first in range(2):
            length = (len(run[0]) - first) // 2 * 2
            raw = binascii.unhexlify(run[0][first : first + length])
            rest = text[run.start() + first + length :]
            yield text[: run.start() + first] + raw + rest
            yield text[: run.start()] + _unzipped(raw) + rest


def _length(hit: re.Match[bytes]) -> int:
    return hit.end() - hit.start()


def _plain(hit: re.Match[bytes]) -> bytes:
    if hit[3]:
        return chr(int(hit[3], 16)).encode(errors="replace")
    digits = hit[1] or hit[2]
    return bytes([int(digits, 16)]) if digits else _LETTERS.get(hit[4], hit[4])


def _from_base64(run: bytes) -> bytes:
    run = run[: len(run) - (len(run) % 4 == 1)]
    return base64.b64decode(run.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(run) % 4))


def _unzipped(raw: bytes) -> bytes:
    at = raw.find(b"\x1f\x8b\x08")
    try:
        return zlib.decompressobj(31).decompress(raw[at:], 1 << 20) if at >= 0 else b""
    except zlib.error:
        return b""
