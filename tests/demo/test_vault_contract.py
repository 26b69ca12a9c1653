"""
What keywatch relies on in Vault's HTTP API, asked of the stand-in, and of a real server where one is given.

`targets.py` says how one is given; logins have a module of their own.
"""

import json
import re
import secrets
from datetime import UTC, datetime
from http.client import HTTPConnection
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
import stamina

from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys
from keywatch.collect.vault import Vault, VaultAccess
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.demo.vault_engine import Entry, Version
from keywatch.model.errors import SourceDenied, SourceUnreachable
from keywatch.model.key import Key, KeyKind, KeyStatus
from keywatch.model.secret import Secret
from keywatch.model.source import Json, Skipped
from keywatch.model.time import parse_rfc3339
from tests.demo.targets import Target


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


def test_health_needs_no_token(target: Target) -> None:
    """sys/health answers 200 on an active node, without a token."""
    answer = VaultAdmin(target.url, "").ask("GET", "sys/health")
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


def test_a_metadata_policy_cannot_read_values(target: Target, admin: VaultAdmin, mount: str) -> None:
    """A token with `list` and `read` on metadata/ walks the tree, and is refused every value."""
    admin.write(mount, "team/app", {"value": "x"})
    admin.write(mount, "secret/app", {"value": "x"})
    admin.policy(
        mount,
        f'path "{mount}/metadata/*" {{ capabilities = ["read", "list"] }}\n'
        f'path "{mount}/metadata/secret" {{ capabilities = ["deny"] }}\n',
    )
    reader = VaultAdmin(target.url, admin.new_token(mount))
    assert data(reader.ask("LIST", f"{mount}/metadata"))["keys"] == ["secret/", "team/"]
    assert status(reader, "GET", f"{mount}/metadata/team/app") == 200
    assert status(reader, "LIST", f"{mount}/metadata/secret") == 403
    assert status(reader, "GET", f"{mount}/data/team/app") == 403
    path = f"{mount}/metadata/team/app"
    found = data(reader.ask("POST", "sys/capabilities-self", {"paths": [path, f"{mount}/data/team/app"]}))
    assert sorted(str(word) for word in (found[path] or [])) == ["list", "read"]  # type: ignore[union-attr]
    assert found[f"{mount}/data/team/app"] == ["deny"]


def test_a_denied_folder_may_be_listed(target: Target, admin: VaultAdmin, mount: str) -> None:
    """A deny on `folder/*` is about what lies in it; only OpenBao takes it to be about listing the folder too."""
    admin.write(mount, "secret/app", {"value": "x"})
    admin.policy(
        mount,
        f'path "{mount}/metadata/*" {{ capabilities = ["read", "list"] }}\n'
        f'path "{mount}/metadata/secret/*" {{ capabilities = ["deny"] }}\n',
    )
    reader = VaultAdmin(target.url, admin.new_token(mount))
    assert status(reader, "GET", f"{mount}/metadata/secret/app") == 403
    assert status(reader, "LIST", f"{mount}/metadata/secret") == (403 if target.openbao else 200)


def test_a_token_looks_itself_up_until_it_is_revoked(target: Target, admin: VaultAdmin) -> None:
    """lookup-self answers 200 for a live token, and 403 for one that is gone."""
    token = VaultAdmin(target.url, admin.new_token())
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


def test_the_inventory_reads_either(target: Target, admin: VaultAdmin, mount: str) -> None:
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
        f'path "{mount}/metadata/closed" {{ capabilities = ["deny"] }}\n',
    )
    token = Secret(admin.new_token(mount).encode())
    access = VaultAccess(url=target.url)
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


def test_pages_and_scans_are_openbaos(target: Target, mount: str, admin: VaultAdmin) -> None:
    """OpenBao pages a LIST, and scans; Vault gives everything to the first and has no word for the second."""
    for path in ("a", "a/b", "c/d/e", "f"):
        admin.write(mount, path, {"value": "x"})
    page = data(admin.ask("LIST", f"{mount}/metadata", query="?after=a&limit=2"))["keys"]
    vault = Vault("vault", VaultAccess(url=target.url), Secret(target.token.encode()))
    assert ["a", "a/", "c/", "f"] == [name for names in vault.pages(f"{mount}/metadata", size=2) for name in names]
    if target.openbao:
        assert ["a/", "c/"] == page
        assert {"a", "a/b", "c/d/e", "f"} == set(vault.scan(mount) or ())
        assert () == vault.scan(mount, "nothing")
        assert {"a": True, "a/": False, "c/": False, "f": True} == {
            name: "versions" in metadata for name, metadata in vault.detailed(mount, size=3) or ()
        }
    else:
        assert ["a", "a/", "c/", "f"] == page
        assert status(admin, "SCAN", f"{mount}/metadata") in (404, 405)
        assert (vault.scan(mount), vault.detailed(mount)) == (None, None)


def test_a_scan_wants_its_own_right(target: Target, admin: VaultAdmin, mount: str) -> None:
    """Who may list a tree may not therefore scan it; both are told as "walk it"."""
    admin.write(mount, "a/b", {"value": "x"})
    admin.policy(mount, f'path "{mount}/metadata/*" {{ capabilities = ["read", "list"] }}')
    vault = Vault("vault", VaultAccess(url=target.url), Secret(admin.new_token(mount).encode()))
    assert (vault.scan(mount), vault.detailed(mount)) == (None, None)
    assert ("a/",) == vault.list(f"{mount}/metadata")


def deep(number: int) -> str:
    """One of 10,000 paths in some sixty folders, up to six deep."""
    return "/".join([f"a{number % 5}", *["deep"] * (number % 5), f"b{number // 1000}", f"s{number}"])


@pytest.mark.parametrize("version", [1, 2])
def test_a_deep_tree_of_ten_thousand(target: Target, admin: VaultAdmin, version: int) -> None:
    """Every one of 10,000 secrets is found by its name, in either engine, however deep it lies."""
    path = f"keywatch-test-{secrets.token_hex(6)}"
    admin.mount(path, version)
    try:
        # OpenBao's memory storage copies all of it for each write of KV v2: 10,000 take minutes.
        size = 3_000 if target.openbao and target.stand_in is None and version == 2 else 10_000
        names = [deep(number) for number in range(size)]
        sown(target, path, version, names)
        vault = Vault("vault", VaultAccess(url=target.url), Secret(target.token.encode()))
        root = path if version == 1 else f"{path}/metadata"
        folders, found = [""], set[str]()
        while folders:
            folder = folders.pop()
            below = [folder + name for name in vault.list(f"{root}/{folder}".rstrip("/"))]
            folders += [name for name in below if name.endswith("/")]
            found.update(name for name in below if not name.endswith("/"))
        assert set(names) == found
        if target.openbao and version == 2:
            assert set(names) == set(vault.scan(path) or ())
    finally:
        admin.unmount(path)


def sown(target: Target, mount: str, version: int, names: list[str]) -> None:
    """Write a secret under each name: over one connection, or where the stand-in keeps them."""
    if target.stand_in is not None:
        made = datetime(2026, 11, 1, tzinfo=UTC)
        entries = {name: Entry(made, {1: Version({"value": "x"}, made)}) for name in names}
        target.stand_in.mounts[f"{mount}/"].entries.update(entries)
        return
    values = {"value": "x"} if version == 1 else {"data": {"value": "x"}}
    connection = HTTPConnection(urlsplit(target.url).netloc, timeout=30)
    for name in names:
        place = f"/v1/{mount}/{name}" if version == 1 else f"/v1/{mount}/data/{name}"
        connection.request("POST", place, json.dumps(values), {"X-Vault-Token": target.token})
        with connection.getresponse() as answer:
            assert answer.status in (200, 204)
            answer.read()
    connection.close()


def test_an_audit_device_hashes_with_a_salt_of_its_own(admin: VaultAdmin) -> None:
    """One value has one hash at one device, and another at another; a device that is not there is an error."""
    devices = [f"keywatch-{secrets.token_hex(6)}" for _ in range(2)]
    try:
        for device in devices:
            admin.ask("POST", f"sys/audit/{device}", {"type": "file", "options": {"file_path": "/dev/null"}})
        assert {f"{device}/" for device in devices} <= set(data(admin.ask("GET", "sys/audit")))
        first, again, other = (
            data(admin.ask("POST", f"sys/audit-hash/{device}", {"input": "invented"}))["hash"]
            for device in (devices[0], devices[0], devices[1])
        )
        assert re.fullmatch("hmac-sha256:[0-9a-f]{64}", str(first))
        assert first == again != other
        assert 400 == status(admin, "POST", "sys/audit-hash/keywatch-none")
    finally:
        for device in devices:
            admin.ask("DELETE", f"sys/audit/{device}")


def test_a_namespace_is_a_tree_of_its_own(target: Target, admin: VaultAdmin) -> None:
    """What lies in a namespace is seen with its header alone; Vault has them in its enterprise edition only."""
    name = f"keywatch-{secrets.token_hex(6)}"
    if not target.openbao:
        assert 404 == status(admin, "POST", f"sys/namespaces/{name}")
        return
    admin.ask("POST", f"sys/namespaces/{name}", {})
    try:
        inside = VaultAdmin(target.url, target.token, name)
        inside.mount("kv")
        inside.write("kv", "team/app", {"value": "x"})
        access = VaultAccess(url=target.url, namespace=name)
        assert ("team/",) == Vault("vault", access, Secret(target.token.encode())).list("kv/metadata")
        assert 404 == status(admin, "LIST", "kv/metadata")
    finally:
        inside.unmount("kv")
        admin.ask("DELETE", f"sys/namespaces/{name}")


def test_a_sealed_vault_says_so(sealable: Target) -> None:
    """Sealed, everything is 503 and sys/health tells why; unsealed, the token is as good as before."""
    admin = VaultAdmin(sealable.url, sealable.token)
    vault = Vault("vault", VaultAccess(url=sealable.url), Secret(sealable.token.encode()))
    vault.require_health()
    admin.ask("POST", "sys/seal", {})
    try:
        assert 503 == status(admin, "GET", "sys/health") == status(admin, "GET", "auth/token/lookup-self")
        assert admin.ask("GET", "sys/seal-status")["sealed"] is True
        for asked in (vault.require_health, lambda: vault.list("sys/policies/acl")):
            with pytest.raises(SourceUnreachable, match="is sealed") as caught:
                asked()
            assert "unseal it" == caught.value.hint
    finally:
        admin.ask("POST", "sys/unseal", {"key": sealable.unseal_key})
    assert admin.ask("GET", "sys/seal-status")["sealed"] is False
    eventually_active(vault)


def eventually_active(vault: Vault) -> None:
    """A node needs a moment after it was unsealed to become the active one."""
    for attempt in stamina.retry_context(on=SourceUnreachable, attempts=50, wait_max=0.5, timeout=20):
        with attempt:
            vault.require_health()
