"""What stands where Vault should: a login page, a server that is slow, one that is busy for good."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys
from keywatch.collect.vault import Vault, VaultAccess
from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.demo.vault import VaultServer
from keywatch.model.errors import SourceDenied, SourceMalformed, SourceUnreachable
from keywatch.model.secret import Secret


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries happen, their pauses do not."""
    with stamina.set_testing(testing=True, attempts=4, cap=True):
        yield


def vault(url: str, timeout: float = 5) -> Vault:
    return Vault("vault-kv2:prod", VaultAccess(url=url, timeout=timeout), Secret(b"invented"))


def test_a_login_page_is_malformed() -> None:
    """An answer that is not Vault's JSON is malformed, not empty."""

    class Portal(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
            self.answer(200, b"<html>please log in", "text/html")

    with LoopbackServer(Portal) as server, pytest.raises(SourceMalformed, match="is not Vault's") as caught:
        vault(server.url).read("kv/metadata/a")
    assert "log in" not in str(caught.value)


def test_a_list_of_no_names_is_malformed() -> None:
    """A listing must be a list of names."""

    class Odd(QuietHandler):
        def do_LIST(self) -> None:  # noqa: N802
            self.answer(200, b'{"data": {"keys": [7]}}', "application/json")

    with LoopbackServer(Odd) as server, pytest.raises(SourceMalformed, match="not a list of names"):
        vault(server.url).list("kv/metadata")


def test_a_slow_server_is_unreachable() -> None:
    """A server that does not answer in time is tried again, then unreachable; the time is named."""
    over = threading.Event()
    asked = []

    class Slow(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802
            asked.append(self.path)
            over.wait(20)

    with LoopbackServer(Slow) as server:
        with pytest.raises(SourceUnreachable, match=r"did not answer GET kv/metadata/a in 0\.05 s"):
            vault(server.url, timeout=0.05).read("kv/metadata/a")
        over.set()
    assert len(asked) == 4


def test_a_server_that_stays_busy_is_unreachable() -> None:
    """A rate limit that outlasts the retries fails the run; the next one will ask again."""
    with VaultServer() as server:
        server.faults = [429] * 9
        with pytest.raises(SourceUnreachable, match="too busy"):
            vault(server.url).read("kv/metadata/a")
        assert len(server.requests) == 4


def test_an_address_that_is_none(tmp_path: Path) -> None:
    """An address no request can be sent to is malformed; a CA file that is missing is said before anything is sent."""
    with pytest.raises(SourceMalformed, match="cannot be sent"):
        vault("ftp://127.0.0.1").read("kv/metadata/a")
    access = VaultAccess(url="https://127.0.0.1:9", ca=tmp_path / "none.pem")
    with pytest.raises(SourceDenied, match=r"CA file .*none\.pem cannot be read"):
        Vault("vault-kv2:prod", access, Secret(b"x")).read("kv/metadata/a")


def test_a_token_may_see_no_mount() -> None:
    """Where mounts are to be discovered and none is, the source fails and says what to do."""
    with VaultServer() as server:
        access = VaultAccess(url=server.url)
        token = Secret(server.token.encode())
        source = VaultKv2Keys("prod", access, token, now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
        with pytest.raises(SourceDenied, match="sees no KV v2 mount") as caught:
            list(source.keys())
    assert caught.value.hint
