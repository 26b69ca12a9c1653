"""Checksums inside tokens, verified offline: a token that fails is text that happens to look like one."""

import zlib

_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 6


def crc32_base62(body: bytes) -> bytes:
    """
    Return the six base62 digits of the CRC-32 of `body`, zero-padded.

    https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    """
    rest, digits = zlib.crc32(body), b""
    for _ in range(_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit : digit + 1] + digits
    return digits


def crc32_holds(token: bytes) -> bool:
    """Tell whether `prefix_body` + checksum is consistent; the prefix ends with the first underscore."""
    body = token.partition(b"_")[2]
    return len(body) > _LENGTH and crc32_base62(body[:-_LENGTH]) == body[-_LENGTH:]
