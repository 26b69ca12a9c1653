"""What is kept of a value: enough to find it, nothing to learn it from, and nothing at all where that would not do."""

import base64
import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.detect.sealing import LEFT_UNKNOWN, LONGEST_ANCHOR, LONGEST_VALUE, SHORTEST_ANCHOR, opened, sealed
from keywatch.model.known_secret import KnownSecret, Refused
from keywatch.model.secret import Pepper, Secret

PEPPER, OTHER = Pepper(bytes(32)), Pepper(b"\1" * 32)


def invented(name: str, size: int = 40) -> bytes:
    """Return a value that looks random, the same for the same name."""
    stream = b"".join(hashlib.sha256(f"EXAMPLE {name} {n}".encode()).digest() for n in range(size // 32 + 1))
    return base64.b64encode(stream)[:size]


def kept(value: bytes, pepper: Pepper = PEPPER) -> KnownSecret:
    """Return what is kept of a value that is not refused."""
    known = sealed(Secret(value), pepper)
    assert isinstance(known, KnownSecret)
    return known


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(invented("aws"), id="an-aws-secret"),
        pytest.param(hashlib.sha256(b"EXAMPLE").hexdigest().encode(), id="hexadecimal"),
        pytest.param(base64.b32encode(hashlib.sha256(b"EXAMPLE").digest()), id="base32"),
        pytest.param(str(uuid.UUID(bytes=hashlib.sha256(b"EXAMPLE").digest()[:16])).encode(), id="a-uuid"),
        pytest.param(b"Atzr|IwEB" + invented("token", 360), id="a-token-with-a-common-beginning"),
        pytest.param(b"postgres://app:" + invented("pw", 24) + b"@db.example:5432/orders", id="a-url-with-a-password"),
        pytest.param(b"https://hooks.example/services/" + invented("hook", 24), id="a-secret-url"),
        pytest.param(invented("short", 18), id="a-password"),
    ],
)
def test_an_anchor_comes_from_inside_its_value(value: bytes) -> None:
    """It is where it says it is, and it leaves enough unknown."""
    anchor = opened(kept(value), PEPPER)
    assert anchor is not None
    assert value[anchor.offset :].startswith(anchor.text)
    assert anchor.length == len(value)
    assert SHORTEST_ANCHOR <= len(anchor.text) <= LONGEST_ANCHOR
    assert (len(value) - len(anchor.text)) * 6 >= LEFT_UNKNOWN


def test_an_anchor_avoids_what_values_of_a_kind_share() -> None:
    """Not the beginning that all tokens have, not the words of a URL, not what is written as an escape."""
    for n in range(50):
        secret = invented(f"url {n}", 24)
        url = b"postgres://application:" + secret + b"@database.example:5432/orders?sslmode=require"
        anchor = opened(kept(url), PEPPER)
        assert anchor is not None
        assert anchor.text in secret
        assert not set(anchor.text) & set(b"+/=|")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param(b"", "too short", id="empty"),
        pytest.param(b"hunter2", "too short", id="short"),
        pytest.param(invented("s", 12), "too short", id="an-anchor-would-tell-too-much"),
        pytest.param(b"xy" * 20, "may stand anywhere", id="repeated"),
        pytest.param(b"your-client-secret-goes-here-please", "may stand anywhere", id="a-placeholder"),
        pytest.param(b"production-database-of-the-orders-team", "may stand anywhere", id="words"),
        pytest.param(b"the quick brown fox jumps over the lazy dog, twice", "may stand anywhere", id="a-sentence"),
        pytest.param(b"2026-01-01T00:00:00.000Z/2026-12-31T23:59:59.999Z", "may stand anywhere", id="a-date"),
        pytest.param(b"arn:aws:iam::111122223333:user/orders/AbC12dEf34GhI", "may stand anywhere", id="an-arn"),
        pytest.param(b"AKIA" + b"ABCDEFGHIJKLMN23", "may stand anywhere", id="an-access-key-id"),
        pytest.param(b"amzn1.application-oa2-client." + b"0f" * 16, "may stand anywhere", id="a-client-id"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\n" + invented("x", 900), "may stand anywhere", id="a-certificate"),
        pytest.param(b"ssh-ed25519 AAAAC3" + invented("x", 60), "may stand anywhere", id="a-public-key"),
        pytest.param(invented("long", LONGEST_VALUE + 1), "longer than", id="longer-than-chunks-overlap"),
    ],
)
def test_a_value_that_is_guessed_or_common_is_refused(value: bytes, why: str) -> None:
    """With a reason that says nothing of the value."""
    refused = sealed(Secret(value), PEPPER)
    assert isinstance(refused, Refused)
    assert why in refused.why


def test_sealing_is_the_same_each_time_and_of_one_length() -> None:
    """What is written of an inventory changes only with the inventory, and tells no value's length."""
    assert kept(invented("a")) == kept(invented("a"))
    assert {len(kept(invented("a", size)).sealed) for size in (24, 40, 400, 4000)} == {66}


def test_only_its_own_pepper_and_fingerprint_open_an_anchor() -> None:
    """Neither another installation's pepper, nor under another key's fingerprint, nor changed by a bit."""
    known, other = kept(invented("a")), kept(invented("b"))
    assert opened(known, OTHER) is None
    assert opened(KnownSecret(other.fingerprint, known.sealed), PEPPER) is None
    body = bytes.fromhex(known.sealed)
    for bit in range(len(body) * 8):
        flipped = (int.from_bytes(body, "big") ^ 1 << bit).to_bytes(len(body), "big")
        assert opened(KnownSecret(known.fingerprint, flipped.hex()), PEPPER) is None


@given(st.text())
def test_anything_else_in_its_place_opens_nothing(text: str) -> None:
    """A damaged file is no error."""
    assert opened(KnownSecret(kept(invented("a")).fingerprint, text), PEPPER) is None


@given(st.binary(), st.binary(), st.binary())
def test_what_is_sealed_is_unsealed(plaintext: bytes, about: bytes, other: bytes) -> None:
    """Under the same pepper and about the same thing, and not otherwise."""
    box = PEPPER.seal(plaintext, about)
    assert plaintext == PEPPER.unseal(box, about)
    assert len(box) == len(plaintext) + Pepper.TAG
    if other != about:
        assert PEPPER.unseal(box, other) is None


@given(st.binary(max_size=64))
def test_any_value_is_kept_or_refused_without_being_shown(value: bytes) -> None:
    """No value makes sealing fail, and nothing of five bytes or more shows in what is kept."""
    found = sealed(Secret(value), PEPPER)
    if isinstance(found, KnownSecret):
        anchor = opened(found, PEPPER)
        assert anchor is not None
        assert repr(anchor) == "Anchor()"
        assert value[anchor.offset : anchor.offset + len(anchor.text)] == anchor.text
