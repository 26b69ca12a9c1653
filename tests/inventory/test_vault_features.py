"""What OpenBao can do that Vault cannot: used where it is there, missed nowhere."""

from collections.abc import Iterator

import pytest

from keywatch.collect.vault import Vault, VaultAccess
from keywatch.collect.vault.features import Program, Server, server_of
from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.secret import Secret
from keywatch.model.source import Json

TREE = ("a", "a/b", "c/d/e", "f", "g")


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with VaultServer() as running:
        admin = VaultAdmin(running.url, running.token)
        admin.mount("kv")
        for path in TREE:
            admin.write("kv", path, {"value": "x"}, {"owner": path})
        running.requests.clear()
        yield running


def vault(server: VaultServer, policy: str | None = None) -> Vault:
    admin, token = VaultAdmin(server.url, server.token), server.token
    if policy is not None:
        admin.policy("keywatch", policy)
        token = admin.new_token("keywatch")
    server.requests.clear()
    return Vault("vault-kv2:prod", VaultAccess(url=server.url, timeout=5), Secret(token.encode()))


@pytest.mark.parametrize(
    ("health", "server"),
    [
        pytest.param({"version": "1.13.3"}, Server(Program.VAULT, "1.13.3"), id="an-old-vault"),
        pytest.param({"version": "1.18.0", "enterprise": False}, Server(Program.VAULT, "1.18.0"), id="vault"),
        pytest.param({"version": "2.0.1+ent", "enterprise": True}, Server(Program.VAULT, "2.0.1+ent"), id="enterprise"),
        pytest.param({"version": "2.6.2"}, Server(Program.OPENBAO, "2.6.2"), id="openbao"),
        pytest.param({"version": "three"}, Server(), id="no-version"),
        pytest.param({}, Server(), id="nothing"),
        pytest.param(None, Server(), id="not-vaults"),
    ],
)
def test_the_program_is_told_from_its_health(health: dict[str, Json] | None, server: Server) -> None:
    """OpenBao counts from 2 on, and only Vault says whether it is the enterprise's; what is neither has nothing."""
    assert server == server_of(health)
    assert server.pages is server.scans is (server.program is Program.OPENBAO)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_names_come_in_pages(server: VaultServer, size: int) -> None:
    """Whatever the size of a page, each name comes once; `list` gives the same as one."""
    server.openbao = True
    reader = vault(server)
    pages = list(reader.pages("kv/metadata", size=size))
    assert ["a", "a/", "c/", "f", "g"] == [name for page in pages for name in page]
    assert {size} >= {len(page) for page in pages[:-1]}
    assert ("a", "a/", "c/", "f", "g") == reader.list("kv/metadata")


def test_vault_has_one_page(server: VaultServer) -> None:
    """A server that cannot page is asked once."""
    reader = vault(server)
    assert [("a", "a/", "c/", "f", "g")] == list(reader.pages("kv/metadata", size=1))
    assert 1 == server.requests.count(("LIST", "kv/metadata"))
    assert [] == list(reader.pages("kv/metadata/nothing"))


def test_a_server_that_repeats_itself_ends_the_pages() -> None:
    """One that says it pages, and gives the same page again and again, does not keep us for ever."""

    class Stuck(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
            self.answer(200, b'{"version": "2.6.2"}', "application/json")

        def do_LIST(self) -> None:  # noqa: N802
            self.answer(200, b'{"data": {"keys": ["a", "b"]}}', "application/json")

    with LoopbackServer(Stuck) as stuck:
        reader = Vault("vault-kv2:prod", VaultAccess(url=stuck.url), Secret(b"invented"))
        assert [("a", "b")] * 2 == list(reader.pages("kv/metadata", size=2))
        assert [("a", "b")] == list(reader.pages("kv/metadata", size=1))


def test_a_scan_brings_every_path_at_once(server: VaultServer) -> None:
    """SCAN names all secrets below a folder, relative to it, in one request."""
    server.openbao = True
    reader = vault(server)
    assert set(TREE) == set(reader.scan("kv") or ())
    assert ("d/e",) == reader.scan("kv", "c")
    assert () == reader.scan("kv", "nothing")
    assert 3 == sum(verb == "SCAN" for verb, _ in server.requests)


def test_metadata_comes_with_the_names(server: VaultServer) -> None:
    """`detailed-metadata` brings names and metadata together; a folder has none, not even its namesake's."""
    server.openbao = True
    found = vault(server).detailed("kv", size=2)
    assert found is not None
    owners = {name: metadata.get("custom_metadata") for name, metadata in found}
    assert {"a": {"owner": "a"}, "a/": None, "c/": None, "f": {"owner": "f"}, "g": {"owner": "g"}} == owners
    assert [] == list(vault(server).detailed("kv", "nothing") or ["None"])


@pytest.mark.parametrize("openbao", [False, True])
def test_what_is_not_there_or_not_allowed_is_none(server: VaultServer, openbao: bool) -> None:
    """Without the feature, or without the right to it, the caller is told to walk; Vault is not even asked."""
    server.openbao = openbao
    reader = vault(server, 'path "kv/metadata/*" { capabilities = ["read", "list"] }')
    assert reader.scan("kv") is None
    assert reader.detailed("kv") is None
    assert openbao is any(verb == "SCAN" for verb, _ in server.requests)
    assert ("a", "a/", "c/", "f", "g") == reader.list("kv/metadata")


@pytest.mark.parametrize("status", [400, 405, 501])
def test_an_openbao_too_old_for_it(server: VaultServer, status: int) -> None:
    """An OpenBao that knows no SCAN is walked."""
    server.openbao = True
    reader = vault(server)
    assert reader.list("kv/metadata")
    server.faults = [status]
    assert reader.scan("kv") is None
    server.faults = [status]
    assert reader.detailed("kv") is None
