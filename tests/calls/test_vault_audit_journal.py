"""An audit device that writes to stdout, whose entries stand in the journal among what the server has to say."""

from datetime import datetime, timedelta

import pytest

from keywatch.collect.calls.vault_audit import AuditRules, VaultAuditLog
from keywatch.collect.calls.vault_audit_names import VaultNames
from keywatch.model.call import Call
from keywatch.model.source import CallBatch, Cursor
from tests.calls.audit_entries import NOW, lines, login, read
from tests.content import test_journal
from tests.content.test_journal import Shelf

MINUTE = timedelta(minutes=1)
stand_in = test_journal.stand_in


def said(number: int, text: bytes) -> bytes:
    """One entry of the journal."""
    return test_journal.entry(number, MESSAGE=text.rstrip(b"\n"), SYSLOG_IDENTIFIER=b"vault")


def run(shelf: Shelf, cursor: Cursor, now: datetime = NOW) -> tuple[list[str], CallBatch]:
    lines_read = shelf.journal("SYSLOG_IDENTIFIER=vault")
    rules = AuditRules(mixed=True, every_node=True)
    log = VaultAuditLog("prod", lines_read, now=lambda: now, names=VaultNames(vault="prod"), rules=rules)
    batches = list(log.read(cursor))
    calls = [str(call.handle) for batch in batches for call in batch.evidence if isinstance(call, Call)]
    return calls, batches[-1]


def test_entries_are_read_among_a_servers_own_words(stand_in: Shelf) -> None:
    """What is no entry is passed over in silence; the next run goes on behind it."""
    words = said(1, b"2026-11-23T11:00Z [INFO]  core: vault is unsealed")
    stand_in.write("a", words, said(2, lines(read(ago=9 * MINUTE))), said(3, lines(login(ago=8 * MINUTE))))
    calls, batch = run(stand_in, {})
    assert ["vault:prod/kv/orders/lwa", "vault-login:prod/auth/approle/orders"] == calls
    assert () == batch.skipped
    assert NOW - 9 * MINUTE == (batch.coverage.since or NOW).replace(microsecond=0)
    stand_in.write("b", said(4, lines(login(ago=MINUTE))))
    assert ["vault-login:prod/auth/approle/orders"] == run(stand_in, batch.cursor)[0]


def test_what_the_journal_dropped_ends_what_was_covered(stand_in: Shelf) -> None:
    """Entries that were vacuumed before they were read may have been the ones that count."""
    stand_in.write("a", said(2, lines(read(ago=9 * MINUTE))))
    _, first = run(stand_in, {})
    stand_in.write("a", said(7, lines(read(ago=MINUTE))))
    calls, batch = run(stand_in, first.cursor, NOW + MINUTE)
    assert ["vault:prod/kv/orders/lwa"] == calls
    assert NOW + MINUTE == batch.coverage.since
    assert any("not there any more" in item.why for item in batch.skipped)


@pytest.mark.parametrize("cut", [300, 1200])
def test_a_line_that_journald_cut_is_torn(stand_in: Shelf, cut: int) -> None:
    """Beyond `LineMax=` a line goes on in the next entry: neither part is one, and what came before is not whole."""
    whole = lines(read(ago=5 * MINUTE))
    parts = said(3, whole[:cut]), said(4, whole[cut:])
    stand_in.write("a", said(2, lines(read(ago=9 * MINUTE))), *parts, said(5, lines(read(ago=MINUTE))))
    _, batch = run(stand_in, {})
    assert NOW - MINUTE == (batch.coverage.since or NOW).replace(microsecond=0)
    assert "cut off, or not JSON" in batch.skipped[0].why
