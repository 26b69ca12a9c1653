"""What keywatch relies on when it logs in, asked of the stand-in, and of a real server where one is given."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError

import pytest

from keywatch.collect.vault import Vault, VaultAccess, VaultSession
from keywatch.collect.vault.approle import AppRole, PlainSecretId, WrappedSecretId
from keywatch.collect.vault.door import LoginRefused
from keywatch.collect.vault.login import GivenToken, Kubernetes, Login
from keywatch.collect.vault.wrappings import Wrappings
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceDenied
from keywatch.model.secret import Pepper, Secret
from keywatch.model.source import Json
from tests.demo.targets import Target

LISTING = 'path "{0}/metadata/*" {{ capabilities = ["read", "list"] }}'


@pytest.fixture
def policy(admin: VaultAdmin, mount: str) -> str:
    """A policy for the metadata of a mount with one secret in it."""
    admin.write(mount, "app", {"value": "x"})
    admin.policy(mount, LISTING.format(mount))
    return mount


@pytest.fixture
def role(admin: VaultAdmin, approle: str, policy: str) -> str:
    """A role of the AppRole mount, whose tokens may list."""
    admin.role(approle, "keywatch", policy, token_ttl="20m", token_max_ttl="30m")
    return "keywatch"


def session(target: Target, login: Login) -> VaultSession:
    return VaultSession(VaultAccess(url=target.url, timeout=10), login)


def vault(target: Target, login: Login) -> Vault:
    access = VaultAccess(url=target.url, timeout=10)
    return Vault("vault-kv2:prod", access, VaultSession(access, login))


def app_role(admin: VaultAdmin, mount: str, role: str, secret_id: str | None = None) -> AppRole:
    role_id, given = admin.role_id(mount, role), secret_id or admin.secret_id(mount, role)
    return AppRole(role_id=fetch(role_id), secret_id=PlainSecretId(fetch(given)), mount=mount)


def fetch(text: str) -> Callable[[], Secret]:
    return lambda: Secret(text.encode())


def refused(admin: VaultAdmin, path: str, body: dict[str, Json]) -> tuple[int, str]:
    """Status and body of a request that is not granted."""
    with pytest.raises(HTTPError) as caught:
        admin.ask("POST", path, body)
    with caught.value as error:
        return error.code, error.read().decode()


def auth(answer: dict[str, Json]) -> dict[str, Json]:
    found = answer["auth"]
    assert isinstance(found, dict)
    return found


def test_an_approle_lets_in(target: Target, admin: VaultAdmin, approle: str, role: str, policy: str) -> None:
    """With role id and secret id there is a token of the role's policies, at whatever path the method is mounted."""
    reader = vault(target, app_role(admin, approle, role))
    assert ("app",) == reader.list(f"{policy}/metadata")
    assert reader.token_lives() is True
    with pytest.raises(SourceDenied):
        reader.read(f"{policy}/data/app")


def test_wrong_credentials_are_refused(target: Target, admin: VaultAdmin, approle: str, role: str) -> None:
    """A wrong role id, a wrong secret id and a method that is not mounted: 400, 400, and 403."""
    nobody, role_id = VaultAdmin(target.url, ""), admin.role_id(approle, role)
    secret_id = admin.secret_id(approle, role)
    for body in ({"role_id": "x", "secret_id": secret_id}, {"role_id": role_id, "secret_id": "x"}):
        status, text = refused(nobody, f"auth/{approle}/login", {**body})
        assert (400, True) == (status, "invalid role or secret ID" in text)
    elsewhere: dict[str, Json] = {"role_id": role_id, "secret_id": secret_id}
    assert 403 == refused(nobody, f"auth/{approle}-none/login", elsewhere)[0]
    with pytest.raises(LoginRefused, match=f"the AppRole login at auth/{approle}/ was refused"):
        vault(target, app_role(admin, approle, role, "x")).list("x")


def test_five_refusals_lock_a_role_out(target: Target, admin: VaultAdmin, approle: str, role: str) -> None:
    """After the fifth refusal even the right secret id is refused, with 403: so keywatch does not try on and on."""
    nobody, role_id = VaultAdmin(target.url, ""), admin.role_id(approle, role)
    statuses = {refused(nobody, f"auth/{approle}/login", {"role_id": role_id, "secret_id": "x"})[0] for _ in range(6)}
    assert {400, 403} == statuses
    right: dict[str, Json] = {"role_id": role_id, "secret_id": admin.secret_id(approle, role)}
    assert 403 == refused(nobody, f"auth/{approle}/login", right)[0]


def test_a_token_is_renewed_up_to_its_greatest_age(target: Target, admin: VaultAdmin, approle: str, role: str) -> None:
    """A login says how long its token lives; a renewal grants as much again, until the greatest age is near."""
    login: dict[str, Json] = {"role_id": admin.role_id(approle, role), "secret_id": admin.secret_id(approle, role)}
    granted = auth(VaultAdmin(target.url, "").ask("POST", f"auth/{approle}/login", login))
    assert (1200, True) == (granted["lease_duration"], granted["renewable"])
    mine = VaultAdmin(target.url, str(granted["client_token"]))
    assert 1195 <= int(str(auth(mine.ask("POST", "auth/token/renew-self", {}))["lease_duration"])) <= 1200
    shown = mine.ask("GET", "auth/token/lookup-self")["data"]
    assert isinstance(shown, dict)
    assert {"creation_ttl": 1200, "renewable": True, "num_uses": 0} == {
        name: shown[name] for name in ("creation_ttl", "renewable", "num_uses")
    }
    aged = VaultAdmin(target.url, admin.new_token("default", ttl="10m", explicit_max_ttl="12m"))
    for _ in range(2):
        assert 595 <= int(str(auth(aged.ask("POST", "auth/token/renew-self", {}))["lease_duration"])) <= 600
    assert 400 == refused(admin, f"auth/{approle}/role/wrong", {"token_ttl": "40m", "token_max_ttl": "30m"})[0]


def test_periodic_and_fixed_tokens(target: Target, admin: VaultAdmin, approle: str, policy: str) -> None:
    """A periodic token says its period and is renewed by it; one that is not renewable, and a batch token, are not."""
    periodic = VaultAdmin(target.url, admin.new_token(policy, period="15m"))
    shown = periodic.ask("GET", "auth/token/lookup-self")["data"]
    assert isinstance(shown, dict)
    assert (900, True) == (shown["period"], shown["renewable"])
    assert 895 <= int(str(auth(periodic.ask("POST", "auth/token/renew-self", {}))["lease_duration"])) <= 900
    fixed = VaultAdmin(target.url, admin.new_token(policy, renewable=False))
    assert 400 == refused(fixed, "auth/token/renew-self", {})[0]
    admin.role(approle, "batch", policy, token_type="batch", token_ttl="20m")
    role_id, secret_id = admin.role_id(approle, "batch"), admin.secret_id(approle, "batch")
    login: dict[str, Json] = {"role_id": role_id, "secret_id": secret_id}
    granted = auth(VaultAdmin(target.url, "").ask("POST", f"auth/{approle}/login", login))
    assert ("batch", False, 1200) == tuple(granted[name] for name in ("token_type", "renewable", "lease_duration"))
    assert 400 == refused(VaultAdmin(target.url, str(granted["client_token"])), "auth/token/renew-self", {})[0]


def test_a_revoked_token_is_told_apart_by_looking_it_up(
    target: Target, admin: VaultAdmin, approle: str, role: str, policy: str
) -> None:
    """Refused is refused, whether by policy or because the token is gone; only lookup-self tells which."""
    reader = vault(target, app_role(admin, approle, role))
    with pytest.raises(SourceDenied):
        reader.read(f"{policy}/data/app")
    token = admin.new_token(policy)
    gone = VaultAdmin(target.url, token)
    gone.ask("GET", "auth/token/lookup-self")
    admin.revoke(token)
    for path in ("auth/token/lookup-self", f"{policy}/metadata/app"):
        with pytest.raises(HTTPError) as caught:
            gone.ask("GET", path)
        with caught.value as error:
            assert error.code == 403


def test_a_token_revoked_on_the_way_is_replaced(
    target: Target, admin: VaultAdmin, approle: str, role: str, policy: str
) -> None:
    """Where keywatch can log in, a token that somebody revoked costs one more login, and nothing else."""
    logged_in = session(target, app_role(admin, approle, role))
    reader = Vault("vault-kv2:prod", VaultAccess(url=target.url), logged_in)
    assert ("app",) == reader.list(f"{policy}/metadata")
    before = logged_in.lease("vault-kv2:prod").token
    admin.revoke(before.reveal().decode())
    assert ("app",) == reader.list(f"{policy}/metadata")
    assert before != logged_in.lease("vault-kv2:prod").token


def test_what_is_wrapped_comes_out_once(target: Target, admin: VaultAdmin, approle: str, role: str) -> None:
    """Where it was made is told to anybody who has the wrapping token; what is in it, to the first alone."""
    nobody, token = VaultAdmin(target.url, ""), admin.wrapped_secret_id(approle, role)
    shown = nobody.ask("POST", "sys/wrapping/lookup", {"token": token})["data"]
    assert isinstance(shown, dict)
    assert (f"auth/{approle}/role/{role}/secret-id", 300) == (shown["creation_path"], shown["creation_ttl"])
    given = VaultAdmin(target.url, token).ask("POST", "sys/wrapping/unwrap")["data"]
    assert isinstance(given, dict)
    assert {"secret_id", "secret_id_accessor"} <= set(given)
    assert 400 == refused(nobody, "sys/wrapping/lookup", {"token": token})[0]
    assert 400 == refused(VaultAdmin(target.url, token), "sys/wrapping/unwrap", {})[0]


@pytest.fixture
def wrappings(tmp_path: Path) -> Wrappings:
    return Wrappings(tmp_path / "wrappings.json", Pepper(b"p" * 32).fingerprint, lambda: datetime.now(UTC))


def test_a_wrapped_secret_id_lets_in(
    target: Target, admin: VaultAdmin, approle: str, role: str, wrappings: Wrappings
) -> None:
    """A wrapped secret id is unwrapped once, and serves for every login of this process."""
    wrapped = WrappedSecretId(
        fetch(admin.wrapped_secret_id(approle, role)), wrappings, vault="prod", mount=approle, role=role
    )
    for _ in range(2):
        login = AppRole(role_id=fetch(admin.role_id(approle, role)), secret_id=wrapped, mount=approle)
        assert vault(target, login).token_lives()
    assert () == wrappings.suspicions()


def test_a_wrapping_token_that_was_tampered_with(
    target: Target, admin: VaultAdmin, approle: str, role: str, wrappings: Wrappings
) -> None:
    """Somebody was there first, or put another token in its place: keywatch does not log in, and remembers why."""
    spent = admin.wrapped_secret_id(approle, role)
    VaultAdmin(target.url, spent).ask("POST", "sys/wrapping/unwrap")
    wrapping = admin.ask("GET", f"auth/{approle}/role/{role}/role-id", wrap=300)["wrap_info"]
    assert isinstance(wrapping, dict)
    other = str(wrapping["token"])
    for token, why in ((spent, "unwrapped before"), (other, "does not wrap a secret id")):
        wrapped = WrappedSecretId(fetch(token), wrappings, vault="prod", mount=approle, role=role)
        login = AppRole(role_id=fetch(admin.role_id(approle, role)), secret_id=wrapped, mount=approle)
        with pytest.raises(SourceDenied, match=f"cannot be trusted: .*{why}"):
            vault(target, login).list("x")
        assert [True] == [why in suspicion.why for suspicion in wrappings.suspicions()]
    # It was not used up: whoever is to have it can still get it.
    assert VaultAdmin(target.url, other).ask("POST", "sys/wrapping/unwrap")["data"]


def test_a_kubernetes_role_that_is_not_there(target: Target, admin: VaultAdmin) -> None:
    """A login under the name of no role is refused, as the settings may have it wrong."""
    mount = f"keywatch-test-{secrets.token_hex(6)}"
    admin.enable(mount, "kubernetes")
    try:
        with pytest.raises(LoginRefused, match="Kubernetes login"):
            vault(target, Kubernetes(role="none", jwt=fetch("a.b.c"), mount=mount)).list("x")
    finally:
        admin.disable(mount)


def test_a_token_that_was_given_is_known_for_its_life(target: Target, admin: VaultAdmin, policy: str) -> None:
    """How long a token lives that somebody else made, and whether it may be renewed, is asked of Vault."""
    lives = session(target, GivenToken(fetch(admin.new_token(policy, ttl="10m")))).lease("vault")
    assert (600, True, True) == (lives.ttl, lives.renewable, lives.shown)
    assert not session(target, GivenToken(fetch(target.token))).lease("vault").ends
