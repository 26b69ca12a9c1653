"""
Input made to keep a scanner busy: each kind is a function from a size to bytes of about that size.

Nothing here is aimed at one line of the engine. Each kind is something an attacker, a broken program or plain bad luck
may put into a file: what every rule looks for again and again, almost but not quite, without an end, all on one line,
encoded inside encoded, in pairs that fit in every way.
"""

import base64
import gzip
import zlib
from collections.abc import Callable
from itertools import count

from keywatch.detect.examples import expand
from keywatch.detect.rules import Rule, packaged

Kind = Callable[[int], bytes]

_KEY_ID = expand("AKIA{base32:16}").encode()
_KEY = expand("{base64:40}").encode()
_TOKEN = expand("Atzr|Iw{base64url:100}").encode()
_CLIENT = expand("amzn1.application-oa2-client.{hex:32}").encode()
_SECRET = expand("amzn1.oa2-cs.v1.{hex:64}").encode()


def repeated(unit: bytes) -> Kind:
    """Return the kind that is `unit` again and again."""
    return lambda size: (unit * (size // len(unit) + 1))[:size]


def numbered(line: Callable[[int], bytes]) -> Kind:
    """Return the kind that is made of lines none of which is like another."""

    def kind(size: int) -> bytes:
        parts, length = [], 0
        for number in count():
            if length >= size:
                break
            parts.append(line(number))
            length += len(parts[-1])
        return b"".join(parts)

    return kind


def encoded(inner: Kind, encode: Callable[[bytes], bytes], growth: float) -> Kind:
    """Return the kind that is all of `inner` encoded as one."""
    return lambda size: encode(inner(int(size / growth)))


def plain(size: int) -> bytes:
    """Return ordinary source code: what the others are measured against."""
    line = (
        b"    def total(self, orders: list[Order], *, currency: str) -> Money:\n"
        b'        """Return what the orders come to."""\n'
        b"        return sum((order.amount.to(currency) for order in orders), Money(0, currency))\n\n"
    )
    return repeated(line)(size)


def _wrapped(text: bytes) -> bytes:
    return b"\n".join(text[start : start + 76] for start in range(0, len(text), 76))


def _wide(text: bytes) -> bytes:
    return text.decode("latin-1").encode("utf-16-le")


def _percent(text: bytes) -> bytes:
    return b"".join(b"%%%02X" % byte for byte in text)


def _unicode(text: bytes) -> bytes:
    return b"".join(b"\\u%04x" % byte for byte in text)


def _json(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def _bomb(number: int) -> bytes:
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = packed.compress(b"secret=%d " % number + b"a" * (1 << 20)) + packed.flush()
    return b"data: " + base64.b64encode(body) + b"\n"


def _own(number: int) -> bytes:
    return expand(f"{{base64:40}}{'{}' * (number % 50)}{number}").encode()[:40]


def _assignments(number: int) -> bytes:
    return b"secret_%d = %s\n" % (number, _own(number))


def kinds() -> dict[str, Kind]:
    """Return every kind by its name."""
    pair = b"id=" + _KEY_ID + b"\nsecret=" + _KEY + b"\n"
    tokens = numbered(lambda n: expand(f"Atzr|Iw{{base64url:100}} {'{}' * (n % 97)}").encode())
    found: dict[str, Kind] = {
        "names only": repeated(b"password="),
        "name, equals sign, nothing": repeated(b"key=\n"),
        "one letter": repeated(b"a"),
        "one digit": repeated(b"0"),
        "letters and digits": repeated(b"aB3dE5gH7jK9mN1p"),
        "hexadecimal": repeated(b"0123456789abcdef" + b"fedcba9876543210"),
        "empty lines": repeated(b"\n"),
        "carriage returns": repeated(b"\r\n"),
        "NUL": repeated(b"\0"),
        "not text": repeated(b"\xff\xfe\x00\x80"),
        "quotes": repeated(b"\"'`"),
        "backslashes": repeated(b"\\"),
        "equals signs": repeated(b"="),
        "token beginnings": repeated(b"Atzr|"),
        "tokens": tokens,
        "client secrets": numbered(lambda n: expand(f"amzn1.oa2-cs.v1.{{hex:64}}\n{'{}' * (n % 97)}").encode()),
        "ids": repeated(_KEY_ID + b" "),
        "ids on lines": repeated(_KEY_ID + b"\n"),
        "pairs": repeated(pair),
        "ids, then secrets": lambda size: repeated(_KEY_ID + b"\n")(size // 2) + numbered(_assignments)(size // 2),
        "ids and secrets on one line": repeated(_KEY_ID + b" " + _KEY + b" "),
        "id near many random values": numbered(lambda n: _KEY_ID + b" " + b" ".join([_own(n)] * 20) + b"\n"),
        "client ids and secrets": repeated(_CLIENT + b" " + _SECRET + b"\n"),
        "client ids and 64 digits": repeated(_CLIENT + b" " + expand("{hex:64}").encode() + b"\n"),
        "assignments": numbered(_assignments),
        "assignments on one line": numbered(lambda n: _assignments(n).replace(b"\n", b"; ")),
        "private key heads": repeated(b"-----BEGIN RSA PRIVATE KEY-----"),
        "private key heads on lines": repeated(b"-----BEGIN RSA PRIVATE KEY-----\n"),
        "private key without an end": lambda size: (
            b"-----BEGIN RSA PRIVATE KEY-----\n" + numbered(lambda n: _own(n) + b"\n")(size)
        ),
        "web token without an end": lambda size: b"eyJ" + repeated(b"aB3")(size),
        "web tokens' heads": repeated(b"eyJhbGciOiJIUzI1NiJ9."),
        "colons in a URL": lambda size: b"http://" + repeated(b"a:")(size),
        "URLs with names": repeated(b"http://a:"),
        "URLs with passwords": numbered(lambda n: b"%s://u:Kx%dpq7Zr@h%d/ " % (b"postgres", n, n)),
        "phrases": repeated(b"my secret key my secret key "),
        "mentions": repeated(b"seller central password is "),
        "Japanese mentions": repeated("シークレットキーは".encode()),
        "allow comments": repeated(b"keywatch:allow\n"),
        "allow comments and secrets": repeated(_SECRET + b" keywatch:allow\n"),
        "table with many columns": lambda size: (
            repeated(b"secret_key,")(size // 2) + b"\n" + repeated(_KEY + b",")(size // 2)
        ),
        "table heads": repeated(b"id,secret_key\n"),
        "tables of two lines": repeated(b"id,secret_key\n1," + _KEY + b"\n"),
        "table with many lines": lambda size: b"id,secret_key\n" + numbered(lambda n: b"%d,%s\n" % (n, _own(n)))(size),
        "table of tabs": repeated(b"secret\t"),
        "strings in pieces": repeated(b"secret_%s" % b'key = "aB3" + "cD4" +\n "eF5" + '),
        "glue without an end": lambda size: b'secret_key = "' + repeated(b'aB3dE5fG7hJ9kL1" + "')(size),
        "names and values": repeated(b'{"name": "SECRET_KEY", "value": "' + _KEY + b'"},\n'),
        "values and names": repeated(b'{"value": "' + _KEY + b'", "name": "SECRET_KEY"},\n'),
        "XML": repeated(b"<secret_key><value>" + _KEY + b"</value></secret_key>\n"),
        "broken tokens": repeated(_TOKEN[:60] + b"=\n"),
        "soft breaks": repeated(b"Atzr|" + b"a=\n" * 1300),
        "escapes": repeated(b"%41"),
        "escaped names": repeated(b"secret%3D"),
        "escaped quotes": repeated(b'secret\\":'),
        "many backslashes": repeated(b"secret" + b"\\" * 15 + b'":'),
        "escaped text": encoded(repeated(b"secret=" + _KEY + b"\n"), _percent, 3),
        "escaped as JSON": encoded(repeated(b"secret=" + _KEY + b"\n"), _unicode, 6),
        "escaped three times": encoded(
            encoded(encoded(repeated(b'{"secret": "' + _KEY + b'"}\n'), _json, 1.1), _json, 1.2), _json, 1.3
        ),
        "base64 of one run": encoded(tokens, base64.b64encode, 1.34),
        "base64 on lines": encoded(tokens, lambda text: _wrapped(base64.b64encode(text)), 1.36),
        "base64 of names": encoded(repeated(b"secret "), base64.b64encode, 1.34),
        "base64 of assignments": encoded(numbered(_assignments), base64.b64encode, 1.34),
        "base64 of base64": encoded(encoded(tokens, base64.b64encode, 1.34), base64.b64encode, 1.34),
        "base64 thrice": encoded(
            encoded(encoded(numbered(_assignments), base64.b64encode, 1.34), base64.b64encode, 1.34),
            base64.b64encode,
            1.34,
        ),
        "base64, many short runs": repeated(base64.b64encode(b"secret=" + _KEY) + b"\n"),
        "base64 words without sense": repeated(base64.b64encode(b"\x01secret\x02" * 3)),
        "base64 with comments": lambda size: (
            encoded(tokens, lambda text: _wrapped(base64.b64encode(text)), 1.36)(size - 20) + b"\nkeywatch:allow\n"
        ),
        "hexadecimal of tokens": encoded(tokens, lambda text: text.hex().encode(), 2),
        "hexadecimal of names": encoded(repeated(b"secret "), lambda text: text.hex().encode(), 2),
        "UTF-16": encoded(repeated(b"secret=" + _KEY + b"\n"), _wide, 2),
        "UTF-16 names": encoded(repeated(b"secret "), _wide, 2),
        "UTF-16 tokens": encoded(tokens, _wide, 2),
        "gzip bombs": numbered(_bomb),
        "gzip heads": repeated(b"H4sIAAAAAAAA"),
        "gzip of tokens": lambda size: base64.b64encode(gzip.compress(tokens(size * 4 // 5), 1)),
        "PGP, age, PuTTY heads": repeated(b"-----BEGIN PGP PRIVATE KEY BLOCK-----\nPuTTY-User-Key-File-3: \nage1 "),
        "netrc": repeated(b"machine a login b password "),
        "Kubernetes heads": repeated(b"kind: Secret\n"),
        "Kubernetes without an end": lambda size: b"kind: Secret\n" + repeated(b"data:\n  a: b\n")(size),
    }
    return found


def kinds_of_rule(rule: Rule) -> dict[str, Kind]:
    """Return what follows from a rule with examples: an example, what is almost one, its beginning, its keyword."""
    example = expand(rule.matches[0]).encode()
    found = {
        "example": repeated(example + b"\n"),
        "almost": repeated(example[: len(example) * 3 // 4] + b"\0"),
        "beginning": repeated(example[: len(example) // 2]),
    }
    if rule.keywords:
        found["keyword"] = repeated(rule.keywords[0].encode())
    return found


def everything(size: int) -> bytes:
    """Return the examples of every rule: a finding in nearly every line."""
    examples = (expand(template) for rule in packaged().rules for template in rule.matches)
    return repeated("\n".join(examples).encode() + b"\n")(size)
