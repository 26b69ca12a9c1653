"""
Gitleaks' JSON report, for tools that read it: one entry a place, secrets redacted, ours under `Keywatch`.

https://github.com/gitleaks/gitleaks/blob/master/report/finding.go
Columns count bytes from 1, and the last is the secret's last byte, as there; what cannot be told without the secret
(`Match`, `Entropy`), or is not asked of git (`Email`, `Message`), is there and empty.
"""

import json
from typing import TextIO

from keywatch.model.finding import Finding, Place
from keywatch.model.source import Json
from keywatch.model.time import to_rfc3339
from keywatch.report.scan_report import ScanReport


def write_gitleaks(report: ScanReport, out: TextIO) -> None:
    """Write an array of findings, one at a time; empty where there are none."""
    between = "[\n "
    for finding in report.findings:
        for place in finding.places:
            out.write(between + json.dumps(_entry(finding, place)))
            between = ",\n "
    out.write("[]\n" if between == "[\n " else "\n]\n")


def _entry(finding: Finding, place: Place) -> dict[str, Json]:
    path = place.path.replace("\\", "/")
    identity = f"{path}:{finding.rule.id}:{place.line}"
    return {
        "RuleID": finding.rule.id,
        "Description": finding.rule.description,
        "StartLine": place.line,
        "EndLine": place.end_line,
        "StartColumn": place.column,
        "EndColumn": max(place.end_column - 1, 0),
        "Match": "REDACTED",
        "Secret": "REDACTED",
        "File": place.path,
        "SymlinkFile": "",
        "Commit": place.commit or "",
        "Entropy": 0,
        "Author": place.author or "",
        "Email": "",
        "Date": to_rfc3339(place.committed_at.replace(microsecond=0)) if place.committed_at else "",
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
