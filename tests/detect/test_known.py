"""Whose secret it is, decided offline."""

from dataclasses import replace

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


CLIENT, OTHER_CLIENT = (f"amzn1.application-oa2-client.{digit * 32}" for digit in "12")


def application(name: str, *, client: str | None = None, seller: str | None = None) -> Key:
    """Return the client secret of an application."""
    names = [handle(name, HandleSpace.APPLICATION)] + ([handle(client, HandleSpace.LWA_CLIENT_ID)] if client else [])
    return Key(kind=KeyKind.LWA_CLIENT_SECRET, handles=tuple(names), name=name, locations=(), seller=seller)


def test_another_client_id_is_foreign_where_we_know_all_of_ours() -> None:
    """A client id is ours or not; where an application of ours has none in the inventory, nobody can tell."""
    ours, found = application("orders", client=CLIENT), (handle(OTHER_CLIENT, HandleSpace.LWA_CLIENT_ID),)
    assert KnownKeys([ours]).identify(OTHER, ours.handles) == (ours.id, Ownership.OURS)
    assert KnownKeys([ours]).identify(OTHER, found) == (None, Ownership.FOREIGN)
    assert KnownKeys([ours, application("prices")]).identify(OTHER, found) == (None, Ownership.UNKNOWN)


def test_a_sellers_own_secret_is_foreign_though_we_hold_it() -> None:
    """What a seller must never have given to us is the seller's; a refresh token is meant for us."""
    theirs = application("shop", client=CLIENT, seller="A1SELLER")
    assert KnownKeys([theirs]).identify(OTHER, theirs.handles) == (theirs.id, Ownership.FOREIGN)
    token = replace(theirs, kind=KeyKind.LWA_REFRESH_TOKEN)
    assert KnownKeys([token]).identify(OTHER, token.handles) == (token.id, Ownership.OURS)


def test_an_access_key_of_our_account_is_ours_whichever_seller_it_serves() -> None:
    """The account says more than the name of a seller beside it."""
    served = replace(KEY, handles=(handle(PUBLIC_ID),), seller="A1SELLER")
    known = KnownKeys([served], accounts=frozenset({PUBLIC_ACCOUNT}))
    assert known.identify(OURS, ()) == (served.id, Ownership.OURS)
    assert KnownKeys([served]).identify(OURS, ()) == (served.id, Ownership.FOREIGN)
