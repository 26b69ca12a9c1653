"""JUnit XML, for CI systems that show tests: each finding is a failed test, what was not scanned an error."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import TextIO

from keywatch.model.finding import Finding
from keywatch.report.safe import visible
from keywatch.report.scan_report import ScanReport
from keywatch.report.words import commit_words, place_words, whose

_PLACES = 100
"""Places of one finding that are listed; the JSON formats have them all."""


def write_junit(report: ScanReport, out: TextIO) -> None:
    """Write one test suite, a test at a time. A scan without findings is one test that passed."""
    troubles = [(visible(item.what), visible(item.why)) for item in report.skipped]
    troubles += [("target", visible(error.message)) for error in report.errors]
    if report.interrupted:
        troubles.append(("scan", "interrupted"))
    found = report.tally.findings
    suite = ET.Element(
        "testsuite",
        name="keywatch scan",
        tests=str(max(1, found + len(troubles))),
        failures=str(found),
        errors=str(len(troubles)),
        time=f"{report.seconds:.3f}",
    )
    head = ET.tostring(suite, encoding="unicode").removesuffix(" />")
    out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  {head}>\n')
    for case in _cases(report, troubles):
        ET.indent(case, level=2)
        out.write(f"    {ET.tostring(case, encoding='unicode')}\n")
    out.write("  </testsuite>\n</testsuites>\n")


def _cases(report: ScanReport, troubles: list[tuple[str, str]]) -> Iterator[ET.Element]:
    for finding in report.findings:
        yield _failure(finding)
    for what, why in troubles:
        case = ET.Element("testcase", classname="keywatch.not_scanned", name=what)
        ET.SubElement(case, "error", message=why)
        yield case
    if not report.tally.findings and not troubles:
        yield ET.Element("testcase", classname="keywatch.scan", name="no secrets found")


def _failure(finding: Finding) -> ET.Element:
    first = finding.places[0]
    case = ET.Element(
        "testcase",
        classname=f"keywatch.{finding.rule.id}",
        name=place_words(first),
        file=visible(first.path),
        line=str(first.line),
    )
    failure = ET.SubElement(case, "failure", type=finding.severity.value, message=visible(finding.rule.description))
    more = len(finding.places) + finding.further - _PLACES
    failure.text = "\n".join(
        (
            f"rule: {finding.rule.id}",
            f"secret: {visible(finding.redacted.preview)} fingerprint {finding.redacted.fingerprint.digest}",
            f"confidence: {finding.confidence.value}",
            f"ownership: {whose(finding)}",
            *(f"place: {place_words(place)} {commit_words(place)}".rstrip() for place in finding.places[:_PLACES]),
            *([f"further places: {more}"] if more > 0 else []),
            f"what to do: {visible(finding.remedy)}",
        )
    )
    return case
