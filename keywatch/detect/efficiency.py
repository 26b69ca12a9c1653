"""
How well a vocabulary of natural language and code compresses a text: words need few pieces, random characters many.

The measure is that of betterleaks (characters a token of a byte-pair encoding), made light: the words that programs and
their documentation use most, and pairs of letters where no word fits. `productionDatabase2` has six characters a
piece, `q7hXtLwZ9k` hardly more than one. Nine in ten identifiers have four or more, 99.9 % of random values of
twelve characters no more than two, of 32 no more than 1.7.
"""

import string
from collections.abc import Iterator
from functools import cache
from itertools import pairwise, product
from pathlib import Path

_LONGEST = 14
_SHORTEST = 3
_DIGITS_A_PIECE = 3
_LOWER, _UPPER, _DIGIT, _OTHER = b"aA0."
_KINDS = bytes(
    _LOWER if 97 <= byte <= 122 else _UPPER if 65 <= byte <= 90 else _DIGIT if 48 <= byte <= 57 else _OTHER  # noqa: PLR2004
    for byte in range(256)
)
_SHORT = 2
"""Bytes of a run whose pieces are remembered: of so few nobody learns anything."""
_PIECES: dict[bytes, int] = {}
_LONG = 64
_MOST_MEASURED = 10_000
_MEASURED: dict[int, float] = {}
_JOINTS = frozenset((b"_", b"-", b".", b"/", b":"))
"""Between words these cost nothing, as in a vocabulary that has words with what stands before them."""

COMMON_PAIRS = frozenset(
    (
        b"th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al de se le sa si ar "
        b"ve ra ld ur ro ri ll li io ic ne me co ma om ce ta el la us ec ca ho ot no di ch em wa be il tr ss ee ei "
        b"un ac pr ns pe po ut so na nc mo ie im lo am pa ge wi id ow rs ul ad ai iv ly sh ev mi fo wh ol ct ag ay "
        b"ke bl ig os pl su fe rt ck ex gh op ab do go ap rm ry ty up qu cr cl bu bo bi ba fi fa da ga ci ir iz sp "
        b"sc ub ud ug um br dr gr fr ft ue ui vi va vo ye ys ki ks wo ok ob od oi oo pt xp xt my py ts ls ms ds gi "
        b"gu gn mp mb lt lu nk ph pp rd rv rk rc sk sy tu tw tt uc"
    ).split()
)
"""Pairs of letters that make up nine tenths of English words and identifiers, and a quarter of random letters."""
_COMMON = frozenset((pair[0], pair[1]) for pair in COMMON_PAIRS)
_PAIRS_OF_LETTERS = frozenset(product(string.ascii_lowercase.encode(), repeat=2))


def efficiency(text: bytes) -> float:
    """Return how many characters of `text` one piece stands for: 1 for noise, 4 and more for words."""
    if len(text) < _LONG:
        return _measured(text)
    # Each rule that sees a token asks. What is kept of it is Python's own hash, whose key dies with the process.
    known = _MEASURED.get(hash(text))
    if known is None:
        if len(_MEASURED) >= _MOST_MEASURED:
            _MEASURED.clear()
        known = _MEASURED[hash(text)] = _measured(text)
    return known


def _measured(text: bytes) -> float:
    count = 0
    for run in _runs(text):
        # Text of chance is cut into runs so short that all of them are met again.
        pieces = _PIECES.get(run)
        if pieces is None:
            pieces = _pieces(run)
            if len(run) <= _SHORT:
                _PIECES[run] = pieces
        count += pieces
    return len(text) / max(1, count)


def _runs(text: bytes) -> Iterator[bytes]:
    """Yield words, numbers and what stands between them; the last capital of `HTTPServer` begins the next word."""
    start, before = 0, 0
    for at, kind in enumerate(text.translate(_KINDS)):
        if kind == before:
            continue
        if before == _UPPER and kind == _LOWER:
            if at - start > 1:
                yield text[start : at - 1]
            start = at - 1
        elif at:
            yield text[start:at]
            start = at
        before = kind
    if text:
        yield text[start:]


def common_pairs(text: bytes) -> tuple[int, int]:
    """Return how many pairs of letters stand in `text`, and how many of them are common in words."""
    lowered = text.lower()
    pairs = [pair for pair in pairwise(lowered) if pair in _PAIRS_OF_LETTERS]
    return len(pairs), sum(map(_COMMON.__contains__, pairs))


def _pieces(run: bytes) -> int:
    if run.isdigit():
        return -(-len(run) // _DIGITS_A_PIECE)
    if not run.isalpha():
        return 0 if run in _JOINTS else 1
    letters, count, at = run.lower(), 0, 0
    words = _words()
    while at < len(letters):
        step = 2 if letters[at : at + 2] in COMMON_PAIRS else 1
        for size in range(min(_LONGEST, len(letters) - at), _SHORTEST - 1, -1):
            if letters[at : at + size] in words:
                step = size
                break
        at += step
        count += 1
    return count


@cache
def _words() -> frozenset[bytes]:
    return frozenset(Path(__file__).with_name("vocabulary.txt").read_bytes().split())
