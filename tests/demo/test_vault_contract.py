"""
What keywatch relies on in Vault's HTTP API, asked of the stand-in, and of a real server where one is given.

`VAULT_ADDR` and `VAULT_TOKEN` (of a server that may be written to: `bao server -dev`) name the real one.
"""

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.error import HTTPError

import pytest

from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys
from keywatch.collect.vault import VaultAccess
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceDenied
from keywatch.model.key import Key, KeyKind, KeyStatus
from keywatch.model.secret import Secret
from keywatch.model.source import Json, Skipped
from keywatch.model.time import parse_rfc3339

# Read at import: the tests' own environment is emptied of everything that could reach something real.
_REAL = (os.environ.get("VAULT_ADDR"), os.environ.get("VAULT_TOKEN"))


@pytest.fixture(params=["stand-in", "real"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Address and root token."""
    url, token = _REAL
    if request.param == "stand-in":
        with VaultServer() as stand_in:
            yield stand_in.url, stand_in.token
    elif url and token:
        yield url.rstrip("/"), token
    else:
        pytest.skip("no VAULT_ADDR and VAULT_TOKEN")


@pytest.fixture
def admin(server: tuple[str, str]) -> VaultAdmin:
    return VaultAdmin(*server)


@pytest.fixture
def mount(admin: VaultAdmin) -> Iterator[str]:
    """A KV v2 mount of a name nobody else uses."""
    path = f"keywatch-test-{secrets.token_hex(6)}"
    admin.mount(path)
    yield path
    admin.unmount(path)


def data(answer: dict[str, Json]) -> dict[str, Json]:
    found = answer["data"]
    assert isinstance(found, dict)
    return found


def status(admin: VaultAdmin, verb: str, path: str) -> int:
    try:
        admin.ask(verb, path)
    except HTTPError as error:
        with error:
            return error.code
    return 200


def test_health_needs_no_token(server: tuple[str, str]) -> None:
    """sys/health answers 200 on an active node, without a token."""
    answer = VaultAdmin(server[0], "").ask("GET", "sys/health")
    assert (answer["initialized"], answer["sealed"], answer["standby"]) == (True, False, False)


def test_mounts_tell_v1_and_v2_apart(admin: VaultAdmin, mount: str) -> None:
    """A KV mount's `options.version` is in sys/mounts and in sys/internal/ui/mounts."""
    for table in (data(admin.ask("GET", "sys/mounts")), data(admin.ask("GET", "sys/internal/ui/mounts"))["secret"]):
        assert isinstance(table, dict)
        entry = table[f"{mount}/"]
        assert isinstance(entry, dict)
        assert (entry["type"], entry["options"]) == ("kv", {"version": "2"})


def test_a_folder_may_be_a_secret_too(admin: VaultAdmin, mount: str) -> None:
    """LIST gives `a` and `a/` where `a` is both leaf and folder; with verb LIST and with GET ?list=true."""
    for path in ("a", "a/b", "c/d/e"):
        admin.write(mount, path, {"value": "x"})
    assert data(admin.ask("LIST", f"{mount}/metadata/"))["keys"] == ["a", "a/", "c/"]
    assert data(admin.ask("GET", f"{mount}/metadata/a", query="?list=true"))["keys"] == ["b"]
    assert status(admin, "LIST", f"{mount}/metadata/nothing") == 404


def test_names_may_hold_anything(admin: VaultAdmin, mount: str) -> None:
    """Spaces, `?`, `#`, `%` and other scripts are part of a name, escaped on the way."""
    for name in ("a b", "why?", "no#1", "100%", "ключ"):
        admin.write(mount, name, {"value": "x"})
        assert status(admin, "GET", f"{mount}/metadata/{name}") == 200
    assert data(admin.ask("LIST", f"{mount}/metadata"))["keys"] == ["100%", "a b", "no#1", "why?", "ключ"]


def test_metadata_without_values(admin: VaultAdmin, mount: str) -> None:
    """metadata/ shows versions, times and custom metadata, and no value."""
    admin.write(mount, "app", {"value": "first"})
    admin.write(mount, "app", {"value": "second"}, {"owner": "ops", "kind": "lwa-client-secret"})
    found = data(admin.ask("GET", f"{mount}/metadata/app"))
    assert found["current_version"] == 2
    assert found["custom_metadata"] == {"owner": "ops", "kind": "lwa-client-secret"}
    versions = found["versions"]
    assert isinstance(versions, dict)
    latest = versions["2"]
    assert isinstance(latest, dict)
    assert (latest["deletion_time"], latest["destroyed"]) == ("", False)
    assert parse_rfc3339(str(latest["created_time"])).tzinfo is not None
    assert "second" not in str(found)


def test_delete_is_soft_and_destroy_is_not(admin: VaultAdmin, mount: str) -> None:
    """A deleted version has a deletion time, a destroyed one says so; both keep their metadata."""
    for path in ("deleted", "destroyed"):
        admin.write(mount, path, {"value": "x"})
    admin.delete(mount, "deleted")
    admin.destroy(mount, "destroyed", 1)
    latest = {path: data(admin.ask("GET", f"{mount}/metadata/{path}"))["versions"] for path in ("deleted", "destroyed")}
    assert "'deletion_time': ''" not in str(latest["deleted"])
    assert "'destroyed': True" in str(latest["destroyed"])
    assert status(admin, "GET", f"{mount}/data/deleted") == 404


def test_nothing_mounted_is_said_in_words(admin: VaultAdmin, mount: str) -> None:
    """A missing mount and an empty one are both 404, but only the missing one has an error text."""
    bodies = []
    for path in (mount, f"{mount}-missing"):
        with pytest.raises(HTTPError) as caught:
            admin.ask("LIST", f"{path}/metadata")
        with caught.value as error:
            assert error.code == 404
            bodies.append(error.read())
    assert b'"errors":[]' in bodies[0].replace(b" ", b"")
    assert b"no handler for route" in bodies[1]


def test_a_metadata_policy_cannot_read_values(server: tuple[str, str], admin: VaultAdmin, mount: str) -> None:
    """A token with `list` and `read` on metadata/ walks the tree, and is refused every value."""
    admin.write(mount, "team/app", {"value": "x"})
    admin.write(mount, "secret/app", {"value": "x"})
    admin.policy(
        mount,
        f'path "{mount}/metadata/*" {{ capabilities = ["read", "list"] }}\n'
        f'path "{mount}/metadata/secret/*" {{ capabilities = ["deny"] }}\n',
    )
    reader = VaultAdmin(server[0], admin.new_token(mount))
    assert data(reader.ask("LIST", f"{mount}/metadata"))["keys"] == ["secret/", "team/"]
    assert status(reader, "GET", f"{mount}/metadata/team/app") == 200
    assert status(reader, "LIST", f"{mount}/metadata/secret") == 403
    assert status(reader, "GET", f"{mount}/data/team/app") == 403
    path = f"{mount}/metadata/team/app"
    found = data(reader.ask("POST", "sys/capabilities-self", {"paths": [path, f"{mount}/data/team/app"]}))
    assert sorted(str(word) for word in (found[path] or [])) == ["list", "read"]  # type: ignore[union-attr]
    assert found[f"{mount}/data/team/app"] == ["deny"]


def test_a_token_looks_itself_up_until_it_is_revoked(server: tuple[str, str], admin: VaultAdmin) -> None:
    """lookup-self answers 200 for a live token, and 403 for one that is gone."""
    token = VaultAdmin(server[0], admin.new_token())
    assert status(token, "GET", "auth/token/lookup-self") == 200
    token.ask("POST", "auth/token/revoke-self", {})
    assert status(token, "GET", "auth/token/lookup-self") == 403


def test_the_first_kv_engine_shows_names_only(admin: VaultAdmin) -> None:
    """KV v1 lists names without metadata/."""
    path = f"keywatch-test-{secrets.token_hex(6)}"
    admin.mount(path, version=1)
    try:
        admin.ask("POST", f"{path}/team/app", {"value": "x"})
        assert data(admin.ask("LIST", f"{path}/team"))["keys"] == ["app"]
    finally:
        admin.unmount(path)


def test_the_inventory_reads_either(server: tuple[str, str], admin: VaultAdmin, mount: str) -> None:
    """The Vault inventory finds the same keys, states and refusals in the stand-in and in a real server."""
    admin.write(
        mount, "team/app", {"value": "x"}, {"kind": "lwa-client-secret", "application": "orders", "owner": "ops"}
    )
    for path in ("team", "gone", "closed/x", "a b?"):
        admin.write(mount, path, {"value": "x"})
    admin.delete(mount, "gone")
    admin.policy(
        mount,
        f'path "{mount}/metadata/*" {{ capabilities = ["read", "list"] }}\n'
        f'path "{mount}/metadata/closed/*" {{ capabilities = ["deny"] }}\n',
    )
    token = Secret(admin.new_token(mount).encode())
    access = VaultAccess(url=server[0])
    source = VaultKv2Keys("prod", access, token, now=lambda: datetime.now(UTC), mounts=(mount,))
    found = list(source.keys())
    keys = {item.name.removeprefix(f"{mount}/"): item for item in found if isinstance(item, Key)}
    active, inactive = KeyStatus.ACTIVE, KeyStatus.INACTIVE
    assert {"a b?": active, "gone": inactive, "team": active, "team/app": active} == {
        name: key.status for name, key in keys.items()
    }
    assert (keys["team/app"].kind, keys["team/app"].owner) == (KeyKind.LWA_CLIENT_SECRET, "ops")
    assert [f"{mount}/closed/"] == [item.what for item in found if isinstance(item, Skipped)]
    assert ["sys/health", f"list {mount}/metadata/", f"read {mount}/metadata/"] == list(source.check())
    nobody = VaultKv2Keys("prod", access, Secret(b"invented"), now=lambda: datetime.now(UTC), mounts=(mount,))
    with pytest.raises(SourceDenied):
        list(nobody.keys())
