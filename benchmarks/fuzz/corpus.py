"""
Where fuzzing begins: the rules' own examples in every container and encoding, and a dictionary of what rules look for.

Made by this program each time, from a seed: no file holds anything that looks like a secret.
"""

import base64
import gzip
import json
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

from keywatch.detect.examples import expand
from keywatch.detect.rules import packaged

Encode = Callable[[bytes], bytes]


def _text(encode: Callable[[str], str]) -> Encode:
    return lambda data: encode(data.decode("latin-1")).encode("latin-1")


def _lines(data: bytes, start: bytes = b"") -> bytes:
    return b"".join(start + data[at : at + 76] + b"\n" for at in range(0, len(data), 76))


ENCODINGS: tuple[Encode, ...] = (
    base64.b64encode,
    base64.urlsafe_b64encode,
    lambda data: _lines(base64.b64encode(data)),
    lambda data: _lines(base64.b64encode(data), b"> "),
    lambda data: data.hex().encode(),
    lambda data: data.hex().upper().encode(),
    _text(lambda text: quote(text, encoding="latin-1")),
    _text(lambda text: quote_plus(text, encoding="latin-1")),
    _text(lambda text: json.dumps({"body": text})),
    _text(lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text)),
    _text(lambda text: "".join(f"\\x{ord(letter):02x}" for letter in text)),
    lambda data: data.decode("latin-1").encode("utf-16-le"),
    lambda data: data.decode("latin-1").encode("utf-16-be"),
    lambda data: base64.b64encode(gzip.compress(data, mtime=0)),
    lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: b"<v><![CDATA[" + data + b"]]></v>",
    lambda data: b'"' + data[: len(data) // 2] + b'" +\n  "' + data[len(data) // 2 :] + b'"',
    lambda data: data[: len(data) // 2] + b"=\n" + data[len(data) // 2 :],
    lambda data: b'{"name": "SECRET_KEY", "value": "' + data.strip()[-40:] + b'"}',
    lambda data: b"id,secret_key\n1," + data.strip()[-40:] + b"\n",
)

_MARKS = (
    *(
        b"\n",
        b"\r\n",
        b"\0",
        b"=",
        b"==",
        b":",
        b'"',
        b'\\"',
        b"'",
        b"`",
        b"%",
        b"%3D",
        b"%25",
        b"\\u0022",
        b"\\n",
        b"+",
    ),
    *(
        b"secret",
        b"secret_key=",
        b"password: ",
        b"token",
        b"value",
        b"name",
        b"keywatch:allow",
        b"c2VjcmV0",
        b"H4sIAAAA",
    ),
    *(b"s\0e\0c\0r\0e\0t\0", b"736563726574", b"\xff\xfe", b"\xef\xbb\xbf", b"=\n", b'" +\n"', b",", b"|", b"\t"),
    *("パスワード".encode(), "Schlüssel".encode(), "密钥".encode()),
)


def words() -> tuple[bytes, ...]:
    """Return what gets rules and decoders to look: their keywords, and the marks of every container."""
    keywords = {keyword.encode() for rule in packaged().rules for keyword in rule.keywords}
    return (*sorted(keywords), *_MARKS)


def seeds() -> Iterator[bytes]:
    """Yield each rule's examples, plain, and each in one of the encodings."""
    examples = [expand(template).encode() for rule in packaged().rules for template in (*rule.matches, *rule.ignores)]
    for number, example in enumerate(examples):
        yield example
        yield ENCODINGS[number % len(ENCODINGS)](example)


class Mutator:
    """Changes inputs as a fuzzer does, the same way for the same seed."""

    def __init__(self, seed: int, inputs: list[bytes], longest: int = 4096) -> None:
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self._inputs = inputs
        self._words = words()
        self._longest = longest

    def __call__(self) -> bytes:
        """Return one changed input."""
        data = self._random.choice(self._inputs)
        for _ in range(self._random.randint(1, 5)):
            data = self._random.choice(self._changes)(self, data)[: self._longest]
        return data

    def _at(self, data: bytes) -> int:
        return self._random.randint(0, len(data))

    def _insert(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + self._random.choice(self._words) + data[at:]

    def _remove(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + data[at + self._random.randint(1, 40) :]

    def _repeat(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + data[at : at + self._random.randint(1, 60)] * self._random.randint(2, 9) + data[at:]

    def _overwrite(self, data: bytes) -> bytes:
        at, raw = self._at(data), self._random.randbytes(self._random.randint(1, 4))
        return data[:at] + raw + data[at + len(raw) :]

    def _join(self, data: bytes) -> bytes:
        other = self._random.choice(self._inputs)
        return data[: self._at(data)] + self._random.choice((b"", b"\n", b" ", b'", "')) + other[self._at(other) :]

    def _encode(self, data: bytes) -> bytes:
        begin, end = sorted((self._at(data), self._at(data)))
        return data[:begin] + self._random.choice(ENCODINGS)(data[begin:end]) + data[end:]

    def _encode_all(self, data: bytes) -> bytes:
        return self._random.choice(ENCODINGS)(data)

    _changes = (_insert, _insert, _remove, _repeat, _overwrite, _join, _join, _encode, _encode_all)
