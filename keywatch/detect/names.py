"""Names that say they name a secret: where one stands of which a part was sighted."""

from keywatch.detect.lazy_re2 import compiled
from keywatch.model.content import Span

_NEAR = 96
"""Bytes before what was sighted in which a name may begin."""
_WORDS_BEFORE = "aws|amazon|amz|lwa|mws|sp|api|client|app|access|secret|selling|partner|oauth|developer|login|auth"
_FIRST = f"(?:(?:{_WORDS_BEFORE}) ){{0,5}}"
_MOST_BEFORE = 48
"""Characters of a name before the word that says what it names."""
_IN_FRONT = tuple(f"{word} ".encode() for word in _WORDS_BEFORE.split("|"))
_OF_NAMES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-"
_NO_NAMES = bytes(byte if byte in _OF_NAMES else 0 for byte in range(256))
_NAME = compiled(
    rf"(?i){_FIRST}[a-z0-9_.:-]{{0,{_MOST_BEFORE}}}(?:secret|passw(?:or)?d|token|key|pwd|credential)[a-z0-9_.-]{{0,32}}"
)


def name_at(data: bytes, end: int) -> Span | None:
    """Return the name of which a part was sighted that ends at `end`; else the last one before, if it is near."""
    position, last, limit = max(0, end - _NEAR), None, min(len(data), end + 32)
    # Nearly always that is the very word: a search for where it begins would keep count from each of its letters.
    before = data[max(0, end - _MOST_BEFORE) : end].translate(_NO_NAMES)
    size = len(before) - 1 - before.rfind(b"\0")
    first = end - size
    if size < len(before) and not _follows(data, first):
        start, stop = name = _NAME.here(data, first, limit)[0]
        if stop >= end:
            return name
    while position <= limit:
        start, stop = name = _NAME.anywhere(data, position, limit)[0]
        if start < 0:
            break
        if data[start - 1 : start] == b"\\" and data[start] in b"nrt":
            position = start + 1  # the letter belongs to an escape
        elif stop < end:
            position, last = stop, name
        else:
            return name
    return last


def _follows(data: bytes, first: int) -> bool:
    """Tell whether the word that begins at `first` may be read with what stands before it."""
    if data[first - 1 : first] == b"\\":
        return data[first : first + 1] in (b"n", b"r", b"t")  # an escape, of which the letter is no part of the word
    return data[max(0, first - 10) : first].lower().endswith(_IN_FRONT)
