"""
What the sources beside KV v2's metadata rely on in Vault's HTTP API, asked of the stand-in and of a real server.

`VAULT_ADDR` and `VAULT_TOKEN` (of a server that may be written to: `bao server -dev`) name the real one.
"""

import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError

import pytest

from keywatch.alerts.readers import ReadersOf
from keywatch.collect.inventory.vault_approle import VaultSecretIds
from keywatch.collect.inventory.vault_kv1 import VaultKv1Keys
from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys
from keywatch.collect.inventory.vault_policy import rules_of
from keywatch.collect.inventory.vault_readers import VaultReaders
from keywatch.collect.inventory.vault_tokens import VaultTokens
from keywatch.collect.vault import VaultAccess
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.access import Access, AccessPolicy, Holder
from keywatch.model.key import Gone, Key, KeyStatus
from keywatch.model.secret import Secret
from keywatch.model.source import AccessSource, Json, KeySource, Skipped

# Read at import: the tests' own environment is emptied of everything that could reach something real.
_REAL = (os.environ.get("VAULT_ADDR"), os.environ.get("VAULT_TOKEN"))
POLICY = (Path(__file__).parents[2] / "config/vault/inventory.hcl").read_text("utf-8")


@dataclass
class World:
    """A Vault with names of its own, so that a real one may be used by others too."""

    url: str
    root: str
    real: bool
    mark: str

    @property
    def admin(self) -> VaultAdmin:
        return VaultAdmin(self.url, self.root)

    @property
    def access(self) -> VaultAccess:
        return VaultAccess(url=self.url, timeout=10)

    def door(self, policy: str) -> tuple[VaultAccess, Secret]:
        self.admin.policy(self.mark, policy)
        return self.access, Secret(self.admin.new_token(self.mark).encode())

    def mount(self) -> None:
        """Mount KV v2, and wait until it is ready: a real one refuses everything for a moment."""
        self.admin.mount(self.mark)
        for _ in range(100):
            try:
                self.admin.write(self.mark, "first", {"value": "x"})
            except HTTPError as error:
                error.close()
                if error.code != 400:
                    raise
                time.sleep(0.1)
            else:
                self.admin.ask("DELETE", f"{self.mark}/metadata/first")
                return

    def ask(self, verb: str, path: str, body: Json = None) -> dict[str, Json]:
        answer = self.admin.ask(verb, path, body)
        found = answer.get("data")
        return found if isinstance(found, dict) else {}


@pytest.fixture(params=["stand-in", "real"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    url, token = _REAL
    mark = f"keywatch-{secrets.token_hex(4)}"
    if request.param == "stand-in":
        with VaultServer() as stand_in:
            yield World(stand_in.url, stand_in.token, real=False, mark=mark)
        return
    if not url or not token:
        pytest.skip("no VAULT_ADDR and VAULT_TOKEN")
    world = World(url.rstrip("/"), token, real=True, mark=mark)
    yield world
    for path in (f"sys/mounts/{mark}", f"sys/auth/{mark}", f"sys/auth/{mark}-users", f"sys/policies/acl/{mark}"):
        world.admin.ask("DELETE", path)


def read(source: KeySource) -> tuple[list[Key], list[Skipped]]:
    items = list(source.keys())
    return [item for item in items if isinstance(item, Key)], [item for item in items if isinstance(item, Skipped)]


def now() -> datetime:
    return datetime.now(UTC)


def missing(source: KeySource | AccessSource) -> list[Skipped]:
    return [item for item in source.check() if isinstance(item, Skipped)]


def test_kv1_by_names(world: World) -> None:
    """KV v1 is walked with `list` alone, with the policy that ships, and its mounts are found by themselves."""
    world.admin.mount(world.mark, version=1)
    for path in ("team/app", "team", "plain"):
        world.admin.ask("POST", f"{world.mark}/{path}", {"value": "x"})
    door = world.door(POLICY.replace("old-kv/", f"{world.mark}/"))
    for mounts in ((), (world.mark,)):
        source = VaultKv1Keys("prod", *door, mounts=mounts)
        keys, skipped = read(source)
        assert {f"{world.mark}/{name}" for name in ("plain", "team", "team/app")} == {key.name for key in keys}
        # A server that others use too may have mounts that this token may not see.
        assert [] == [skip for skip in (*skipped, *missing(source)) if world.mark in skip.what]
    with pytest.raises(HTTPError):
        VaultAdmin(world.url, door[1].reveal().decode()).ask("GET", f"{world.mark}/plain")


def test_subkeys_and_versions(world: World) -> None:
    """subkeys/ names fields without values; deleted and destroyed versions are told apart."""
    world.mount()
    world.admin.write(world.mark, "app", {"client_id": "x", "client_secret": "canary"})
    for _ in range(3):
        world.admin.write(world.mark, "old", {"value": "canary"})
    world.admin.ask("POST", f"{world.mark}/delete/old", {"versions": [2]})
    world.admin.destroy(world.mark, "old", 1)
    world.admin.delete(world.mark, "old")
    metadata = f'path "{world.mark}/metadata/*" {{ capabilities = ["read", "list"] }}\n'
    door = world.door(metadata + POLICY.replace("kv/subkeys", f"{world.mark}/subkeys"))
    source = VaultKv2Keys("prod", *door, now=now, mounts=(world.mark,), subkeys=True)
    keys, skipped = read(source)
    found = {key.name.removeprefix(f"{world.mark}/"): key for key in keys}
    assert [] == skipped == missing(source)
    assert ("client_id", "client_secret") == found["app"].keeping[0].fields
    versions = found["old"].keeping[0].versions
    assert versions is not None
    assert (3, 0, 2, 1, Gone.DELETED) == (
        versions.current,
        versions.kept,
        versions.deleted,
        versions.destroyed,
        versions.gone,
    )
    assert "canary" not in repr(keys)


def test_tokens_by_accessor(world: World) -> None:
    """Tokens of long lives are found by their accessors, with owner, age and end; those of hours are not."""
    made = now()
    for name, ttl in (("long", "720h"), ("short", "1h")):
        body: dict[str, Json] = {"policies": ["default"], "ttl": ttl, "meta": {"owner": "ops"}}
        world.admin.ask("POST", "auth/token/create", {**body, "display_name": f"{world.mark}-{name}"})
    source = VaultTokens("prod", *world.door(POLICY), now=now)
    keys, skipped = read(source)
    [token] = [key for key in keys if world.mark in key.name]
    assert [] == skipped == missing(source)
    assert ("ops", KeyStatus.ACTIVE) == (token.owner, token.status)
    assert token.created_at is not None
    assert abs(token.created_at - made) < timedelta(minutes=1)
    assert token.name.startswith(f"token-{world.mark}-long ")


def test_an_accessor_of_nothing_is_no_refusal(world: World) -> None:
    """What Vault says of an accessor that has gone is another status than that of a right that is missing."""
    with pytest.raises(HTTPError) as caught:
        world.admin.ask("POST", "auth/token/lookup-accessor", {"accessor": "invented"})
    with caught.value as error:
        assert error.code in (400, 403, 404)


def test_secret_ids_by_accessor(world: World) -> None:
    """AppRole's secret-ids are found by their accessors, with the policy that ships."""
    world.ask("POST", f"sys/auth/{world.mark}", {"type": "approle"})
    role = f"auth/{world.mark}/role/orders"
    world.ask("POST", role, {"token_policies": ["default"]})
    world.ask("POST", f"{role}/secret-id", {"metadata": '{"owner": "ops"}' if world.real else {"owner": "ops"}})
    source = VaultSecretIds("prod", *world.door(POLICY.replace("auth/approle", f"auth/{world.mark}")), now=now)
    keys, _ = read(source)
    [key] = [key for key in keys if key.name.startswith(world.mark)]
    assert (f"vault-login:prod/auth/{world.mark}/orders", "ops", KeyStatus.ACTIVE) == (key.id, key.owner, key.status)
    assert key.created_at is not None


def test_who_may_read(world: World) -> None:
    """Policies, roles, users, entities and groups are brought together, with the policy that ships."""
    mark, users = world.mark, f"{world.mark}-users"
    world.mount()
    for method, kind in ((mark, "approle"), (users, "userpass")):
        world.ask("POST", f"sys/auth/{method}", {"type": kind})
    names = {name: f"{mark}-{name}" for name in ("wide", "orders", "deny", "group", "own")}
    world.admin.policy(names["wide"], f'path "{mark}/data/*" {{ capabilities = ["read"] }}')
    world.admin.policy(names["orders"], f'path "{mark}/data/+/lwa" {{ capabilities = ["read"] }}')
    world.admin.policy(names["deny"], f'path "{mark}/data/orders/*" {{ capabilities = ["deny"] }}')
    world.admin.policy(names["group"], f'path "{mark}/data/orders/lwa" {{ capabilities = ["read"] }}')
    own = "{{identity.entity.name}}"
    world.admin.policy(names["own"], f'path "{mark}/data/{own}/*" {{ capabilities = ["read"] }}')
    for role, policies in (("wide", ["wide"]), ("denied", ["wide", "deny"]), ("one", ["orders"])):
        world.ask("POST", f"auth/{mark}/role/{role}", {"token_policies": [names[name] for name in policies]})
    for user in ("alice", "bob"):
        body: dict[str, Json] = {"password": secrets.token_hex(8), "token_policies": []}
        world.ask("POST", f"auth/{users}/users/{user}", body)
    entity = world.ask("POST", "identity/entity", {"name": f"{mark}-alice", "policies": [names["own"]]})["id"]
    methods = world.ask("GET", "sys/auth")
    table = methods[f"{users}/"]
    assert isinstance(table, dict)
    alias = {"name": "alice", "canonical_id": entity, "mount_accessor": table["accessor"]}
    world.ask("POST", "identity/entity-alias", alias)
    world.ask(
        "POST",
        "identity/group",
        {"name": f"{mark}-team", "policies": [names["group"]], "member_entity_ids": [entity]},
    )
    world.ask("POST", f"auth/token/roles/{mark}", {"allowed_policies": [names["orders"]]})
    shipped = POLICY.replace("auth/approle", f"auth/{mark}").replace("auth/userpass", f"auth/{users}")
    source = VaultReaders("prod", *world.door(shipped), now=now)
    access = source.grants()
    readers = ReadersOf(access)

    def who(path: str) -> set[str]:
        found = readers.read_path(f"{mark}/{path}")
        assert found is not None
        return {reader.holder.name for reader in readers.of(found[0]) if mark in reader.holder.name}

    assert {f"{mark} wide", f"{mark} one", f"{users} alice", f"token role {mark}"} == who("orders/lwa")
    assert {f"{mark} wide"} == who("orders/other")
    assert {f"{mark} wide", f"{mark} denied"} == who("elsewhere/it")
    assert {f"{mark} wide", f"{mark} denied", f"{users} alice"} == who(f"{mark}-alice/it")
    for path in [f"identity/entity/id/{entity}", f"auth/token/roles/{mark}"]:
        world.admin.ask("DELETE", path)
    for name in names.values():
        world.admin.ask("DELETE", f"sys/policies/acl/{name}")
    if not world.real:
        assert () == access.unread
        assert [] == missing(source)


# Patterns that overlap; each takes something away that one before it gives.
_LAYERS = [
    ("M/data/*", ["read"]),
    ("M/data/a/*", ["deny"]),
    ("M/data/a/b*", ["read"]),
    ("M/data/+/c", ["read"]),
    ("+/data/x/*", ["read"]),
    ("M/data/x/+/z", ["deny"]),
    ("M/data/x/y/+", ["read"]),
    ("M/data/exact", ["list"]),
    ("M/+/deep/+/q*", ["deny"]),
    ("M/data/deep/*", ["read", "sudo"]),
    ("M/data/s/+/+", ["deny"]),
    ("M/data/s/+/t", ["read"]),
]
_DECIDES = {
    "a": "M/data/*",
    "a/c": None,
    "a/bc": "M/data/a/b*",
    "a/b/c": "M/data/a/b*",
    "x/c": "M/data/+/c",
    "x/y/z": "M/data/x/y/+",
    "x/y/w": "M/data/x/y/+",
    "x/w/z": None,
    "x/v/w": "M/data/*",
    "exact": None,
    "exact/c": "M/data/+/c",
    "b/c": "M/data/+/c",
    "b/c/d": "M/data/*",
    "deep/r/qq": "M/data/deep/*",
    "deep/r": "M/data/deep/*",
    "s/u/t": "M/data/s/+/t",
    "s/u/v": None,
    "s/u": "M/data/*",
}
"""Which of them lets somebody read at a path below the mount; None: nobody may."""


def test_what_decides_is_what_vault_goes_by(world: World) -> None:
    """Of rules that overlap the same one decides as in Vault, whichever policies they are in."""
    texts = ["", ""]
    for number, (pattern, words) in enumerate(_LAYERS):
        quoted = ", ".join(f'"{word}"' for word in words)
        texts[number % 2] += f'path "{pattern.replace("M", world.mark)}" {{ capabilities = [{quoted}] }}\n'
    policies = tuple(
        AccessPolicy(name=f"{world.mark}-{number}", rules=rules_of(text, now())) for number, text in enumerate(texts)
    )
    names = tuple(policy.name for policy in policies)
    holder = Holder(name="it", ways=(names,))
    readers = ReadersOf(Access(vault="prod", mounts=(), policies=policies, holders=(holder,)))
    paths: dict[str, str] = {path: f"{world.mark}/data/{path}" for path in _DECIDES}
    found = {path: [one.pattern.replace(world.mark, "M") for one in readers.of(full)] for path, full in paths.items()}
    assert {path: [pattern] if pattern else [] for path, pattern in _DECIDES.items()} == found
    if not world.real:
        return
    for name, text in zip(names, texts, strict=True):
        world.admin.policy(name, text)
    token = VaultAdmin(world.url, world.admin.new_token(*names))
    said = token.ask("POST", "sys/capabilities-self", {"paths": [*paths.values()]})["data"]
    assert isinstance(said, dict)
    assert {path: bool(patterns) for path, patterns in found.items()} == {
        path: "read" in str(said[full]) for path, full in paths.items()
    }
    for name in names:
        world.admin.ask("DELETE", f"sys/policies/acl/{name}")


_ODD = [
    'path "M/data/a" { capabilities = ["read"] } path "M/data/b" { capabilities = ["deny"] }',
    '"path" "M/data/a" { "capabilities" = ["read",] }',
    'path "/M/data/a" {\n  capabilities = ["read"], comment = "x"\n}\n// end',
    'path "M/data/a" { policy = "read" }\n# one more\npath "M/data/b" { policy = "deny" }',
    '/* "path */ path "M/data/\\u0061" {\n capabilities = [\n "read" # yes\n , "list"\n ]\n}',
    '{"path": {"M/data/a": {"capabilities": ["read"]}, "M/data/b": {"capabilities": ["deny"]}}}',
    '{"path": [{"M/data/a": {"capabilities": ["read", "list"]}}]}',
    'path "M/data/a" { capabilities = ["read"] denied_parameters = { "x" = ["y", 1, true] "*" = [] } }',
    'path "M/data/a" { capabilities = ["read"] }\npath "M/data/a" { capabilities = ["list"] }',
    'name = "it"\npath "M/data/a" { capabilities = ["read"] min_wrapping_ttl = 1 max_wrapping_ttl = "2h" }',
]


@pytest.mark.parametrize("number", range(len(_ODD)))
def test_policies_are_read_as_vault_reads_them(world: World, number: int) -> None:
    """However a policy is written that Vault takes, its rules are the ones that Vault goes by."""
    text = _ODD[number].replace("M/", f"{world.mark}/")
    rules = {rule.path: rule.capabilities for rule in rules_of(text, now())}
    allowed = {path: "read" in words and "deny" not in words for path, words in rules.items()}
    assert allowed.get(f"{world.mark}/data/a") or number == 8
    assert not allowed.get(f"{world.mark}/data/b")
    if not world.real:
        return
    world.admin.policy(world.mark, text)
    token = VaultAdmin(world.url, world.admin.new_token(world.mark))
    paths: list[Json] = [f"{world.mark}/data/{name}" for name in "ab"]
    said = token.ask("POST", "sys/capabilities-self", {"paths": paths})["data"]
    assert isinstance(said, dict)
    assert ["read" in words for words in (said[str(path)] for path in paths) if isinstance(words, list)] == [
        True,
        False,
    ]
