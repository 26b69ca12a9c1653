"""Declared keys: what a person wrote down, with the fingerprint of a value that only a callable knows."""

import hashlib
from datetime import UTC, datetime

from keywatch.collect.inventory.declared import DeclaredKey, DeclaredKeys
from keywatch.detect.sealing import sealed
from keywatch.model.errors import ConfigError
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Pepper, Secret
from keywatch.model.source import Skipped

PEPPER = Pepper(b"p" * 32)
VALUE = hashlib.sha256(b"EXAMPLE canary").hexdigest().encode()
CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2


def unreadable() -> Secret:
    raise ConfigError("env:ORDERS_SECRET is not set", hint="set it")


def missing() -> Secret:
    raise FileNotFoundError(2, "No such file or directory")


def test_a_declared_key_is_a_key() -> None:
    """Every declared name becomes a handle, the value its fingerprint, the line its location."""
    declared = DeclaredKey(
        name="orders-lwa",
        kind=KeyKind.LWA_CLIENT_SECRET,
        place="keywatch.toml:14",
        owner="ops",
        application="orders",
        client_id=CLIENT,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        vault=("prod/kv/orders/lwa",),
        aws=("arn:aws:secretsmanager:eu-west-1:111122223333:secret:lwa-aBcDeF",),
        secret=lambda: Secret(VALUE),
    )
    expected = Key(
        kind=KeyKind.LWA_CLIENT_SECRET,
        handles=(
            Handle(HandleSpace.LWA_CLIENT_ID, CLIENT),
            Handle(HandleSpace.APPLICATION, "orders"),
            Handle(HandleSpace.DECLARED, "orders-lwa"),
            Handle(HandleSpace.VAULT, "prod/kv/orders/lwa"),
            Handle(HandleSpace.AWS_ARN, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:lwa-aBcDeF"),
        ),
        name="orders-lwa",
        locations=(Location(SourceId("declared:config"), "keywatch.toml:14"),),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        owner="ops",
        application="orders",
        fingerprints=frozenset({PEPPER.fingerprint(Secret(VALUE))}),
        known=frozenset(known for known in [sealed(Secret(VALUE), PEPPER)] if isinstance(known, KnownSecret)),
    )
    assert len(expected.known) == 1
    assert [expected] == list(DeclaredKeys((declared,), pepper=PEPPER).keys())


def test_an_unreadable_value_costs_the_fingerprint_only() -> None:
    """A value that cannot be read, or is empty, is skipped by name, and the key is still there."""
    keys = tuple(
        DeclaredKey(name=name, kind=KeyKind.OTHER, place="keywatch.toml:1", secret=secret)
        for name, secret in {"a": unreadable, "b": missing, "c": lambda: Secret(b"")}.items()
    )
    items = list(DeclaredKeys(keys, pepper=PEPPER).keys())
    assert [item.name for item in items if isinstance(item, Key)] == ["a", "b", "c"]
    assert [
        Skipped("value of a", "env:ORDERS_SECRET is not set", "set it"),
        Skipped("value of b", "cannot be read: No such file or directory"),
        Skipped("value of c", "is empty", "check where the value comes from"),
    ] == [item for item in items if isinstance(item, Skipped)]


def test_check_reads_each_value() -> None:
    """`check` says which values can be read and which cannot, and says nothing of keys without one."""
    keys = (
        DeclaredKey(name="a", kind=KeyKind.OTHER, place="x", secret=lambda: Secret(VALUE)),
        DeclaredKey(name="b", kind=KeyKind.OTHER, place="x", secret=unreadable),
        DeclaredKey(name="c", kind=KeyKind.OTHER, place="x"),
        DeclaredKey(name="d", kind=KeyKind.OTHER, place="x", secret=lambda: Secret(b"short")),
    )
    why = "it is too short or too plain: what is kept of it would help to guess it"
    expected = [
        "value of a",
        Skipped("value of b", "env:ORDERS_SECRET is not set", "set it"),
        f"value of d (it is found where a rule matches it only: {why})",
    ]
    assert expected == list(DeclaredKeys(keys, pepper=PEPPER).check())


def test_the_value_is_in_no_repr() -> None:
    """Neither the declaration nor the key shows the value."""
    declared = DeclaredKey(name="a", kind=KeyKind.OTHER, place="x", secret=lambda: Secret(VALUE))
    [key] = DeclaredKeys((declared,), pepper=PEPPER).keys()
    shown = f"{declared!r} {key!r}".encode()
    assert not any(VALUE[at : at + 5] in shown for at in range(len(VALUE) - 4))


def test_a_value_that_may_stand_anywhere_has_a_fingerprint_only() -> None:
    """A placeholder in the place of a value must not be found in every manual."""
    declared = DeclaredKey(
        name="a", kind=KeyKind.OTHER, place="x", secret=lambda: Secret(b"your-client-secret-goes-here")
    )
    [key] = DeclaredKeys((declared,), pepper=PEPPER).keys()
    assert isinstance(key, Key)
    assert (len(key.fingerprints), key.known) == (1, frozenset())
