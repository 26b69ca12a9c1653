"""Text for a person: coloured on a terminal, plain where it is piped; the summary last, where the eye is."""

import os
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TextIO, TypeAlias

from keywatch.model.finding import Finding, Ownership
from keywatch.report.safe import visible
from keywatch.report.scan_report import ScanReport
from keywatch.report.words import amount, commit_words, place_words, size_words, whose

Line: TypeAlias = tuple[tuple[str, str], ...]
"""Pieces of text, each with a style of rich's."""

MOST = 200
"""Findings that are shown on a terminal, worst first; a file or pipe gets them all."""
_PLACES = 10
"""Places of one finding that are shown; the other formats have them all."""
_KEYS = 3
_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}


def write_text(report: ScanReport, out: TextIO) -> None:
    """Write each finding, and the summary. What could not be scanned is counted here, and named on stderr."""
    put = _rich(out) if _colours(out) else _plain(out)
    most = MOST if out.isatty() else None
    for finding in islice(report.findings, most):
        for line in _finding(finding):
            put(line)
    if most is not None and (more := report.tally.findings - most) > 0:
        put(((f"… and {amount(more, 'more secret')}, less urgent: a file or pipe gets them all", "dim"),))
        put(())
    for line in _summary(report):
        put(line)


def summary(report: ScanReport) -> str:
    """Return what was found, where, whose, and what to do first, in one line."""
    tally = report.tally
    scanned = f"{size_words(report.bytes)} scanned in {report.seconds:.1f} s"
    if not tally.findings:
        return f"{_verdict(report)}; {scanned}{_incomplete(report)}"
    found = f"{_verdict(report)} ({_grades(report)}; {_owners(report)})"
    first = "rotate ours first, then clean up" if tally.ours else "rotate what is in use, then clean up"
    return f"{found}: {first}; {scanned}{_incomplete(report)}"


def _summary(report: ScanReport) -> Iterator[Line]:
    """Yield what a person reads in five seconds: what, where, whose, what to do; one line where nothing was found."""
    tally = report.tally
    if not tally.findings:
        yield ((summary(report), "bold green" if report.complete else "bold"),)
        return
    yield ((_verdict(report), "bold"), (f": {_grades(report)}{_incomplete(report)}", ""))
    files = [f"{visible(path)} ({count})" for path, count in tally.files]
    rest = tally.findings - tally.past - sum(count for _, count in tally.files)
    if rest > 0:
        files.append("…")
    if tally.past:
        files.append(f"{tally.past:,} in the history only")
    yield _labelled("where", ", ".join(files))
    keys = "".join(f" {visible(key)}," for key in tally.keys[:_KEYS]).rstrip(",")
    yield _labelled("whose", _owners(report) + (f":{keys}" if keys else "") + (" …" if tally.keys[_KEYS:] else ""))
    yield _labelled("do", _advice(report))
    yield ((f"  {size_words(report.bytes)} scanned in {report.seconds:.1f} s", "dim"),)


def _verdict(report: ScanReport) -> str:
    if report.tally.findings:
        return f"{amount(report.tally.findings, 'secret')} in {amount(report.tally.places, 'place')}"
    return "nothing found" if report.complete else "nothing found in what could be scanned"


def _grades(report: ScanReport) -> str:
    counts = report.tally.severities
    return ", ".join(f"{counts[name]:,} {name}" for name in _STYLES if counts.get(name))


def _owners(report: ScanReport) -> str:
    counts = report.tally.owners
    return ", ".join(f"{counts[owner]:,} {owner.value}" for owner in Ownership if counts.get(owner))


def _advice(report: ScanReport) -> str:
    tally = report.tally
    steps = ["rotate ours first" if tally.ours else "rotate what is in use"]
    if tally.past < tally.findings:
        steps.append("take it out of the files")
    if tally.past:
        steps.append("what was committed stays known: rotating is what helps")
    if tally.owners.get(Ownership.FOREIGN):
        steps.append("do not use or keep what is foreign")
    return "; ".join(steps)


def _incomplete(report: ScanReport) -> str:
    reasons = []
    if report.interrupted:
        reasons.append("interrupted")
    if report.errors or report.skipped:
        reasons.append(f"NOT scanned: {amount(len(report.errors) + len(report.skipped), 'item')}")
    return "".join(f"; {reason}" for reason in reasons)


def _finding(finding: Finding) -> Iterator[Line]:
    severity = finding.severity.value
    yield ((severity.upper(), _STYLES[severity]), (f"  {visible(finding.rule.description)}", "bold"))
    identity = f"{finding.redacted.fingerprint.short}, begins {visible(finding.redacted.preview)}"
    yield _labelled("what", f"{finding.rule.id}, {identity}, confidence {finding.confidence.value}")
    for number, place in enumerate(finding.places[:_PLACES]):
        yield _labelled("where" if number == 0 else "", f"{place_words(place)}  {commit_words(place)}".rstrip())
    if more := max(0, len(finding.places) - _PLACES) + finding.further:
        yield _labelled("", f"and {amount(more, 'more place')}")
    yield _labelled("whose", whose(finding))
    if finding.remedy:
        yield _labelled("do", visible(finding.remedy))
    yield ()


def _labelled(label: str, text: str) -> Line:
    return ((f"  {label:<6}", "dim"), (text, ""))


def _colours(out: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return out.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _plain(out: TextIO) -> Callable[[Line], None]:
    def put(line: Line) -> None:
        out.write("".join(text for text, _ in line).rstrip() + "\n")

    return put


def _rich(out: TextIO) -> Callable[[Line], None]:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=out, highlight=False, markup=False, emoji=False, soft_wrap=True, force_terminal=True)

    def put(line: Line) -> None:
        console.print(Text.assemble(*line))

    return put
