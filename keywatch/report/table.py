"""CSV: one row a place, for a spreadsheet. No cell is ever a formula."""

import csv
from typing import TextIO

from keywatch.model.finding import Finding, Place
from keywatch.report.record import place_record
from keywatch.report.safe import cell
from keywatch.report.scan_report import ScanReport

COLUMNS = (
    "rule", "description", "severity", "confidence", "ownership", "key", "fingerprint", "secret",
    "target", "path", "line", "column", "commit", "author", "date", "present", "remedy",
)  # fmt: skip


def write_csv(report: ScanReport, out: TextIO) -> None:
    """Write a header, and a row for each place of each finding."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for finding in report.findings:
        for place in finding.places:
            table.writerow(_row(finding, place))


def _row(finding: Finding, place: Place) -> list[str]:
    where = place_record(place)
    values: dict[str, object] = {
        **where,
        "rule": finding.rule.id,
        "description": finding.rule.description,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "ownership": finding.ownership.value,
        "key": finding.key,
        "fingerprint": finding.redacted.fingerprint.digest,
        "secret": finding.redacted.preview,
        "remedy": finding.remedy,
    }
    return [cell("" if values[name] is None else str(values[name])) for name in COLUMNS]
