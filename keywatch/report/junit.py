"""JUnit XML, for CI systems that show tests: each finding is a failed test, what was not scanned an error."""

import xml.etree.ElementTree as ET
from typing import TextIO

from keywatch.model.finding import Finding
from keywatch.report.safe import visible
from keywatch.report.scan_report import ScanReport
from keywatch.report.words import commit_words, place_words, whose


def write_junit(report: ScanReport, out: TextIO) -> None:
    """Write one test suite. A scan without findings is one test that passed."""
    troubles = [(visible(item.what), visible(item.why)) for item in report.skipped]
    troubles += [("target", visible(error.message)) for error in report.errors]
    if report.interrupted:
        troubles.append(("scan", "interrupted"))
    suite = ET.Element(
        "testsuite",
        name="keywatch scan",
        tests=str(max(1, len(report.findings) + len(troubles))),
        failures=str(len(report.findings)),
        errors=str(len(troubles)),
        time=f"{report.seconds:.3f}",
    )
    for finding in report.findings:
        _failure(suite, finding)
    for what, why in troubles:
        case = ET.SubElement(suite, "testcase", classname="keywatch.not_scanned", name=what)
        ET.SubElement(case, "error", message=why)
    if not len(suite):
        ET.SubElement(suite, "testcase", classname="keywatch.scan", name="no secrets found")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n")


def _failure(suite: ET.Element, finding: Finding) -> None:
    first = finding.places[0]
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"keywatch.{finding.rule.id}",
        name=place_words(first),
        file=visible(first.path),
        line=str(first.line),
    )
    failure = ET.SubElement(
        case, "failure", type=finding.rule.severity.value, message=visible(finding.rule.description)
    )
    failure.text = "\n".join(
        (
            f"rule: {finding.rule.id}",
            f"secret: {visible(finding.redacted.preview)} fingerprint {finding.redacted.fingerprint.digest}",
            f"confidence: {finding.confidence.value}",
            f"ownership: {whose(finding)}",
            *(f"place: {place_words(place)} {commit_words(place)}".rstrip() for place in finding.places),
            f"what to do: {visible(finding.rule.remedy)}",
        )
    )
