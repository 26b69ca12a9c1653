"""
Gitleaks' JSON report, for tools that read it: one entry a place, secrets redacted, ours under `Keywatch`.

https://github.com/gitleaks/gitleaks/blob/master/report/finding.go
"""

import json
from typing import TextIO

from keywatch.model.finding import Finding, Place
from keywatch.model.source import Json
from keywatch.model.time import to_rfc3339
from keywatch.report.scan_report import ScanReport


def write_gitleaks(report: ScanReport, out: TextIO) -> None:
    """Write an array of findings; empty where there are none."""
    json.dump([_entry(finding, place) for finding in report.findings for place in finding.places], out, indent=1)
    out.write("\n")


def _entry(finding: Finding, place: Place) -> dict[str, Json]:
    path = place.path.replace("\\", "/")
    identity = f"{path}:{finding.rule.id}:{place.line}"
    return {
        "RuleID": finding.rule.id,
        "Description": finding.rule.description,
        "StartLine": place.line,
        "EndLine": place.end_line,
        "StartColumn": place.column,
        "EndColumn": place.end_column,
        "Match": "REDACTED",
        "Secret": "REDACTED",
        "File": place.path,
        "SymlinkFile": "",
        "Commit": place.commit or "",
        "Entropy": 0,
        "Author": place.author or "",
        "Email": "",
        "Date": to_rfc3339(place.committed_at) if place.committed_at else "",
        "Message": "",
        "Tags": list(finding.rule.tags),
        "Fingerprint": f"{place.commit}:{identity}" if place.commit else identity,
        "Keywatch": {
            "Fingerprint": finding.redacted.fingerprint.digest,
            "Secret": finding.redacted.preview,
            "Confidence": finding.confidence.value,
            "Ownership": finding.ownership.value,
            "Key": finding.key,
            "Target": place.target,
        },
    }
