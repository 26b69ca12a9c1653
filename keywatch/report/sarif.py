"""
SARIF 2.1.0, as GitHub code scanning reads it.

https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support
Rule ids and paths are stable, or alerts would open again; there is no snippet, as it would show the secret; and
`primaryLocationLineHash` is left to the upload action, which warns about any other than its own.

A place that can still be changed is a result of its own: GitHub reads one location a result, annotates it, closes its
alert when it is gone, and shows in a pull request what that brings in, also where the secret lay elsewhere before. What
only the history has is one result a secret: the remedy is one rotation.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TextIO
from urllib.parse import quote

from keywatch import __version__
from keywatch.model.finding import Finding, Place, RuleInfo
from keywatch.model.source import Json
from keywatch.report.record import place_record
from keywatch.report.safe import visible
from keywatch.report.scan_report import Root, ScanReport
from keywatch.report.words import amount, commit_words, whose

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 25_000
"""GitHub refuses a run with more; the worst come first."""
MOST_BYTES = 9_500_000
"""Compressed; GitHub refuses a file of more than 10 MB."""
_RESULTS = 100
"""Of one finding: a secret in every line of a log leaves room for others."""
_RELATED = 20
_NOTES = 100
_TEXT = 1000
"""Characters of a text; GitHub takes 1,024."""
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
_PRECISION = {"high": "high", "medium": "medium", "low": "low", "slight": "low"}
_TAGS = 10


def write_sarif(report: ScanReport, out: TextIO) -> str | None:
    """Write one log with one run, and return what a person should know was left out of it."""
    rules = {finding.rule.id: finding.rule for finding in islice(report.findings, MOST_RESULTS)}
    bases = {root.base: "" for root in report.roots.values()}
    bases = {base: "%SRCROOT%" if number == 1 else f"SRCROOT{number}" for number, base in enumerate(bases, 1)}
    head: dict[str, Json] = {
        "tool": {
            "driver": {
                "name": "keywatch",
                "semanticVersion": __version__,
                "version": __version__,
                "rules": [_rule(rules[name]) for name in sorted(rules)],
            }
        },
        "automationDetails": {"id": "keywatch/"},
        "columnKind": "unicodeCodePoints",
    }
    if bases:
        head["originalUriBaseIds"] = {
            name: {"uri": f"file://{quote(base)}/".replace("file:////", "file:///")} for base, name in bases.items()
        }
    start = json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [head]}, indent=1)
    out.write(start[: start.rindex("\n  }")] + ',\n   "results": [')
    told = _write_results(report, {name: number for number, name in enumerate(sorted(rules))}, bases, out)
    left = report.tally.present + report.tally.past - told
    out.write(f'\n   ],\n   "invocations": [{json.dumps(_invocation(report, left))}]\n  }}\n ]\n}}\n')
    if not left:
        return None
    return f"SARIF has room for {amount(MOST_RESULTS, 'result')}: {amount(left, 'place')} left out; jsonl has them all"


def _write_results(report: ScanReport, rules: Mapping[str, int], bases: Mapping[str, str], out: TextIO) -> int:
    """Write the results there is room for, and return how many."""
    count = size = 0
    packed = zlib.compressobj(level=1)
    between = "\n    "
    for finding in report.findings:
        for places in _alerts(finding):
            line = json.dumps(_result(finding, places, rules[finding.rule.id], report.roots, bases))
            size += len(packed.compress(line.encode()))
            if count == MOST_RESULTS or size > MOST_BYTES:
                return count
            out.write(between + line)
            between = ",\n    "
            count += 1
    return count


def _alerts(finding: Finding) -> Iterator[tuple[Place, ...]]:
    """Yield the places of each result: the first is where it is, the others are related."""
    there = tuple(place for place in finding.places if place.present is not False)
    past = tuple(place for place in finding.places if place.present is False)
    if not there:
        yield past[: 1 + _RELATED]
        return
    yield (there[0], *past[:_RELATED])
    for place in there[1:_RESULTS]:
        yield (place,)


def _rule(rule: RuleInfo) -> Json:
    description = _short(rule.description) or rule.id
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
            "precision": _PRECISION[rule.confidence.value],
            "tags": list[Json](dict.fromkeys(("security", "secret", *map(visible, rule.tags))))[:_TAGS],
        },
    }


def _result(
    finding: Finding, places: tuple[Place, ...], rule_index: int, roots: Mapping[str, Root], bases: Mapping[str, str]
) -> dict[str, Json]:
    first, *others = places
    where: dict[str, Json] = {
        name: value
        for name, value in place_record(first).items()
        if name in {"target", "blob", "commit", "author", "date", "present"}
    }
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity.value],
        "message": {"text": _message(finding, first)},
        "locations": [_location(first, roots, bases)],
        "relatedLocations": [_location(place, roots, bases, commit_words(place)) for place in others],
        "partialFingerprints": {"keywatch/v1": finding.id},
        "properties": {
            **where,
            "fingerprint": finding.redacted.fingerprint.digest,
            "secret": visible(finding.redacted.preview),
            "confidence": finding.confidence.value,
            "ownership": finding.ownership.value,
            "key": finding.key,
            "places": len(finding.places) + finding.further,
        },
    }


def _message(finding: Finding, place: Place) -> str:
    identity = f"{finding.redacted.fingerprint.short}, begins {visible(finding.redacted.preview)}"
    owner = f"ownership {whose(finding)}, confidence {finding.confidence.value}"
    brought = f" Brought in by {commit_words(place)}." if place.commit else ""
    return _short(f"{finding.rule.description} ({identity}; {owner}).{brought} {finding.remedy}".rstrip())


def _location(place: Place, roots: Mapping[str, Root], bases: Mapping[str, str], message: str = "") -> Json:
    region: dict[str, Json] = {"byteOffset": place.offset}
    if place.line:
        region = {"startLine": place.line, "startColumn": max(place.column, 1)}
        if place.end_line:
            region |= {"endLine": place.end_line, "endColumn": max(place.end_column, 1)}
    root = roots.get(place.target)
    # Percent-encoding makes control characters harmless, and `:` in the first part no scheme.
    artifact: dict[str, Json] = {"uri": quote((root.prefix if root else "") + place.path, safe="/~")}
    if root:
        artifact["uriBaseId"] = bases[root.base]
    spot: dict[str, Json] = {"artifactLocation": artifact, "region": region}
    return {"physicalLocation": spot, "message": {"text": message}} if message else {"physicalLocation": spot}


def _invocation(report: ScanReport, left: int) -> Json:
    troubles = [f"{item.what}: {item.why}" for item in report.skipped] + [error.message for error in report.errors]
    notes: list[Json] = [_note(text) for text in troubles[:_NOTES]]
    if len(troubles) > _NOTES:
        notes.append(_note(f"{amount(len(troubles) - _NOTES, 'further item')} could not be scanned"))
    if report.interrupted:
        notes.append(_note("interrupted: not everything was scanned"))
    if left:
        notes.append(_note(f"{amount(left, 'further place')} left out", "warning"))
    return {"executionSuccessful": report.complete, "toolExecutionNotifications": notes}


def _note(text: str, level: str = "error") -> Json:
    return {"level": level, "message": {"text": _short(text)}}


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
