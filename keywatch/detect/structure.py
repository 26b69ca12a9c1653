"""
Values that stand apart from their names, or in pieces: read as `NAME="value"`, the form every rule knows.

A list of name and value pairs, an XML element, a column of a table, a string put together with `+`, a token broken by
an e-mail program: what differs is only what stands between the name and the value, or inside the value. So these are
edits, as decoding makes them, and no rule needs to know of them.
"""

from collections.abc import Iterable, Iterator

from keywatch.detect.encoding import Edit
from keywatch.detect.lazy_re2 import compiled
from keywatch.detect.pattern import Hit
from keywatch.detect.value import looks_like_aws_secret, looks_random

_FIRST = "(?:(?:aws|amazon|amz|lwa|mws|sp|api|client|app|access|secret|selling|partner) ){0,5}"
_NAME = compiled(
    rf"(?i){_FIRST}[a-z0-9_.:-]{{0,48}}(?:secret|passw(?:or)?d|token|key|pwd|credential)[a-z0-9_.-]{{0,32}}"
)
_VALUE = compiled(r"([A-Za-z0-9+/|._~-]{16,}={0,2})(?:[^A-Za-z0-9+/|._~%=\\{$(\[-]|$)")
_WORDS = (
    "name|value|values|key|string|str|default|type|from|new|unsafe|cdata|parameter|parameterkey|parametervalue|enabled"
    "|true|false|null|none|sensitive|text|secret|plaintext|encrypted|b|q|u|r|f|into|env|noecho|property|entry|item|add"
    "|securestring|stringvalue|any|option|optional|final|static|byte|bytes|tostring|encode|utf8|x"
)
_GAP = compiled(rf"(?i)^(?:[^a-z0-9]|\b(?:{_WORDS})\b)+$")
"""What may stand between a name and its value: marks, and words that say nothing."""
_PAIRED = compiled(r"(?i)value[\"']?\s{0,4}[:=]\s{0,4}[\"']?$")
_THEN_NAME = compiled(
    r"(?i)^[\"']?\s{0,4},?\s{0,40}[\"']?(?:[a-z]{0,12}name|[a-z]{0,12}key)[\"']?\s{0,4}[:=]\s{0,4}[\"']?$"
)
_GLUE = compiled(
    r"[A-Za-z0-9+/_|.=-]([\"'\x60]\s{0,8}(?:[+&~.]|\.\.|\\)?\s{0,4}(?:\r?\n\s{0,80})?(?:[+&~.]\s{0,4})?[@$rbuf]?[\"'\x60])"
    r"[A-Za-z0-9+/_|.=-]"
)
_WRAP = compiled(r"^(=?\r?\n[ \t>|*#/\"'+]{0,24})([A-Za-z0-9_|.-]+)")
_TOKEN = compiled(r"(?:Atz[ar]|Atz\.sprdt|amzn1\.|amzn\.mws)[A-Za-z0-9_|.%-]*")
_COLUMN = compiled(r"(?i)(?:secret|passw(?:or)?d|token|(?:api|access|auth)[ _]?key)")
_KEY_ID = compiled(r"(?i)(?:id|name)$")
_CELL = compiled(r"^[A-Za-z0-9 _-]*$")

_HEADER = compiled(r"(?i)^[a-z_ ]{0,16}[\"'*\x60 ]{0,4}[,;\t|\r\n]")
_SHAPE = (
    bytes(0x31 if chr(b).isdigit() else 0x61 if chr(b).isalpha() or b in b"+/" else 0x20 for b in range(128))
    + b" " * 128
)
_SHORT = 12
"""Characters of a value that stand side by side, if it is put together from pieces."""
_AROUND = 320
_BEFORE = 480
_AFTER = 640
_LONGEST_TOKEN = 4096
_ROWS = 200
_TABLE = 1 << 16
_NARROW = 48
"""Characters. A line shorter than this was not broken for its length."""

TRIGGERS = (
    r"(?i)secret[_. -]?(?:access[_. -]?)?key",
    r"(?i)(?:client|app|application|lwa|aws|amazon|amz|mws|sp[_-]?api|iam|s3)[_. -]?secret",
    r"(?i)(?:secret|token|passw(?:or)?d|api[_.-]?key|access[_.-]?key)[a-z0-9_.-]{0,24}[\"']?\s{0,8}[,\n<>/\"']{1,6}\s{0,24}[\"'<]?(?:[a-z]{0,10}value|default|string)",
    r"(?i)value[\"']?\s{0,4}[:=]\s{0,4}[\"']?[a-z0-9+/|._-]{16,200}[\"']?\s{0,4},?\s{0,40}[\"']?(?:name|key)[\"']?\s{0,4}[:=]\s{0,4}[\"']?[a-z0-9_.-]{0,40}(?:secret|token|passw|key)",
    r"(?i)(?:passw(?:or)?d|token|api[_.-]?key)[a-z0-9_]{0,24}[\"']?\s{0,4}[:=]\s{0,4}\(?\s{0,16}[\"'\x60][^\s\"'\x60]{4,64}[\"'\x60]\s{0,4}[+.&\\\n]\s{0,40}[\"'\x60]",
)
"""What gives away a name whose value may stand apart."""

BROKEN = (
    r"(?:Atz[ar]|Atz\.sprdt)(?:\||%7[Cc])[A-Za-z0-9_-]{0,200}=?\r?\n[ \t>|*#/\"'+]{0,24}[A-Za-z0-9_-]",
    r"amzn1\.[a-z0-9.-]{0,84}=?\r?\n[ \t>|*#/\"'+]{0,24}[a-z0-9.]",
    r"(?:Atz[ar]|Atz\.sprdt)\|[A-Za-z0-9_-]{0,400}[\"'\x60]\s{0,8}[+.&\\\n]",
    r"amzn(?:1\.|\.mws)[a-z0-9.-]{0,84}[\"'\x60]\s{0,8}[+.&\\\n]",
)
"""What gives away a token that goes on in the next line or the next string."""


def apart_edits(data: bytes, ends: Iterable[int]) -> Iterator[Edit]:
    """
    Yield what puts a name in front of the value that belongs to it.

    Args:
        data: the chunk.
        ends: ascending; where a part of a name was sighted.
    """
    reached = tabled = 0
    for end in ends:
        if end <= reached or not _holds_value(data[max(0, end - _AROUND) : end + _AROUND]):
            continue
        name = _name(data, end)
        if name is None:
            continue
        reached = max(end, name.end())
        stop = min(len(data), reached + _AFTER)
        if end > tabled and _HEADER.search(data[reached : reached + 32]) is not None:
            cells, tabled = _table(data, end)
            yield from cells
            if cells:
                continue
        yield from _glue(data, reached + 1, stop)
        spelled = data[name.start() : name.end()]
        value = _VALUE.search(data, reached, stop)
        if value is not None and _GAP.search(data[reached : value.start()]) is not None:
            yield from _renamed(data, spelled, *value.span(1))
        yield from _reversed(data, name)


def _holds_value(near: bytes) -> bool:
    """Tell whether some bytes may hold a value at all: what most names in source code are refused by, cheaply."""
    shape = near.translate(_SHAPE)
    return b"a" * _SHORT in shape.replace(b"1", b"a") and (b"1" in shape or b"+" in near)


def _name(data: bytes, end: int) -> Hit | None:
    """Return the name of which a part was sighted that ends at `end`."""
    position = max(0, end - 2 * _NARROW)
    while (name := _NAME.search(data, position, end + 32)) is not None and name.end() < end:
        position = name.end()
    return name


def _reversed(data: bytes, name: Hit) -> Iterator[Edit]:
    """Yield what renames the value in `"value": "…", "name": "…"`, where it comes first."""
    before = name.start()
    start = max(0, before - _BEFORE)
    at = data.rfind(b"alue", start, before)
    value = _VALUE.search(data, at + 4, before) if at >= 0 else None
    if value is None:
        return
    begin, end = value.span(1)
    if _PAIRED.search(data[at - 1 : begin]) is not None and _THEN_NAME.search(data[end:before]) is not None:
        yield from _renamed(data, data[name.start() : name.end()], begin, end)


def broken_edits(data: bytes, ends: Iterable[int]) -> Iterator[Edit]:
    """Yield what makes each token whole that was broken over lines or strings."""
    reached = 0
    for end in ends:
        if end <= reached:
            continue
        hit = _TOKEN.search(data, max(reached, end - 512), end)
        if hit is None:
            continue
        stop = min(len(data), hit.start() + _LONGEST_TOKEN)
        yield from _glue(data, hit.start(), min(stop, data.find(b";", end, stop) % (stop + 1)))
        position, line = hit.end(), data.rfind(b"\n", max(0, hit.start() - 256), hit.start()) + 1
        wide = 0
        while position < stop:
            wrap = _WRAP.search(data[position:stop])
            if wrap is None or not (data[position] == ord("=") or position - line >= max(_NARROW, wide - 2)):
                break
            wide = max(wide, position - line)
            yield Edit(position, position + wrap.end(1))
            line = data.find(b"\n", position) + 1
            position += wrap.end()
        reached = position


def _renamed(data: bytes, name: bytes, start: int, end: int) -> Iterator[Edit]:
    value = data[start:end]
    in_template = data[max(0, start - 1) : start] == b"}"
    if in_template or not (looks_random(value) or looks_like_aws_secret(value)):
        return
    spelled = bytes(letter if chr(letter).isalnum() else ord("_") for letter in name)
    if start:
        yield Edit(start - 1, start, b"\n" + spelled + b'="', ours=True)
    if end < len(data):
        yield Edit(end, end + 1, b'"\n', ours=True)


def _glue(data: bytes, start: int, stop: int) -> Iterator[Edit]:
    position = start
    while (hit := _GLUE.search(data, position, stop)) is not None:
        yield Edit(*hit.span(1))
        position = hit.end(1)


def _table(data: bytes, end: int) -> tuple[list[Edit], int]:
    """Return what names the cells under a header that says secret, and how far the table was read."""
    start = data.rfind(b"\n", max(0, end - _BEFORE), end) + 1
    stop = data.find(b"\n", end, end + _AFTER)
    header = data[start : max(start, stop)].rstrip(b"\r")
    separator = max((b",", b";", b"\t", b"|"), key=header.count)
    names = [name.strip(b" \"'*`") for name in header.split(separator)]
    wanted = {n for n, name in enumerate(names) if _COLUMN.search(name) and not _KEY_ID.search(name)}
    if not wanted or any(len(name) > _NARROW or _CELL.search(name) is None for name in names):
        return [], end
    edits: list[Edit] = []
    limit = min(len(data), stop + _TABLE)
    for _ in range(_ROWS):
        start, stop = stop + 1, data.find(b"\n", stop + 1, limit)
        cells = data[start : stop if stop >= 0 else limit].split(separator)
        if len(cells) != len(names):
            return edits, max(end, start)
        for number, cell in enumerate(cells):
            value = cell.strip(b" \"'`\r")
            if number in wanted and value:
                begin = start + cell.index(value)
                edits += _renamed(data, names[number], begin, begin + len(value))
            start += len(cell) + 1
        if stop < 0:
            break
    return edits, max(end, limit if stop < 0 else stop)
