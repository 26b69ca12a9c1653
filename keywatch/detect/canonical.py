"""One spelling of a secret, however it was escaped where it was found, so that it has one fingerprint."""

from keywatch.detect import lazy_re2 as re2

_ESCAPE = re2.compile(rb"%[0-9A-Fa-f]{2}|\\+u00[0-9A-Fa-f]{2}|\\+/")
_PRINTABLE = range(0x21, 0x7F)


def canonical(written: bytes) -> bytes:
    r"""
    Undo `%7C`, `\u007c`, `\\u007c` and `\/` once, left to right.

    Examples: `Atzr%7CIw` and `Atzr\u007CIw` become `Atzr|Iw`. Escapes of bytes outside printable ASCII stay as written:
    no token holds such bytes, so they are not part of an escaped token.
    """
    if b"%" not in written and b"\\" not in written:
        return written
    parts, end = [], 0
    for escape in _ESCAPE.finds(written):
        byte = _decoded(escape.text())
        if byte in _PRINTABLE:
            parts += [written[end : escape.start()], bytes([byte])]
            end = escape.end()
    return b"".join(parts) + written[end:]


def _decoded(escape: bytes) -> int:
    return 0x2F if escape.endswith(b"/") else int(escape[-2:], 16)
