"""What stands where Vault should: a login page, a server that is slow, one that is busy for good."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys
from keywatch.collect.vault import Vault, VaultAccess, VaultSession, answer
from keywatch.collect.vault.approle import AppRole
from keywatch.collect.vault.refusal import VaultBusy
from keywatch.collect.vault.wire import again
from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
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


def test_a_quota_says_when_to_come_back() -> None:
    """Seconds that Vault asks for are waited, as long as the run can; OpenBao's 0 is no reason to ask at once."""
    for asked, tries in (("0", 4), ("7", 4), ("29", 4), ("30", 1), ("86400", 1), ("soon", 4)):
        with VaultServer() as server:
            server.faults, server.retry_after = [429] * 9, asked
            with pytest.raises(VaultBusy, match="too busy") as caught:
                vault(server.url).read("kv/metadata/a")
            assert tries == len(server.requests)
            assert "sys/quotas/rate-limit" in str(caught.value.hint)
            assert (f"asks to wait {asked} s" in str(caught.value)) == (asked in ("7", "29", "30", "86400"))


@pytest.mark.parametrize("error", [VaultBusy("x"), VaultBusy("x", retry_after=0.0), VaultBusy("x", retry_after=7.0)])
def test_how_long_is_waited(error: VaultBusy) -> None:
    """As long as Vault asks for and a little more, for it rounds down; else our own rising pauses."""
    assert {None: True, 0.0: True, 7.0: 7.5}[error.retry_after] == again(error)
    assert again(SourceUnreachable("x")) is False


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    """A connection that is cut in the middle of an answer is a hiccup, not half a list."""
    asked = []

    class Cut(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"data": {"keys": ["a"')
            self.close_connection = True

    with LoopbackServer(Cut) as server, pytest.raises(SourceUnreachable, match="broke off its answer"):
        vault(server.url).read("kv/metadata/a")
    assert len(asked) == 4


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than any Vault has to say are not taken into memory."""
    monkeypatch.setattr(answer, "LARGEST", 100_000)

    class Endless(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.answer(200, b"x" * 1_000_000, "application/json")

    with LoopbackServer(Endless) as server, pytest.raises(SourceMalformed, match="has no end"):
        vault(server.url).read("kv/metadata/a")


@pytest.mark.parametrize("status", [401, 403])
def test_a_gateway_that_refuses_is_not_vault(status: int) -> None:
    """Whoever stands in front of Vault and says no is not taken for a missing policy."""

    class Gateway(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.answer(status, b"<html>forbidden", "text/html")

    with LoopbackServer(Gateway) as server, pytest.raises(SourceMalformed, match="is not Vault's") as caught:
        vault(server.url).read("kv/metadata/a")
    assert "login page" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>please log in", 200), (b'{"auth": null}', 200), (b"[]", 200), (b'{"auth": {"client_token": 7}}', 200)],
)
def test_a_login_that_makes_no_sense(body: bytes, status: int) -> None:
    """What is answered to a login and is none of Vault's words ends it, and quotes nothing."""

    class Odd(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802
            self.body()
            self.answer(status, body, "application/json")

    def credential() -> Secret:
        return Secret(b"canary" * 4)

    with LoopbackServer(Odd) as server:
        session = VaultSession(VaultAccess(url=server.url, timeout=5), AppRole(role_id=credential, secret_id=None))
        with pytest.raises(SourceError) as caught:
            Vault("vault-kv2:prod", VaultAccess(url=server.url), session).read("kv/metadata/a")
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    assert "log in" not in str(caught.value)


def test_of_several_vaults_a_dead_one_stops_no_other() -> None:
    """One that hangs, one that is sealed, one behind a redirect: the fourth is read meanwhile."""
    with ExitStack() as stack:
        hangs, sealed, elsewhere, well = (stack.enter_context(VaultServer()) for _ in range(4))
        hangs.stalls, elsewhere.redirect = 99, well.url
        sealed.seal()
        VaultAdmin(well.url, well.token).mount("kv")
        well.requests.clear()
        with ThreadPoolExecutor(4) as pool:
            told = list(pool.map(tried, (hangs, sealed, elsewhere, well)))
        assert 1 == len(well.requests), "the token went nowhere else"
    words = ("did not answer", "is sealed", "redirects")
    assert [*words, "read"] == [next((word for word in words if word in one), one) for one in told]


def tried(server: VaultServer) -> str:
    """What came of reading from it."""
    access = VaultAccess(url=server.url, timeout=0.05 if server.stalls else 5)
    try:
        Vault("vault-kv2:prod", access, Secret(server.token.encode())).read("sys/internal/ui/mounts")
    except SourceError as error:
        return error.message
    return "read"


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
