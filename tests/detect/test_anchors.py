"""Values we hold are found wherever they stand, exactly once and by name; nothing else ever is."""

import base64
import hashlib
import json
import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.detect.anchors import Anchors
from keywatch.detect.engine import Detector
from keywatch.detect.known import KnownKeys
from keywatch.detect.known_rules import KNOWN_SECRET
from keywatch.detect.rules import RuleSet, packaged
from keywatch.detect.sealing import opened, sealed
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import Confidence, Match, Ownership, Severity
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Pepper, Secret

PEPPER = Pepper(bytes(32))
DETECTOR, BARE = Detector(packaged()), Detector(RuleSet(rules=()))
ALPHABETS = {
    "hexadecimal": "0123456789abcdef",
    "base64": string.ascii_letters + string.digits + "+/",
    "base64url": string.ascii_letters + string.digits + "-_",
    "base32": string.ascii_uppercase + "234567",
    "password": string.ascii_letters + string.digits + "!#$%&*+,./:;<=>?@^_|~\\\"'",
}


def invented(name: str, alphabet: str = "base64", size: int = 40) -> str:
    """Return a value that looks random, the same for the same name."""
    letters, stream = ALPHABETS[alphabet], b""
    while len(stream) < size:
        stream += hashlib.sha256(f"EXAMPLE {name} {len(stream)}".encode()).digest()
    return "".join(letters[byte % len(letters)] for byte in stream[:size])


def key(name: str, value: str, kind: KeyKind = KeyKind.OTHER) -> Key:
    """Return a key of which a value was once shown to us."""
    known = sealed(Secret(value.encode()), PEPPER)
    return Key(
        kind=kind,
        handles=(Handle(HandleSpace.DECLARED, name),),
        name=name,
        locations=(),
        fingerprints=frozenset({PEPPER.fingerprint(Secret(value.encode()))}),
        known=frozenset({known}) if isinstance(known, KnownSecret) else frozenset(),
    )


def scan(data: bytes, *keys: Key, detector: Detector = BARE, **where: int) -> list[Match]:
    """Return what is found in `data` when these keys are held."""
    detector.known = Anchors(keys, PEPPER)
    try:
        return detector.scan(Chunk(data=data, origin=Origin(target="t", path="a/b.txt"), **where))  # type: ignore[arg-type]
    finally:
        detector.known = Anchors()


PLAIN = "plain"
WRITTEN: dict[str, Callable[[str], bytes]] = {
    PLAIN: lambda value: value.encode(),
    "in a URL": lambda value: b"?v=" + quote(value, safe="").encode() + b"&x=1",
    "in JSON": lambda value: json.dumps({"v": value}).replace("/", "\\/").encode(),
    "in JSON, with code points": lambda value: (
        '"' + "".join(c if c.isalnum() or c in "-_.~" else f"\\u{ord(c):04x}" for c in value) + '"'
    ).encode(),
    "in base64": lambda value: b"v: " + base64.b64encode(value.encode()),
    "in base64, further in": lambda value: b"v: " + base64.b64encode(f"ORDERS=1\nX={value}\nY=2\n".encode()),
    "in URL-safe base64": lambda value: b"v: " + base64.urlsafe_b64encode(f"O={value}".encode()).rstrip(b"="),
}


@given(
    number=st.integers(0, 10**6),
    alphabet=st.sampled_from(sorted(ALPHABETS)),
    size=st.integers(20, 600),
    before=st.binary(max_size=200),
    after=st.binary(max_size=200),
    written=st.sampled_from(sorted(WRITTEN)),
)
def test_a_value_is_found_once_whatever_it_is_and_wherever_it_stands(  # noqa: PLR0917 - drawn by name
    number: int, alphabet: str, size: int, before: bytes, after: bytes, written: str
) -> None:
    """Of any alphabet, between any bytes, in any common encoding: one match, its place, its key; unless refused."""
    value = invented(str(number), alphabet, size)
    held = key("orders", value)
    # Only in plain may any byte stand right beside it: what encodings make of their neighbours is theirs.
    gap = b"" if written == PLAIN else b" \n"
    text = WRITTEN[written](value)
    matches = scan(before + gap + text + gap + after, held, key("other", invented("another")))
    assert len(held.known) == len(matches)
    for match in matches:
        assert match.secret.reveal() == value.encode()
        begin = len(before + gap)
        assert begin <= match.offset < match.offset + match.length <= begin + len(text)
        known = KnownKeys([held])
        assert known.identify(PEPPER.fingerprint(match.secret), ()) == (held.id, Ownership.OURS)


@given(st.binary(max_size=400), st.integers(0, 63), st.integers(1, 255))
def test_a_value_with_one_other_byte_is_another_value(around: bytes, at: int, change: int) -> None:
    """An anchor alone is nothing: whatever differs from the value is not told."""
    value = invented("near miss", size=64)
    wrong = bytearray(value.encode())
    wrong[at] ^= change
    assert scan(around + bytes(wrong) + around, key("k", value)) == []


def test_a_match_says_what_it_is_and_where() -> None:
    """Line and column as for any other match; severity and words of the kind of key."""
    value = invented("place")
    (match,) = scan(f"one\ntwo = {value};\n".encode(), key("orders", value, KeyKind.LWA_CLIENT_SECRET), first_line=7)
    assert (match.line, match.column, match.end_line, match.end_column) == (8, 7, 8, 47)
    assert (match.rule.id, match.rule.category) == (KNOWN_SECRET, "lwa")
    assert (match.rule.severity, match.confidence) == (Severity.CRITICAL, Confidence.HIGH)
    assert value[4:] not in repr(match)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("password = '{}'", id="generic"),
        pytest.param("AWS_SECRET_ACCESS_KEY={}", id="of-its-issuer"),
        pytest.param("key,value\nAWS_SECRET_ACCESS_KEY,{}\n", id="apart"),
        pytest.param("https://user:{}@host.example/", id="in-a-url"),
    ],
)
def test_it_takes_the_place_of_what_a_rule_says(text: str) -> None:
    """One value in one place is one match, and being known says more than any shape."""
    value = invented("alnum", "base64").replace("+", "x").replace("/", "y")
    matches = scan(text.format(value).encode(), key("k", value), detector=DETECTOR)
    assert [(KNOWN_SECRET, value.encode())] == [(match.rule.id, match.secret.reveal()) for match in matches]


def test_it_keeps_the_public_name_that_a_rule_saw_beside_it() -> None:
    """An access key id found with the secret names the key, also when it comes in the next chunk."""
    value, name = invented("pair"), "AKIA" + "ABCDEFGHIJKLMN23"
    text = f"secret: {value}\nid: {name}\n".encode()
    (match,) = scan(text, key("k", value), detector=DETECTOR, overlap=len(value) + 9)
    assert (match.rule.id, [str(handle) for handle in match.handles]) == (KNOWN_SECRET, [f"aws-access-key-id:{name}"])


def test_comments_and_repeats_are_as_for_any_match() -> None:
    """A comment excuses it; what the chunk before has shown whole is not told again, what it has shown in part is."""
    value = invented("usual")
    held, text = key("k", value), f"x {value} and on".encode()
    assert scan(f"{value}  # keywatch:allow\n".encode(), held) == []
    assert scan(text, held, overlap=3 + len(value)) == []
    assert len(scan(text, held, overlap=2 + len(value))) == 1  # it ended with the chunk before, which may have left it


def test_a_value_inside_another_is_told_as_well() -> None:
    """A password is one key, the address that contains it another: both are ours and both have leaked."""
    inner = invented("inner", "base64url", 32)
    outer = f"postgres://app:{inner}@db.example/orders"
    matches = scan(f"url = {outer}".encode(), key("in", inner), key("out", outer))
    assert sorted(match.secret.reveal() for match in matches) == sorted([inner.encode(), outer.encode()])


def test_values_that_share_an_anchor_are_told_apart() -> None:
    """Values that differ only away from the anchor are each found, and each once."""
    stem = invented("stem", "hexadecimal", 48)
    values = [f"{n:04x}-{stem}" for n in range(20)]
    matches = scan("\n".join(values).encode(), *(key(f"k{n}", value) for n, value in enumerate(values)))
    assert values == [match.secret.reveal().decode() for match in matches]


def test_without_known_values_nothing_is_compiled() -> None:
    """No inventory, no cost."""
    anchors = Anchors([key("k", "short")], PEPPER)
    assert (len(anchors), bool(anchors.look(b"short " * 10))) == (0, False)
    assert "_compiled" not in vars(anchors)


def test_another_peppers_anchors_are_counted_and_left() -> None:
    """They cannot be opened, which somebody should hear of."""
    anchors = Anchors([key("k", invented("x"))], Pepper(b"\1" * 32))
    assert (len(anchors), anchors.unopened) == (0, 1)


def test_beyond_a_number_of_values_base64_is_not_looked_into() -> None:
    """Which keeps the start short; in plain all are found."""
    values = [invented(str(n), "base64url", 64) for n in range(101)]
    keys = [key(f"k{n}", value) for n, value in enumerate(values)]
    encoded = b"v: " + base64.b64encode(values[7].encode())
    for held, told in ((keys[:-1], True), (keys, False)):
        anchors = Anchors(held, PEPPER, most_in_base64=100)
        assert bool(anchors.look(encoded)) is told
        assert len(anchors.look("\n".join(values).encode()).found) == len(held)


def test_a_value_that_is_everywhere_is_cut_off_and_told() -> None:
    """A chunk of nothing but hits ends, and the scan says that it was not looked at whole."""
    value = invented("flood", "hexadecimal", 64)
    detector = Detector(RuleSet(rules=()))
    detector.known = Anchors([key("k", value)], PEPPER)
    anchor = opened(next(iter(key("k", value).known)), PEPPER)
    assert anchor is not None
    assert detector.scan(Chunk(anchor.text * 110_000, Origin("t", "p"))) == []
    assert detector.overruns[KNOWN_SECRET] == 1


def test_threads_share_what_is_looked_for() -> None:
    """Each thread has a scratch of its own; what is found is the same."""
    values = [invented(f"thread {n}") for n in range(50)]
    BARE.known = Anchors([key(f"k{n}", value) for n, value in enumerate(values)], PEPPER)
    chunks = [Chunk(f"x {value} y".encode(), Origin("t", "p")) for value in values * 4]
    with ThreadPoolExecutor(4) as pool:
        found = [match.secret.reveal().decode() for matches in pool.map(BARE.scan, chunks) for match in matches]
    assert found == values * 4
    BARE.known = Anchors()
