"""JSON, as one document or one finding a line. Everything outside ASCII is escaped, so that no terminal obeys it."""

import json
from collections.abc import Iterable
from dataclasses import replace
from textwrap import indent
from typing import TextIO

from keywatch import __version__
from keywatch.model.finding import Finding
from keywatch.report.record import SCHEMA, finding_record, summary_record
from keywatch.report.scan_report import ScanReport


def write_json(report: ScanReport, out: TextIO) -> None:
    """Write one document, a finding at a time: `schema`, `version`, `summary`, `findings`."""
    head = json.dumps({"schema": SCHEMA, "version": __version__, "summary": summary_record(report)}, indent=2)
    out.write(f'{head[:-2]},\n  "findings": [')
    between = "\n"
    for finding in report.findings:
        out.write(between + indent(json.dumps(finding_record(finding), indent=2), "    "))
        between = ",\n"
    out.write("\n  ]\n}\n" if between != "\n" else "]\n}\n")


def write_jsonl(report: ScanReport, out: TextIO) -> None:
    """Write one finding a line, and nothing else."""
    Lines(out).tell(report.findings)


class Lines:
    """
    JSON lines as the scan goes on: a finding as soon as it is known, each line whole and sent at once.

    A secret that is met again in further places has a further line, with the same `id` and these places alone.
    """

    def __init__(self, out: TextIO) -> None:
        """Write to `out`."""
        self._out = out

    def tell(self, findings: Iterable[Finding]) -> None:
        """Write a line for each of `findings`."""
        wrote = False
        for finding in findings:
            self._out.write(json.dumps(finding_record(finding)) + "\n")
            wrote = True
        if wrote:
            self._out.flush()

    def finish(self, report: ScanReport) -> None:
        """Write a last line, without places, for each finding that has further ones which are counted only."""
        if report.tally.further:
            self.tell(replace(finding, places=()) for finding in report.findings if finding.further)
