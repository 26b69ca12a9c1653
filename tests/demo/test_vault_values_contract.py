"""
What reading values relies on in Vault's HTTP API, asked of the stand-in, and of a real server where one is given.

`VAULT_ADDR` and `VAULT_TOKEN` (of a server that may be written to: `bao server -dev`) name the real one.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywatch.collect.inventory.vault_oracle import VaultOracle
from keywatch.collect.inventory.vault_values import VaultValues, Wanted
from keywatch.collect.vault import Vault, VaultAccess
from keywatch.demo.text import invented
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceError
from keywatch.model.held_value import ReadSecret
from keywatch.model.secret import Pepper, Secret
from keywatch.model.source import Excess, Skipped

# Read at import: the tests' own environment is emptied of everything that could reach something real.
_REAL = (os.environ.get("VAULT_ADDR"), os.environ.get("VAULT_TOKEN"))
_POLICY = (Path(__file__).parents[2] / "config" / "vault" / "known-secrets.hcl").read_text("utf-8")
PEPPER = Pepper(b"p" * 32)


@pytest.fixture(params=["stand-in", *(["real"] if all(_REAL) else [])])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Address and root token."""
    url, token = _REAL
    if request.param == "real" and url and token:
        yield url.rstrip("/"), token
    else:
        with VaultServer() as stand_in:
            yield stand_in.url, stand_in.token


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


@pytest.fixture
def access(server: tuple[str, str]) -> VaultAccess:
    return VaultAccess(url=server[0], timeout=10)


def token(admin: VaultAdmin, hcl: str) -> Secret:
    name = f"keywatch-test-{secrets.token_hex(6)}"
    admin.policy(name, hcl)
    return Secret(admin.new_token(name).encode())


def source(admin: VaultAdmin, access: VaultAccess, mount: str, policy: str = _POLICY) -> VaultValues:
    holder = token(admin, policy.replace('"kv/', f'"{mount}/'))
    wanted = Wanted(paths=(f"{mount}/orders/*",))
    return VaultValues("v", "v", access, holder, wanted=wanted, pepper=PEPPER, now=lambda: datetime.now(UTC))


def read(source: VaultValues, marks: Mapping[str, str]) -> dict[str, ReadSecret]:
    batches = list(source.values(marks))
    assert [item for batch in batches for item in batch.skipped] == []
    return {secret.place.rpartition("/")[2]: secret for batch in batches for secret in batch.secrets}


def test_each_version_is_read_once(admin: VaultAdmin, access: VaultAccess, mount: str) -> None:
    """By its number; a deleted and a destroyed one are passed over, and what has not changed is known by its mark."""
    values = [invented(30) for _ in range(4)]
    for value in values:
        admin.write(mount, "orders/a", {"password": value})
    admin.write(mount, "orders/deep/b", {"password": values[0]})
    admin.write(mount, "other/c", {"password": values[0]})
    admin.destroy(mount, "orders/a", 2)
    admin.ask("POST", f"{mount}/delete/orders/a", {"versions": [3]})
    reader = source(admin, access, mount)
    found = read(reader, {})
    assert set(found) == {"a", "b"}
    assert {1, 4} == set(found["a"].read)
    for number, told in found["a"].read.items():
        assert [PEPPER.fingerprint(Secret(values[number - 1].encode()))] == [value.fingerprint for value in told]
    marks = {secret.place: secret.mark for secret in found.values()}
    assert read(reader, marks) == {}
    admin.write(mount, "orders/a", {"password": invented(30)})
    assert [set(secret.read) for secret in read(reader, marks).values()] == [{5}]
    admin.delete(mount, "orders/a")
    (deleted,) = read(reader, marks | {"v": ""}).values()
    assert (deleted.gone, deleted.current, deleted.read) == (True, 5, {})


def test_kv_version_1_is_told_by_its_mount(admin: VaultAdmin, access: VaultAccess) -> None:
    """And its values are where its names are."""
    path = f"keywatch-test-{secrets.token_hex(6)}"
    admin.mount(path, version=1)
    try:
        admin.ask("POST", f"{path}/orders/a", {"password": invented(30)})
        reader = source(admin, access, path, 'path "kv/orders/*" { capabilities = ["read", "list"] }')
        (found,) = read(reader, {}).values()
        assert [[value.field for value in told] for told in found.read.values()] == [["password"]]
        assert [item for item in reader.check() if isinstance(item, Skipped)] == []
    finally:
        admin.unmount(path)


def test_vault_tells_what_a_token_may_do(admin: VaultAdmin, access: VaultAccess, mount: str) -> None:
    """Of paths that need not be there, by the rules that fit them."""
    assert [item for item in source(admin, access, mount).check() if isinstance(item, Skipped)] == []
    wide = source(admin, access, mount, 'path "kv/*" { capabilities = ["create", "read", "list"] }').check()
    assert {item.what.rpartition("/")[0] for item in wide if isinstance(item, Excess)} == {
        f"{mount}/data",
        f"{mount}/data/orders",
        f"{mount}/metadata/orders",
    }
    less = source(admin, access, mount, 'path "kv/metadata/*" { capabilities = ["list"] }').check()
    missing = [item.what for item in less if isinstance(item, Skipped) and not isinstance(item, Excess)]
    assert missing == [f"{mount}/metadata/orders/keywatch-check", f"{mount}/data/orders/keywatch-check"]


def test_a_device_that_is_not_enabled_hashes_nothing(server: tuple[str, str], access: VaultAccess) -> None:
    """It is told, and not taken for an answer."""
    vault = Vault("v", access, Secret(server[1].encode()))
    with pytest.raises(SourceError):
        VaultOracle(vault, f"none-{secrets.token_hex(4)}").hashed(Secret(b"a candidate"))
