"""One token for all sources of a Vault: when it is got, renewed, replaced, and when nobody tries again."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import stamina

from keywatch.collect.aws import AwsAccess
from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys
from keywatch.collect.vault import Vault, VaultAccess, VaultSession
from keywatch.collect.vault.approle import AppRole, PlainSecretId
from keywatch.collect.vault.aws_login import AwsIam
from keywatch.collect.vault.door import LoginRefused
from keywatch.collect.vault.login import GivenToken, Kubernetes, Login
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import ConfigError, SourceDenied, SourceUnreachable
from keywatch.model.key import Key
from keywatch.model.secret import Secret
from keywatch.model.source import Json, Skipped

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WHO = "vault-kv2:prod"
METADATA_ONLY = 'path "kv/metadata/*" { capabilities = ["read", "list"] }'


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries happen, their pauses do not."""
    with stamina.set_testing(testing=True, attempts=4, cap=True):
        yield


class Here:
    """A Vault with three secrets and two roles, and one clock for it and for keywatch."""

    def __init__(self, server: VaultServer) -> None:
        self.server = server
        self.admin = VaultAdmin(server.url, server.token)
        self.passed = 0.0
        server.now = lambda: NOW + timedelta(seconds=self.passed)
        self.admin.mount("kv")
        for path in ("a", "b", "c"):
            self.admin.write("kv", path, {"value": "x"})
        self.admin.policy("keywatch", METADATA_ONLY)
        self.admin.enable("approle", "approle")
        self.admin.role("approle", "keywatch", "keywatch", token_ttl="10m", token_max_ttl="1h")
        self.role_id = self.admin.role_id("approle", "keywatch")
        self.secret_id = self.admin.secret_id("approle", "keywatch")
        server.requests.clear()

    def role(self, **settings: Json) -> None:
        self.admin.role("approle", "keywatch", "keywatch", **settings)
        self.server.requests.clear()

    def approle(self) -> AppRole:
        secret_id = PlainSecretId(lambda: Secret(self.secret_id.encode()))
        return AppRole(role_id=lambda: Secret(self.role_id.encode()), secret_id=secret_id)

    def session(self, login: Login | None = None, **access: str) -> VaultSession:
        where = VaultAccess(url=self.server.url, timeout=5, namespace=access.get("namespace"))
        return VaultSession(where, login or self.approle(), clock=lambda: self.passed)

    def vault(self, session: VaultSession, who: str = WHO) -> Vault:
        return Vault(who, VaultAccess(url=self.server.url), session)

    def times(self, path: str) -> int:
        """How often it was asked for."""
        return sum(asked == path for _, asked in self.server.requests)

    @property
    def logins(self) -> int:
        return sum(path.endswith("/login") for _, path in self.server.requests)

    @property
    def renewals(self) -> int:
        return self.times("auth/token/renew-self")


@pytest.fixture
def here() -> Iterator[Here]:
    with VaultServer() as server:
        yield Here(server)


def test_ten_sources_log_in_once(here: Here) -> None:
    """Sources that begin together share one login, each over connections of its own thread."""
    session, start = here.session(), threading.Barrier(10)

    def walk(number: int) -> tuple[str, ...]:
        start.wait()
        return here.vault(session, f"source {number}").list("kv/metadata")

    with ThreadPoolExecutor(10) as pool:
        assert {("a", "b", "c")} == set(pool.map(walk, range(10)))
    assert (1, 10) == (here.logins, here.times("kv/metadata"))


def test_a_token_is_renewed_after_two_thirds_of_its_life(here: Here) -> None:
    """Before that it is used as it is; then it is renewed, each time for as long again."""
    session = here.session()
    reader = here.vault(session)
    for passed, renewals in ((0, 0), (399, 0), (401, 1), (799, 1), (805, 2)):
        here.passed = passed
        assert reader.list("kv/metadata")
        assert renewals == here.renewals
    assert 1 == here.logins


def test_a_token_is_kept_alive_between_two_runs(here: Here) -> None:
    """What reads once an hour finds a token of ten minutes alive; nothing is kept that nobody has asked for."""
    session = here.session()
    assert not session.keep("vault prod")
    assert 0 == here.logins
    here.vault(session).list("kv/metadata")
    kept = []
    for minute in range(1, 50):
        here.passed = minute * 60
        kept.append(session.keep("vault prod"))
    assert 1 == here.logins
    assert 7 == sum(kept) == here.renewals


def test_a_token_that_grows_no_more_is_replaced(here: Here) -> None:
    """Near its greatest age a renewal grants less: keywatch logs in anew while the old token still lives."""
    session = here.session()
    reader = here.vault(session)
    for minute in range(0, 121, 2):
        here.passed = minute * 60
        assert reader.list("kv/metadata")
    assert 3 == here.logins
    assert 14 <= here.renewals <= 18


def test_a_token_that_cannot_be_renewed_is_replaced(here: Here) -> None:
    """A batch token is followed by another after two thirds of its life, without an attempt to renew it."""
    here.role(token_type="batch", token_ttl="10m")
    reader = here.vault(here.session())
    for passed, logins in ((0, 1), (399, 1), (401, 2)):
        here.passed = passed
        assert reader.list("kv/metadata")
        assert logins == here.logins
    assert 0 == here.renewals


def test_a_periodic_token_lives_for_ever(here: Here) -> None:
    """It has no greatest age, and is renewed by its period, never replaced."""
    here.role(token_period="10m")
    reader = here.vault(here.session())
    for minute in range(0, 180, 3):
        here.passed = minute * 60
        assert reader.list("kv/metadata")
    assert 1 == here.logins


def test_a_renewal_that_fails_is_no_trouble_while_the_token_lives(here: Here) -> None:
    """A Vault that hiccups at two thirds is asked again later; at the end it is an error, and then a login."""
    session = here.session()
    reader = here.vault(session)
    reader.list("kv/metadata")
    here.passed = 401
    here.server.faults = [500] * 4
    assert reader.list("kv/metadata")
    assert reader.list("kv/metadata")
    assert 4 == here.renewals
    here.passed = 601
    here.server.faults = [500] * 4
    with pytest.raises(SourceUnreachable):
        reader.list("kv/metadata")
    here.passed = 620
    assert reader.list("kv/metadata")
    assert 1 + 4 + 1 == here.logins


def test_a_refused_login_is_not_repeated(here: Here) -> None:
    """Within Vault's lock-out nobody asks again, and each source hears of it in its own name; after it, one does."""
    here.secret_id = "wrong"
    session = here.session()
    for who in ("first", "second", "third"):
        with pytest.raises(LoginRefused, match=f"^{who}: the AppRole login at auth/approle/ was refused$") as caught:
            here.vault(session, who).list("kv/metadata")
        assert "wrong" not in f"{caught.value} {caught.value.hint}"
    assert 1 == here.logins
    here.passed = 15 * 60
    with pytest.raises(LoginRefused):
        here.vault(session).list("kv/metadata")
    assert 1 == here.logins
    here.passed = 16 * 60 + 1
    with pytest.raises(LoginRefused):
        here.vault(session).list("kv/metadata")
    assert 2 == here.logins


def test_a_refusal_never_locks_the_role_out(here: Here) -> None:
    """Ten sources that try every minute for a day leave a role open for others."""
    right, here.secret_id = here.secret_id, "wrong"
    session = here.session()
    for minute in range(0, 24 * 60, 7):
        here.passed = minute * 60
        for source in range(10):
            with pytest.raises(LoginRefused):
                here.vault(session, f"source {source}").list("kv/metadata")
    here.secret_id = right
    assert here.vault(here.session()).list("kv/metadata")


def test_mended_credentials_are_tried_at_once(here: Here) -> None:
    """Who puts a right secret id in place of the wrong one need not wait."""
    right, here.secret_id = here.secret_id, "wrong"
    session = here.session()
    with pytest.raises(LoginRefused):
        here.vault(session).list("kv/metadata")
    here.secret_id = right
    assert here.vault(session).list("kv/metadata")


def test_a_vault_that_is_down_is_waited_for_once(here: Here) -> None:
    """Nine sources do not wait out the timeouts of the first; a little later it is tried again."""
    session = here.session()
    here.server.faults = [502] * 4
    for who in ("first", "second"):
        with pytest.raises(SourceUnreachable, match=f"^{who}: Vault is too busy"):
            here.vault(session, who).list("kv/metadata")
    assert 4 == here.logins
    here.passed = 16
    assert here.vault(session).list("kv/metadata")


def test_a_token_revoked_in_the_middle_of_a_walk_is_replaced_once(here: Here) -> None:
    """The walk goes on with a new token and nothing is missing; the second time, it is left to be told."""
    source = VaultKv2Keys("prod", VaultAccess(url=here.server.url), here.session(), now=lambda: NOW, mounts=("kv",))
    walk = source.keys()
    first = next(walk)
    revoke_all(here)
    assert isinstance(first, Key)
    assert ["kv/a", "kv/b", "kv/c"] == [first.name, *(item.name for item in walk if isinstance(item, Key))]
    assert 2 == here.logins
    walk = source.keys()
    next(walk)
    revoke_all(here)
    next(walk)
    revoke_all(here)
    with pytest.raises(SourceDenied, match="revoked or ran out"):
        list(walk)


def revoke_all(here: Here) -> None:
    for token in [token for token in here.server.tokens if token != here.server.token]:
        del here.server.tokens[token]


def test_what_a_live_token_may_not_do_costs_no_login(here: Here) -> None:
    """A refusal by policy is told from a dead token, however often it happens."""
    reader = here.vault(here.session())
    for _ in range(5):
        with pytest.raises(SourceDenied, match="GET other was refused"):
            reader.read("other")
    assert 1 == here.logins


def test_a_token_that_may_not_look_itself_up(here: Here) -> None:
    """Whether it is dead is then found out by one login, and not by another for every refusal."""
    here.role(token_no_default_policy=True)
    session = here.session()
    for _ in range(5):
        with pytest.raises(SourceDenied):
            here.vault(session).read("other")
    assert 2 == here.logins
    here.passed = 601
    with pytest.raises(SourceDenied):
        here.vault(session).read("other")
    assert 3 + 1 == here.logins


def test_a_given_token_is_renewed_and_read_anew(here: Here) -> None:
    """One that lies in a file is renewed while it can be; one that is put in its place is taken by the next run."""
    tokens = [here.admin.new_token("keywatch", ttl="10m", explicit_max_ttl="12m")]
    session = here.session(GivenToken(lambda: Secret(tokens[-1].encode())))
    here.vault(session).list("kv/metadata")
    here.passed = 401
    here.vault(session).list("kv/metadata")
    assert 1 == here.renewals
    here.passed = 690
    here.vault(session).list("kv/metadata")
    here.passed = 730
    here.server.requests.clear()
    tokens.append(here.admin.new_token("keywatch"))
    assert here.vault(session).list("kv/metadata")
    assert tokens[-1].encode() == session.lease(WHO).token.reveal()


def test_a_given_token_that_was_revoked(here: Here) -> None:
    """It cannot be replaced, and the message says so; one that Vault Agent has put there meanwhile is taken at once."""
    tokens = [here.admin.new_token("keywatch")]
    session = here.session(GivenToken(lambda: Secret(tokens[-1].encode())))
    reader = here.vault(session)
    reader.list("kv/metadata")
    here.admin.revoke(tokens[-1])
    with pytest.raises(SourceDenied, match="no longer accepts the token") as caught:
        reader.list("kv/metadata")
    assert "[vault.login]" in str(caught.value.hint)
    tokens.append(here.admin.new_token("keywatch"))
    assert reader.list("kv/metadata")


def test_credentials_that_are_not_there(here: Here) -> None:
    """A missing file is the source's own trouble, and is told with what to do."""

    def missing() -> Secret:
        raise ConfigError("file:/etc/keywatch/x: No such file or directory", hint="create it")

    for login in (
        GivenToken(missing),
        Kubernetes(role="keywatch", jwt=missing),
        AppRole(role_id=missing, secret_id=None),
    ):
        with pytest.raises(SourceDenied, match=r"^vault-kv2:prod: file:.*No such file") as caught:
            here.vault(here.session(login)).list("kv/metadata")
        assert "create it" == caught.value.hint
    binary = AppRole(role_id=lambda: Secret(b"\xff\xfecanary"), secret_id=None)
    with pytest.raises(SourceDenied, match="is not text") as caught:
        here.vault(here.session(binary)).list("kv/metadata")
    assert "canary" not in str(caught.value)


def test_a_role_without_a_secret_id(here: Here) -> None:
    """Where the role asks for none, the role id alone lets in."""
    here.role(bind_secret_id=False)
    login = AppRole(role_id=lambda: Secret(here.role_id.encode()), secret_id=None)
    assert here.vault(here.session(login)).list("kv/metadata")


def test_a_service_account_lets_in(here: Here) -> None:
    """The pod's JWT is read anew for each login, as the kubelet replaces it; a wrong one is tried again in a minute."""
    here.admin.enable("k8s/west", "kubernetes")
    here.admin.role("k8s/west", "keywatch", "keywatch", token_ttl="10m", token_max_ttl="10m")
    jwts = ["first.invented.jwt"]
    session = here.session(Kubernetes(role="keywatch", jwt=lambda: Secret(jwts[-1].encode()), mount="k8s/west"))
    with pytest.raises(LoginRefused, match="Kubernetes login at auth/k8s/west/ was refused"):
        here.vault(session).list("kv/metadata")
    here.server.gate.jwts.add(jwts[-1])
    here.passed = 61
    assert here.vault(session).list("kv/metadata")
    here.server.gate.jwts = {"second.invented.jwt"}
    jwts.append("second.invented.jwt")
    here.passed += 601
    assert here.vault(session).list("kv/metadata")


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
def test_an_aws_identity_lets_in(here: Here, monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    """A request signed with our AWS credentials, for this Vault alone, lets in; any other is refused."""
    here.admin.enable("aws", "aws")
    here.admin.role("aws", "keywatch", "keywatch")
    here.server.gate.server_id = "vault.example"
    here.server.gate.aws_keys = {"AKIA" + "KEYWATCHTEST" + "2345": "invented"}
    access = AwsAccess(region=region)
    login = AwsIam(role="keywatch", access=access, server_id="vault.example")
    assert here.vault(here.session(login)).list("kv/metadata")
    for wrong in (
        AwsIam(role="keywatch", access=access),
        AwsIam(role="keywatch", access=access, server_id="other.example"),
        AwsIam(role="none", access=access, server_id="vault.example"),
    ):
        with pytest.raises(LoginRefused, match="AWS login at auth/aws/ was refused"):
            here.vault(here.session(wrong)).list("kv/metadata")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(LoginRefused):
        here.vault(here.session(login)).list("kv/metadata")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SourceDenied, match="no AWS credentials"):
        here.vault(here.session(login)).list("kv/metadata")


def test_check_says_how_keywatch_gets_in(here: Here) -> None:
    """`check` names the server and the login, or what is wrong with it; a token that will end is told beforehand."""
    here.server.openbao = True
    assert ["OpenBao 2.6.2", "AppRole login"] == list(here.vault(here.session()).check())
    assert ["OpenBao 2.6.2", "token"] == list(here.vault(here.session(given(here, period="1h"))).check())
    *_, ending = here.vault(here.session(given(here, renewable=False))).check()
    assert isinstance(ending, Skipped)
    assert "ends in 1 hours, and cannot be renewed" == ending.why
    here.secret_id = "wrong"
    *_, refused = here.vault(here.session()).check()
    assert isinstance(refused, Skipped)
    assert "AppRole login" == refused.what


def given(here: Here, **settings: Json) -> GivenToken:
    token = here.admin.new_token("keywatch", **settings)
    return GivenToken(lambda: Secret(token.encode()))


def test_nothing_of_a_login_can_be_read_back(here: Here) -> None:
    """Neither the token nor what it was had for is in any repr."""
    session = here.session()
    here.vault(session).list("kv/metadata")
    lease = session.lease(WHO)
    shown = f"{session!r} {lease!r} {session.__dict__!r}"
    for plain in (lease.token.reveal().decode(), here.secret_id, here.role_id):
        assert plain not in shown
