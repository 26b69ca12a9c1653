"""Strings that are written in pieces, or painted: what is taken out so that they are whole."""

from collections.abc import Iterator

from keywatch.detect.encoding import Edit
from keywatch.detect.lazy_re2 import compiled

_GLUE = compiled(
    r"[A-Za-z0-9+/_|.=-]([\"'\x60]\s{0,8}(?:\.\.|\+\+|<>|\|\||[+&~.\\])?\s{0,4}[_\\]?(?:\r?\n\s{0,80})?(?:[+&~.]\s{0,4})?"
    r"[@$rbuf]?[\"'\x60])[A-Za-z0-9+/_|.=-]"
)
_LISTED = compiled(r"[A-Za-z0-9+/_|.=-]([\"'\x60]\s{0,4},\s{0,40}[\"'\x60])[A-Za-z0-9+/_|.=-]")
_CONTINUED = compiled(r"[A-Za-z0-9+/_|-](\\\r?\n[ \t]{0,16})[A-Za-z0-9+/_|-]")
"""A value in a file of settings or a script that goes on in the next line."""
_SETTING = compiled(r"^[A-Za-z0-9_.-]{1,64}(?:[:=][^=\r\n]|[ \t]\S)")
"""The next setting: not what a value goes on with."""
_SOFT = compiled(r"[A-Za-z0-9+/](=\r?\n[ \t>|]{0,12})[A-Za-z0-9+/]")
_PAINT = compiled(r"\x1b\[[0-9;]{0,12}[mK]|\{\+|\+\}")
"""Colours of a terminal, and the marks of a diff by words."""
_RARE = compiled(r"join\(|concat|[\\=]\r?\n|\x1b\[|\{\+")
"""What all seams but the first show: one look for all of them, for hardly any text has one."""
_MARK = 24


def glue(data: bytes, start: int, stop: int) -> Iterator[Edit]:
    """Yield what puts together a string that is written in pieces, or painted."""
    if start >= stop:
        return
    seams, painted = [_GLUE], False
    listed = data[max(0, start - _MARK) : start].rfind(b"concat") >= 0
    if _RARE.anywhere(data, start, stop)[0][0] >= 0:
        near = data[start:stop]
        listed = listed or b"join(" in near or b"concat" in near
        if b"\\\n" in near or b"\\\r\n" in near:
            seams.append(_CONTINUED)
        if b"=\n" in near or b"=\r\n" in near:
            seams.append(_SOFT)
        painted = b"\x1b[" in near or b"{+" in near
    if listed:
        seams.insert(1, _LISTED)
    for seam in seams:
        position = start
        while (hit := seam.search(data, position, stop)) is not None:
            position = hit.end(1)
            if seam is not _CONTINUED or _SETTING.search(data[position : position + 80]) is None:
                yield Edit(*hit.span(1))
    if painted:
        yield from unpainted(data, start, stop)


def unpainted(data: bytes, start: int, stop: int) -> Iterator[Edit]:
    """Yield what takes the colours of a terminal out of a text."""
    while (hit := _PAINT.search(data, start, stop)) is not None:
        yield Edit(*hit.span())
        start = hit.end()
