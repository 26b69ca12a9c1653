"""A Vault that keywatch logs in to by itself, from the settings to the alert."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import stamina

from keywatch.cli.check import check
from keywatch.collect.vault import Vault
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.service.vault_sessions import VaultSessions
from tests.service.installation import Installation

UNWRAP = "sys/wrapping/unwrap"
APPROLE = """
[[vault]]
name = "prod"
address = "{url}"
mounts = ["kv"]
[vault.login]
method = "approle"
mount = "team/approle"
role = "keywatch"
role_id = "file:HERE/role-id"
secret_id = "file:HERE/secret-id"
"""


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries happen, their pauses do not."""
    with stamina.set_testing(testing=True, attempts=2, cap=True):
        yield


@pytest.fixture
def vault(here: Installation) -> Iterator[VaultServer]:
    """A Vault with a secret and a role, to which a login is configured."""
    with VaultServer() as server:
        admin = VaultAdmin(server.url, server.token)
        admin.mount("kv")
        admin.write("kv", "orders/lwa", {"value": "x"}, {"owner": "orders-team"})
        admin.policy("keywatch", 'path "kv/metadata/*" { capabilities = ["read", "list"] }')
        admin.enable("team/approle", "approle")
        admin.role("team/approle", "keywatch", "keywatch", token_ttl="10m")
        here.write("role-id", admin.role_id("team/approle", "keywatch"))
        here.write("secret-id", admin.secret_id("team/approle", "keywatch"))
        here.configure(APPROLE.format(url=server.url))
        server.requests.clear()
        yield server


def deliver(here: Installation, vault: VaultServer) -> str:
    token = VaultAdmin(vault.url, vault.token).wrapped_secret_id("team/approle", "keywatch")
    here.write("secret-id", token)
    vault.requests.clear()
    return token


def logins(vault: VaultServer) -> int:
    return sum(path.endswith("/login") for _, path in vault.requests)


def test_keywatch_logs_in_by_itself(here: Installation, vault: VaultServer) -> None:
    """The keys are read under a token that nobody had to deliver, over as many runs as that lasts."""
    with here.open() as keywatch:
        assert keywatch.once()
        assert keywatch.once()
    assert ["kv/orders/lwa"] == list(here.standings())
    assert 1 == logins(vault)


def test_a_token_is_kept_alive_between_runs(here: Installation, vault: VaultServer) -> None:
    """It is looked now and then whether a token is to be renewed; that it could not be is told, and ends nothing."""
    passed = [0.0]
    with here.open() as keywatch:
        sessions = VaultSessions(keywatch._settings.vault, clock=lambda: passed[0])
        daemon, _ = keywatch.daemon()
        assert [True] == [job.run() for job in daemon._jobs if job.name == "vault-token:prod"]
    assert sessions.keep("prod")
    assert [] == vault.requests
    assert ("orders/",) == Vault("vault", sessions.access("prod"), sessions.session("prod")).list("kv/metadata")
    for minute, renewals in ((6, 0), (7, 1), (13, 1), (14, 2)):
        passed[0] = minute * 60
        assert sessions.keep("prod")
        assert renewals == vault.requests.count(("POST", "auth/token/renew-self"))
    vault.seal()
    passed[0] = 21 * 60
    assert sessions.keep("prod")
    passed[0] = 25 * 60
    assert not sessions.keep("prod")


def test_a_secret_id_in_other_hands_is_an_alert(here: Installation, vault: VaultServer) -> None:
    """Somebody unwrapped it first: that is told beside the blind source, once, until a new one is delivered."""
    here.config += "wrapped = true\n"
    token = deliver(here, vault)
    VaultAdmin(vault.url, token).ask("POST", UNWRAP)
    alarm = "fired: The secret id that was wrapped for keywatch in Vault prod may be in other hands -> console"
    assert alarm in here.news()
    assert [] == here.news()
    deliver(here, vault)
    assert alarm.replace("fired", "resolved") in here.news()


def test_a_restart_with_a_used_up_wrapping_token(here: Installation, vault: VaultServer) -> None:
    """It is no alarm, but the source is blind, and the message says what to deliver."""
    here.config += "wrapped = true\n"
    deliver(here, vault)
    assert here.cycle()
    here.now += timedelta(hours=1)
    assert ["keywatch cannot read vault-kv2:prod" in line for line in here.news()] == [True]
    assert "keywatch itself unwrapped this secret id" in str(here.source("vault-kv2:prod").error)
    assert "vault write -wrap-ttl=10m -f auth/team/approle/role/keywatch/secret-id" in str(
        here.source("vault-kv2:prod").hint
    )


def test_a_login_that_is_not_configured_any_more_raises_no_alarm(here: Installation, vault: VaultServer) -> None:
    """What was suspected of a wrapping token is over when the Vault is not logged in to with one."""
    plain = here.config
    here.config += "wrapped = true\n"
    VaultAdmin(vault.url, deliver(here, vault)).ask("POST", UNWRAP)
    here.cycle()
    here.config = plain
    here.write("secret-id", VaultAdmin(vault.url, vault.token).secret_id("team/approle", "keywatch"))
    assert any(line.startswith("resolved: The secret id that was wrapped") for line in here.news())


def test_check_leaves_a_wrapped_secret_id_for_the_daemon(
    here: Installation, vault: VaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """`keywatch check` says so, and the daemon can still use it."""
    here.config += "wrapped = true\n"
    deliver(here, vault)
    with here.open():
        pass
    assert 2 == check(here.directory / "keywatch.toml")
    assert (
        "AppRole login: vault-kv2:prod: the wrapping token of the secret id can be used once" in capsys.readouterr().out
    )
    assert ("POST", UNWRAP) not in vault.requests
    assert here.cycle()


def test_a_vault_that_is_sealed_takes_no_key_away(here: Installation, vault: VaultServer) -> None:
    """Sealed between two runs: what was known stays, its standing is unknown, and it is told once."""
    assert here.cycle()
    vault.seal()
    assert ["keywatch cannot read vault-kv2:prod" in line for line in here.news()] == [True]
    assert ["kv/orders/lwa"] == list(here.standings())
    assert "sealed" in str(here.source("vault-kv2:prod").error)
