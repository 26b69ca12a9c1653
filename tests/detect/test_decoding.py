"""Encoded text is read on the way: whatever the encoding, to a depth, in bounds, and never told twice."""

import base64
import gzip
import json
from collections.abc import Callable
from time import process_time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.detect.engine import ENCODED, Detector
from keywatch.detect.examples import expand
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import Match

DETECTOR = Detector(packaged())
KEY_ID, KEY = expand("AKIA{base32:16}"), "Ab+/" + expand("{base64:36}")
TOKEN = expand("Atzr|Iw{base64url:300}")
SECRET = expand("amzn1.oa2-cs.v1.{hex:64}")
OLD = expand("{hex:64}{}")
GITHUB = expand("{crc:ghp_:30}")
ENV = f"AWS_ACCESS_KEY_ID={KEY_ID}\nAWS_SECRET_ACCESS_KEY={KEY}\nSP_API_REFRESH_TOKEN={TOKEN}\n"


def scanned(data: str | bytes) -> list[Match]:
    """Return what is found in one file, every place of it inside the file."""
    content = data.encode() if isinstance(data, str) else data
    matches = DETECTOR.scan(Chunk(content, Origin("t", "p")))
    for match in matches:
        assert 0 <= match.offset < match.offset + match.length <= len(content)
        assert match.line == content.count(b"\n", 0, match.offset) + 1
    return matches


def secrets(data: str | bytes) -> list[str]:
    """Return the secrets found in one file."""
    return sorted(match.secret.reveal().decode() for match in scanned(data))


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def wrapped(text: str, indent: str) -> str:
    return "".join(f"{indent}{text[start : start + 76]}\n" for start in range(0, len(text), 76))


def as_json(text: str) -> str:
    return json.dumps({"body": text, "n": 1})


ENCODINGS: list[Callable[[str], str | bytes]] = [
    b64,
    lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    lambda text: f"data: |\n{wrapped(b64(text), '    ')}next: 1\n",
    lambda text: f"> {wrapped(b64(text), '> ')}",
    lambda text: b64("\0\1\2 a " + text),
    lambda text: text.encode().hex(),
    lambda text: text.encode().hex().upper(),
    quote,
    lambda text: quote_plus("a b&c " + text),
    lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    lambda text: "".join(f"\\x{ord(letter):02x}" for letter in text),
    lambda text: as_json(text).replace("=", "\\u003d").replace("\\n", "\\u000a"),
    as_json,
    lambda text: as_json(as_json(text)),
    lambda text: as_json(as_json(as_json(text))),
    lambda text: text.encode("utf-16-le"),
    lambda text: b"\x01\x02 a " + text.encode("utf-16-be") + b" b",
    lambda text: f"powershell -EncodedCommand {b64(text.encode('utf-16-le'))}",
    lambda text: b64(gzip.compress(text.encode())),
    lambda text: gzip.compress(text.encode()).hex(),
    lambda text: b64("a: " + b64("b: " + text)),
    lambda text: b64("a: " + b64("bc: " + b64("d: " + text))),
    lambda text: quote(quote(text)),
    lambda text: quote(b64(text), safe=""),
    lambda text: as_json(b64(as_json(text))),
    lambda text: b64(quote(text)),
]


@pytest.mark.parametrize("encode", ENCODINGS, ids=range(len(ENCODINGS)))
@pytest.mark.parametrize("before", ["", "x", "ab: ", "value = '"])
def test_every_encoding_is_undone(encode: Callable[[str], str | bytes], before: str) -> None:
    """A pair and a token in one text are found whatever it was encoded with, each once, in its canonical form."""
    assert sorted([KEY, TOKEN]) == secrets(encode(before + ENV))


@pytest.mark.parametrize("token", [SECRET, TOKEN, GITHUB], ids=["client-secret", "refresh-token", "github"])
@pytest.mark.parametrize("encode", ENCODINGS, ids=range(len(ENCODINGS)))
def test_a_token_alone_needs_no_name(encode: Callable[[str], str | bytes], token: str) -> None:
    """Tokens that speak for themselves are found without anything around them."""
    assert [token] == secrets(encode(f"see\n{token}\n"))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (f"data:\n  AWS_ACCESS_KEY_ID: {b64(KEY_ID)}\n  AWS_SECRET_ACCESS_KEY: {b64(KEY)}\n", "aws-key-pair"),
        (f"data:\n  AWS_SECRET_ACCESS_KEY: {b64(KEY)}\n", "aws-secret-access-key"),
        (f"data:\n  LWA_CLIENT_SECRET: {b64(OLD)}\n", "lwa-client-secret-named"),
        (f'{{"auths": {{"registry.test": {{"auth": "{b64("x:" + GITHUB)}"}}}}}}', "github-token"),
        (json.dumps({"text": "シークレットキーは " + KEY}), "seller-secret-key"),
        ("text=" + quote_plus(f"Hallo, mein geheimer Schlüssel ist {KEY} danke"), "seller-secret-key"),
        ("text=" + quote_plus(f"Here is my secret key: {KEY} thanks"), "seller-secret-key"),
    ],
    ids=range(7),
)
def test_names_beside_encoded_values_count(template: str, expected: str) -> None:
    """A Kubernetes secret, a Docker config, a form post: a plain name and an encoded value, or the other way round."""
    assert [expected] == [match.rule.id for match in scanned(template)]


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize(
    "layout",
    [{}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 16, "separators": (",", " : ")}],
    ids=["usual", "tight", "indented", "wide"],
)
def test_a_docker_config_is_read_in_a_string_of_json(layout: dict[str, Any], depth: int) -> None:
    """However the value follows its name in the text that was put into a string, or in a string of that string."""
    text = json.dumps({"auths": {"registry.test": {"auth": b64("ci:Kx4!" + OLD[:9])}}}, **layout)
    for _ in range(depth):
        text = as_json(text)
    assert ["docker-config-auth"] == [match.rule.id for match in scanned(text)]


def test_the_place_is_that_of_the_encoded_text() -> None:
    """What is told is where the encoded run begins and ends, even over lines."""
    run = wrapped(b64(ENV), "  ").rstrip("\n")
    text = f"one\ntwo: |\n{run}\nthree\n"
    match = scanned(text)[0]
    begin = text.index(run) + 2
    assert (match.offset, match.length) == (begin, len(run) - 2)
    assert (match.line, match.column, match.end_line) == (3, 3, 3 + run.count("\n"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_what_stands_in_utf16_is_told_of_its_line(encoding: str) -> None:
    """A log of Windows is one run of UTF-16, and each of its lines a line."""
    text = f"started\r\n\r\nsee {TOKEN}\r\nmore\r\nsee {GITHUB}\r\ndone"
    assert [(match.line, match.rule.id) for match in scanned(text.encode(encoding))] == [
        (3, "lwa-refresh-token"),
        (5, "github-token"),
    ]


def test_an_escaped_token_is_where_it_stands() -> None:
    """In text that is merely escaped, the place is the token's own."""
    text = quote(f"a=b&client_secret={SECRET}&c", safe="")
    (match,) = scanned(text)
    assert (match.offset, match.length) == (text.index("amzn1"), len(SECRET))


def test_a_comment_excuses_encoded_text() -> None:
    """What is on an excused line is excused in any spelling."""
    assert secrets(f"{b64(ENV)} # keywatch:allow\n") == []


def test_what_was_found_plainly_is_not_told_again() -> None:
    """One place that reads as a secret both ways is one match, the more specific."""
    (match,) = scanned(f'password = "{b64(SECRET + " ")}"')
    assert match.rule.id == "lwa-client-secret"
    text = f'{{\\"client_secret\\": \\"{SECRET}\\"}}'
    assert [SECRET] == secrets(text)


def test_the_depth_is_bounded() -> None:
    """Text is decoded as often as was asked for, and no more."""
    for depth, expected in ((0, 0), (1, 0), (2, 1), (3, 1)):
        detector = Detector(packaged(), depth=depth)
        found = detector.scan(Chunk(b64("a: " + b64(f"token {SECRET}")).encode(), Origin("t", "p")))
        assert expected == len(found)


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;base64," + b64(bytes(range(256)) * 40),
        "sha512-" + expand("{base64:86}") + "==",
        "integrity " + expand("{hex:128}"),
        b64("-----BEGIN CERTIFICATE-----\n" + expand("{base64:64}") + "\n-----END CERTIFICATE-----\n"),
        b64("the secret of a good password is that nobody knows your token"),
        b64("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        quote("https://shop.test/?token_type=bearer&secret=<your secret>"),
        json.dumps({"body": json.dumps({"password": "changeme", "token": "${TOKEN}"})}),
    ],
)
def test_what_is_encoded_and_no_secret_is_passed_over(text: str) -> None:
    """Pictures, hashes, certificates, prose and placeholders are as harmless encoded as they are plain."""
    assert scanned(text) == []


HOSTILE = [
    pytest.param(b64("secret" * 3).encode() * 60_000, id="one-run"),
    pytest.param(b"c2VjcmV0" * 200_000, id="triggers"),
    pytest.param(b"c2VjcmV0\n" * 150_000, id="short-lines"),
    pytest.param((b"QUJD" * 18 + b"c2VjcmV0\n") * 15_000, id="full-lines"),
    pytest.param(b"736563726574" * 120_000, id="hex"),
    pytest.param(b"s\0e\0c\0r\0e\0t\0" * 100_000, id="utf-16"),
    pytest.param(b"secret%3D" * 150_000, id="percent"),
    pytest.param(b'secret\\":' * 150_000, id="quotes"),
    pytest.param(b'\\\\\\\\"' * 200_000, id="backslashes"),
    pytest.param(b64(gzip.compress(b"secret=" + bytes(30_000_000))).encode() * 20, id="bombs"),
    pytest.param((b64(b"\xff\xfesecret\xff\xff" * 3) + " ").encode() * 30_000, id="not-text"),
    pytest.param(b"Q" * 20 + b"c2VjcmV0" + b"\xff" + b"c2VjcmV0Q" * 150_000, id="phases"),
]


@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_encodings_take_bounded_work(data: bytes) -> None:
    """However often something looks encoded, the work grows with the input and no faster."""
    began = process_time()
    for match in DETECTOR.scan(Chunk(data, Origin("t", "p"))):
        assert 0 <= match.offset < match.offset + match.length <= len(data)
    assert process_time() - began < 20


def test_too_much_to_look_at_is_said_so() -> None:
    """A chunk that was not wholly decoded is told as such: it is not clean."""
    detector = Detector(packaged())
    detector.scan(Chunk(b"s\0e\0c\0r\0e\0t\0 " * 250_000, Origin("t", "p")))
    assert detector.overruns[ENCODED] >= 1


PIECES = st.sampled_from(
    [b64(ENV), b64("secret"), "secret", "%3D", "\\u0022", '\\"', "\\n", quote(ENV), ENV.encode().hex(), "=", "\n", "+"]
).map(str.encode) | st.sampled_from([SECRET.encode("utf-16-le"), b"s\0e\0c\0r\0e\0t\0", b"H4sIAAAA", b"\0"])


@given(st.lists(st.one_of(st.binary(max_size=30), PIECES), max_size=25), st.integers(0, 80))
def test_any_bytes_have_places_inside_them(parts: list[bytes], overlap: int) -> None:
    """No input makes decoding fail, and no place lies outside the input."""
    data = b"".join(parts)
    for match in DETECTOR.scan(Chunk(data, Origin("t", "p"), overlap=min(overlap, len(data)), offset=7)):
        start = match.offset - 7
        assert 0 <= start < start + match.length <= len(data)
        assert match.line == 1 + data.count(b"\n", 0, start)


@given(st.text(max_size=60), st.sampled_from(ENCODINGS))
def test_any_text_around_a_token_hides_it_from_nobody(around: str, encode: Callable[[str], str | bytes]) -> None:
    """Encoded text without a token holds none: no encoding makes a finding of harmless text."""
    harmless = "".join(letter for letter in around if letter.isalpha() and ord(letter) < 0x100)[:11]
    assert secrets(encode(harmless + " ")) == []
