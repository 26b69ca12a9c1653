"""A scan report as plain data: what the JSON formats write, and others take their fields from."""

from keywatch.model.finding import Finding, Place
from keywatch.model.held_value import HeldAs
from keywatch.model.source import Json
from keywatch.model.time import to_rfc3339
from keywatch.report.scan_report import ScanReport

SCHEMA = 1
"""Raised when a field changes its meaning or goes away; new fields do not raise it."""


def finding_record(finding: Finding) -> dict[str, Json]:
    """Return everything a person or program may know of a finding."""
    return {
        "id": finding.id,
        "rule": finding.rule.id,
        "other_rules": list(finding.other_rules),
        "description": finding.rule.description,
        "category": finding.rule.category,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "ownership": finding.ownership.value,
        "key": finding.key,
        "held": held_record(finding.held) if finding.held else None,
        "handles": [str(handle) for handle in finding.handles],
        "fingerprint": finding.redacted.fingerprint.digest,
        "secret": finding.redacted.preview,
        "remedy": finding.remedy,
        "tags": list(finding.rule.tags),
        "places": [place_record(place) for place in finding.places],
        "further_places": finding.further,
    }


def held_record(held: HeldAs) -> dict[str, Json]:
    """Return which value of which secret of a store a finding is."""
    return {
        "place": held.place,
        "validity": held.validity.value,
        "since": to_rfc3339(held.since) if held.since else None,
        "likely_spent": held.spent,
        "further_places": held.more,
    }


def place_record(place: Place) -> dict[str, Json]:
    """Return where a finding was seen; `null` where something is not known or does not apply."""
    return {
        "target": place.target,
        "path": place.path,
        "line": place.line or None,
        "column": place.column if place.line else None,
        "end_line": place.end_line or None,
        "end_column": place.end_column or None,
        "offset": place.offset,
        "blob": place.blob,
        "commit": place.commit,
        "author": place.author,
        "date": to_rfc3339(place.committed_at) if place.committed_at else None,
        "present": place.present,
    }


def summary_record(report: ScanReport) -> dict[str, Json]:
    """Return what was scanned, and what was not."""
    return {
        "targets": list(report.targets),
        "complete": report.complete,
        "interrupted": report.interrupted,
        "findings": report.tally.findings,
        "places": report.tally.places,
        "ours": report.tally.ours,
        "doubted": report.doubted,
        "bytes": report.bytes,
        "chunks": report.chunks,
        "seconds": round(report.seconds, 3),
        "skipped": [{"what": item.what, "why": item.why, "hint": item.hint} for item in report.skipped],
        "errors": [{"message": error.message, "hint": error.hint} for error in report.errors],
    }
