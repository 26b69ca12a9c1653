"""Text for a person: coloured on a terminal, plain where it is piped; the summary last, where the eye is."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import TextIO, TypeAlias

from keywatch.model.finding import Finding, Ownership
from keywatch.report.safe import visible
from keywatch.report.scan_report import ScanReport
from keywatch.report.words import amount, commit_words, place_words, size_words, whose

Line: TypeAlias = tuple[tuple[str, str], ...]
"""Pieces of text, each with a style of rich's."""

_PLACES = 10
"""Places of one finding that are shown; the other formats have them all."""
_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}


def write_text(report: ScanReport, out: TextIO) -> None:
    """Write each finding, and the summary. What could not be scanned is counted here, and named on stderr."""
    lines = [line for finding in report.findings for line in _finding(finding, report.untold.get(finding.id, 0))]
    lines.append(((summary(report), "bold" if report.findings or not report.complete else "bold green"),))
    if _colours(out):
        _write_rich(lines, out)
    else:
        out.writelines("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def summary(report: ScanReport) -> str:
    """Return what was found, where, whose, and what to do first, in one line."""
    scanned = f"{size_words(report.bytes)} scanned in {report.seconds:.1f} s"
    if not report.findings:
        verdict = "nothing found" if report.complete else "nothing found in what could be scanned"
        return f"{verdict}; {scanned}{_incomplete(report)}"
    worst = Counter(finding.rule.severity.value for finding in report.findings)
    grades = ", ".join(f"{worst[name]} {name}" for name in _STYLES if worst[name])
    owners = Counter(finding.ownership for finding in report.findings)
    whose_are = ", ".join(f"{owners[owner]} {owner.value}" for owner in Ownership if owners[owner])
    first = "rotate ours first, then clean up" if report.ours else "rotate what is in use, then clean up"
    found = f"{amount(len(report.findings), 'secret')} in {amount(report.places, 'place')} ({grades}; {whose_are})"
    return f"{found}: {first}; {scanned}{_incomplete(report)}"


def _incomplete(report: ScanReport) -> str:
    reasons = []
    if report.interrupted:
        reasons.append("interrupted")
    if report.errors or report.skipped:
        reasons.append(f"NOT scanned: {amount(len(report.errors) + len(report.skipped), 'item')}")
    return "".join(f"; {reason}" for reason in reasons)


def _finding(finding: Finding, untold: int) -> Iterator[Line]:
    severity = finding.rule.severity.value
    yield ((severity.upper(), _STYLES[severity]), (f"  {visible(finding.rule.description)}", "bold"))
    identity = f"{finding.redacted.fingerprint.short}, begins {visible(finding.redacted.preview)}"
    yield _labelled("what", f"{finding.rule.id}, {identity}, confidence {finding.confidence.value}")
    for number, place in enumerate(finding.places[:_PLACES]):
        yield _labelled("where" if number == 0 else "", f"{place_words(place)}  {commit_words(place)}".rstrip())
    if more := len(finding.places) - _PLACES + untold if len(finding.places) > _PLACES else untold:
        yield _labelled("", f"and {amount(more, 'more place')}")
    yield _labelled("whose", whose(finding))
    if finding.rule.remedy:
        yield _labelled("do", visible(finding.rule.remedy))
    yield ()


def _labelled(label: str, text: str) -> Line:
    return ((f"  {label:<6}", "dim"), (text, ""))


def _colours(out: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or out.isatty()


def _write_rich(lines: list[Line], out: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=out, highlight=False, markup=False, emoji=False, soft_wrap=True, force_terminal=True)
    for line in lines:
        console.print(Text.assemble(*line))
