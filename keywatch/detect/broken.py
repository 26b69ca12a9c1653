"""
Tokens in pieces, broken by a program for mail or by whoever kept the lines of a file short; and parts of messages.

What makes them whole are edits, as decoding makes them, and no rule needs to know of it.
"""

from collections.abc import Iterable, Iterator

from keywatch.detect.encoding import Edit, from_base64, quoted_edits
from keywatch.detect.lazy_re2 import compiled
from keywatch.detect.pattern import Hit
from keywatch.detect.seams import glue, unpainted

_WRAP = compiled(r"^([=\\ ]?\r?\n[ \t>|*#/\"'+]{0,24})([A-Za-z0-9+/_|.-]+)")
_BAR = compiled(r"(?:%257[Cc]|&#124;|&#[xX]7[cC];|&vert;|&verbar;|\\{1,2}x7[cC]|\\{1,2}\||=7C)$")
_PART_HEADER = compiled(r"(?i)transfer-encoding:[ \t]{0,4}(?:(quoted-printable)|base64)$")
_BLANK = compiled(r"\r?\n[ \t]*\r?\n")
_BODY = compiled(r"^(?:[A-Za-z0-9+/]{4,1000}={0,2}(?:\r?\n|$))+")
_SESSION = r"(?:IQoJb3JpZ2lu|F[Qw]oGZXIvYXdz)[A-Za-z0-9+/]"
_TOKEN = compiled(rf"(?:Atz[ar]|Atz\.sprdt|amzn1\.|amzn\.mws)[A-Za-z0-9_|.%-]*|(?:AKIA|ASIA)[A-Z2-7]*|{_SESSION}*")
_WHOLE = compiled(
    r"^(?:amzn1\.application-oa2-client\.[0-9a-f]{32}|amzn1\.oa2-cs\.v1\.[0-9a-f]{64}|amzn\.mws\.[0-9a-f-]{36})$"
)
_ASSIGNED = compiled(r"^(?::|=[^\r\n])")
_LONGEST_TOKEN = 4096
_NARROW = 48
"""Characters. A line shorter than this was not broken for its length."""
_WIDE = 132
"""Characters. A line longer than this was not broken for its length either, unless a mark at its end says so."""
_MARK = 24
_PAINTED = 128
"""Bytes before the end of a painted value in which its name may stand."""
_HEADERS = 2048
_PART = 1 << 16
"""Bytes of a part of a message that are decoded."""

TRIGGERS = (
    r"(?:Atz[ar]|Atz\.sprdt)(?:\||%7[Cc])[A-Za-z0-9_-]{0,200}[=\\ ]?\r?\n[ \t>|*#/\"'+]{0,24}[A-Za-z0-9_-]",
    r"amzn(?:1\.|\.mws\.)[a-z0-9.-]{0,84}[=\\ ]?\r?\n[ \t>|*#/\"'+]{0,24}[a-z0-9.-]",
    r"(?:Atz[ar]|Atz\.sprdt)\|[A-Za-z0-9_-]{0,400}[\"'\x60]\s{0,8}[+.&|<,\\\n]",
    r"amzn(?:1\.|\.mws)[a-z0-9.-]{0,84}[\"'\x60]\s{0,8}[+.&|<,\\\n]",
    r"(?:AKIA|ASIA)[A-Z2-7]{1,15}[\"'\x60]\s{0,8}[+.&|<,\\\n]",
    rf"{_SESSION}{{0,400}}(?:[\"'\x60]\s{{0,8}}[+.&|<,\\\n]|[=\\ ]?\r?\n[ \t>|*#/\"'+]{{0,24}}[A-Za-z0-9+/])",
    r"\x1b\[[0-9;]{1,12}[mK][A-Za-z0-9+/]{40}",
    r"(?:Atz[ar]|Atz\.sprdt)(?:%257[Cc]|&#124;|&#[xX]7[cC];|&vert;|&verbar;|\\{1,2}x7[cC]|\\{1,2}\||=7C)",
    r"(?i)transfer-encoding:[ \t]{0,4}(?:quoted-printable|base64)",
)
"""What gives away a token that goes on in the next line or the next string, or a message in pieces."""


def broken_edits(data: bytes, ends: Iterable[int]) -> Iterator[Edit]:
    """Yield what makes each token whole that was broken over lines or strings."""
    reached = 0
    for end in ends:
        if end <= reached:
            continue
        header = _PART_HEADER.search(data[max(0, end - 2 * _MARK) : end]) if data[end - 1] in b"eE4" else None
        if header is not None:
            part, reached = _part(data, end, quoted=header.start(1) >= 0)
            yield from part
            continue
        hit = _TOKEN.search(data, max(reached, end - 512), end)
        if hit is None:
            yield from unpainted(data, max(reached, end - _PAINTED), min(len(data), end + _MARK))
            continue
        bar = _BAR.search(data[max(hit.start(), end - _MARK) : end])
        if bar is not None:
            yield Edit(end - bar.end() + bar.start(), end, b"|")
            continue
        stop = min(len(data), hit.start() + _LONGEST_TOKEN)
        yield from glue(data, hit.start(), min(stop, data.find(b";", end, stop) % (stop + 1)))
        reached = hit.end()
        for wrap in _wraps(data, hit, stop):
            reached = wrap.end
            yield wrap


def _wraps(data: bytes, token: Hit, stop: int) -> Iterator[Edit]:
    """Yield what takes the line ends out of a token."""
    position, line = token.end(), data.rfind(b"\n", max(0, token.start() - 256), token.start()) + 1
    wide = 0
    while position < stop:
        wrap = _WRAP.search(data[position:stop])
        marked = data[position] in b"=\\"
        if wrap is None or not (marked or max(_NARROW, wide - 2) <= position - line <= _WIDE):
            return
        after = data[position + wrap.end() : position + wrap.end() + 2]
        if _WHOLE.search(data[token.start() : position]) is not None or _ASSIGNED.search(after) is not None:
            return
        wide = max(wide, position - line)
        yield Edit(position, position + wrap.end(1))
        line = data.find(b"\n", position) + 1
        position += wrap.end()


def _part(data: bytes, end: int, *, quoted: bool) -> tuple[Iterable[Edit], int]:
    """Return what puts the part of a mail in plain text whose header ends at `end`, and how far that was read."""
    start, stop = _body(data, end)
    if quoted:
        done = Edit(end - len(b"quoted-printable"), end, b"8bit")  # so that nothing is undone twice
        return [done, *quoted_edits(data, start, stop)], stop
    if _BODY.search(data[start : start + _MARK]) is not None:
        return _from_lines(data, start, stop), stop
    return (), end


def _body(data: bytes, end: int) -> tuple[int, int]:
    """Return where the part of a mail stands whose header ends at `end`; an empty range where it has none."""
    blank = _BLANK.search(data, end, min(len(data), end + _HEADERS))
    if blank is None:
        return end, end
    stop = min(len(data), blank.end() + _PART)
    boundary = data.find(b"\n--", blank.end(), stop)
    return blank.end(), stop if boundary < 0 else boundary + 1


def _from_lines(data: bytes, start: int, stop: int) -> Iterator[Edit]:
    """Yield what puts lines of base64 in plain text."""
    body = _BODY.search(data[start:stop])
    text = None if body is None else from_base64(b"".join(data[start : start + body.end()].split()))
    if body is not None and text is not None:
        yield Edit(start, start + body.end(), text)
