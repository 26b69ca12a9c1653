"""Which part of a value is random, how many bits it carries, and which few bytes of it stand nowhere else."""

import math
import re
import string
from itertools import accumulate, pairwise

from keywatch.detect.efficiency import COMMON_PAIRS, common_pairs
from keywatch.detect.entropy import entropy

_WINDOW = 16
"""Bytes in a row in which a value has to look random, or it may stand anywhere by itself."""
_LEAST_BITS = 2.7
"""Bits a byte, by how often each occurs in such a window; text made of few characters has less."""
_WORDY = 0.65
_HARDLY_WORDY = 0.5
"""Share of letters that follow one another as they do in words."""
_FEW, _MANY = 4, 10
"""Pairs of letters in a window: with few, nothing can be read; with many, digits are not needed to see chance."""
_TURNS, _FEWER_TURNS, _MANY_TURNS = 5, 2, 8
"""
How often digits, letters and cases take turns in sixteen random characters, at least: less often in `camelCaseName2`,
and in random hexadecimal; and how often in what is random whatever it reads like.
"""
_WORD_BITS = 2.3
"""Bits a letter of a passphrase carries."""
_HEX = re.compile(rb"^[0-9a-fA-F-]+$")

_DIGIT, _LOWER, _UPPER, _MARK, _OTHER = range(5)
_MEMBERS = {
    _DIGIT: string.digits.encode(),
    _LOWER: string.ascii_lowercase.encode(),
    _UPPER: string.ascii_uppercase.encode(),
    _MARK: b"-_.~",
}
_CLASS = bytes(next((kind for kind, members in _MEMBERS.items() if byte in members), _OTHER) for byte in range(256))
_SIZES = {_DIGIT: 10, _LOWER: 26, _UPPER: 26, _MARK: 4, _OTHER: 28}
_COST = {_DIGIT: 0.0, _LOWER: 0.0, _UPPER: 0.0, _MARK: 1.5, _OTHER: 5.0}
"""What speaks against a byte in an anchor: those that JSON and URLs write as an escape would hide it."""


def bits(value: bytes) -> float:
    """Estimate the bits that one byte of the value carries, rather too low than too high; never nothing."""
    if _HEX.match(value):
        alphabet = 16 if set(value) & set(b"abcdefABCDEF") else 10
    else:
        alphabet = sum(_SIZES[kind] for kind in set(value.translate(_CLASS)))
    bits = min(math.log2(alphabet), math.log2(len(set(value))) + 1.5)
    return bits if has_random_part(value) else min(bits, _WORD_BITS)


def has_random_part(value: bytes) -> bool:
    """Tell whether some stretch of the value looks like output of a generator."""
    step = _WINDOW // 2
    starts = range(0, max(1, len(value) - _WINDOW + step), step)
    return any(_looks_random(value[start : start + _WINDOW]) for start in starts if len(value) - start >= step)


def _looks_random(part: bytes) -> bool:
    if entropy(part) < min(_LEAST_BITS, 0.8 * math.log2(len(part))):
        return False
    pairs, common = common_pairs(part)
    wordy = common / pairs if pairs >= _FEW else 0.0
    if pairs >= _MANY and wordy <= _HARDLY_WORDY:
        return True
    turns = _turns(part) * _WINDOW // len(part)
    if _HEX.match(part):
        return turns >= _FEWER_TURNS
    return turns >= (_TURNS if wordy <= _WORDY else _MANY_TURNS)


def _turns(part: bytes) -> int:
    """Count how often letters, digits and cases take turns."""
    kinds = [kind for kind in part.translate(_CLASS) if kind not in {_MARK, _OTHER}]
    return sum(one != other for one, other in pairwise(kinds))


def rarest(value: bytes, most: int, least: int) -> tuple[int, int]:
    """
    Return where the stretch begins that is least likely to stand in other text, and how long it is.

    Letters that follow one another as in words speak against it, and repeats; taking turns between digits and letters
    speaks for it. The second half is preferred: kinds of tokens share their beginnings. A shorter stretch is taken
    where each of full length has characters that are written as escapes elsewhere.

    Args:
        value: at least `most` bytes.
        most: bytes of the stretch, at most.
        least: bytes of it, at least.
    """
    kinds, lowered = value.translate(_CLASS), value.lower()
    costs = [_COST[kind] for kind in kinds]
    turns = [
        3.0 * (value[at] == value[at + 1])
        + 2.0 * (lowered[at : at + 2] in COMMON_PAIRS)
        - 1.0 * (kinds[at] != kinds[at + 1])
        for at in range(len(value) - 1)
    ]
    bytes_before, turns_before = [0.0, *accumulate(costs)], [0.0, *accumulate(turns)]
    half = len(value) // 2

    def cost(at: int, size: int) -> float:
        own = bytes_before[at + size] - bytes_before[at] + turns_before[at + size - 1] - turns_before[at]
        repeats = size - len(set(value[at : at + size]))
        return own + 2.0 * repeats - 2.0 * (at >= half)

    best = (0, most)
    for size in range(most, least - 1, -1):
        at = min(range(len(value) - size + 1), key=lambda at: (cost(at, size), at))
        if size == most:
            best = (at, size)
        if _OTHER not in kinds[at : at + size]:
            return at, size
    return best
