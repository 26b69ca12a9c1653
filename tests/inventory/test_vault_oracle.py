"""A candidate is compared with what Vault's audit log has seen, and Vault never shows a value for it."""

from collections.abc import Iterator

import pytest

from keywatch.collect.inventory.vault_oracle import VaultOracle
from keywatch.collect.vault import Vault, VaultAccess
from keywatch.demo.text import invented
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.secret import Secret

POLICY = 'path "sys/audit-hash/file" { capabilities = ["update"] }'


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with VaultServer() as server:
        VaultAdmin(server.url, server.token).ask("POST", "sys/audit/file", {"type": "file"})
        yield server


def oracle(server: VaultServer, policy: str = POLICY, device: str = "file") -> VaultOracle:
    admin = VaultAdmin(server.url, server.token)
    admin.policy("hash", policy)
    token = Secret(admin.new_token("hash").encode())
    return VaultOracle(Vault("vault prod", VaultAccess(url=server.url, timeout=5), token), device)


def logged(server: VaultServer, value: str) -> str:
    """What stands for a value in the audit log."""
    told = VaultAdmin(server.url, server.token).ask("POST", "sys/audit-hash/file", {"input": value})["data"]
    assert isinstance(told, dict)
    return str(told["hash"])


def test_what_vault_has_handed_out_has_the_hash_that_its_log_has(server: VaultServer) -> None:
    """Anything else has another one, or none."""
    value = invented(30)
    asked = oracle(server)
    assert asked.hashed(Secret(value.encode())) == logged(server, value)
    assert asked.hashed(Secret(value[:-1].encode())) != logged(server, value)
    assert asked.hashed(Secret(b"\xff" + value.encode())) is None
    assert not [path for _, path in server.requests if "/data/" in path]


def test_without_the_right_nothing_is_confirmed(server: VaultServer) -> None:
    """The refusal names what to grant, and no value."""
    value = invented(30)
    with pytest.raises(SourceDenied) as refused:
        oracle(server, policy="").hashed(Secret(value.encode()))
    assert refused.value.hint == "give the token `update` on sys/audit-hash/file in its policy"
    assert value not in str(refused.value)


def test_a_device_that_is_not_there_is_told(server: VaultServer) -> None:
    """Without repeating what was asked."""
    with pytest.raises(SourceMalformed):
        oracle(server, 'path "sys/audit-hash/*" { capabilities = ["update"] }', "syslog").hashed(Secret(b"x" * 30))
