"""
Values that stand apart from their names, or in pieces: read as `NAME="value"`, the form every rule knows.

A list of name and value pairs, an XML element, a column of a table, a string put together with `+`, a token broken by
an e-mail program: what differs is only what stands between the name and the value, or inside the value. So these are
edits, as decoding makes them, and no rule needs to know of them.
"""

from collections.abc import Iterable, Iterator

from keywatch.detect.encoding import Edit, from_base64, named, quoted_edits
from keywatch.detect.lazy_re2 import compiled
from keywatch.detect.pattern import Hit
from keywatch.detect.value import looks_like_aws_secret, looks_random

_FIRST = (
    "(?:(?:aws|amazon|amz|lwa|mws|sp|api|client|app|access|secret|selling|partner|oauth|developer|login|auth) ){0,5}"
)
_NAME = compiled(
    rf"(?i){_FIRST}[a-z0-9_.:-]{{0,48}}(?:secret|passw(?:or)?d|token|key|pwd|credential)[a-z0-9_.-]{{0,32}}"
)
_VALUE = compiled(r"((?:Atz[a-z.]{1,7}\|)?[A-Za-z0-9+/._~-]{16,}={0,2})(?:[^A-Za-z0-9+/._~%=\\{$(\[-]|\\+[nrt\"'/]|$)")
_WORDS = (
    "name|value|values|key|string|str|default|type|from|new|unsafe|cdata|parameter|parameterkey|parametervalue|enabled"
    "|true|false|null|none|sensitive|text|secret|plaintext|encrypted|b|q|u|r|f|into|env|noecho|property|entry|item|add"
    "|securestring|stringvalue|any|option|optional|final|static|byte|bytes|tostring|encode|utf8|x|quot|apos|nbsp|amp"
    "|34|39|is|answer|content|short|field|title|label|td|th|tr|dd|dt|li|span|code|div|class|id|n|s|required|join"
)
_GAP = compiled(rf"(?i)^(?:[^a-z0-9]|\b(?:{_WORDS})\b)+$")
"""What may stand between a name and its value: marks, and words that say nothing."""
_PAIRED = compiled(r"(?i)value[\"']?\s{0,4}[:=]\s{0,4}[\"']?$")
_THEN_NAME = compiled(
    r"(?i)^[\"']?\s{0,4},?\s{0,40}[\"']?(?:[a-z]{0,12}name|[a-z]{0,12}key)[\"']?\s{0,4}[:=]\s{0,4}[\"']?$"
)
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
_WRAP = compiled(r"^([=\\ ]?\r?\n[ \t>|*#/\"'+]{0,24})([A-Za-z0-9+/_|.-]+)")
_BAR = compiled(r"(?:%257[Cc]|&#124;|&#[xX]7[cC];|&vert;|&verbar;|\\{1,2}x7[cC]|\\{1,2}\||=7C)$")
_PART_HEADER = compiled(r"(?i)transfer-encoding:[ \t]{0,4}(?:(quoted-printable)|base64)$")
_BLANK = compiled(r"\r?\n[ \t]*\r?\n")
_BODY = compiled(r"^(?:[A-Za-z0-9+/]{4,1000}={0,2}(?:\r?\n|$))+")
_SESSION = r"(?:IQoJb3JpZ2lu|F[Qw]oGZXIvYXdz)[A-Za-z0-9+/]"
_TOKEN = compiled(rf"(?:Atz[ar]|Atz\.sprdt|amzn1\.|amzn\.mws)[A-Za-z0-9_|.%-]*|(?:AKIA|ASIA)[A-Z2-7]*|{_SESSION}*")
_SHAPED = compiled(
    r"(?:^|[^A-Za-z0-9+/.%\\]|\\[nrt\"])([0-9a-f]{64}|[A-Za-z0-9+/]{40})(?:[^A-Za-z0-9+/=._%-]|[._](?:[^A-Za-z0-9]|$)|$)"
)
_TELLS_ITSELF = (b"Atz", b"amzn1.", b"amzn.mws.")
"""Amazon's tokens need no name; what would stand between them and their neighbours would part the two."""
_IDENTIFIER = compiled(r"^A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}$")
"""It names a key, whatever column before it says secret."""
_TELLING = compiled(r"(?i)secret|mws")
_HASHED = compiled(r"(?i)sha-?(?:1|2|512)|digest|checksum|integrity|hash|etag|signature|commit")
_WHOLE = compiled(
    r"^(?:amzn1\.application-oa2-client\.[0-9a-f]{32}|amzn1\.oa2-cs\.v1\.[0-9a-f]{64}|amzn\.mws\.[0-9a-f-]{36})$"
)
_ASSIGNED = compiled(r"^(?::|=[^\r\n])")
_COLUMN = compiled(r"(?i)(?:secret|passw(?:or)?d|token|(?:api|access|auth)[ _]?key)")
_KEY_ID = compiled(r"(?i)(?:id|name)$")
_CELL = compiled(r"^[A-Za-z0-9 _-]*$")

_HEADER = compiled(r"(?i)^[a-z_ ]{0,16}[\"'*\x60 ]{0,4}[,;\t|\r\n]")
_SHAPE = (
    bytes(0x31 if chr(b).isdigit() else 0x61 if chr(b).isalpha() or b in b"+/" else 0x20 for b in range(128))
    + b" " * 128
)
_OLD = 64
"""Hexadecimal digits of an LWA client secret of the old form."""
_SHORT = 12
"""Characters of a value that stand side by side, if it is put together from pieces."""
_AROUND = 320
_BEFORE = 480
_AFTER = 640
_SURROUNDINGS = 768
"""Bytes on each side of what was sighted: nothing farther away is looked at, but in tables."""
_MOST_BARREN = 200_000
_LONGEST_TOKEN = 4096
_ROWS = 200
_TABLE = 1 << 16
_NARROW = 48
"""Characters. A line shorter than this was not broken for its length."""
_WIDE = 132
"""Characters. A line longer than this was not broken for its length either, unless a mark at its end says so."""
_STRAY = 200
_STRAY_LINES = 4
"""How far from its name a value is believed in that has a shape of its own."""
_MARK = 24
_PAINTED = 128
"""Bytes before the end of a painted value in which its name may stand."""
_HEADERS = 2048
_PART = 1 << 16
"""Bytes of a part of a message that are decoded."""

TRIGGERS = (
    r"(?i)secret[_. -]?(?:access[_. -]?)?key",
    r"(?i)(?:client|app|application|lwa|aws|amazon|amz|mws|sp[_-]?api|iam|s3)[_. -]?secret",
    r"(?i)(?:secret|token|passw(?:or)?d|api[_.-]?key|access[_.-]?key)[a-z0-9_.-]{0,24}[\"']?\s{0,8}[,\n<>/\"']{1,6}\s{0,24}[\"'<]?(?:[a-z]{0,10}value|default|string)",
    r"(?i)value[\"']?\s{0,4}[:=]\s{0,4}[\"']?[a-z0-9+/|._-]{16,200}[\"']?\s{0,4},?\s{0,40}[\"']?(?:name|key)[\"']?\s{0,4}[:=]\s{0,4}[\"']?[a-z0-9_.-]{0,40}(?:secret|token|passw|key)",
    r"(?i)(?:secret|passw(?:or)?d|token|api[_.-]?key)[a-z0-9_]{0,24}[\"']?\s{0,4}[:=]\s{0,4}\(?\s{0,16}[\"'\x60][^\s\"'\x60]{4,64}[\"'\x60]\s{0,4}[+.&\\\n][\s\\]{0,40}[+.&]?\s{0,4}[\"'\x60]",
    # A comma joins in brackets alone: any JSON has `"password": "…", "next": `.
    r"(?i)(?:secret|passw(?:or)?d|token|api[_.-]?key)[a-z0-9_]{0,24}[\"']?\s{0,4}[:=]\s{0,4}(?:concat!?)?[(\[]\s{0,16}[\"'\x60][^\s\"'\x60]{4,64}[\"'\x60]\s{0,4}[+.&,\\\n][\s\\]{0,40}[+.&]?\s{0,4}[\"'\x60]",
    r"(?i)(?:secret|token|passw(?:or)?d|key)[a-z0-9_.-]{0,24}\s{0,4}[:=]\s{0,4}[a-z0-9+/|_-]{8,200}\\\r?\n",
)
"""What gives away a name whose value may stand apart."""

BROKEN = (
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


def apart_edits(data: bytes, ends: Iterable[int], barren: dict[int, int]) -> Iterator[Edit]:
    """
    Yield what puts a name in front of the value that belongs to it.

    Args:
        data: the chunk.
        ends: ascending; where a part of a name was sighted.
        barren: what is remembered of surroundings in which there was nothing: by their hash, how far that holds.
    """
    reached = tabled = 0
    for end in ends:
        if end <= reached:
            continue
        begin = max(0, end - _SURROUNDINGS)
        around = hash((end > tabled, end - begin, data[begin : end + _SURROUNDINGS]))
        if around in barren:
            reached = end + barren[around]
            continue
        name = _name(data, end) if _holds_value(data[max(0, end - _AROUND) : end + _AROUND]) else None
        if name is None:
            _note(barren, around, 0)
            continue
        reached = max(end, name.end())
        edits: list[Edit] = []
        if end > tabled and _HEADER.search(data[reached : reached + 32]) is not None:
            edits, tabled = _table(data, end)
        edits = edits or [*_apart(data, name, reached)]
        yield from edits
        if not edits and tabled <= end:
            _note(barren, around, reached - end)


def _note(barren: dict[int, int], around: int, reach: int) -> None:
    if len(barren) >= _MOST_BARREN:
        barren.clear()
    barren[around] = reach


def _apart(data: bytes, name: Hit, reached: int) -> Iterator[Edit]:
    """Yield what puts `name` in front of a value near it."""
    stop = min(len(data), reached + _AFTER)
    yield from _glue(data, name.end() + 1, stop)  # the trigger may have ended in the second piece
    spelled = data[name.start() : name.end()]
    value = _VALUE.search(data, reached, stop)
    if value is not None and data[reached : value.start(1)] == b'="':
        return  # it is in the form every rule knows
    near = value is not None and _GAP.search(data[reached : value.start()]) is not None
    renamed = [*_renamed(data, spelled, *_span(data, value))] if near and value is not None else []
    yield from renamed or _stray(data, spelled, name.start(), reached)
    yield from _reversed(data, name)


def _span(data: bytes, value: Hit) -> tuple[int, int]:
    """Return where a value stands, without the letter of an escape in front of it."""
    start, end = value.span(1)
    return (start + 1, end) if data[start - 1 : start] == b"\\" and data[start] in b"nrt" else (start, end)


def _holds_value(near: bytes) -> bool:
    """Tell whether some bytes may hold a value at all: what most names in source code are refused by, cheaply."""
    shape = near.translate(_SHAPE)
    return b"a" * _SHORT in shape.replace(b"1", b"a") and (b"1" in shape or b"+" in near)


def _name(data: bytes, end: int) -> Hit | None:
    """Return the name of which a part was sighted that ends at `end`; else the last one before, if it is near."""
    position, last = max(0, end - 2 * _NARROW), None
    while (name := _NAME.search(data, position, end + 32)) is not None:
        if data[name.start() - 1 : name.start()] == b"\\" and data[name.start()] in b"nrt":
            position = name.start() + 1  # the letter belongs to an escape
        elif name.end() < end:
            position, last = name.end(), name
        else:
            return name
    return last


def _stray(data: bytes, name: bytes, start: int, end: int) -> Iterator[Edit]:
    """Yield what names a value of a shape of its own, whatever stands between it and its name, else one before it."""
    if not _TELLING.search(name):
        return
    behind = next(_shaped(data, end, min(len(data), end + _STRAY)), None)
    if behind is not None:
        line = data.rfind(b"\n", max(0, start - _STRAY), start) + 1 or max(0, start - _STRAY)
        between, lines = data[line : behind[0]], _STRAY_LINES
    else:
        behind = next(reversed([*_shaped(data, max(0, start - _STRAY), start)]), None)
        if behind is None:
            return
        between, lines = data[behind[1] : start], 0
        if behind[1] - behind[0] == _OLD and data[behind[1] : behind[1] + 1] not in (b'"', b"'"):
            return  # a line of checksums has the file's name behind each
    told = data[behind[1] : behind[1] + _MARK].split(b"\n", 1)[0]
    if between.count(b"\n") <= lines and _HASHED.search(between) is None and _HASHED.search(told) is None:
        yield from _renamed(data, name, *behind)


def _shaped(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the values that look like an AWS secret, or like an LWA client secret of the old form."""
    while (hit := _SHAPED.search(data, start, stop)) is not None:
        begin, start = hit.span(1)
        value = data[begin:start]
        if looks_like_aws_secret(value) or (len(value) == _OLD and looks_random(value)):
            yield begin, start


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
        header = _PART_HEADER.search(data[max(0, end - 2 * _MARK) : end]) if data[end - 1] in b"eE4" else None
        if header is not None:
            part, reached = _part(data, end, quoted=header.start(1) >= 0)
            yield from part
            continue
        hit = _TOKEN.search(data, max(reached, end - 512), end)
        if hit is None:
            yield from _unpainted(data, max(reached, end - _PAINTED), min(len(data), end + _MARK))
            continue
        bar = _BAR.search(data[max(hit.start(), end - _MARK) : end])
        if bar is not None:
            yield Edit(end - bar.end() + bar.start(), end, b"|")
            continue
        stop = min(len(data), hit.start() + _LONGEST_TOKEN)
        yield from _glue(data, hit.start(), min(stop, data.find(b";", end, stop) % (stop + 1)))
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


def _renamed(data: bytes, name: bytes, start: int, end: int) -> Iterator[Edit]:
    value = data[start:end]
    in_template = data[max(0, start - 1) : start] == b"}" or (value[-1:] in b"._-=" and data[end : end + 1] == b"<")
    if in_template or value.startswith(_TELLS_ITSELF) or _IDENTIFIER.search(value) is not None:
        return
    if not (looks_random(value) or looks_like_aws_secret(value)):
        return
    line = data[max(0, start - 2 * _NARROW) : start].rsplit(b"\n", 1)[-1]
    if len(value) == _OLD and _HASHED.search(line) is not None:
        return
    spelled = bytes(letter if chr(letter).isalnum() else ord("_") for letter in name)
    form = spelled + b'="'
    if data[max(0, start - len(form)) : start] != form:
        yield from named(data, b"\n" + form, start, end)


def _glue(data: bytes, start: int, stop: int) -> Iterator[Edit]:
    """Yield what puts together a string that is written in pieces, or painted."""
    near = data[start:stop]
    seams = [_GLUE]
    if b"join(" in near or b"concat" in near or data[max(0, start - _MARK) : start].rfind(b"concat") >= 0:
        seams.append(_LISTED)
    if b"\\\n" in near or b"\\\r\n" in near:
        seams.append(_CONTINUED)
    if b"=\n" in near or b"=\r\n" in near:
        seams.append(_SOFT)
    for seam in seams:
        position = start
        while (hit := seam.search(data, position, stop)) is not None:
            position = hit.end(1)
            if seam is not _CONTINUED or _SETTING.search(data[position : position + 80]) is None:
                yield Edit(*hit.span(1))
    if b"\x1b[" in near or b"{+" in near:
        yield from _unpainted(data, start, stop)


def _unpainted(data: bytes, start: int, stop: int) -> Iterator[Edit]:
    """Yield what takes the colours of a terminal out of a text."""
    while (hit := _PAINT.search(data, start, stop)) is not None:
        yield Edit(*hit.span())
        start = hit.end()


def _table(data: bytes, end: int) -> tuple[list[Edit], int]:
    """Return what names the cells under a header that says secret, and how far the table was read."""
    start = data.rfind(b"\n", max(0, end - _BEFORE), end) + 1
    stop = data.find(b"\n", end, end + _AFTER)
    header = data[start : max(start, stop)].rstrip(b"\r")
    separator = max((b",", b";", b"\t", b"|"), key=header.count)
    names = [name.strip(b" \"'*`") for name in header.split(separator)]
    if any(len(name) > _NARROW or _CELL.search(name) is None for name in names):
        return [], end
    wanted = {n for n, name in enumerate(names) if _COLUMN.search(name) and not _KEY_ID.search(name)}
    if not wanted:
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
