"""Whose secret it is, decided offline."""

import pytest

from keywatch.detect.known import KnownKeys, aws_account
from keywatch.model.finding import Ownership
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.secret import Fingerprint

# The pair of id and account is published in the article the decoding is described in.
PUBLIC_ID, PUBLIC_ACCOUNT = "ASIA" + "Y34FZKBOKMUTVV7A", "609629065308"
OURS = Fingerprint("a" * 64)
OTHER = Fingerprint("b" * 64)


def handle(value: str, space: HandleSpace = HandleSpace.AWS_ACCESS_KEY_ID) -> Handle:
    """Return a handle, of an AWS key unless told otherwise."""
    return Handle(space, value)


KEY = Key(
    kind=KeyKind.AWS_ACCESS_KEY,
    handles=(handle("AKIA" + "A" * 16),),
    name="orders",
    locations=(Location(SourceId("aws-iam:prod"), "arn"),),
    fingerprints=frozenset({OURS}),
)


@pytest.mark.parametrize(
    ("access_key_id", "account"),
    [
        pytest.param(PUBLIC_ID, PUBLIC_ACCOUNT, id="published-example"),
        pytest.param("AKIA" + "I" * 16, None, id="older-than-the-scheme"),
        pytest.param("AROA" + "Y34FZKBOKMUTVV7A", None, id="a-role"),
        pytest.param("AKIA" + "1" * 16, None, id="not-base32"),
        pytest.param("AKIA", None, id="too-short"),
        pytest.param("AKIA" + "7" * 16, None, id="no-such-account"),
    ],
)
def test_an_access_key_id_names_its_account(access_key_id: str, account: str | None) -> None:
    """The account is in the id, unless the id is older than that or none at all."""
    assert account == aws_account(access_key_id)


def test_an_equal_fingerprint_is_our_key() -> None:
    """A value we hold is ours and names its key."""
    assert KnownKeys([KEY]).identify(OURS, ()) == (KEY.id, Ownership.OURS)


def test_a_shared_handle_is_our_key() -> None:
    """A public name we know is ours even if we never saw the value."""
    assert KnownKeys([KEY]).identify(OTHER, KEY.handles) == (KEY.id, Ownership.OURS)


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        pytest.param(frozenset[str](), Ownership.UNKNOWN, id="no-accounts-known"),
        pytest.param(frozenset({PUBLIC_ACCOUNT}), Ownership.OURS, id="our-account"),
        pytest.param(frozenset({"111122223333"}), Ownership.FOREIGN, id="another-account"),
    ],
)
def test_the_account_decides_where_we_know_ours(accounts: frozenset[str], expected: Ownership) -> None:
    """An unknown key of our account is ours, of another one foreign."""
    assert KnownKeys([], accounts=accounts).identify(OTHER, (handle(PUBLIC_ID),)) == (None, expected)


def test_without_evidence_nobody_knows() -> None:
    """No name, no equal value: unknown, even when we know our accounts."""
    known = KnownKeys([KEY], accounts=frozenset({"111122223333"}))
    assert known.identify(OTHER, (handle("x", HandleSpace.LWA_CLIENT_ID),)) == (None, Ownership.UNKNOWN)


def test_what_a_seller_sent_is_foreign_unless_ours() -> None:
    """Findings of the seller rules belong to the seller, but for a key we hold."""
    known = KnownKeys([KEY])
    assert known.ownership_of("seller", OTHER, ()) == (None, Ownership.FOREIGN)
    assert known.ownership_of("seller", OURS, ()) == (KEY.id, Ownership.OURS)
    assert known.ownership_of("aws", OTHER, ()) == (None, Ownership.UNKNOWN)


def test_the_hash_follows_the_inventory() -> None:
    """Other keys or accounts may give other answers, so they give another hash."""
    hashes = {KnownKeys([]).hash, KnownKeys([KEY]).hash, KnownKeys([KEY], accounts=frozenset({"1"})).hash}
    assert len(hashes) == 3
    assert KnownKeys([KEY]).hash == KnownKeys([KEY]).hash
