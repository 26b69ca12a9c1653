"""
SARIF 2.1.0, as GitHub code scanning reads it.

https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
Rule ids and paths are stable, or alerts would open again; there is no snippet, as it would show the secret; and
`primaryLocationLineHash` is left to the upload action, which warns about any other than its own.
"""

import json
from typing import TextIO
from urllib.parse import quote

from keywatch import __version__
from keywatch.model.finding import Finding, Place, RuleInfo
from keywatch.model.source import Json
from keywatch.report.record import place_record
from keywatch.report.safe import visible
from keywatch.report.scan_report import ScanReport
from keywatch.report.words import whose

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 25_000
"""GitHub refuses a run with more; the worst come first."""
_RELATED = 20
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
_TAGS = 20


def write_sarif(report: ScanReport, out: TextIO) -> None:
    """Write one log with one run."""
    rules = {finding.rule.id: finding.rule for finding in report.findings}
    numbers = {name: number for number, name in enumerate(sorted(rules))}
    results = [_result(finding, numbers[finding.rule.id]) for finding in report.findings[:MOST_RESULTS]]
    document: Json = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "keywatch",
                        "semanticVersion": __version__,
                        "version": __version__,
                        "rules": [_rule(rules[name]) for name in sorted(rules)],
                    }
                },
                "automationDetails": {"id": "keywatch/"},
                "invocations": [_invocation(report)],
                "results": list[Json](results),
            }
        ],
    }
    json.dump(document, out, indent=1)
    out.write("\n")


def _rule(rule: RuleInfo) -> Json:
    description = visible(rule.description) or rule.id
    remedy = visible(rule.remedy) or "Rotate the secret, then remove it."
    return {
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": description},
        "fullDescription": {"text": description},
        "help": {"text": remedy},
        "defaultConfiguration": {"level": _LEVELS[rule.severity.value]},
        "properties": {
            "security-severity": _SCORES[rule.severity.value],
            "precision": {"high": "high", "medium": "medium", "low": "low"}[rule.confidence.value],
            "tags": list[Json](dict.fromkeys(("security", "secret", *rule.tags)))[:_TAGS],
        },
    }


def _result(finding: Finding, rule_index: int) -> dict[str, Json]:
    first, *others = finding.places
    where: dict[str, Json] = {
        name: value
        for name, value in place_record(first).items()
        if name in {"target", "blob", "commit", "author", "date", "present"}
    }
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.rule.severity.value],
        "message": {"text": _message(finding)},
        "locations": [_location(first)],
        "relatedLocations": [_location(place) for place in others[:_RELATED]],
        "partialFingerprints": {"keywatch/v1": finding.id},
        "properties": {
            **where,
            "fingerprint": finding.redacted.fingerprint.digest,
            "secret": visible(finding.redacted.preview),
            "confidence": finding.confidence.value,
            "ownership": finding.ownership.value,
            "key": finding.key,
            "places": len(finding.places),
        },
    }


def _message(finding: Finding) -> str:
    identity = f"{finding.redacted.fingerprint.short}, begins {visible(finding.redacted.preview)}"
    owner = f"ownership {whose(finding)}, confidence {finding.confidence.value}"
    return f"{visible(finding.rule.description)} ({identity}; {owner}). {visible(finding.rule.remedy)}".rstrip()


def _location(place: Place) -> Json:
    region: dict[str, Json] = {"byteOffset": place.offset}
    if place.line:
        region = {"startLine": place.line, "startColumn": place.column}
        if place.end_line:
            region |= {"endLine": place.end_line, "endColumn": place.end_column}
    # Percent-encoding makes control characters harmless, and `:` in the first part no scheme.
    uri = quote(place.path, safe="/~")
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


def _invocation(report: ScanReport) -> Json:
    notes: list[Json] = [_note(f"{item.what}: {item.why}") for item in report.skipped]
    notes += [_note(error.message) for error in report.errors]
    if len(report.findings) > MOST_RESULTS:
        notes.append(_note(f"{len(report.findings) - MOST_RESULTS} further findings are left out"))
    return {"executionSuccessful": report.complete, "toolExecutionNotifications": notes}


def _note(text: str) -> Json:
    return {"level": "error", "message": {"text": visible(text)}}
