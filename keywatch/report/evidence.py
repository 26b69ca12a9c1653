"""
The evidence for an auditor: what was owed, what was watched, what was wrong and what became of it, in one document.

It is data first, JSON, with a digest over all of it; every other format shows the same data. No secret is in it, not
even the first characters of one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any, TypeAlias

from keywatch import __version__
from keywatch.model.access import KeyReaders
from keywatch.model.alert import Alert
from keywatch.model.call import Coverage
from keywatch.model.finding import FindingWord
from keywatch.model.key import KeyId
from keywatch.model.secret import Pepper
from keywatch.model.standing import Basis, Standing
from keywatch.model.time import to_rfc3339
from keywatch.policy import Assessment, Attestation
from keywatch.report import inventory
from keywatch.report.policy import record as obligation_record
from keywatch.report.policy import worst_first
from keywatch.store import SourceState, StoredFinding

Document: TypeAlias = dict[str, Any]

VERSION = 1
"""Of the document; it rises when a field changes its meaning or goes away."""
KIND = "keywatch-evidence"
_PLACES = 5
"""Places of a finding that are named; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that goes in."""

    standings: Sequence[Standing]
    assessments: Sequence[Assessment]
    attestations: Sequence[Attestation]
    alerts: Sequence[Alert]
    findings: Sequence[StoredFinding]
    said: Sequence[FindingWord]
    """What people said of findings."""
    sources: Sequence[SourceState]
    coverages: Sequence[Coverage]
    readers: Mapping[KeyId, KeyReaders] = field(default_factory=dict)
    """Who may read each key in Vault, where that is known."""


def evidence(known: Known, *, pepper: Pepper, period: timedelta, now: datetime) -> Document:
    """
    Put the document together, and sign it.

    Args:
        known: what the store remembers.
        pepper: signs: whoever has it can tell later that nothing was changed.
        period: how far back what has happened is told. Standings and states are those of now.
        now: aware UTC.
    """
    since = now - period
    alerts = [alert for alert in known.alerts if alert.resolved_at is None or alert.resolved_at >= since]
    findings = [found for found in known.findings if found.resolved_at is None or found.resolved_at >= since]
    words = [word for word in known.attestations if word.at >= since]
    said: dict[str, list[FindingWord]] = {}
    for word in known.said:
        said.setdefault(word.finding, []).append(word)
    document: Document = {
        "kind": KIND,
        "version": VERSION,
        "keywatch": __version__,
        "installation": pepper.id,
        "from": to_rfc3339(since),
        "to": to_rfc3339(now),
        "summary": _summary(known, alerts, findings, now),
        "obligations": [_obligation(row, alerts) for row in worst_first(known.assessments)],
        "keys": [
            inventory.record(row, known.readers.get(row.key.id)) for row in inventory.most_pressing(known.standings)
        ],
        "alerts": [_alert(alert) for alert in sorted(alerts, key=lambda alert: (alert.opened_at, alert.id))],
        "findings": [_finding(found, said.get(found.finding.id, ())) for found in findings],
        "sources": [_source(state, known.coverages) for state in known.sources],
        "attestations": [
            {"obligation": word.obligation, "by": word.by, "at": to_rfc3339(word.at), "note": word.note}
            for word in words
        ],
    }
    digest = digest_of(document)
    return document | {"sha256": digest, "signature": pepper.signature(digest)}


def digest_of(document: Document) -> str:
    """SHA-256 of the document without digest and signature, as JSON with sorted keys and no spaces."""
    import hashlib

    bare = {name: value for name, value in document.items() if name not in ("sha256", "signature")}
    return hashlib.sha256(json.dumps(bare, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def trouble_with(document: Document, pepper: Pepper) -> str | None:
    """Say why a document is not the one that was made here; None if it is."""
    if document.get("kind") != KIND:
        return "it is no evidence of keywatch"
    if document.get("installation") != pepper.id:
        return "it was made by another installation, whose pepper would be needed"
    digest = digest_of(document)
    if document.get("sha256") != digest:
        return "it was changed: its content does not have the digest that it names"
    if document.get("signature") != pepper.signature(digest):
        return "it was not signed by this installation"
    return None


def _summary(known: Known, alerts: list[Alert], findings: list[StoredFinding], now: datetime) -> Document:
    hours = [_hours(alert.opened_at, alert.resolved_at) for alert in alerts if alert.resolved_at is not None]
    states = [row.state.value for row in known.assessments]
    bases = [row.basis.value for row in known.standings]
    return {
        "keys": len(known.standings),
        "keys_by_basis": {basis.value: bases.count(basis.value) for basis in Basis},
        "obligations": {state: states.count(state) for state in dict.fromkeys(states)},
        "alerts_open": sum(alert.resolved_at is None for alert in alerts),
        "alerts_resolved": len(hours),
        "median_hours_to_resolve": round(median(hours), 1) if hours else None,
        "findings_open": sum(found.resolved_at is None for found in findings),
        "findings_resolved": sum(found.resolved_at is not None for found in findings),
        "sources_unreadable": sum(state.failing_since is not None for state in known.sources),
        "oldest_open_alert_hours": max(
            (_hours(alert.opened_at, now) for alert in alerts if alert.resolved_at is None), default=None
        ),
    }


def _obligation(row: Assessment, alerts: Iterable[Alert]) -> Document:
    concerned = [alert for alert in alerts if alert.problem.kind in row.obligation.watched]
    return obligation_record(row) | {
        "alerts_in_period": len(concerned),
        "alerts_resolved": sum(alert.resolved_at is not None for alert in concerned),
        "seen_by": list(row.obligation.seen_by),
    }


def _alert(alert: Alert) -> Document:
    return {
        "id": alert.id,
        "kind": alert.problem.kind.value,
        "severity": alert.problem.severity.value,
        "title": alert.problem.title,
        "owner": alert.problem.owner,
        "state": alert.state.value,
        "opened_at": to_rfc3339(alert.opened_at),
        "resolved_at": _when(alert.resolved_at),
        "hours": _hours(alert.opened_at, alert.resolved_at) if alert.resolved_at else None,
    }


def _finding(found: StoredFinding, said: Iterable[FindingWord]) -> Document:
    finding = found.finding
    return {
        "id": finding.id,
        "rule": finding.rule.id,
        "description": finding.rule.description,
        "severity": finding.severity.value,
        "ownership": finding.ownership.value,
        "key": finding.key,
        "places": [f"{place.path}:{place.line}" if place.line else place.path for place in finding.places[:_PLACES]],
        "places_total": found.places_total,
        "state": found.state.value,
        "first_seen": to_rfc3339(found.first_seen),
        "last_seen": to_rfc3339(found.last_seen),
        "resolved_at": _when(found.resolved_at),
        "hours": _hours(found.first_seen, found.resolved_at) if found.resolved_at else None,
        "said": [
            {"by": word.by, "at": to_rfc3339(word.at), "state": word.state.value, "note": word.note} for word in said
        ],
    }


def _source(state: SourceState, coverages: Iterable[Coverage]) -> Document:
    covered = next((coverage for coverage in coverages if coverage.source == state.source), None)
    return {
        "source": state.source,
        "reads": state.kind,
        "last_success": _when(state.last_success),
        "failing_since": _when(state.failing_since),
        "error": state.error,
        "items": state.items,
        "skipped": state.skipped_total,
        "covered_from": _when(covered.since) if covered else None,
        "covered_until": _when(covered.until) if covered else None,
        "not_seen": _not_seen(covered) if covered else [],
    }


def _not_seen(covered: Coverage) -> list[str]:
    return [*covered.unseen, *(["calls for data, as of S3 objects, would not be seen"] if covered.data_unseen else [])]


def _hours(begin: datetime, end: datetime) -> float:
    return round((end - begin) / timedelta(hours=1), 1)


def _when(moment: datetime | None) -> str | None:
    return to_rfc3339(moment) if moment else None
