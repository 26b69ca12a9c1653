"""What Vault holds beside KV v2: KV v1 by names, tokens and secret-ids by accessor, the AWS engine; never a value."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.collect.inventory.described import Describer
from keywatch.collect.inventory.named import NamePattern
from keywatch.collect.inventory.vault_approle import VaultSecretIds
from keywatch.collect.inventory.vault_aws import VaultAwsKeys
from keywatch.collect.inventory.vault_kv1 import VaultKv1Keys
from keywatch.collect.inventory.vault_tokens import VaultTokens
from keywatch.collect.vault import VaultAccess
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceDenied, SourceUnreachable
from keywatch.model.key import HandleSpace, Key, KeyKind, KeyStatus
from keywatch.model.secret import Secret
from keywatch.model.source import Json, KeySource, Skipped

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MOUNTS = 'path "sys/mounts" { capabilities = ["read"] }\npath "sys/auth" { capabilities = ["read"] }\n'
OLD = MOUNTS + 'path "old/*" { capabilities = ["list"] }'
TOKENS = """
path "auth/token/accessors" { capabilities = ["list", "sudo"] }
path "auth/token/lookup-accessor" { capabilities = ["update"] }
path "identity/entity/id/*" { capabilities = ["read"] }
"""
APPROLE = (
    MOUNTS
    + """
path "auth/approle/role" { capabilities = ["list"] }
path "auth/approle/role/" { capabilities = ["list"] }
path "auth/approle/role/+/secret-id/" { capabilities = ["list"] }
path "auth/approle/role/+/secret-id-accessor/lookup" { capabilities = ["update"] }
path "identity/entity/id/" { capabilities = ["list"] }
path "identity/entity/id/*" { capabilities = ["read"] }
"""
)
AWS = (
    MOUNTS
    + """
path "aws/config/root" { capabilities = ["read"] }
path "aws/roles/*" { capabilities = ["list", "read"] }
path "aws/static-roles/*" { capabilities = ["list", "read"] }
"""
)
KEY_ID = "AKIA" + "KEYWATCHTEST" + "AAAA"


@pytest.fixture
def vault() -> Iterator[VaultServer]:
    with VaultServer(now=lambda: NOW) as server:
        yield server


@pytest.fixture
def admin(vault: VaultServer) -> VaultAdmin:
    return VaultAdmin(vault.url, vault.token)


def door(vault: VaultServer, policy: str) -> tuple[VaultAccess, Secret]:
    """Access and a token with that policy; the record of requests starts with it."""
    admin = VaultAdmin(vault.url, vault.token)
    admin.policy("keywatch", policy)
    token = Secret(admin.new_token("keywatch").encode())
    vault.requests.clear()
    return VaultAccess(url=vault.url, timeout=5), token


def kv1(vault: VaultServer, policy: str = OLD, describer: Describer | None = None) -> VaultKv1Keys:
    return VaultKv1Keys("prod", *door(vault, policy), describer=describer)


def tokens(vault: VaultServer, policy: str = TOKENS, most: int = 100) -> VaultTokens:
    return VaultTokens("prod", *door(vault, policy), now=lambda: NOW, most=most)


def secret_ids(vault: VaultServer, policy: str = APPROLE) -> VaultSecretIds:
    return VaultSecretIds("prod", *door(vault, policy), now=lambda: NOW)


def aws(vault: VaultServer, policy: str = AWS) -> VaultAwsKeys:
    return VaultAwsKeys("prod", *door(vault, policy))


def read(source: KeySource) -> tuple[list[Key], list[Skipped]]:
    items = list(source.keys())
    return [item for item in items if isinstance(item, Key)], [item for item in items if isinstance(item, Skipped)]


# ---- KV v1 ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def old(vault: VaultServer, admin: VaultAdmin) -> VaultServer:
    """A KV v1 mount with two secrets, beside a KV v2 mount."""
    admin.mount("old", version=1)
    admin.mount("kv")
    for path in ("mws/A1EXAMPLE", "plain"):
        admin.ask("POST", f"old/{path}", {"value": "canary"})
    return vault


def test_kv1_is_known_by_names_alone(old: VaultServer) -> None:
    """Names make keys, and nothing but LIST is ever asked of the mount: there GET is the value."""
    pattern = NamePattern("old/mws/{seller}", KeyKind.MWS_KEY)
    source = kv1(old, describer=Describer(patterns=[pattern], everything=True))
    keys, skipped = read(source)
    assert [("old/plain", KeyKind.OTHER, None), ("old/mws/A1EXAMPLE", KeyKind.MWS_KEY, "A1EXAMPLE")] == [
        (key.name, key.kind, key.seller) for key in keys
    ]
    assert ("prod/old/plain", []) == (keys[0].handles[0].value, skipped)
    assert ["sys/health", "list old/"] == list(source.check())
    assert {"LIST"} == {verb for verb, path in old.requests if path.startswith("old")}


def test_ten_thousand_names_in_a_deep_tree(old: VaultServer) -> None:
    """A large and deep tree is walked whole, a request a folder."""
    entry = old.mounts["old/"].entries["plain"]
    old.mounts["old/"].entries.clear()
    for number in range(10_000):
        folder = "/".join(f"level{level}" for level in range(number % 15))
        old.mounts["old/"].entries[f"{folder}/secret{number}".lstrip("/")] = entry
    keys, skipped = read(kv1(old))
    assert (10_000, []) == (len({key.id for key in keys}), skipped)


# ---- Tokens --------------------------------------------------------------------------------------------------------


def make(admin: VaultAdmin, **body: Json) -> str:
    answer = admin.ask("POST", "auth/token/create", {"policies": ["default"], **body})
    return str(answer["auth"]["client_token"])  # type: ignore[call-overload,index]


def test_tokens_that_live_long_are_keys(vault: VaultServer, admin: VaultAdmin) -> None:
    """Those that somebody keeps are keys with owner, age and end; those of a login, of hours, are not."""
    vault.now = lambda: NOW - 40 * DAY
    make(admin, ttl="720h", display_name="ended")
    vault.now = lambda: NOW - 10 * DAY
    make(admin, ttl="2160h", display_name="ci", meta={"owner": "build", "application": "orders"})
    make(admin, ttl="1h", period="24h", display_name="periodic")
    make(admin, ttl="1h", display_name="short")
    keys, skipped = read(tokens(vault))
    found = {key.name.rpartition(" ")[0]: key for key in keys}
    assert ({"token-ended", "token-ci", "token-periodic"}, []) == (set(found), skipped)
    ci = found["token-ci"]
    assert (KeyKind.VAULT_TOKEN, "build", "orders", NOW - 10 * DAY) == (
        ci.kind,
        ci.owner,
        ci.application,
        ci.created_at.replace(microsecond=0) if ci.created_at else None,
    )
    assert [KeyStatus.EXPIRED, KeyStatus.ACTIVE] == [found["token-ended"].status, ci.status]


def test_no_accessor_is_kept(vault: VaultServer, admin: VaultAdmin) -> None:
    """An accessor can revoke its token: only a digest of it is in the inventory, and what is skipped names none."""
    make(admin, ttl="2160h")
    [key], _ = read(tokens(vault))
    accessor = vault.rooms.tokens[0].accessor
    assert accessor not in repr(key)
    assert [HandleSpace.VAULT_ACCESSOR] == [handle.space for handle in key.handles]


def test_whose_token_it_is_the_entity_says(vault: VaultServer, admin: VaultAdmin) -> None:
    """A token's owner is what its entity's metadata says, else the entity's name; without the right nobody is."""
    entity = admin.ask("POST", "identity/entity", {"name": "orders", "metadata": {"team": "orders-team"}})["data"]
    assert isinstance(entity, dict)
    make(admin, ttl="2160h", entity_id=str(entity["id"]))
    assert ["orders-team"] == [key.owner for key in read(tokens(vault))[0]]
    without = TOKENS.replace("identity", "nothing")
    keys, skipped = read(tokens(vault, without))
    assert ([None], []) == ([key.owner for key in keys], skipped)


def test_one_that_ends_on_the_way_is_gone(vault: VaultServer, admin: VaultAdmin) -> None:
    """What ran out between the list and the look is no refusal, and costs the others nothing."""
    first, second = make(admin, ttl="2160h", display_name="a"), make(admin, ttl="2160h", display_name="b")
    walk = tokens(vault).keys()
    assert isinstance(next(walk), Key)
    VaultAdmin(vault.url, second).ask("POST", "auth/token/revoke-self", {})
    assert list(walk) == []
    assert first in vault.tokens


def test_more_tokens_than_wanted_are_counted(vault: VaultServer, admin: VaultAdmin) -> None:
    """The bound is said, so that the rest is not taken for gone."""
    for name in "abc":
        make(admin, ttl="2160h", display_name=name)
    keys, [skipped] = read(tokens(vault, most=2))
    assert (2, "tokens beyond the first 2") == (len(keys), skipped.what)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("", "LIST auth/token/accessors was refused"),
        (TOKENS.replace(', "sudo"', ""), "LIST auth/token/accessors was refused"),
        (TOKENS.replace('["update"]', '["deny"]'), "lookup-accessor was refused"),
    ],
)
def test_tokens_that_may_not_be_seen_are_not_none(
    vault: VaultServer, admin: VaultAdmin, policy: str, words: str
) -> None:
    """Without one of its rights the source fails, and `check` names the right."""
    make(admin, ttl="2160h")
    source = tokens(vault, policy)
    with pytest.raises(SourceDenied, match=words):
        read(source)
    assert [item for item in source.check() if isinstance(item, Skipped)]
    assert ["sys/health", "list auth/token/accessors", "update auth/token/lookup-accessor"] == [*tokens(vault).check()][
        :3
    ]


# ---- AppRole -------------------------------------------------------------------------------------------------------


@pytest.fixture
def approle(vault: VaultServer, admin: VaultAdmin) -> VaultServer:
    """An AppRole method with the roles orders (one secret-id) and billing (two)."""
    admin.ask("POST", "sys/auth/approle", {"type": "approle"})
    for role in ("orders", "billing"):
        admin.ask("POST", f"auth/approle/role/{role}", {"token_policies": ["default"]})
    admin.ask("POST", "auth/approle/role/orders/secret-id", {"metadata": {"owner": "orders-team"}})
    vault.now = lambda: NOW - 40 * DAY
    admin.ask("POST", "auth/approle/role/billing/secret-id", {"ttl": "720h"})
    admin.ask("POST", "auth/approle/role/billing/secret-id", {})
    return vault


def test_secret_ids_are_keys(approle: VaultServer, admin: VaultAdmin) -> None:
    """Each is one; the only one of its role is known by the role's login too; owners come from metadata or entities."""
    entity = admin.ask("POST", "identity/entity", {"name": "billing-service"})["data"]
    assert isinstance(entity, dict)
    alias = {"canonical_id": entity["id"], "mount_accessor": approle.rooms.auth["approle/"]["accessor"]}
    admin.ask("POST", "identity/entity-alias", {**alias, "name": "x", "metadata": {"role_name": "billing"}})
    source = secret_ids(approle)
    keys, skipped = read(source)
    assert [] == skipped
    orders, ended, endless = sorted(keys, key=lambda key: (key.owner != "orders-team", key.status != "expired"))
    assert ("vault-login:prod/auth/approle/orders", KeyStatus.ACTIVE, NOW) == (
        orders.id,
        orders.status,
        orders.created_at.replace(microsecond=0) if orders.created_at else None,
    )
    assert [("billing-service", KeyStatus.EXPIRED), ("billing-service", KeyStatus.ACTIVE)] == [
        (key.owner, key.status) for key in (ended, endless)
    ]
    assert [HandleSpace.VAULT_ACCESSOR] == [handle.space for handle in endless.handles]
    known = [accessor for ids in approle.rooms.secret_ids.values() for accessor in ids]
    assert not [accessor for accessor in known if accessor in repr(keys)]
    assert ["sys/health", "read sys/auth", "list auth/approle/role", "list auth/approle/role/+/secret-id"] == list(
        source.check()
    )
    assert not [path for _, path in approle.requests if path.endswith("/role-id")]


def test_a_role_that_is_refused_costs_the_others_nothing(approle: VaultServer) -> None:
    """What is denied of one role is named, and its secret-ids are not taken for gone."""
    denied = APPROLE + '\npath "auth/approle/role/billing/secret-id/" { capabilities = ["deny"] }'
    keys, [skipped] = read(secret_ids(approle, denied))
    assert (1, "auth/approle/role/billing/secret-id") == (len(keys), skipped.what)


# ---- The AWS engine ------------------------------------------------------------------------------------------------


@pytest.fixture
def engine(vault: VaultServer, admin: VaultAdmin) -> VaultServer:
    """An AWS secrets engine with a root key, a static role and a role."""
    admin.ask("POST", "sys/mounts/aws", {"type": "aws"})
    admin.ask("POST", "aws/config/root", {"access_key": KEY_ID, "secret_key": "canary", "region": "eu-west-1"})
    admin.ask("POST", "aws/static-roles/orders", {"name": "orders", "username": "spapi", "rotation_period": 86400})
    admin.ask("POST", "aws/roles/deploy", {"credential_types": ["iam_user"], "policy_arns": []})
    return vault


def test_the_aws_engine_shows_what_it_makes_keys_from(engine: VaultServer) -> None:
    """Root key by its id, static roles by user and period, roles by name; no credential is ever made or read."""
    source = aws(engine)
    keys, skipped = read(source)
    root, static, role = keys
    assert (f"aws-access-key-id:{KEY_ID}", KeyKind.AWS_ACCESS_KEY, []) == (root.id, root.kind, skipped)
    [keeping] = static.keeping
    assert (KeyKind.OTHER, "spapi", DAY) == (
        static.kind,
        keeping.user,
        keeping.rotation.every if keeping.rotation else None,
    )
    assert ("aws/roles/deploy", ("iam_user",)) == (role.name, role.keeping[0].fields)
    assert 6 == len([item for item in source.check() if isinstance(item, str)])
    assert [] == engine.rooms.minted
    assert not [path for _, path in engine.requests if path.startswith(("aws/creds", "aws/static-creds", "aws/sts"))]
    assert "canary" not in repr(keys)


def test_an_engine_without_a_key_of_its_own(engine: VaultServer) -> None:
    """Where Vault works with the role of its machine there is no root key, which is no error."""
    engine.rooms.documents["aws/config/root"] = {"region": "eu-west-1"}
    assert {"aws/static-roles/orders", "aws/roles/deploy"} == {key.name for key in read(aws(engine))[0]}


@pytest.mark.parametrize("what", ["config/root", "roles/*", "static-roles/*"])
def test_what_the_engine_refuses_is_said(engine: VaultServer, what: str) -> None:
    """Each right that is missing costs what it is for, is named by `check`, and lets nothing seem gone."""
    policy = "\n".join(line for line in AWS.splitlines() if f'"aws/{what}"' not in line)
    source = aws(engine, policy)
    keys, skipped = read(source)
    assert (2, 1) == (len(keys), len(skipped))
    assert [item for item in source.check() if isinstance(item, Skipped)]


# ---- All of them ---------------------------------------------------------------------------------------------------

_ALL: list[Callable[[VaultServer], KeySource]] = [kv1, tokens, secret_ids, aws]


@pytest.fixture
def full(old: VaultServer, approle: VaultServer, engine: VaultServer, admin: VaultAdmin) -> VaultServer:
    assert old is approle is engine
    for name in "abc":
        make(admin, ttl="2160h", display_name=name)
    return engine


@pytest.mark.parametrize("make_source", _ALL, ids=lambda one: one.__name__)
def test_sealed_on_the_way(full: VaultServer, make_source: Callable[[VaultServer], KeySource]) -> None:
    """A Vault that is sealed in the middle is unreachable, not empty."""
    walk = make_source(full).keys()
    next(walk)
    full.seal()
    with pytest.raises(SourceUnreachable, match="sealed"):
        list(walk)


@pytest.mark.parametrize("make_source", _ALL, ids=lambda one: one.__name__)
def test_the_token_dies_on_the_way(full: VaultServer, make_source: Callable[[VaultServer], KeySource]) -> None:
    """What a dead token is not shown has not vanished: the run fails."""
    full.mounts["old/"].entries["folder/x"] = full.mounts["old/"].entries["plain"]
    source = make_source(full)
    mine = list(full.tokens)[-1]
    walk = source.keys()
    next(walk)
    del full.tokens[mine]
    with pytest.raises(SourceDenied):
        list(walk)


@pytest.mark.parametrize("make_source", _ALL, ids=lambda one: one.__name__)
@pytest.mark.parametrize(("health", "words"), [(429, "standby"), (501, "initialised"), (503, "sealed")])
def test_states(full: VaultServer, make_source: Callable[[VaultServer], KeySource], health: int, words: str) -> None:
    """Each source says why Vault does not serve it, and `check` says the same without raising."""
    source = make_source(full)
    full.health = health
    with pytest.raises(SourceUnreachable, match=words):
        list(source.keys())
    [missing] = source.check()
    assert isinstance(missing, Skipped)
    assert words in missing.why


@pytest.mark.parametrize("make_source", _ALL, ids=lambda one: one.__name__)
def test_a_quota_is_waited_out(full: VaultServer, make_source: Callable[[VaultServer], KeySource]) -> None:
    """A 429 beside health is a quota: the source asks again and reads on."""
    source = make_source(full)
    whole = read(source)
    full.faults = [429, 502]
    assert whole == read(source)
