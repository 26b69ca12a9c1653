"""What a value looks like: random, a key, a password, a placeholder; checksums, entropy, spellings, examples."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.detect.canonical import canonical
from keywatch.detect.checksum import crc32_base62, crc32_holds
from keywatch.detect.efficiency import efficiency
from keywatch.detect.entropy import entropy
from keywatch.detect.examples import expand
from keywatch.detect.issued import looks_like_token
from keywatch.detect.lines import Lines
from keywatch.detect.password import looks_like_password
from keywatch.detect.value import (
    is_placeholder,
    looks_generated,
    looks_like_aws_secret,
    looks_like_sellers_secret,
    looks_random,
    stands_for_secret,
    takes_turns,
)
from keywatch.model.content import Chunk, Origin


@pytest.mark.parametrize(
    "value",
    [
        "xxxxxxxxxxxx",
        "<your key>",
        "${API_KEY}",
        "{{ key }}",
        "your-api-key-here",
        "changeme",
        "%(password)s",
        "$PASSWORD",
        "os.environ['X']",
        "process.env.KEY",
        "vault:kv/orders#secret",
        "********",
        "abcXXXXXXXXdef1",
        "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
        "aaaabbbbcccc",
        "@@SHOP_PASSWORD@@",
        "[%SHOP_PASSWORD%]",
        "value1",
        "shp_YOUR_TOKEN_HERE_12345678",
        "header.eyJzdWIiOiJzaG9wIn0.signature",
        "HFYp7dGQhQ7G03juqw37" + "/K7MDENG/bPxRfiCY",
    ],
)
def test_placeholders_are_known(value: str) -> None:
    """What stands for a secret is not one."""
    assert is_placeholder(value.encode())
    assert not looks_random(value.encode())
    assert not looks_like_password(value.encode())


@pytest.mark.parametrize("template", ["{alnum:32}", "{base64:43}=", "{hex:32}", "{lowalnum:40}", "{base64url:24}"])
def test_generated_values_look_random(template: str) -> None:
    """Output of a generator passes, whatever its alphabet."""
    shown = [expand(template + "{}" * n) for n in range(40)]
    assert sum(looks_random(value.encode()) for value in shown) >= 38


@pytest.mark.parametrize(
    "value",
    [
        "short1",
        "productionDatabaseCredentials2",
        "com.shop.orders.Service1",
        "bf29289b78d371e3",
        "2016-09-24T16:18:07Z",
        "RSA_1024_BIT",
        "123e4567-e89b-42d3-a456-426614174000",
        "abcdefgh12345678",
        "get_token(1, 2, 3)",
        "onlylettersandnothingelse",
        "a1a1a1b1b1b1a1",
        "AnEXAMPLEofQ7zT9wKpX2",
    ],
)
def test_what_people_name_does_not_look_random(value: str) -> None:
    """Words, paths, dates, short hashes, constants and code are no secrets."""
    assert not looks_random(value.encode())


def test_an_aws_secret_is_told_from_what_has_its_length() -> None:
    """Forty characters are a secret only if they are neither hash nor path, and mix their kinds."""
    assert looks_like_aws_secret(expand("{base64:40}").encode())
    for value in (expand("{hex:40}"), expand("{upper:40}"), "usr/lib/python3/dist/Packages/requests/a", "short"):
        assert not looks_like_aws_secret(value.encode())


def test_a_seller_may_send_three_kinds_of_secret() -> None:
    """An AWS secret, and an LWA client secret of either form."""
    for template in ("{base64:40}", "amzn1.oa2-cs.v1.{hex:64}", "{hex:64}"):
        assert looks_like_sellers_secret(expand(template).encode())
    assert not looks_like_sellers_secret(b"0" * 64)


@pytest.mark.parametrize(("value", "expected"), [("Blue-Horse7", True), ("required", False), ("Required", False)])
def test_a_password_mixes_its_characters(value: str, expected: bool) -> None:
    """A word of a sentence is not a password."""
    assert expected is looks_like_password(value.encode())


def test_entropy_is_shannons() -> None:
    """No bytes and one byte carry nothing; sixteen different ones carry four bits each."""
    assert (entropy(b""), entropy(b"aaaa"), entropy(b"0123456789abcdef")) == (0.0, 0.0, 4.0)


def test_checksums_hold_or_do_not() -> None:
    """A token made by the scheme verifies; one changed character breaks it."""
    token = expand("{crc:npm_:30}").encode()
    assert crc32_holds(token)
    assert not crc32_holds(token[:-1] + (b"A" if token[-1:] != b"A" else b"B"))
    assert not crc32_holds(b"npm_abc")
    assert crc32_base62(b"") == b"000000"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"Atzr%7cIw", b"Atzr|Iw"),
        (rb"Atzr\u007CIw", b"Atzr|Iw"),
        (rb"Atzr\\\\u007cIw", b"Atzr|Iw"),
        (rb"a\/b%2Bc%3d", b"a/b+c="),
        (b"a%20%ff%zz", b"a%20%ff%zz"),
        (b"plain", b"plain"),
    ],
)
def test_spellings_become_one(written: bytes, expected: bytes) -> None:
    """URL, JSON and unicode escapes of printable characters are undone once; others stay."""
    assert expected == canonical(written)


@given(st.binary(max_size=200))
def test_canonical_never_grows_nor_fails(written: bytes) -> None:
    """Undoing escapes works on any bytes."""
    assert len(canonical(written)) <= len(written)


def test_examples_are_invented_the_same_way_every_time() -> None:
    """A template is one text, for ever; unknown braces stand for themselves."""
    assert expand("{hex:8}") == expand("{hex:8}") != expand("{hex:8}{}")
    assert expand('{"a": {x}, "b": "{}c"}') == '{"a": {x}, "b": "c"}'
    assert len(expand("{uuid}")) == 36


@pytest.mark.usefixtures("kernel")
@given(st.lists(st.sampled_from([b"\n", b"ab", b"c" * 70000]), max_size=12), st.integers(0, 5), st.integers(0, 9))
def test_lines_are_counted_as_anyone_would(parts: list[bytes], lines: int, seed: int) -> None:
    """Line, column and surroundings agree with a naive count, across the blocks in which newlines are counted."""
    data = b"".join(parts)
    index = Lines(Chunk(data=data, origin=Origin("t", "p")))
    position = len(data) * seed // 9
    before = data[:position]
    assert index.place(position) == (before.count(b"\n") + 1, position - (before.rfind(b"\n") + 1) + 1)
    assert index.column(position) == index.place(position)[1] - 1
    begin, end = index.around(position, lines, 10**6)
    assert begin <= position <= end <= len(data)
    assert data[begin:position].count(b"\n") <= lines + 1
    assert data[position:end].count(b"\n") <= lines + 1


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("productionDatabaseCredentials2", 4.0, 30.0),
        ("bert-base-uncased-finetuned", 3.5, 30.0),
        ("HTTPServerRequestHandler", 4.0, 30.0),
        ("{alnum:32}", 1.0, 1.75),
        ("{lowalnum:40}", 1.0, 1.75),
        ("{base64url:64}", 1.0, 1.75),
        ("2024", 2.0, 2.0),
    ],
)
def test_words_take_few_pieces_and_chance_takes_many(text: str, least: float, most: float) -> None:
    """A vocabulary compresses what people name, and not what a generator made."""
    assert least <= efficiency(expand(text).encode()) <= most


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", 0),
        ("ABc", 3),
        ("Ab", 1),
        ("__a", 2),
        ("HTTPServerRequestHandler", 4),
        ("XMLHttpRequest2Id", 5),
        ("x86_64-linux-gnu", 5),
    ],
)
def test_a_text_is_cut_where_another_kind_of_letter_begins(text: str, pieces: int) -> None:
    """The last of several capitals begins the next word."""
    assert len(text) == pieces * efficiency(text.encode())


@pytest.mark.parametrize("at", [0, 7, 20])
@pytest.mark.parametrize("letter", ["q", "7", "+"])
def test_a_character_five_times_in_a_row_is_a_mask(letter: str, at: int) -> None:
    """Wherever it stands; but for the letter A, which is what base64 makes of zeros."""
    value = expand("{base64:20}")
    row = [value[:at] + part + value[at:] for part in (letter * 5, "A" * 5)]
    assert [looks_random(one.encode()) for one in row] == [False, True]


@pytest.mark.parametrize(
    "template", ["{lowalnum:20}", "{lower:24}", "{upper:24}", "{alnum:14}", "{alnum:10}={alnum:10}"]
)
def test_chance_is_seen_without_digits_and_in_few_characters(template: str) -> None:
    """Nine in ten values of one kind of letter, and short ones, pass as random."""
    assert sum(looks_random(expand(template + "{}" * n).encode()) for n in range(60)) >= 50


def test_a_uuid_counts_only_where_it_is_asked_for() -> None:
    """Names of secrets admit a UUID; the one of the documentation and those of one digit are nobody's."""
    uuid = expand("{uuid}").encode()
    assert looks_generated(uuid)
    assert not looks_random(uuid)
    assert not looks_generated(b"123e4567-e89b-12d3-a456-426614174000")
    assert not looks_generated(b"00000000-0000-0000-0000-000000000001")
    assert not looks_generated(b"7d3c9a52-cd03-11ec-9d64-0242ac120002")  # version 1: a time and a machine


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{hex:32}", id="hexadecimal"),
        pytest.param("12345678" + "90abcdef" * 3, id="a-series-somebody-typed-in"),
        pytest.param("abcdefgh" + "ijklmnop1234", id="the-alphabet-in-a-row"),
        pytest.param("{uuid}", id="uuid"),
        pytest.param("{hex:32}.{alnum:24}", id="parts-joined-by-a-dot"),
        pytest.param("kx" + "qz" * 6 + "vwjp" * 3, id="letters-alone"),
    ],
)
def test_behind_an_issuers_name_less_is_asked_of_a_token(template: str) -> None:
    """Where the pattern names the issuer, a series or letters alone may be a key."""
    assert looks_like_token(expand(template).encode())


@pytest.mark.parametrize(
    "value",
    [
        "YW5vdGhlciB0b2tlbiBvZiBwYWdlcw==",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
        "1TDXXXXXX7K84HOVZXK5BQ9m2",
        "sha256:q7hXtLwZ9kq7hXtLwZ9kA1b2",
        "VS%0.f0COMNTOOLS7q",
        "abcd1234abcd1234abcd",
        "0987654321fedcba0987",
    ],
)
def test_what_only_resembles_chance_is_known(value: str) -> None:
    """Encoded words, heads of web tokens, masks, digests, formats and series are no secrets."""
    assert not looks_random(value.encode())


@pytest.mark.parametrize(
    "value",
    [
        "aws_client.v2.session",
        "refresh-token-for-production",
        "authenticationService2",
        "2023-04-01T00:00:00",
        "a1b2c3d4" + "x" * 8,
        "your-token-goes-here",
        "productionDatabaseConnectionManager",
        "getToken(request)",
    ],
)
def test_behind_an_issuers_name_a_word_is_still_no_token(value: str) -> None:
    """Names, paths, dates, placeholders and runs of one character are no keys, whoever is named beside them."""
    assert not looks_like_token(value.encode())


@pytest.mark.parametrize(
    "text", ["example of a value", "<your password>", "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"]
)
def test_base64_of_what_is_no_secret(text: str) -> None:
    """What a placeholder is encoded to is one as well, under a random name or in a Kubernetes Secret."""
    value = base64.b64encode(text.encode())
    assert not stands_for_secret(value)
    assert not looks_random(value)


def test_two_series_that_take_turns() -> None:
    """As one types for want of a real value; in what chance made they do not."""
    assert takes_turns(b"a1b2c3d4e5f6")
    assert not takes_turns(expand("{alnum:32}").encode())


def test_base64_of_what_may_be_one() -> None:
    """What decodes to something else, or to nothing, is left to the rule; the bare head of a web token is not."""
    assert stands_for_secret(base64.b64encode(expand("{alnum:20}").encode()))
    assert stands_for_secret(b"not base64, surely!")
    assert not stands_for_secret(b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXV")
    assert not stands_for_secret(b"xxxxxxxxxxxx")


@pytest.mark.parametrize("ending", ["png", "min.css", "html"])
def test_a_file_is_no_secret(ending: str) -> None:
    """A digest in the name of a picture or a bundle."""
    name = expand("logo-{hex:32}.").encode() + ending.encode()
    assert not looks_random(name)
    assert not looks_like_token(name)
