"""Whether a value looks generated: the tests that tell a secret from a word, a path, a reference or a placeholder."""

import binascii
import itertools
import math
import string

from keywatch.detect import lazy_re2 as re2
from keywatch.detect.efficiency import common_pairs, efficiency
from keywatch.detect.entropy import entropy
from keywatch.detect.lazy_re2 import repeated

_SHORTEST = 12
_HEX_BITS = 3.0
_TEXT_BITS = 3.3
_LESS_BITS = 0.6
_SERIES = 0.5
_RUN = 5
_ZERO = ord("A")
_HEAD = 64
_WORDLESS = 20
_LONG = 24
_EFFICIENT = 1.85
_EFFICIENT_LONG = 1.75
_KEY_BITS = 4.1
_KEY_LENGTH = 40
_FEW = 3
_PAIRS = 7
_KEY_PAIRS = 22
_WORDY = 0.62
_PLAINLY_WORDY = 0.76
_HARDLY_WORDY = 0.5
_SHORTEST_HEX = 24
_HASH_BYTES = 32

_DIGITS = frozenset(string.digits.encode())
_UPPER = frozenset(string.ascii_uppercase.encode())
_MARKS = frozenset(string.punctuation.encode())
_LOWER = frozenset(string.ascii_lowercase.encode())
_LETTERS = _UPPER | _LOWER

_PLACEHOLDER = (
    rb"(?i)^(?:.{0,3}(?:<[\w .,:'/-]*>|\{+[\w .,:$'/-]*\}+|\[[\w .,-]*\]).{0,3}|"
    rb"\$\w+|%[A-Za-z_]\w*%?|%\(\w+\)[sd]|.*\$\\?[({].*|.*\{\{.*|@[A-Za-z_]+|x{4,}.*|.*x{6,}.*"
    rb"|.*\{[a-z][a-z0-9]*:\d+\}.*"  # a template of a value, as the examples of our own rules have it
    rb"|@@.*@@|\[%.*%\]|values?[-_ ]?\d{1,3}"
    rb"|\*+.*|.*\*{4,}.*|\.{3,}|.*\.\.\.|-+|_+|0+|1?234567.*|"
    rb"(?:your|my|the|an?|some|insert|enter|put|add|replace|change|todo|fixme|dummy|fake|sample|test|example|placeholder"
    rb"|redacted|hidden|masked|removed|censored|none|null|nil|undefined|true|false|foo|bar|secret|password|passwd|token)"
    rb"(?:[-_ .]?(?:your|my|the|here|me|this|with|own|it|value|key|secret|token|password|passwd|api|access|client|id"
    rb"|aws|string|goes|example|real|actual|new|for|test|dummy|123|1234)){0,8}[-_ .!0-9]{0,4})$"
)
_DOCUMENTED = (
    rb"(?:EXAMPLE|EXAMPLEKEY|EXAMPLE_?TOKEN)$|(?:example){3}|^wJalrXUtnFEMI|./K7MDENG/bPxRfiCY|^je7MtGbClwBF"
    rb"|(?i:your[-_](?:[a-z]+[-_])?(?:token|key|secret|password))|^Eby8vdM02xNOcqFlqUwJ|\.signature$"
)
"""What manuals write for a secret: AWS's key, that of Azure's emulator, a web token signed with the word."""
_REFERENCE = (
    rb"(?i)^(?:process\.env|os\.(?:environ|getenv)|env[.\[(:]|ENV\[|secrets?\.|vars?\.|var\.|self\.|this\.|config[.\[]|"
    rb"settings?\.|"
    rb"vault:|file:|cred:|ref\+|arn:|https?://|ssm:|op://|sops:|\.{1,2}/|/(?:usr|etc|home|var|opt|run|tmp|dev|mnt|srv|root|app|secrets?)/|[a-z]:\\|[A-Za-z_][\w.]*\()"
)
_NO_VALUE = re2.compile(b"|".join(b"(?:" + one + b")" for one in (_PLACEHOLDER, _DOCUMENTED, _REFERENCE)))
"""In one pattern, as asking costs more than looking."""
_UUID = re2.compile(rb"(?i)^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
_VERSION, _TIMED = 14, ord("1")
_DOCUMENTED_UUIDS = (b"123e4567-e89b-12d3-a456-426614174000", b"550e8400-e29b-41d4-a716-446655440000")
_HEX = re2.compile(rb"(?i)^(?:0x)?[0-9a-f]+$")
_NAMED = re2.compile(
    rb"(?i)[(){}<>\[\];,\s]|::|->|=>|\.\."  # code
    rb"|example|placeholder|changeme|redacted|[a-z]secret|[a-z]passw|qwerty|asdfgh|abcdefghijklmnopqrstuvwxyz|%[0-9.-]*[sdfr]"
    rb"|^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$"
    rb"|^\d{4}-\d\d-\d\d(?:T|$)"
    rb"|\.(?:png|jpe?g|gif|svg|ico|webp|css|js|mjs|html?|txt|pdf|zip|woff2?|ttf)$"
    rb"|^(?:hmac-)?(?:sha-?\d{1,3}|md5|blake2b)[:-]"
    rb"|^AQ[IE]CAH[a-z0-9+/_-]{80}"  # what AWS KMS has encrypted
    rb"|(?-i:^A(?:IDA|ROA|GPA|IPA|NPA|NVA|PKA|SCA)[A-Z2-7]{16,17}$)"  # what IAM calls users, roles and the like
)
"""Code, placeholders, UUIDs, dates, files, digests, ciphertext: what is made of random characters and opens nothing."""
_ADMITTED = re2.compile(rb"(?i)example|placeholder|changeme|redacted")
"""Words by which a value says itself that it is none."""
_ROW = repeated(_RUN, besides=_ZERO)
_BASE64 = re2.compile(rb"^[A-Za-z0-9+/_-]{16,}={0,2}$")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PRINTABLE = bytes([9, 10, 13, *range(0x20, 0x7F)])


_FOLLOWS = frozenset((one, other) for one in range(256) for other in range(256) if abs(one - other) <= 1)
"""Pairs of bytes of which each follows from the other in a series."""


def is_placeholder(value: bytes) -> bool:
    """Tell whether `value` stands for a secret without being one: `<your key>`, `${X}`, `xxxx`, AWS's `…EXAMPLEKEY`."""
    return len(set(value)) <= _FEW or _NO_VALUE.search(value) is not None


def looks_random(value: bytes) -> bool:
    """Tell whether `value` looks like output of a generator rather than like something a person named."""
    size = len(value)
    if size < _SHORTEST or not _has(value, _LETTERS if size >= _WORDLESS else _DIGITS) or not _has(value, _LETTERS):
        return False
    # What is cheap first.
    if not value.isascii() or len(set(value)) <= _FEW or _NAMED.search(value) is not None:
        return False
    if _HEX.search(value):
        if size < _SHORTEST_HEX or entropy(value) <= _HEX_BITS:
            return False
        return not is_placeholder(value) and not is_series(value)
    return (
        not is_placeholder(value)
        and entropy(value) > min(_TEXT_BITS, math.log2(size) - _LESS_BITS)
        and not _has_run(value)
        and not is_series(value)
        and efficiency(value) < (_EFFICIENT if size < _LONG else _EFFICIENT_LONG)
        and not _stands_for_words(value)
    )


def _has_run(value: bytes) -> bool:
    """
    Tell whether one character stands five times in a row: `1TDXXXXXX7K84H`, somebody's way to hide a value.

    The letter A does not count: in base64 it is what bytes of zero look like.
    """
    return _ROW.search(value) is not None


def _stands_for_words(value: bytes) -> bool:
    """Tell whether `value` is base64 of text that reads as words, is a placeholder, or is the head of a web token."""
    text = _encoded_in(value)
    if text is None:
        return False
    is_head = text.startswith(b'{"') and len(value) < _HEAD
    return is_head or _admits(text) or efficiency(text) > _EFFICIENT


def stands_for_placeholder(value: bytes) -> bool:
    """Tell whether `value` is base64 of a text that says it is no secret."""
    text = _encoded_in(value)
    return text is not None and _admits(text)


def _encoded_in(value: bytes) -> bytes | None:
    """Return the text that `value` is base64 of; None if it is base64 of no text."""
    if _BASE64.search(value) is None:
        return None
    text = binascii.a2b_base64(value[: len(value) // 4 * 4].translate(_FROM_URL))
    return None if text.translate(None, _PRINTABLE) else text


def _admits(text: bytes) -> bool:
    return is_placeholder(text) or _ADMITTED.search(text) is not None


def stands_for_secret(value: bytes) -> bool:
    """Tell whether `value` is base64 of what may be a secret: of no placeholder, no word that says so, no bare head."""
    if is_placeholder(value):
        return False
    try:
        text = binascii.a2b_base64(value[: len(value) // 4 * 4])
    except binascii.Error:
        return True
    is_head = text.startswith(b'{"alg"') and len(value) < _HEAD
    return not (is_head or is_placeholder(text.rstrip()) or _ADMITTED.search(text))


def looks_generated(value: bytes) -> bool:
    """
    Tell whether `value` looks random, or is a UUID that nobody chose.

    One of version 1 is a time and a machine: whoever knows another of its kind can guess it.
    """
    if _UUID.search(value) is None:
        return looks_random(value)
    if value[_VERSION] == _TIMED:
        return False
    return value.lower() not in _DOCUMENTED_UUIDS and not is_series(value) and entropy(value) > _HEX_BITS


def is_series(value: bytes) -> bool:
    """Tell whether most characters of `value` follow from the one before: `abcd1234abcd1234`, `0987654321`, `aaaa`."""
    steps = sum(map(_FOLLOWS.__contains__, itertools.pairwise(value)))
    return steps > _SERIES * (len(value) - 1)


def is_typed(value: bytes) -> bool:
    """Tell whether somebody typed `value` for want of a real one: a series, or two that take turns."""
    return is_series(value) or takes_turns(value)


def takes_turns(value: bytes) -> bool:
    """Tell whether `value` is two series that take turns: `a1b2c3d4`."""
    return is_series(value[::2]) and is_series(value[1::2])


def looks_like_aws_secret(value: bytes) -> bool:
    """
    Tell whether 40 characters look like an AWS secret access key: no word, no path, no hash.

    One random key in a thousand has neither digit nor mark: it passes if it reads like words even less than most.
    """
    return (
        len(value) == _KEY_LENGTH
        and not is_placeholder(value)
        and (_has(value, _DIGITS | _MARKS) or not _reads_as_words(value, _HARDLY_WORDY, _KEY_PAIRS))
        and _has(value, _UPPER)
        and _has(value, _LOWER)
        and _HEX.search(value) is None
        and entropy(value) > _KEY_BITS
        and not _reads_as_words(value, _PLAINLY_WORDY, _KEY_PAIRS)
    )


def looks_like_sellers_secret(value: bytes) -> bool:
    """Tell whether `value` is what a seller may send: an LWA client secret of either form, else an AWS secret."""
    if value.startswith(b"amzn1."):
        return not is_placeholder(value)
    return looks_random(value) if len(value) == 2 * _HASH_BYTES else looks_like_aws_secret(value)


def _has(value: bytes, kind: frozenset[int]) -> bool:
    return not kind.isdisjoint(value)


def _reads_as_words(value: bytes, share: float = _WORDY, fewest: int = _PAIRS) -> bool:
    """
    Tell whether the letters of `value` follow one another as they do in words.

    A vocabulary of pairs is enough to tell `productionDatabase2` from `q7hXtLwZ`: the share of common pairs is about
    0.9 in the one and 0.3 in the other. Values with few letters side by side have no reading and pass as random.
    """
    pairs, common = common_pairs(value)
    return pairs >= fewest and common > share * pairs
