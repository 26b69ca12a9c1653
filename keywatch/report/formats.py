"""The formats a scan report can be written in."""

from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from keywatch.report.scan_report import ScanReport


class Format(StrEnum):
    """How a report is written. Every format tells the same of each finding, and none shows a secret."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"
    CSV = "csv"
    JUNIT = "junit"
    GITLEAKS = "gitleaks"


_WRITERS = {
    Format.TEXT: "text",
    Format.JSON: "json_lines",
    Format.JSONL: "json_lines",
    Format.SARIF: "sarif",
    Format.CSV: "table",
    Format.JUNIT: "junit",
    Format.GITLEAKS: "gitleaks",
}


def write(report: "ScanReport", form: Format, out: TextIO) -> str | None:
    """
    Write `report` in the format `form`; only that format's module is loaded.

    Returns:
        What a person should know the format had no room for; None: everything is there.
    """
    writer = getattr(import_module(f"keywatch.report.{_WRITERS[form]}"), f"write_{form.value}")
    return cast("Callable[[ScanReport, TextIO], str | None]", writer)(report, out)
