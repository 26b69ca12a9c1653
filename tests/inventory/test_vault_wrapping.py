"""A secret id that was wrapped for keywatch: taken once, remembered as taken, and an alarm where somebody was first."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina

from keywatch.collect.vault import Vault, VaultAccess, VaultSession
from keywatch.collect.vault.approle import AppRole, WrappedSecretId
from keywatch.collect.vault.wrappings import Wrappings
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import ConfigError, SourceDenied, SourceError, SourceUnreachable
from keywatch.model.secret import Pepper, Secret

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOGIN, LOOKUP, UNWRAP = "auth/approle/login", "sys/wrapping/lookup", "sys/wrapping/unwrap"


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries happen, their pauses do not."""
    with stamina.set_testing(testing=True, attempts=4, cap=True):
        yield


class Here:
    """A Vault, a file with a wrapping token, and a state directory."""

    def __init__(self, server: VaultServer, directory: Path) -> None:
        self.server = server
        self.now = NOW
        server.now = lambda: self.now
        self.admin = VaultAdmin(server.url, server.token)
        self.admin.enable("approle", "approle")
        self.admin.role("approle", "keywatch", token_ttl="1h")
        self.role_id = self.admin.role_id("approle", "keywatch")
        self.file = directory / "wrapped"
        self.memory = directory / "wrappings.json"
        self.deliver()

    def deliver(self) -> str:
        """Put a new wrapping token in place."""
        token = self.admin.wrapped_secret_id("approle", "keywatch")
        self.file.write_text(token)
        return token

    @property
    def wrappings(self) -> Wrappings:
        return Wrappings(self.memory, Pepper(b"p" * 32).fingerprint, lambda: self.now)

    def started(self, *, may_unwrap: bool = True) -> Vault:
        """Keywatch after a start: it has nothing in memory."""
        wrappings = self.wrappings if may_unwrap else None
        wrapped = WrappedSecretId(self._fetch, wrappings, vault="prod", role="keywatch")
        login = AppRole(role_id=lambda: Secret(self.role_id.encode()), secret_id=wrapped)
        access = VaultAccess(url=self.server.url, timeout=5)
        self.session = VaultSession(access, login, clock=self.passed)
        return Vault("vault-kv2:prod", access, self.session)

    def passed(self) -> float:
        """Seconds since the test began."""
        return (self.now - NOW).total_seconds()

    def _fetch(self) -> Secret:
        if not self.file.exists():
            raise ConfigError(f"file:{self.file}: No such file or directory")
        return Secret(self.file.read_bytes())

    def times(self, path: str) -> int:
        return sum(asked == path for _, asked in self.server.requests)

    def suspected(self) -> list[str]:
        return [suspicion.why for suspicion in self.wrappings.suspicions()]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with VaultServer() as server:
        yield Here(server, tmp_path)


def test_it_is_looked_at_before_it_is_used_up(here: Here) -> None:
    """The wrapping token is checked, unwrapped and used, once for all logins of a process, with or without the file."""
    reader = here.started()
    assert reader.token_lives()
    here.file.unlink()
    here.now += timedelta(hours=2)
    assert reader.token_lives()
    assert (1, 1, 2) == (here.times(LOOKUP), here.times(UNWRAP), here.times(LOGIN))
    assert [] == here.suspected()


def test_a_restart_is_no_alarm(here: Here) -> None:
    """What keywatch used up itself before a restart is told as that: a new one is to be delivered."""
    here.started().token_lives()
    here.now += timedelta(minutes=3)
    with pytest.raises(
        SourceDenied, match="keywatch itself unwrapped this secret id on 2026-11-23 12:00 UTC"
    ) as caught:
        here.started().list("x")
    assert "vault write -wrap-ttl=10m -f auth/approle/role/keywatch/secret-id" in str(caught.value.hint)
    assert [] == here.suspected()
    here.deliver()
    assert here.started().token_lives()


def test_a_process_that_was_killed_before_it_unwrapped(here: Here) -> None:
    """It had noted that it would, and did not: the next one does."""
    here.wrappings.take("prod", Secret(here.file.read_bytes()))
    assert here.started().token_lives()


def test_an_answer_that_was_lost_is_no_alarm(here: Here) -> None:
    """It is not asked twice, as the second answer would look like a theft; what was lost is told as used up by us."""
    here.server.lost = [UNWRAP]
    with pytest.raises(SourceUnreachable):
        here.started().list("x")
    assert 1 == here.times(UNWRAP)
    here.now += timedelta(seconds=20)
    with pytest.raises(SourceDenied, match="keywatch itself unwrapped"):
        here.started().list("x")
    assert [] == here.suspected()


def test_somebody_was_there_first(here: Here) -> None:
    """What was unwrapped already is suspected from then on, over restarts, until another delivery gives its secret."""
    VaultAdmin(here.server.url, here.file.read_text()).ask("POST", UNWRAP)
    for _ in range(2):
        with pytest.raises(SourceDenied, match="cannot be trusted: it wraps nothing") as caught:
            here.started().list("x")
        assert "revoke that secret id" in str(caught.value.hint)
        here.now += timedelta(minutes=10)
    assert [NOW] == [suspicion.at for suspicion in here.wrappings.suspicions()]
    here.deliver()
    assert here.started().token_lives()
    assert [] == here.suspected()


def test_somebody_is_there_in_between(here: Here) -> None:
    """One that vanishes between the look and the unwrapping was taken by somebody else, though we had noted it."""
    here.server.gate.thief = True
    with pytest.raises(SourceDenied, match="unwrapped in the moment before"):
        here.started().list("x")
    with pytest.raises(SourceDenied, match="cannot be trusted"):
        here.started().list("x")
    assert 1 == len(here.suspected())


def test_one_that_ran_out_is_suspected_too(here: Here) -> None:
    """Vault does not tell one that ran out from one that was unwrapped, so keywatch does not either."""
    here.now += timedelta(minutes=6)
    with pytest.raises(SourceDenied, match="unwrapped before, or ran out"):
        here.started().list("x")
    assert 1 == len(here.suspected())


def test_another_roles_secret_is_left_alone(here: Here) -> None:
    """A token that wraps something else is not unwrapped: it may be there to have keywatch log in as somebody else."""
    here.admin.role("approle", "other")
    here.file.write_text(here.admin.wrapped_secret_id("approle", "other"))
    with pytest.raises(SourceDenied, match="does not wrap a secret id of this AppRole"):
        here.started().list("x")
    assert 0 == here.times(UNWRAP)


def test_a_check_uses_nothing_up(here: Here) -> None:
    """`keywatch check` says that the token still wraps what it should, and leaves it for the daemon."""
    *_, missing = here.started(may_unwrap=False).check()
    assert "is left for the daemon" in str(missing)
    assert 0 == here.times(UNWRAP)
    assert here.started().token_lives()
    with pytest.raises(SourceDenied, match="wraps nothing"):
        here.started(may_unwrap=False).list("x")


def test_a_vault_that_does_not_answer_is_no_alarm(here: Here) -> None:
    """Sealed, or out of order: nothing is used up and nobody is suspected."""
    here.server.seal()
    with pytest.raises(SourceError, match="sealed"):
        here.started().list("x")
    here.server.unseal()
    here.server.faults = [502] * 4
    with pytest.raises(SourceUnreachable):
        here.started().list("x")
    assert [] == here.suspected()
    assert here.started().token_lives()


def test_nothing_is_used_up_that_cannot_be_noted(here: Here) -> None:
    """Where the state directory cannot be written, a restart could not be told from a theft: the token is left."""
    here.memory = here.memory.parent / "none" / "wrappings.json"
    with pytest.raises(SourceDenied, match="cannot be noted: No such file or directory"):
        here.started().list("x")
    assert 0 == here.times(UNWRAP)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"prod": 7}', b'{"prod": {"taken": {"x": "y"}, "suspect": []}}']
)
def test_a_damaged_memory_is_an_empty_one(here: Here, content: bytes) -> None:
    """A file that is none of ours is no reason not to log in."""
    here.memory.write_bytes(content)
    assert [] == here.suspected()
    assert here.started().token_lives()
    here.now += timedelta(minutes=1)
    with pytest.raises(SourceDenied, match="keywatch itself"):
        here.started().list("x")


def test_the_memory_holds_no_token_and_does_not_grow(here: Here) -> None:
    """Tokens are known by their fingerprints; the newest fifty of each Vault are kept, for its owner alone."""
    for _ in range(60):
        here.deliver()
        here.wrappings.take("prod", Secret(here.file.read_bytes()))
    here.wrappings.suspect("prod", Secret(b"invented"), "why")
    known = json.loads(here.memory.read_text())
    assert 50 == len(known["prod"]["taken"])
    assert not any(token in here.memory.read_text() for token in [*here.server.gate.wrapped, "invented"])
    assert 0o600 == here.memory.stat().st_mode & 0o777
    assert [here.memory.name, here.file.name] == sorted(path.name for path in here.memory.parent.iterdir())[::-1]
