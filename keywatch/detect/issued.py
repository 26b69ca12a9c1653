"""Whether a value could be a key where the pattern names its issuer: less is asked than where chance alone tells."""

import string

from keywatch.detect import lazy_re2 as re2
from keywatch.detect.efficiency import common_pairs
from keywatch.detect.value import is_placeholder, stands_for_placeholder

_DIGITS = string.digits.encode()
_COUNT = b"1234567"
_RUN = 8
_PART = 20
_LETTERS_ALONE = 24
_FEW_DIGITS = 6
_PAIRS = 7
_WORDY = 0.62
_HARDLY_WORDY = 0.5

_CODE = re2.compile(rb"[(){}<>\[\];,\s]|::|->|=>|\.\.")
_DOTTED = re2.compile(rb"^[A-Za-z_]\w*(?:[.:/][A-Za-z_][\w-]*)+$")
_TYPED = re2.compile(rb"(?i)abcdefgh|12345678|qwerty|asdfgh|^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
"""A series or a UUID: behind an issuer's name a key that somebody typed in."""
_ROW = re2.repeated(_RUN)
_NAMED = re2.compile(
    rb"^\d{4}-\d\d-\d\d(?:T|$)|^(?:[A-Za-z]+|\d+)(?:[_.-](?:[A-Za-z]+|\d+))+$|(?i:example|placeholder|changeme|your[-_])"
    rb"|\.(?:png|jpe?g|gif|svg|ico|webp|css|js|mjs|html?|txt|pdf|zip|woff2?|ttf)$"
)
"""Dates, words joined by dashes, placeholders, files."""


def looks_like_token(value: bytes) -> bool:
    """
    Tell whether `value` could be a key where the issuer is named beside it: no word, no reference, no placeholder.

    Behind such a name a series (1234567890abcdef) is a key somebody typed in, and letters alone may be one.
    """
    if is_placeholder(value.removeprefix(_COUNT)) or _CODE.search(value) or _is_path(value) or _has_run(value):
        return False
    if _TYPED.search(value):
        return True
    if _NAMED.search(value) or stands_for_placeholder(value):
        return False
    digits = len(value) - len(value.translate(None, _DIGITS))
    if not digits:
        return len(value) >= _LETTERS_ALONE and not _reads_as_words(value, _HARDLY_WORDY)
    return digits > len(value) // _FEW_DIGITS or not _reads_as_words(value, _WORDY)


def _is_path(value: bytes) -> bool:
    """Tell whether `value` is names joined by dots or slashes, none of them long enough to be a part of a token."""
    return _DOTTED.search(value) is not None and max(map(len, value.replace(b"/", b".").split(b"."))) < _PART


def _has_run(value: bytes) -> bool:
    """Tell whether one byte stands in `value` so often in a row that somebody leant on the key."""
    return _ROW.search(value) is not None


def _reads_as_words(value: bytes, share: float) -> bool:
    pairs, common = common_pairs(value)
    return pairs >= _PAIRS and common > share * pairs
