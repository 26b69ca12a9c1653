"""What the benchmark of audit logs compares is the same in both programs, and a log as servers write it."""

import json
from pathlib import Path

from benchmarks.audit.__main__ import READERS, measured
from benchmarks.audit.entries import AuditLog
from tests.calls.audit_entries import login, read


def test_both_readers_tell_the_same(tmp_path: Path) -> None:
    """Of each secret the last read, to the second."""
    log = tmp_path / "audit.log"
    assert 1400 < AuditLog().write(log, 2000) / 2000 < 1800  # bytes an entry
    told = [measured(command, log, tmp_path, rounds=1)[1] for command in READERS.values()]
    assert told[0] == told[1]
    assert len(told[0]) > 100


def test_its_entries_have_the_fields_of_real_ones() -> None:
    """What the tests have from a server's log and what is measured are of one make."""
    entries = [entry for entry, _ in zip(AuditLog().entries(), range(200), strict=False)]
    for real, path in ((read(), "kv/data/"), (login(), "auth/approle/login")):
        made = next(one for one in entries if one["type"] == "response" and path in json.dumps(one["request"]))
        for part in ("auth", "request", "response"):
            theirs, ours = real[part], made[part]
            assert isinstance(theirs, dict)
            assert isinstance(ours, dict)
            assert set(theirs) <= set(ours) | {"accessor"}
