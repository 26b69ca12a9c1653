"""Vault's audit log: what its entries prove, what it covers, and what it does with what is no entry."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keywatch.collect.calls.vault_audit import AuditRules, VaultAuditLog
from keywatch.collect.calls.vault_audit_entry import entries
from keywatch.collect.calls.vault_audit_names import VaultNames
from keywatch.collect.calls.vault_audit_tally import Tally
from keywatch.collect.tail import Follower
from keywatch.model.call import Call, Coverage, Exposed, Outcome
from keywatch.model.errors import SourceDenied, SourceUnreachable
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.secret import Pepper
from keywatch.model.source import CallBatch, Cursor, Skipped
from keywatch.model.usage import Usage
from tests.calls.audit_entries import (
    ALICE,
    CI,
    CLEAR,
    DENIED,
    GONE,
    GRANTED,
    NOBODY,
    NOW,
    ORDERS,
    ROOT,
    Who,
    entry,
    hashed,
    lines,
    login,
    read,
)

PEPPER = Pepper(bytes(range(Pepper.SIZE)))
SOURCE = SourceId("vault-audit:prod")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
NAMES = VaultNames(vault="prod", tokens={"token-ci": "ci-token"}, namespaces={"team": "prod-team"})
LWA = "vault:prod/kv/orders/lwa"


def proofs(*some: dict[str, object], names: VaultNames = NAMES) -> list[tuple[str, str]]:
    """What entries prove, as handle and outcome."""
    return [(str(call.handle), call.outcome.value) for call in counted(*some, names=names)[0]]


def counted(
    *some: dict[str, object], names: VaultNames = NAMES
) -> tuple[tuple[Call, ...], tuple[Usage, ...], tuple[Exposed, ...]]:
    tally = Tally(SOURCE, names, lambda: NOW + 5 * MINUTE)
    found = entries(lines(*some))
    assert found is not None
    tally.count(found, lambda number: f"line {number + 1}")
    return tally.take()


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param(read(), LWA, id="kv-v2"),
        pytest.param(read(wrapped=True, data=None), LWA, id="wrapped"),
        pytest.param(entry("old/orders", data={"a": hashed("x")}, mount="old/"), "vault:prod/old/orders", id="kv-v1"),
        pytest.param(
            entry("old/data/x", data={"a": hashed("x")}, mount="old/"), "vault:prod/old/data/x", id="kv-v1-named-data"
        ),
        pytest.param(
            entry("old/x", data={"error": hashed("x"), "b": 1}, mount="old/"), "vault:prod/old/x", id="a-field-error"
        ),
        pytest.param(
            read(path="team/kv/data/a", mount="team/kv/"), "vault:prod/team/kv/a", id="a-mount-below-a-folder"
        ),
        pytest.param(read(path="kv/data/a/b", namespace="team/"), "vault:prod-team/kv/a/b", id="a-known-namespace"),
        pytest.param(read(path="kv/data/a", namespace="x/y/"), "vault:prod/x/y/kv/a", id="another-namespace"),
        pytest.param(
            read(path="team/data/a", namespace="team/", mount="team/"),
            "vault:prod-team/team/a",
            id="named-like-a-mount",
        ),
        pytest.param(
            read(path="team/kv/data/a", namespace="team/"), "vault:prod-team/kv/a", id="told-with-its-namespace"
        ),
        pytest.param(read(kind="", mount=""), LWA, id="an-old-version-that-tells-no-mount"),
        pytest.param(
            entry("aws/static-creds/ci", data={"access_key": hashed("k")}, mount="aws/", kind="aws"),
            "vault:prod/aws/static-roles/ci",
            id="a-static-role-of-aws",
        ),
        pytest.param(
            entry("aws/creds/deploy", data={"access_key": hashed("k")}, mount="aws/", kind="aws"),
            "vault:prod/aws/roles/deploy",
            id="a-role-of-aws",
        ),
    ],
)
def test_who_was_given_a_value_has_read_the_secret(item: dict[str, object], expected: str) -> None:
    """A read is an attempt: to fetch a secret is not to use the key in it. Its handle is the inventory's."""
    [call] = counted(item)[0]
    assert (expected, Outcome.ATTEMPT, SOURCE) == (str(call.handle), call.outcome, call.source)
    assert ("approle orders", "203.0.113.7") == (call.principal, call.address)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(read(sort="request"), id="only-asked-for"),
        pytest.param(read(error=DENIED, data={"error": hashed("denied")}), id="refused"),
        pytest.param(read(data={"error": hashed("x")}), id="refused-by-the-engine"),
        pytest.param(read(data=None), id="not-there"),
        pytest.param(read(data=GONE), id="deleted"),
        pytest.param(read(path="kv/metadata/orders/lwa"), id="metadata"),
        pytest.param(read(path="kv/subkeys/orders/lwa"), id="names-of-fields"),
        pytest.param(read(path="kv/config"), id="configuration"),
        pytest.param(read(operation="list", path="kv/metadata/"), id="listed"),
        pytest.param(read(operation="update", sent={"data": {"a": hashed("x")}}), id="written"),
        pytest.param(read(operation="delete", data=None), id="deleted-now"),
        pytest.param(read(kind="cubbyhole", mount="cubbyhole/", path="cubbyhole/data/x"), id="of-the-token-itself"),
        pytest.param(read(path="sys/health", mount="sys/", kind="system"), id="vaults-own-state"),
        pytest.param(read(path="transit/keys/data/x", mount="transit/", kind="transit"), id="another-engine"),
        pytest.param(read(path="aws/config/root", mount="aws/", kind="aws"), id="configuration-of-aws"),
        pytest.param(read(path="sys/x/data/y", mount="", kind=""), id="an-old-version's-own-state"),
        pytest.param(read(who=NOBODY, error=DENIED, data={"error": hashed("x")}), id="a-token-that-is-none"),
    ],
)
def test_nothing_else_is_a_read(item: dict[str, object]) -> None:
    """What shows no value is no read: names, metadata, what is gone, what was refused."""
    assert [] == proofs(item)


def test_the_latest_read_counts_and_who_it_was() -> None:
    """Of many reads, whatever their order, the last is told: by whom, from where and of which path."""
    older = [read(ALICE, ago=n * MINUTE) for n in (9, 3, 7)]
    [call] = counted(*older, read(ago=2 * MINUTE), read(CI, ago=5 * MINUTE), names=VaultNames(vault="prod"))[0]
    assert NOW - 2 * MINUTE == call.at.replace(microsecond=0)
    assert ("vault: read kv/data/orders/lwa", "approle orders") == (call.action, call.principal)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param(login(), "prod/auth/approle/orders", id="approle"),
        pytest.param(login(path="auth/teams/approle/login"), "prod/auth/teams/approle/orders", id="another-mount"),
        pytest.param(login(namespace="team/"), "prod-team/auth/approle/orders", id="in-a-namespace"),
        pytest.param(login(ALICE, "auth/userpass/login/alice"), "prod/auth/userpass/alice", id="a-user"),
        pytest.param(
            login(Who(display="kubernetes-shop-orders", notes={"role": "orders"}), "auth/kubernetes/login"),
            "prod/auth/kubernetes/orders",
            id="kubernetes",
        ),
        pytest.param(
            login(Who(display="aws-role/ci/i-0", notes={"canonical_arn": "arn:aws:iam::1:role/ci"}), "auth/aws/login"),
            "prod/auth/aws/arn:aws:iam::1:role/ci",
            id="aws-without-its-session",
        ),
        pytest.param(
            login(Who(display="cert-web.example.com", notes={}), "auth/cert/login"),
            "prod/auth/cert/web.example.com",
            id="known-by-its-display-name-alone",
        ),
    ],
)
def test_a_login_proves_who_logged_in(item: dict[str, object], expected: str) -> None:
    """A login that was answered with a token is a success of the role or user, as its method names it."""
    calls, uses, _ = counted(item)
    assert [(f"vault-login:{expected}", Outcome.SUCCESS)] == [(str(call.handle), call.outcome) for call in calls]
    assert [("203.0.113.0/24" if "alice" not in expected else "198.51.100.0/24", "")] == [
        (use.origin.network, use.origin.principal) for use in uses
    ]


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(login(issued=None, error="invalid credentials", data={"error": hashed("x")}), id="refused"),
        pytest.param(login(issued=None, data={"error": hashed("x")}), id="refused-without-saying-so"),
        pytest.param(login(issued=None, sort="request"), id="only-asked-for"),
        pytest.param(login(CI, "auth/token/create"), id="a-token-made-for-another"),
        pytest.param(login(Who(display="", notes={}), "auth/jwt/login"), id="without-a-name"),
    ],
)
def test_what_gave_nobody_a_token_proves_no_login(item: dict[str, object]) -> None:
    """Who was refused is not even known: AppRole's log has hashes only, and a user's name may be anybody's guess."""
    assert [] == proofs(item, names=VaultNames(vault="prod"))


def test_a_token_that_is_known_by_its_name() -> None:
    """A declared key is known by display name, role or entity: success, failure and a request without an answer."""
    asked = read(CI, sort="request", ago=MINUTE)
    assert [("declared:ci-token", "attempt")] == proofs(asked)
    assert [("declared:ci-token", "success")] == proofs(read(CI, path="sys/mounts", mount="sys/", kind="system"))
    refused = read(CI, error=DENIED, data={"error": hashed("denied")})
    assert [("declared:ci-token", "failure")] == proofs(refused)
    assert [("declared:ci-token", "failure")] == proofs(read(CI, data={"error": hashed("by the engine")}))
    for name in ("orders", "approle", ORDERS.entity):
        names = VaultNames(vault="prod", tokens={name: "orders-role"})
        assert ("declared:orders-role", "success") in proofs(login(), names=names)
        assert ("declared:orders-role", "success") in proofs(read(), names=names)


def test_what_others_do_says_nothing_of_a_token() -> None:
    """Tokens that are no keys of ours leave no trace but in what they read."""
    assert [(LWA, "attempt")] == proofs(read(ROOT), read(ROOT, sort="request"))


def test_readers_that_are_ignored_do_not_count() -> None:
    """Keywatch itself, or a backup, reads everything each day: by label, name, role or entity."""
    for name in ("approle orders", "orders", "approle", ORDERS.entity):
        names = VaultNames(vault="prod", ignored=frozenset({name}))
        calls, uses, _ = counted(read(), read(ALICE), names=names)
        assert ["userpass-alice"] == [call.principal for call in calls] == [use.origin.principal for use in uses]


def test_from_where_a_secret_is_read() -> None:
    """Reads are counted by hour, network and reader, so that sharing shows: three readers at four places."""
    elsewhere = Who(address="192.0.2.99")
    _, uses, _ = counted(*[read()] * 3, read(ALICE), read(CI), read(elsewhere), read(error=DENIED))
    told = {(use.origin.network, use.origin.principal): use.spell.calls for use in uses if str(use.handle) == LWA}
    assert {
        ("203.0.113.0/24", "approle orders"): 3,
        ("198.51.100.0/24", "userpass-alice"): 1,
        ("192.0.2.0/24", "token-ci"): 1,
        ("192.0.2.0/24", "approle orders"): 1,
    } == told


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (Who(display="token", notes={}), "token of entity 6766c6f1"),
        (Who(display="", notes={}), "token of entity 6766c6f1"),
        (Who(display="", notes={}, entity=""), "a token without a name"),
        (Who(display="kubernetes-shop-orders", notes={"role": "orders"}), "kubernetes-shop-orders"),
        (Who(notes={"role_name": 7}), "approle of entity 6766c6f1"),  # type: ignore[dict-item]
    ],
)
def test_readers_have_names_that_tell_them_apart(who: Who, name: str) -> None:
    """Where many share a display name, role or entity tells them apart."""
    assert [name] == [use.origin.principal for use in counted(read(who))[1]]


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(8)), st.integers(0, 8))
def test_order_and_batches_make_no_difference(order: list[int], cut: int) -> None:
    """Several nodes' logs come in any order, and what two devices wrote comes twice: the evidence is the same."""
    some = [
        read(ago=MINUTE),
        read(ALICE, ago=3 * MINUTE),
        login(ago=9 * MINUTE),
        read(CI, ago=2 * MINUTE),
        read(CI, ago=4 * MINUTE, error=DENIED),
        read(CI, sort="request", ago=MINUTE),
        read(ago=70 * MINUTE),
        login(ALICE, "auth/userpass/login/alice", ago=DAY),
    ]
    mixed = [some[n] for n in order]
    first, second = counted(*mixed[:cut])[0], counted(*mixed[cut:])[0]
    latest: dict[tuple[str, str], datetime] = {}
    for call in (*first, *second, *first):
        key = str(call.handle), call.outcome.value
        latest[key] = max(call.at, latest.get(key, call.at))
    assert {(str(call.handle), call.outcome.value): call.at for call in counted(*some)[0]} == latest


def test_memory_is_bounded_however_many_tokens_there_are() -> None:
    """Where every request has a token, an address and a secret of its own, nothing is lost and little is held."""
    tally = Tally(SOURCE, NAMES, lambda: NOW, most=50)
    secrets: set[str] = set()
    for part in range(6):
        some = [read(Who(token=f"{part} {n}", address=f"10.{part}.{n}.1"), f"kv/data/{part}/{n}") for n in range(40)]
        tally.count(entries(lines(*some)) or [], lambda _: "")
        calls, uses, _ = tally.take()
        secrets |= {call.handle.value for call in calls}
        assert len(uses) == len(calls) == 40
    assert 240 == len(secrets)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


def source(log: Path, *, now: datetime = NOW, **rules: object) -> VaultAuditLog:
    given = AuditRules(**{"every_node": True, **rules})  # type: ignore[arg-type]
    return VaultAuditLog("prod", Follower(str(log), PEPPER), now=lambda: now, names=NAMES, rules=given)


def run(log: Path, cursor: Cursor | None = None, **more: object) -> tuple[list[Call], list[Skipped], CallBatch]:
    batches = list(source(log, **more).read(cursor or {}))  # type: ignore[arg-type]
    calls = [item for batch in batches for item in batch.evidence if isinstance(item, Call)]
    return calls, [item for batch in batches for item in batch.skipped], batches[-1]


def last_read(calls: Iterable[Call]) -> datetime:
    return max(call.at for call in calls if str(call.handle) == LWA).replace(microsecond=0)


def test_it_reads_on_where_it_stopped_and_covers_what_it_read(log: Path) -> None:
    """From the oldest entry ever seen to the last time it was read to its end, logins and named tokens alone."""
    log.write_bytes(lines(read(ago=50 * MINUTE), read(ago=MINUTE)))
    calls, skipped, first = run(log)
    assert (NOW - MINUTE, []) == (last_read(calls), skipped)
    coverage = first.coverage
    assert (NOW - 50 * MINUTE, NOW) == (coverage.since and coverage.since.replace(microsecond=0), coverage.until)
    assert {KeyKind.VAULT_TOKEN} == coverage.kinds
    assert {"declared:ci-token"} == {str(handle) for handle in coverage.handles}
    assert ("vault-login:prod/", "vault-login:prod-team/") == coverage.beginnings
    with log.open("ab") as file:
        file.write(lines(login(ago=timedelta())))
    calls, _, second = run(log, json.loads(json.dumps(first.cursor)))
    assert ["vault-login:prod/auth/approle/orders"] == [str(call.handle) for call in calls]
    assert coverage.since == second.coverage.since


def test_the_log_of_one_node_proves_calls_and_no_silence(log: Path) -> None:
    """Standby nodes and others write logs of their own: unless a person says that these are all, silence is none."""
    log.write_bytes(lines(read()))
    [clause] = run(log, every_node=False)[2].coverage.unseen
    assert "what all nodes wrote" in clause
    assert () == run(log)[2].coverage.unseen


def test_silence_is_believed_for_a_day(log: Path) -> None:
    """A Vault is never quiet for long: a device that was switched off, or a shipper that died, must not look so."""
    log.write_bytes(lines(read(ago=3 * DAY)))
    _, [skipped], batch = run(log)
    assert NOW - 2 * DAY == (batch.coverage.until or NOW).replace(microsecond=0)
    assert "nothing was written to it since 2026-11-20" in skipped.why
    log.write_bytes(b"")
    _, [skipped], batch = run(log)
    assert (None, None) == (batch.coverage.since, batch.coverage.until)
    assert "has no entry yet" == skipped.why


def test_nothing_is_covered_before_the_end_is_reached(log: Path) -> None:
    """A run that stops half-way does not claim to have seen what it did not read."""
    log.write_bytes(lines(*[read(ago=MINUTE)] * 40_000))
    first, *_, last = source(log).read({})
    assert (None, NOW) == (first.coverage.until, last.coverage.until)


def test_what_is_torn_ends_what_was_covered(log: Path) -> None:
    """An entry that is cut off may have been the one success that counts: covered is what comes after it."""
    torn = lines(read(ago=30 * MINUTE))[:-200] + b"\n"
    log.write_bytes(lines(read(ago=60 * MINUTE)) + torn + lines(read(ago=10 * MINUTE), read(ago=5 * MINUTE)))
    calls, skipped, batch = run(log)
    assert [Skipped(f"{log}, line 2", "lines that are cut off, or not JSON: 1, this one first")] == skipped
    assert NOW - 5 * MINUTE == last_read(calls)
    assert NOW - 10 * MINUTE == (batch.coverage.since or NOW).replace(microsecond=0)
    # What is older and comes later, as another node's log, does not bring it back.
    with log.open("ab") as file:
        file.write(lines(read(ago=50 * MINUTE)))
    assert batch.coverage.since == run(log, batch.cursor)[2].coverage.since


def test_what_was_rotated_away_unread_ends_what_was_covered(log: Path) -> None:
    """A log that was emptied between two looks may have lost entries; one whose rotated file is read has not."""
    log.write_bytes(lines(read(ago=60 * MINUTE)))
    first = run(log)[2]
    log.rename(log.with_name("audit.log.1"))
    log.write_bytes(lines(read(ago=20 * MINUTE)))
    second = run(log, first.cursor, now=NOW + MINUTE)[2]
    assert first.coverage.since == second.coverage.since
    log.with_name("audit.log.1").unlink()
    third = run(log, second.cursor, now=NOW + 2 * MINUTE)[2]
    third = run(log, third.cursor, now=NOW + 3 * MINUTE)[2]
    assert first.coverage.since == third.coverage.since
    log.unlink()
    log.write_bytes(lines(read(ago=2 * MINUTE)))
    fourth = run(log, third.cursor, now=NOW + 4 * MINUTE)[2]
    _, skipped, fifth = run(log, fourth.cursor, now=NOW + 5 * MINUTE)
    assert ["was removed or truncated" in item.why for item in skipped] == [True]
    assert NOW + 5 * MINUTE == fifth.coverage.since


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(b"@cee: ", id="the-device's-prefix"),
        pytest.param(b"Nov 27 16:16:00 vault-1 vault[123]: ", id="syslog"),
    ],
)
def test_what_stands_before_an_entry_is_passed_over(log: Path, before: bytes) -> None:
    """A device may have a prefix, and syslog puts its own; numbers and letters do not matter."""
    log.write_bytes(lines(read(ago=3 * MINUTE), before=before) + lines(read(ago=MINUTE), before=before.upper()))
    calls, skipped, batch = run(log)
    assert (NOW - MINUTE, []) == (last_read(calls), skipped)
    assert NOW - 3 * MINUTE == (batch.coverage.since or NOW).replace(microsecond=0)


def test_other_lines_among_entries_are_counted_and_named(log: Path) -> None:
    """A server that logs to the same place costs nothing but a word, and none where that is expected."""
    other = b'2026-11-23T11:59Z [INFO]  core: x={"a":1}\n{"@level":"info","@message":"request"}\n\n\0\0\0'
    log.write_bytes(lines(read(ago=9 * MINUTE)) + other + lines(read(ago=MINUTE)))
    calls, skipped, batch = run(log)
    assert [("lines that are no entries of an audit log: 2, this one first", f"{log}, line 2")] == [
        (item.why, item.what) for item in skipped
    ]
    assert NOW - MINUTE == last_read(calls)
    assert NOW - 9 * MINUTE == (batch.coverage.since or NOW).replace(microsecond=0)
    assert [] == run(log, mixed=True)[1]
    log.write_bytes(other)
    assert "is it the log of an audit device" in str(run(log, mixed=True)[1][0].hint)


def test_entries_that_can_be_right_in_no_way_are_counted(log: Path) -> None:
    """From the future, without a time, of an unknown type, lacking what each has: counted, named, and no proof."""
    good = read(CI, ago=5 * MINUTE)
    strange = [
        read(CI, ago=-30 * DAY),
        read(CI, time="yesterday"),
        read(CI, type="panic"),
        read(CI, unknown={"deeply": [{"nested": None}]}),
    ]
    lacking: dict[str, object] = {"type": "response", "request": {"path": "x"}}
    log.write_bytes(lines(good, *strange, lacking))
    calls, skipped, _ = run(log)
    said = [item.why for item in skipped]
    assert 3 == len(said)
    assert any("lines that lack what each entry has: 1" in why for why in said)
    assert any("are from the future" in why for why in said)
    assert any("neither request nor response" in why for why in said)
    successes = [call.at for call in calls if call.outcome is Outcome.SUCCESS]
    assert [NOW - MINUTE] == [at.replace(microsecond=0) for at in successes]


def test_an_entry_of_megabytes_is_known_by_its_beginning(log: Path) -> None:
    """A listing of ten thousand names: who asked is known, that it was answered is not; its neighbours are read."""
    names = [hashed(str(n)) for n in range(20_000)]
    long = read(CI, path="kv/metadata/", operation="list", data={"keys": names}, ago=2 * MINUTE)
    log.write_bytes(lines(read(ago=9 * MINUTE), long, read(ago=MINUTE)))
    calls, [skipped], batch = run(log)
    assert [("declared:ci-token", Outcome.ATTEMPT)] == [
        (str(call.handle), call.outcome) for call in calls if str(call.handle) != LWA
    ]
    assert NOW - MINUTE == last_read(calls)
    assert f"{log}, line 2" == skipped.what
    assert "longer than 1048576 bytes" in skipped.why
    assert NOW - 9 * MINUTE == (batch.coverage.since or NOW).replace(microsecond=0)
    log.write_bytes(lines(read(ago=9 * MINUTE)) + b"x" * (2 << 20) + b"\n" + lines(read(ago=MINUTE)))
    assert NOW == run(log)[2].coverage.since


def test_a_file_that_may_not_be_read_keeps_nothing_of_its_neighbours(log: Path) -> None:
    """What another file of the same log told is committed; the run fails, and what is covered ends as before."""
    log.write_bytes(lines(read()))
    log.with_name("audit.log.9.gz").write_bytes(b"no gzip at all, by no means")
    whole = VaultAuditLog("prod", Follower(f"{log}*", PEPPER), now=lambda: NOW, names=NAMES)
    told: list[CallBatch] = []
    with pytest.raises(SourceDenied, match=r"audit\.log\.9\.gz"):
        told.extend(whole.read({}))
    assert [LWA] == [str(call.handle) for batch in told for call in batch.evidence]
    assert all(batch.coverage.until is None for batch in told)


@pytest.mark.parametrize(
    "damage",
    [b"{", b'{"time":', b'{"a"' * 20_000, b'{"' + b"[" * 100_000, b"\xff\xfe{\x00", b'{"time":"\xff"}', b"\0" * 5000],
)
def test_garbage_costs_itself_alone(log: Path, damage: bytes) -> None:
    """Whatever stands in the log, the entries around it are read."""
    log.write_bytes(lines(read(ago=9 * MINUTE)) + damage + b"\n" + lines(read(ago=MINUTE)))
    assert NOW - MINUTE == last_read(run(log)[0])


def test_a_log_that_is_not_there_is_not_silent(log: Path) -> None:
    """No file is a source that cannot be read."""
    with pytest.raises(SourceUnreachable, match="names no file"):
        run(log)
    assert "names no file" in str(list(source(log).check()))


def shown(log: Path) -> tuple[Coverage, str]:
    """What is covered after a run, and all that a run told, as text."""
    batches = list(source(log).read({}))
    return batches[-1].coverage, repr(batches)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(read(Who(raw=True)), id="a-token"),
        pytest.param(read(Who(raw=True), sort="request"), id="before-the-answer"),
        pytest.param(login(Who(raw=True)), id="a-login"),
    ],
)
def test_a_log_that_hashes_nothing_is_told_with_its_place(log: Path, item: dict[str, object]) -> None:
    """A token in the clear: `log_raw` is on. Told is where, never what."""
    log.write_bytes(lines(read(), item, item))
    coverage, told = shown(log)
    [exposed] = [found for found in coverage.exposed if not found.fields]
    assert (f"{log}, line 2", "") == (exposed.where, exposed.mount)
    assert CLEAR not in told


@pytest.mark.parametrize(
    ("item", "mount", "fields"),
    [
        pytest.param(
            read(data={"data": {"client_secret": CLEAR}, "metadata": {}}), "kv/", ("client_secret",), id="kv-v2"
        ),
        pytest.param(read(path="old/x", mount="old/", data={"a": CLEAR, "b": hashed("b")}), "old/", ("a",), id="kv-v1"),
        pytest.param(
            read(data={"data": {"list": [hashed("a"), {"deep": [CLEAR]}]}, "metadata": {}}), "kv/", ("deep",), id="deep"
        ),
        pytest.param(
            read(operation="create", sent={"data": {"password": CLEAR}}), "kv/", ("password",), id="while-it-is-written"
        ),
        pytest.param(
            login(sent={"secret_id": CLEAR, "role_id": hashed("r")}), "auth/approle/", ("secret_id",), id="login"
        ),
    ],
)
def test_fields_that_are_not_hashed_are_named(
    log: Path, item: dict[str, object], mount: str, fields: tuple[str, ...]
) -> None:
    """A mount may be tuned to show fields: told is which and of which mount, never the value."""
    log.write_bytes(lines(read(path="kv/data/another"), item))
    coverage, told = shown(log)
    assert [(mount, fields)] == [(found.mount, found.fields) for found in coverage.exposed]
    assert CLEAR not in told


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(read(), id="hashes-numbers-and-times"),
        pytest.param(read(data={"data": {"username": CLEAR}, "metadata": {}}), id="a-field-that-may"),
        pytest.param(read(data=GRANTED | {"metadata": {"created_time": "2026-11-01T16:22:47Z"}}), id="times"),
        pytest.param(
            read(path="pki/cert/ca", mount="pki/", kind="pki", data={"certificate": CLEAR}), id="certificates"
        ),
        pytest.param(login(sent={"role": CLEAR, "jwt": hashed("j")}, path="auth/jwt/login"), id="the-role-of-a-login"),
        pytest.param(read(data=b"".decode()), id="no-object"),
    ],
)
def test_what_may_be_read_is_no_alarm(log: Path, item: dict[str, object]) -> None:
    """Vault hashes text alone, but for times; what other engines show is somebody's choice."""
    log.write_bytes(lines(item))
    assert () == list(source(log, may_be_clear=frozenset({"username"})).read({}))[-1].coverage.exposed


def test_what_is_shown_again_and_again_is_one_thing(log: Path) -> None:
    """The first place and both ends of the time are kept from run to run, however many entries there are."""
    raw = Who(raw=True)
    log.write_bytes(lines(*[read(raw, ago=n * MINUTE) for n in (9, 8, 7)]))
    first = run(log)[2]
    with log.open("ab") as file:
        file.write(lines(*[login(raw, ago=n * MINUTE, sent={"secret_id": hashed("s")}) for n in (3, 2, 1)]))
    [exposed] = run(log, json.loads(json.dumps(first.cursor)))[2].coverage.exposed
    assert f"{log}, line 1" == exposed.where
    assert (NOW - 9 * MINUTE, NOW - MINUTE) == tuple(at.replace(microsecond=0) for at in (exposed.since, exposed.until))


def test_a_mount_that_is_tuned_later_is_seen_by_the_next_run(log: Path) -> None:
    """Of a secret that is read all the time one entry is looked into in each hour of each run."""
    log.write_bytes(lines(read(), read()))
    first = run(log)[2]
    assert () == first.coverage.exposed
    with log.open("ab") as file:
        file.write(lines(read(data={"data": {"client_secret": CLEAR}, "metadata": {}})))
    assert [("client_secret",)] == [found.fields for found in run(log, first.cursor)[2].coverage.exposed]
