"""One credential is one Key, however many places hold it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from keywatch.correlate import correlate
from keywatch.model.key import (
    Handle,
    HandleSpace,
    Keeping,
    Key,
    KeyKind,
    KeyStatus,
    Location,
    Rotation,
    SourceId,
)
from keywatch.model.secret import Pepper, Secret

MADE = datetime(2026, 1, 1, tzinfo=UTC)
STORED = datetime(2026, 2, 1, tzinfo=UTC)
AKIA = Handle(HandleSpace.AWS_ACCESS_KEY_ID, "AKIA" + "2" * 16)
VAULT = Handle(HandleSpace.VAULT, "prod/kv/orders/aws")
DECLARED = Handle(HandleSpace.DECLARED, "orders uploader")


def sighting(source: str, *handles: Handle, kind: KeyKind = KeyKind.OTHER, name: str = "x", **more: object) -> Key:
    return Key(kind=kind, handles=handles, name=name, locations=(Location(SourceId(source), name),), **more)  # type: ignore[arg-type]


def test_a_vault_entry_and_the_iam_key_it_holds_are_one_key_in_two_places() -> None:
    """A shared handle makes one Key with both Locations, under the strongest handle's name."""
    iam = sighting("aws-iam:prod", AKIA, kind=KeyKind.AWS_ACCESS_KEY, created_at=MADE, account="111122223333")
    vault = sighting("vault-kv2:prod", VAULT, AKIA, created_at=STORED, owner="orders")
    (key,) = correlate([vault, iam])
    assert f"aws-access-key-id:{AKIA.value}" == key.id
    assert (key.kind, key.owner, key.account) == (KeyKind.AWS_ACCESS_KEY, "orders", "111122223333")
    assert {"aws-iam:prod", "vault-kv2:prod"} == {location.source for location in key.locations}


def test_the_issuer_is_believed_about_dates_and_status_and_the_configuration_about_names() -> None:
    """A store knows when it was written to, not when the key was made."""
    iam = sighting(
        "aws-iam:prod", AKIA, kind=KeyKind.AWS_ACCESS_KEY, name="iam", created_at=MADE, status=KeyStatus.INACTIVE
    )
    vault = sighting("vault-kv2:prod", AKIA, VAULT, name="kv", created_at=STORED)
    declared = sighting("declared:config", VAULT, DECLARED, name="Orders uploader", owner="orders")
    (key,) = correlate([vault, declared, iam])
    assert (key.created_at, key.status, key.name) == (MADE, KeyStatus.INACTIVE, "Orders uploader")


def of_user(key: str, day: int, *, account: str = "111122223333", status: KeyStatus = KeyStatus.ACTIVE) -> Key:
    """An access key of the IAM user orders, made on that day of January."""
    return Key(
        kind=KeyKind.AWS_ACCESS_KEY,
        handles=(Handle(HandleSpace.AWS_ACCESS_KEY_ID, key),),
        name="orders",
        locations=(Location(SourceId("aws-iam:prod"), f"arn:aws:iam::{account}:user/apps/orders"),),
        created_at=datetime(2026, 1, day, tzinfo=UTC),
        status=status,
    )


def static_role() -> Key:
    """What Vault keeps a key for the user orders by."""
    place = Location(SourceId("vault-aws:prod"), "aws/static-roles/orders")
    keeping = Keeping(location=place, user="orders", rotation=Rotation(every=timedelta(days=1)))
    handle = Handle(HandleSpace.VAULT, "prod/aws/static-roles/orders")
    return Key(kind=KeyKind.OTHER, handles=(handle,), name=place.place, locations=(place,), keeping=(keeping,))


def test_a_static_role_is_a_place_of_its_users_newest_key() -> None:
    """Vault does not say which key it keeps; it made the newest one that is active, which then has two Locations."""
    old, new, off = of_user("AKIA" + "2" * 16, 1), of_user("AKIA" + "3" * 16, 5), of_user("AKIA" + "4" * 16, 9)
    found = correlate([old, new, replace(off, status=KeyStatus.INACTIVE), static_role()])
    assert {1: 1, 5: 2, 9: 1} == {key.created_at.day: len(key.locations) for key in found if key.created_at}
    assert ["orders"] == [keeping.user for key in found for keeping in key.keeping]


def test_a_static_role_of_a_user_in_two_accounts_or_in_none_stays_apart() -> None:
    """Nobody knows which user is meant, so nothing is claimed of any."""
    two = [of_user("AKIA" + "2" * 16, 1), of_user("AKIA" + "3" * 16, 5, account="444455556666")]
    assert [1, 1, 1] == [len(key.locations) for key in correlate([*two, static_role()])]
    assert ["aws/static-roles/orders"] == [key.name for key in correlate([static_role()])]


def test_two_kinds_under_one_application_stay_two_keys() -> None:
    """An application's client secret and a seller's token are never one credential."""
    app = Handle(HandleSpace.APPLICATION, "orders")
    secret = sighting("declared:config", app, kind=KeyKind.LWA_CLIENT_SECRET)
    token = sighting("declared:config", app, kind=KeyKind.LWA_REFRESH_TOKEN)
    assert sorted(key.kind for key in correlate([token, secret])) == [
        KeyKind.LWA_CLIENT_SECRET,
        KeyKind.LWA_REFRESH_TOKEN,
    ]


def test_a_third_sighting_can_show_that_two_keys_are_one() -> None:
    """Sightings without a common handle become one Key when a later one carries both handles."""
    first = sighting("vault-kv2:a", VAULT)
    second = sighting("declared:config", DECLARED)
    bridge = sighting("vault-kv2:b", VAULT, DECLARED)
    (key,) = correlate([first, second, bridge])
    assert (VAULT, DECLARED) in {key.handles, key.handles[::-1]}
    assert len(key.locations) == 3


def test_fingerprints_are_gathered_from_every_sighting() -> None:
    """Each place may know another version of the value."""
    pepper = Pepper(bytes(32))
    marks = [frozenset({pepper.fingerprint(Secret(text))}) for text in (b"one", b"two")]
    (key,) = correlate([sighting(f"vault-kv2:{n}", VAULT, fingerprints=mark) for n, mark in enumerate(marks)])
    assert marks[0] | marks[1] == key.fingerprints


handles = st.lists(
    st.sampled_from([Handle(HandleSpace.DECLARED, letter) for letter in "abcdef"]), min_size=1, max_size=3
)


@given(st.lists(handles, max_size=8), st.randoms())
def test_the_order_of_sightings_changes_nothing(groups: list[list[Handle]], random: object) -> None:
    """Sources answer in any order; the inventory is the same, and no two Keys of a kind share a handle."""
    sightings = [sighting(f"declared:{n}", *names) for n, names in enumerate(groups)]
    forward = correlate(sightings)
    random.shuffle(sightings)  # type: ignore[attr-defined]
    assert forward == correlate(sightings)
    claimed = [handle for key in forward for handle in key.handles]
    assert len(claimed) == len(set(claimed))


def test_a_store_that_deletes_its_copy_does_not_end_the_key() -> None:
    """Of stores, the one where the key is most alive is believed; the issuer's own word counts more than theirs."""
    app = Handle(HandleSpace.APPLICATION, "orders")
    deleted = sighting("aws-secrets:prod", app, status=KeyStatus.INACTIVE)
    kept = sighting("vault-kv2:prod", app, status=KeyStatus.ACTIVE)
    unsure = sighting("aws-iam:prod", app, status=KeyStatus.UNKNOWN)
    off = sighting("aws-iam:prod", app, status=KeyStatus.INACTIVE)
    assert KeyStatus.ACTIVE is correlate([deleted, kept, unsure])[0].status
    assert KeyStatus.UNKNOWN is correlate([deleted, unsure])[0].status
    assert KeyStatus.INACTIVE is correlate([deleted])[0].status
    assert KeyStatus.INACTIVE is correlate([kept, off])[0].status


def test_how_each_place_keeps_a_key_is_gathered() -> None:
    """One word for each place that says more than that it has the key."""
    arns = [Handle(HandleSpace.AWS_ARN, f"arn:{name}") for name in "ab"]
    places = [Location(SourceId(f"aws-parameters:{name}"), name) for name in "ab"]
    words = [Keeping(location=places[0], clear=True), Keeping(location=places[1], rotation=Rotation(due_at=MADE))]
    sightings = [
        Key(kind=KeyKind.OTHER, handles=(AKIA, arn), name="x", locations=(place,), keeping=(word,))
        for arn, place, word in zip(arns, places, words, strict=True)
    ]
    (key,) = correlate([*reversed(sightings), sighting("vault-kv2:prod", AKIA)])
    assert tuple(words) == key.keeping


def token(source: str, *handles: Handle, region: str | None = None, **more: object) -> Key:
    given = Handle(HandleSpace.AUTHORISATION, "orders/A2EXAMPLE")
    return sighting(
        source,
        given,
        *handles,
        kind=KeyKind.LWA_REFRESH_TOKEN,
        application="orders",
        seller="A2EXAMPLE",
        region=region,
        **more,  # type: ignore[arg-type]
    )


def test_one_sellers_tokens_for_two_regions_are_two_keys() -> None:
    """Each region has an authorisation of its own; what names a region joins it, and what names none is by itself."""
    keys = correlate(
        [
            token("declared:applications", VAULT, region="eu", name="eu"),
            token("declared:applications", region="na", name="na"),
            token("vault-kv2:prod", VAULT, region="eu-west-1", name="kv"),
            token("aws-secrets:prod", name="somewhere"),
        ]
    )
    assert [(key.id, len(key.locations)) for key in keys] == [
        ("authorisation:orders/A2EXAMPLE", 1),
        ("authorisation:orders/A2EXAMPLE/eu", 2),
        ("authorisation:orders/A2EXAMPLE/na", 1),
    ]


def test_a_sellers_token_for_one_region_is_one_key_wherever_the_region_is_left_out() -> None:
    """Most sellers have one, and the store rarely says for which region."""
    (key,) = correlate([token("declared:applications", region="eu", name="x"), token("vault-kv2:prod", name="y")])
    assert (key.id, key.region, len(key.locations)) == ("authorisation:orders/A2EXAMPLE", "eu", 2)


def test_whoever_says_when_a_key_ends_is_believed() -> None:
    """A date of its own counts more than its age does."""
    ends = datetime(2026, 12, 24, tzinfo=UTC)
    (key,) = correlate([token("declared:applications", name="x", expires_at=ends), token("vault-kv2:prod", name="y")])
    assert key.expires_at == ends
