"""Whose accessors are: asked of Vault once each, for tokens of the inventory alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from keywatch.collect.calls.vault_audit import AuditRules, VaultAuditLog
from keywatch.collect.calls.vault_audit_accessors import AccessorHashes
from keywatch.collect.calls.vault_audit_names import VaultNames
from keywatch.collect.tail import Follower
from keywatch.collect.vault import Fields
from keywatch.model.call import Call
from keywatch.model.errors import SourceDenied
from keywatch.model.key import Handle, HandleSpace
from keywatch.model.secret import Pepper
from tests.calls.audit_entries import CI, NOW, ORDERS, Who, hashed, lines, read

HOUR = timedelta(hours=1)


class Server:
    """A Vault with tokens and an audit device, as far as it is asked here."""

    def __init__(self, *tokens: Who) -> None:
        self.accessors = tuple(f"accessor of {who.token}" for who in tokens)
        self.asked: list[str] = []
        self.refuses = ""

    def list(self, path: str) -> tuple[str, ...]:
        self._may(path)
        assert path == "auth/token/accessors"
        return self.accessors

    def post(self, path: str, body: Fields) -> Fields | None:
        self._may(path)
        return {"hash": hashed(str(body["input"]))}

    def _may(self, path: str) -> None:
        if self.refuses and path.startswith(self.refuses):
            raise SourceDenied(f"POST {path} was refused")
        self.asked.append(path)


def handle(who: Who) -> Handle:
    digest = sha256(f"accessor of {who.token}".encode()).hexdigest()[:32]
    return Handle(HandleSpace.VAULT_ACCESSOR, f"prod/{digest}")


def hashes(server: Server, *wanted: Who, now: Callable[[], datetime] = lambda: NOW) -> AccessorHashes:
    return AccessorHashes("prod", "file", lambda: server, lambda: frozenset(map(handle, wanted)), now=now)


def test_a_token_of_the_inventory_is_known_by_the_hash_of_its_accessor(tmp_path: Path) -> None:
    """Its success is proven though the log shows nothing but hashes, and its silence is covered."""
    log = tmp_path / "audit.log"
    log.write_bytes(lines(read(CI), read(ORDERS)))
    source = VaultAuditLog(
        "prod",
        Follower(str(log), Pepper(bytes(range(Pepper.SIZE)))),
        now=lambda: NOW,
        names=VaultNames(vault="prod"),
        rules=AuditRules(every_node=True),
        accessors=hashes(Server(CI, ORDERS), CI),
    )
    [batch] = source.read({})
    proven = [call for call in batch.evidence if isinstance(call, Call) and call.handle == handle(CI)]
    assert ["success"] == [call.outcome.value for call in proven]
    assert not any(call.handle == handle(ORDERS) for call in batch.evidence)
    assert batch.coverage.knows([handle(CI)])
    assert ["list auth/token/accessors", "update sys/audit-hash/file"] == list(source.check())[1:]


def test_only_what_the_inventory_has_is_asked_about_once() -> None:
    """Tokens come and go by the thousand; a run every minute asks Vault nothing that is known."""
    server = Server(CI, ORDERS)
    clock = [NOW]
    known = hashes(server, CI, now=lambda: clock[0])
    names, trouble = known.names()
    assert {hashed(f"accessor of {CI.token}"), f"accessor of {CI.token}"} == set(names)
    assert () == trouble
    clock[0] += 5 * HOUR
    assert names == known.names()[0]
    assert ["auth/token/accessors", "sys/audit-hash/file"] == server.asked


def test_what_is_refused_is_told_and_tried_again(tmp_path: Path) -> None:
    """The rest of the log is read; no silence is claimed of tokens that nobody can tell."""
    server = Server(CI)
    server.refuses = "sys/audit-hash"
    clock = [NOW]
    known = hashes(server, CI, now=lambda: clock[0])
    log = tmp_path / "audit.log"
    log.write_bytes(lines(read(CI)))
    lines_read = Follower(str(log), Pepper(bytes(range(Pepper.SIZE))))
    names = VaultNames(vault="prod")
    [batch] = VaultAuditLog("prod", lines_read, now=lambda: NOW, names=names, accessors=known).read({})
    [skipped] = batch.skipped
    assert "was refused" in skipped.why
    assert "`update` on sys/audit-hash/file" in str(skipped.hint)
    assert not batch.coverage.knows([handle(CI)])
    assert 1 == len(batch.evidence)
    clock[0] += HOUR
    server.refuses = ""
    assert 2 == len(known.names()[0])
    assert () == known.names()[1]


def test_a_large_inventory_is_learnt_over_some_runs() -> None:
    """No run takes minutes, and what is still to be learnt is said."""
    many = [Who(token=f"token {number}") for number in range(2100)]
    known = hashes(Server(*many), *many)
    names, [trouble] = known.names()
    assert 4000 == len(names)
    assert "100 of them are not asked about yet" == trouble.why
    names, none = known.names()
    assert (4200, ()) == (len(names), none)


def test_without_tokens_in_the_inventory_nothing_is_asked() -> None:
    """Nobody needs the right to list accessors who keeps no tokens."""
    server = Server(CI)
    server.refuses = "auth"
    assert ({}, ()) == hashes(server).names()
