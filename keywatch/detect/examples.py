"""
Templates for examples: text with tokens that are invented when they are needed, and that no file therefore holds.

A rule must be shown to find what it promises, yet a repository with example tokens in it cannot be scanned clean, and
somebody's real token might slip in as an example. So the examples beside the rules are templates:

    {hex:64}       lower-case hexadecimal digits       {HEX:8}      upper-case ones
    {digit:12}     decimal digits                      {upper:9}    A-Z
    {lower:9}      a-z                                 {base32:16}  A-Z and 2-7
    {alnum:24}     letters and digits                  {Alnum:24}   upper-case letters and digits
    {lowalnum:24}  lower-case letters and digits       {base64:40}  letters, digits, + and /
    {base64url:43} letters, digits, - and _            {uuid}       a UUID
    {crc:ghp_:30}  prefix, letters and digits, and their six-digit checksum as GitHub and npm write it
    {}             nothing: splits a word that the scanner would see, as in `BEGIN{} PRIVATE KEY`

Anything else in braces stands for itself. Expansion is deterministic: the same template is the same text, always.
"""

import hashlib
import re
import string
from collections.abc import Iterator

from keywatch.detect.checksum import crc32_base62

_ALPHABETS = {
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "digit": string.digits,
    "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase,
    "base32": string.ascii_uppercase + "234567",
    "alnum": string.ascii_letters + string.digits,
    "Alnum": string.ascii_uppercase + string.digits,
    "lowalnum": string.ascii_lowercase + string.digits,
    "base64": string.ascii_letters + string.digits + "+/",
    "base64url": string.ascii_letters + string.digits + "-_",
}
_FIELD = re.compile(r"\{(?:(" + "|".join(_ALPHABETS) + r"):(\d{1,4})|(uuid)|crc:([A-Za-z_]+):(\d{1,3})|)\}")


def expand(template: str) -> str:
    """Return `template` with every field replaced by invented text of that shape."""
    source = _numbers(template)
    return _FIELD.sub(lambda field: _invent(field, source), template)


def _numbers(seed: str) -> Iterator[int]:
    """Yield evenly spread bytes that depend on `seed` alone, without end."""
    counter = 0
    while True:
        yield from hashlib.sha256(f"{counter}:{seed}".encode()).digest()
        counter += 1


def _invent(field: re.Match[str], source: Iterator[int]) -> str:
    alphabet, length, uuid, prefix, body = field.groups()
    if alphabet is not None:
        return _draw(_ALPHABETS[alphabet], int(length), source)
    if uuid is not None:
        digits = _draw(_ALPHABETS["hex"], 30, source)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8{digits[15:18]}-{digits[18:30]}"
    if prefix is not None:
        text = _draw(_ALPHABETS["alnum"], int(body), source)
        return f"{prefix}{text}{crc32_base62(text.encode()).decode()}"
    return ""


def _draw(alphabet: str, length: int, source: Iterator[int]) -> str:
    return "".join(alphabet[next(source) % len(alphabet)] for _ in range(length))
