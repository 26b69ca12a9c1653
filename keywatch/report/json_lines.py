"""JSON, as one document or one finding a line. Everything outside ASCII is escaped, so that no terminal obeys it."""

import json
from typing import TextIO

from keywatch import __version__
from keywatch.report.record import SCHEMA, finding_record, summary_record
from keywatch.report.scan_report import ScanReport


def write_json(report: ScanReport, out: TextIO) -> None:
    """Write one document: `schema`, `version`, `summary`, `findings`."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "summary": summary_record(report),
        "findings": [finding_record(item, report.untold.get(item.id, 0)) for item in report.findings],
    }
    json.dump(document, out, indent=2)
    out.write("\n")


def write_jsonl(report: ScanReport, out: TextIO) -> None:
    """Write one finding a line, and nothing else."""
    out.writelines(json.dumps(finding_record(item, report.untold.get(item.id, 0))) + "\n" for item in report.findings)
