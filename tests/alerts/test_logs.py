"""An audit log that shows what it should hash: what is told, and until when."""

from datetime import timedelta

from keywatch.alerts.log_problems import log_problems
from keywatch.model.alert import Problem, ProblemKind
from keywatch.model.call import Coverage, Exposed
from keywatch.model.finding import Severity
from keywatch.model.key import SourceId
from tests.alerts.builders import DAY, NOW

LOG = SourceId("vault-audit:prod")


def shown(
    mount: str = "", *fields: str, first: timedelta = DAY, last: timedelta = timedelta(), line: int = 7
) -> Exposed:
    where = f"/var/log/vault/audit.log, line {line}"
    return Exposed(where=where, mount=mount, fields=fields, since=NOW - first, until=NOW - last)


def told(*exposed: Exposed, blind: str | None = None) -> list[Problem]:
    seen = Coverage(source=LOG, kinds=frozenset(), since=NOW - DAY, until=NOW, exposed=exposed, blind=blind)
    return list(log_problems([seen, Coverage(source=SourceId("other"), kinds=frozenset(), since=None, until=None)]))


def test_a_device_that_hashes_nothing_is_told_once_with_what_to_do() -> None:
    """One alert a log, however much is in it: where, since when, and how it is ended."""
    [problem] = told(shown(), shown("kv/", "client_secret", line=9), shown("old/", "a", line=11))
    assert (ProblemKind.LOG_IN_CLEAR, Severity.CRITICAL, f"log-in-clear:{LOG}") == (
        problem.kind,
        problem.severity,
        problem.id,
    )
    facts = dict(problem.facts)
    assert "nothing in it is hashed" == facts["What"]
    assert "/var/log/vault/audit.log, line 7" == facts["Where"]
    assert "first 2026-11-22 14:18 UTC, last 2026-11-23 14:18 UTC" == facts["Evidence"]
    assert "without `log_raw`" in problem.next_step
    assert "rotate every secret" in problem.next_step


def test_fields_of_a_mount_are_named() -> None:
    """Which fields of which mount, and how to have them hashed; many are counted."""
    [problem] = told(shown("kv/", *(f"field-{n}" for n in range(9))), shown("auth/approle/", "secret_id", line=12))
    facts = dict(problem.facts)
    assert (Severity.HIGH, "fields") == (problem.severity, problem.stage)
    assert facts["What"].startswith("in kv/: field-0, field-1")
    assert facts["What"].endswith("and 3 more; in auth/approle/: secret_id")
    assert "line 7; /var/log/vault/audit.log, line 12" in facts["Where"]
    assert "audit_non_hmac_response_keys" in problem.next_step


def test_it_is_over_when_nothing_was_shown_for_a_week() -> None:
    """What was read since then was hashed; while the log cannot be read nothing is over."""
    assert [] == told(shown(first=30 * DAY, last=8 * DAY))
    assert 1 == len(told(shown(first=30 * DAY, last=6 * DAY)))
    assert 1 == len(told(shown(first=30 * DAY, last=6 * DAY), blind="gone"))
    assert [] == told()


def test_names_from_a_log_cannot_break_a_line() -> None:
    """A field may be called anything."""
    [problem] = told(shown("k\nv/", "a\r\nb\u202e" * 40))
    assert not any(character in text for _, text in problem.facts for character in "\r\n\u202e")
