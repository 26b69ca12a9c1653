"""
Values that stand apart from their names: read as `NAME="value"`, the form every rule knows.

A list of name and value pairs, an XML element, a column of a table, a string put together with `+`: what differs is
only what stands between the name and the value. So these are edits, as decoding makes them, and no rule needs to know
of them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from keywatch.detect.encoding import Edit, named
from keywatch.detect.lazy_re2 import compiled
from keywatch.detect.names import name_at
from keywatch.detect.pattern import Hit
from keywatch.detect.seams import glue
from keywatch.detect.value import looks_like_aws_secret, looks_random
from keywatch.model.content import Span

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
_SHAPED = compiled(
    r"(?:^|[^A-Za-z0-9+/.%\\]|\\[nrt\"])([0-9a-f]{64}|[A-Za-z0-9+/]{40})(?:[^A-Za-z0-9+/=._%-]|[._](?:[^A-Za-z0-9]|$)|$)"
)
_TELLS_ITSELF = (b"Atz", b"amzn1.", b"amzn.mws.")
"""Amazon's tokens need no name; what would stand between them and their neighbours would part the two."""
_IDENTIFIER = compiled(r"^A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}$")
"""It names a key, whatever column before it says secret."""
_TELLING = (b"secret", b"mws")
_HASHED = compiled(r"(?i)sha-?(?:1|2|512)|digest|checksum|integrity|hash|etag|signature|commit")
_COLUMN = compiled(r"(?i)(?:secret|passw(?:or)?d|token|(?:api|access|auth)[ _]?key)")
_KEY_ID = compiled(r"(?i)(?:id|name)$")
_CELL = compiled(r"^[A-Za-z0-9 _-]*$")
_HEADER = compiled(r"(?i)^[a-z_ ]{0,16}[\"'*\x60 ]{0,4}[,;\t|\r\n]")
_SHAPE = (
    bytes(0x31 if chr(b).isdigit() else 0x61 if chr(b).isalpha() or b in b"+/" else 0x20 for b in range(128))
    + b" " * 128
)
_SHAPED_LEAST = 40
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
"""Surroundings that are remembered; some 20 MB."""
_MOST_JUDGED = 20_000
_ROWS = 200
_TABLE = 1 << 16
_NARROW = 48
"""Characters. A line shorter than this was not broken for its length."""
_STRAY = 200
_STRAY_LINES = 4
"""How far from its name a value is believed in that has a shape of its own."""
_MARK = 24

_Judge: TypeAlias = Callable[[bytes], bool]
"""Tells whether a value may be a secret."""

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


class Apart:
    """
    Puts names in front of values. Safe to share between threads.

    What is remembered of surroundings and values is Python's own hash of them, under a key that dies with the process.
    """

    def __init__(self) -> None:
        self._barren: dict[int, int] = {}
        """Surroundings in which there was nothing, and how far that holds."""
        self._judged: dict[int, bool] = {}
        """Values: the same stands under ever other text."""

    def edits(self, data: bytes, ends: Iterable[int]) -> Iterator[Edit]:
        """
        Yield what puts a name in front of the value that belongs to it.

        Args:
            data: the chunk.
            ends: ascending; where a part of a name was sighted.
        """
        reached = tabled = 0
        for end in ends:
            if end <= reached:
                continue
            begin = max(0, end - _SURROUNDINGS)
            around = hash((end > tabled, end - begin, data[begin : end + _SURROUNDINGS]))
            if (barren := self._barren.get(around)) is not None:
                reached = end + barren
                continue
            runs = _runs(data[max(0, end - _AROUND) : end + _AROUND])
            name = name_at(data, end) if b"a" * _SHORT in runs else None
            if name is None:
                self._note(around, 0)
                continue
            reached = max(end, name[1])
            edits: list[Edit] = []
            if end > tabled and _HEADER.search(data[reached : reached + 32]) is not None:
                edits, tabled = _table(data, end, self._is_secret)
            edits = edits or [*self._apart(data, name, reached, shaped=b"a" * _SHAPED_LEAST in runs)]
            yield from edits
            if not edits and tabled <= end:
                self._note(around, reached - end)

    def _apart(self, data: bytes, name: Span, reached: int, *, shaped: bool) -> Iterator[Edit]:
        """Yield what puts a name in front of a value near it; `shaped`: there may be one with a shape of its own."""
        stop = min(len(data), reached + _AFTER)
        yield from glue(data, name[1] + 1, stop)  # the trigger may have ended in the second piece
        spelled = data[slice(*name)]
        value = _VALUE.search(data, reached, stop)
        if value is not None and data[reached : value.start(1)] == b'="':
            return  # it is in the form every rule knows
        renamed: list[Edit] = []
        if value is not None:
            start, end = _span(data, value)
            if self._is_secret(data[start:end]) and _GAP.search(data[reached : value.start()]) is not None:
                renamed = [*_renamed(data, spelled, start, end, self._is_secret)]
        if renamed:
            yield from renamed
        elif shaped:
            yield from _stray(data, spelled, name[0], reached, self._is_secret)
        yield from _reversed(data, name, self._is_secret)

    def _note(self, around: int, reach: int) -> None:
        if len(self._barren) >= _MOST_BARREN:
            self._barren.clear()
        self._barren[around] = reach

    def _is_secret(self, value: bytes) -> bool:
        known = self._judged.get(hash(value))
        if known is None:
            if len(self._judged) >= _MOST_JUDGED:
                self._judged.clear()
            known = self._judged[hash(value)] = _is_secret(value)
        return known


def _span(data: bytes, value: Hit) -> tuple[int, int]:
    """Return where a value stands, without the letter of an escape in front of it."""
    start, end = value.span(1)
    return (start + 1, end) if data[start - 1 : start] == b"\\" and data[start] in b"nrt" else (start, end)


def _runs(near: bytes) -> bytes:
    """
    Return some bytes with the letter a for all that random values are made of; nothing if there can be no value.

    That is what most names in source code are refused by, cheaply.
    """
    shape = near.translate(_SHAPE)
    return shape.replace(b"1", b"a") if b"1" in shape or b"+" in near else b""


def _stray(data: bytes, name: bytes, start: int, end: int, is_secret: _Judge) -> Iterator[Edit]:
    """Yield what names a value of a shape of its own, whatever stands between it and its name, else one before it."""
    if not any(word in name.lower() for word in _TELLING):
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
        yield from _renamed(data, name, *behind, is_secret)


def _shaped(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the values that look like an AWS secret, or like an LWA client secret of the old form."""
    while (hit := _SHAPED.search(data, start, stop)) is not None:
        begin, start = hit.span(1)
        value = data[begin:start]
        if looks_like_aws_secret(value) or (len(value) == _OLD and looks_random(value)):
            yield begin, start


def _reversed(data: bytes, name: Span, is_secret: _Judge) -> Iterator[Edit]:
    """Yield what renames the value in `"value": "…", "name": "…"`, where it comes first."""
    before = name[0]
    start = max(0, before - _BEFORE)
    at = data.rfind(b"alue", start, before)
    value = _VALUE.search(data, at + 4, before) if at >= 0 else None
    if value is None:
        return
    begin, end = value.span(1)
    if _PAIRED.search(data[at - 1 : begin]) is not None and _THEN_NAME.search(data[end:before]) is not None:
        yield from _renamed(data, data[slice(*name)], begin, end, is_secret)


def _renamed(data: bytes, name: bytes, start: int, end: int, is_secret: _Judge) -> Iterator[Edit]:
    value = data[start:end]
    in_template = data[max(0, start - 1) : start] == b"}" or (value[-1:] in b"._-=" and data[end : end + 1] == b"<")
    if in_template or value.startswith(_TELLS_ITSELF) or not is_secret(value) or _IDENTIFIER.search(value) is not None:
        return
    line = data[max(0, start - 2 * _NARROW) : start].rsplit(b"\n", 1)[-1]
    if len(value) == _OLD and _HASHED.search(line) is not None:
        return
    spelled = bytes(letter if chr(letter).isalnum() else ord("_") for letter in name)
    form = spelled + b'="'
    if data[max(0, start - len(form)) : start] != form:
        yield from named(data, b"\n" + form, start, end)


def _is_secret(value: bytes) -> bool:
    return looks_random(value) or looks_like_aws_secret(value)


def _table(data: bytes, end: int, is_secret: _Judge) -> tuple[list[Edit], int]:
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
                edits += _renamed(data, names[number], begin, begin + len(value), is_secret)
            start += len(cell) + 1
        if stop < 0:
            break
    return edits, max(end, limit if stop < 0 else stop)
