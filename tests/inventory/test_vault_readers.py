"""Who may read in a Vault: everybody who is let in, with what they are given; what cannot be read is said."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from keywatch.alerts.readers import ReadersOf
from keywatch.collect.inventory.vault_readers import VaultReaders
from keywatch.collect.vault import VaultAccess
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.access import Access
from keywatch.model.errors import SourceDenied, SourceUnreachable
from keywatch.model.secret import Secret
from keywatch.model.source import Json, Skipped
from tests.inventory.troubled import Troubled

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def vault() -> Iterator[Troubled]:
    """KV v2 with the policies `all` and `orders`, and AppRole, Kubernetes and userpass methods."""
    with Troubled(now=lambda: NOW) as server:
        admin = VaultAdmin(server.url, server.token)
        admin.mount("kv")
        admin.mount("old", version=1)
        admin.ask("POST", "sys/mounts/aws", {"type": "aws"})
        for kind in ("approle", "kubernetes", "userpass"):
            admin.ask("POST", f"sys/auth/{kind}", {"type": kind})
        admin.policy("all", 'path "kv/*" { capabilities = ["read"] }')
        admin.policy("orders", 'path "kv/data/orders/*" { capabilities = ["read"] }')
        yield server


@pytest.fixture
def admin(vault: VaultServer) -> VaultAdmin:
    return VaultAdmin(vault.url, vault.token)


def source(vault: VaultServer, token: str | None = None) -> VaultReaders:
    vault.requests.clear()
    secret = Secret((token or vault.token).encode())
    return VaultReaders("prod", VaultAccess(url=vault.url, timeout=5), secret, now=lambda: NOW)


def who(access: Access, place: str = "kv/orders/lwa") -> dict[str, str | None]:
    """Who may read what is there, and who that is where nobody can count them."""
    readers = ReadersOf(access)
    found = readers.read_path(place)
    assert found is not None
    return {reader.holder.name: reader.holder.countless for reader in readers.of(found[0])}


def entity(admin: VaultAdmin, method: str, alias: dict[str, Json], **fields: Json) -> str:
    """Make an entity with one alias."""
    made = admin.ask("POST", "identity/entity", {"name": "someone", **fields})["data"]
    methods = admin.ask("GET", "sys/auth")["data"]
    assert isinstance(made, dict)
    assert isinstance(methods, dict)
    table = methods[f"{method}/"]
    assert isinstance(table, dict)
    admin.ask(
        "POST", "identity/entity-alias", {"canonical_id": made["id"], "mount_accessor": table["accessor"], **alias}
    )
    return str(made["id"])


def test_roles_and_users_are_holders(vault: VaultServer, admin: VaultAdmin) -> None:
    """Those of each method, by its name and theirs; policies may be written in the old way, or be the default's."""
    admin.ask("POST", "auth/approle/role/orders", {"token_policies": ["orders"]})
    admin.ask("POST", "auth/approle/role/other", {"token_policies": ["nothing"]})
    admin.ask("POST", "auth/userpass/users/jane", {"password": "invented", "policies": "all,orders"})
    assert {"approle orders": None, "userpass jane": None} == who(source(vault).grants())
    admin.policy("default", 'path "kv/data/*" { capabilities = ["read"] }')
    admin.ask("POST", "auth/approle/role/bare", {"token_no_default_policy": True})
    assert {"approle orders", "approle other", "userpass jane"} == set(who(source(vault).grants(), "kv/x"))


@pytest.mark.parametrize(
    ("names", "namespaces", "anybody"),
    [
        (["orders"], ["shop"], None),
        (["*"], ["shop", "pay"], "any service account of shop, pay"),
        (["*"], ["*"], "any service account"),
        (["default"], ["*"], "service accounts of any namespace"),
    ],
)
def test_a_role_for_anybody(
    vault: VaultServer, admin: VaultAdmin, names: list[Json], namespaces: list[Json], anybody: str | None
) -> None:
    """A Kubernetes role whose service accounts or namespaces are a wildcard says nothing of how many come in by it."""
    body: dict[str, Json] = {"bound_service_account_names": names, "bound_service_account_namespaces": namespaces}
    admin.ask("POST", "auth/kubernetes/role/orders", {**body, "token_policies": ["orders"]})
    assert {"kubernetes orders": anybody} == who(source(vault).grants())


def test_identities_and_logins_are_one(vault: VaultServer, admin: VaultAdmin) -> None:
    """Who has an entity has its policies and its groups' beside those of the login, and counts once; even with two."""
    admin.ask("POST", "auth/userpass/users/jane", {"password": "invented", "token_policies": []})
    admin.ask("POST", "auth/approle/role/jane-bot", {"token_policies": ["orders"]})
    jane = entity(admin, "userpass", {"name": "jane"}, name="jane", policies=[])
    assert {"approle jane-bot": None} == who(source(vault).grants())
    inner = admin.ask("POST", "identity/group", {"name": "team", "member_entity_ids": [jane], "policies": []})["data"]
    assert isinstance(inner, dict)
    admin.ask("POST", "identity/group", {"name": "dept", "member_group_ids": [inner["id"]], "policies": ["all"]})
    assert {"approle jane-bot": None, "userpass jane": None} == who(source(vault).grants())
    methods = vault.rooms.auth["approle/"]["accessor"]
    role: dict[str, Json] = {"role_name": "jane-bot"}
    admin.ask(
        "POST",
        "identity/entity-alias",
        {"canonical_id": jane, "mount_accessor": methods, "name": "x", "metadata": role},
    )
    assert {"entity jane": None} == who(source(vault).grants())
    vault.rooms.documents[f"identity/entity/id/{jane}"]["disabled"] = True
    assert {} == who(source(vault).grants())


def test_groups_from_outside(vault: VaultServer, admin: VaultAdmin) -> None:
    """Who is in an external group only its directory knows: it is one reader that nobody can count."""
    admin.ask("POST", "identity/group", {"name": "ops", "type": "external", "policies": ["all"]})
    assert {"group ops": "whoever logs in as one of them"} == who(source(vault).grants())


def test_token_roles(vault: VaultServer, admin: VaultAdmin) -> None:
    """A role by which tokens are made reads what any policy lets that it may give; with none it gives nothing new."""
    for name, body in {
        "one": {"allowed_policies": ["orders"]},
        "glob": {"allowed_policies_glob": ["or*", "al*"], "disallowed_policies": ["all"]},
        "none": {},
        "denied": {"allowed_policies": "orders", "disallowed_policies_glob": "*"},
    }.items():
        admin.ask("POST", f"auth/token/roles/{name}", body)  # type: ignore[arg-type]
    access = source(vault).grants()
    assert {"token role one", "token role glob"} == set(who(access))
    assert {} == who(access, "kv/elsewhere")


@pytest.mark.parametrize(
    ("path", "place", "reads"),
    [
        ("kv/data/{{identity.entity.name}}/*", "kv/jane/x", True),
        ("kv/data/{{identity.entity.name}}/*", "kv/john/x", False),
        ("kv/data/{{identity.entity.metadata.team}}/+", "kv/shop/x", True),
        ("kv/data/{{identity.entity.metadata.nothing}}/*", "kv//x", False),
        ("kv/data/{{ identity.entity.aliases.ACCESSOR.name }}", "kv/jane.d", True),
        ("kv/data/{{identity.groups.names.team.name}}/x", "kv/team/x", True),
        ("kv/data/{{identity.groups.names.other.name}}/x", "kv/other/x", False),
        ("kv/data/{{time.now}}", "kv/x", False),
    ],
)
def test_paths_that_depend_on_who_logs_in(
    vault: VaultServer, admin: VaultAdmin, path: str, place: str, reads: bool
) -> None:
    """A template is filled in with what is known of the entity, and is no path for who has not what it asks for."""
    admin.ask("POST", "auth/userpass/users/jane.d", {"password": "invented", "token_policies": ["own"]})
    jane = entity(admin, "userpass", {"name": "jane.d"}, name="jane", metadata={"team": "shop"})
    admin.ask("POST", "identity/group", {"name": "team", "member_entity_ids": [jane], "policies": []})
    path = path.replace("ACCESSOR", str(vault.rooms.auth["userpass/"]["accessor"]))
    admin.policy("own", f'path "{path}" {{ capabilities = ["read"] }}')
    access = source(vault).grants()
    assert reads == ("userpass jane.d" in who(access, place))
    assert () == access.unread


def test_what_depends_on_an_unknown_is_said(vault: VaultServer, admin: VaultAdmin) -> None:
    """Who logs in by a role that has no identity yet may be anybody: its templates are not guessed."""
    admin.policy("own", 'path "kv/data/{{identity.entity.name}}/*" { capabilities = ["read"] }')
    admin.ask("POST", "auth/approle/role/orders", {"token_policies": ["own"]})
    [unread] = source(vault).grants().unread
    assert ("policy own", True) == (unread.what, "depend on who logs in" in unread.why)


MOST = """
path "sys/mounts" { capabilities = ["read"] }
path "sys/auth" { capabilities = ["read"] }
path "sys/policies/acl" { capabilities = ["list"] }
path "sys/policies/acl/*" { capabilities = ["read", "list"] }
path "auth/*" { capabilities = ["read", "list"] }
path "identity/*" { capabilities = ["read", "list"] }
"""


@pytest.mark.parametrize(
    ("more", "unread"),
    [
        ('path "sys/policies/acl/orders" { capabilities = ["deny"] }', "policy orders"),
        ('path "auth/approle/role/" { capabilities = ["deny"] }', "auth/approle/"),
        ('path "auth/approle/role/orders" { capabilities = ["deny"] }', "auth/approle/role/orders"),
        ('path "identity/entity/id/" { capabilities = ["deny"] }', "identity/entity/id"),
        ('path "identity/group/id/" { capabilities = ["deny"] }', "identity/group/id"),
        ('path "auth/token/roles/" { capabilities = ["deny"] }', "auth/token/roles"),
        ('path "sys/mounts" { capabilities = ["deny"] }', "GET sys/mounts"),
        ('path "sys/auth" { capabilities = ["deny"] }', "GET sys/auth"),
    ],
)
def test_what_is_refused_is_said_and_costs_nothing_else(
    vault: VaultServer, admin: VaultAdmin, more: str, unread: str
) -> None:
    """Each part that may not be read is named with what to grant; `check` names it too."""
    admin.ask("POST", "auth/approle/role/orders", {"token_policies": ["all"]})
    admin.ask("POST", "auth/userpass/users/jane", {"password": "invented", "token_policies": ["all"]})
    denied = more.partition('"')[2].partition('"')[0]
    admin.policy("keywatch", "".join(line + "\n" for line in MOST.splitlines() if f'"{denied}"' not in line) + more)
    reader = source(vault, admin.new_token("keywatch"))
    access = reader.grants()
    assert [unread] == [skip.what for skip in access.unread]
    assert "userpass jane" in who(access)
    if unread != "policy orders":
        assert [item for item in reader.check() if isinstance(item, Skipped)]


def test_without_policies_nothing_can_be_said(vault: VaultServer, admin: VaultAdmin) -> None:
    """Who may not list them, or read not one, is told so instead of that nobody reads."""
    for policy, words in (
        (MOST.replace("sys/policies/acl", "sys/nothing"), "LIST sys/policies/acl was refused"),
        (MOST.replace('acl/*" { capabilities = ["read", "list"]', 'acl/*" { capabilities = ["list"]'), "was refused"),
    ):
        admin.policy("keywatch", policy)
        with pytest.raises(SourceDenied, match=words):
            source(vault, admin.new_token("keywatch")).grants()


def test_a_policy_that_cannot_be_read_is_said(vault: VaultServer) -> None:
    """What Vault shows and is no policy is named, and the others count."""
    vault.policies.texts["broken"] = 'path "kv/data/x" {'
    assert ["policy broken"] == [skip.what for skip in source(vault).grants().unread]


def test_a_method_that_is_not_known_is_said(vault: VaultServer, admin: VaultAdmin) -> None:
    """Whom it lets in, and with what, is not guessed."""
    admin.ask("POST", "sys/auth/alicloud", {"type": "alicloud"})
    [unread] = source(vault).grants().unread
    assert ("auth/alicloud/", True) == (unread.what, "alicloud" in unread.why)


def test_no_value_is_asked_for(vault: VaultServer, admin: VaultAdmin) -> None:
    """Neither a secret nor a credential, nor a role's id, which is half of one."""
    admin.write("kv", "orders/lwa", {"value": "canary"})
    admin.ask("POST", "auth/approle/role/orders", {"token_policies": ["all"]})
    reader = source(vault)
    access = reader.grants()
    assert [] == [item for item in reader.check() if isinstance(item, Skipped)]
    asked = [path for _, path in vault.requests]
    assert not [path for path in asked if path.startswith(("kv/", "old/", "aws/")) or "role-id" in path]
    assert [] == vault.rooms.minted
    assert {"kv", "old", "aws"} == {mount.path for mount in access.mounts}


@pytest.mark.parametrize("trouble", ["sealed", "revoked"])
def test_in_trouble_nothing_is_said(vault: Troubled, admin: VaultAdmin, trouble: str) -> None:
    """A Vault that is sealed and a token that died fail the run: what was known stays."""
    admin.policy("keywatch", MOST)
    token = admin.new_token("keywatch")
    reader = source(vault, token)
    if trouble == "sealed":
        vault.left, vault.happens = 8, vault.seal
    else:
        vault.left, vault.happens = 8, lambda: vault.tokens.pop(token)
    with pytest.raises(SourceUnreachable if trouble == "sealed" else SourceDenied):
        reader.grants()
