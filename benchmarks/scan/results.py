"""The table, and the page that it stands on: which machine, which versions, what was scanned and how."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.scan.measure import HOW, Took
from benchmarks.scan.rows import FLOOR, ROWS, Measured
from benchmarks.scan.tools import INCOMPLETE, KEYWATCH, KINGFISHER, Tool

BAR = "\\|"
TERMS = (
    "Rules are compiled before; keywatch starts each scan with an empty memory of what it has scanned, except the"
    " second, which has that of the first. Peers have no such memory, so theirs is the time of the first. The floor is"
    " what every scanner must do: read the content, and for what is staged start an interpreter and ask git."
    " Speed is Kingfisher's wall time by the tool's, memory ratio the tool's peak by Kingfisher's. Each tool"
    " counts findings in its own way."
)
HEAD = ("measured", "tool", "wall", "CPU", "memory", "own", "speed", "memory ratio", "found")


def table(measured: Sequence[Measured]) -> list[str]:
    """Return a line for each row and tool, as Markdown that can be read as it is."""
    lines = [HEAD, *(line for one in measured for line in _lines(one))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], "-" * widths[1], *("-" * (width - 1) + ":" for width in widths[2:])]
    aligned = [
        [cell.ljust(width) if number < 2 else cell.rjust(width) for number, (cell, width) in enumerate(pairs)]  # noqa: PLR2004
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    return [f"| {' | '.join(cells)} |" for cells in (aligned[0], rule, *aligned[1:])]


def page(
    measured: Sequence[Measured], tools: Sequence[Tool], facts: dict[str, str], *, runs: int, now: datetime
) -> str:
    """Return the whole page, as Markdown."""
    about = {
        "date": f"{now.astimezone(UTC):%Y-%m-%d}",
        "machine": machine(),
        "versions": ", ".join(f"{tool.name} {tool.version}" for tool in tools),
        "also": f"Python {platform.python_version()}, {_output(['git', '--version'])}",
        **facts,
        "runs": f"medians of {runs} in turns (staged: {10 * runs})"
        if runs > 1
        else "one of each (staged: median of 10)",
    }
    return "\n".join(
        [
            "# How fast a scan is",
            "",
            "Written by `make bench`, not by hand.",
            "",
            *(f"- {name}: {said}" for name, said in about.items()),
            "",
            *table(measured),
            "",
            *_notes(measured),
            "## How it is measured",
            "",
            TERMS,
            "",
            HOW,
            "",
            "| target | command |",
            "| --- | --- |",
            *_commands(tools),
            "",
        ]
    )


def _commands(tools: Sequence[Tool]) -> list[str]:
    told = [
        (row.name, shown)
        for row in ROWS
        for shown in (*(tool.shown(row.kind) for tool in tools if row.kind in tool.calls), row.shown_floor)
    ]
    return [f"| {name} | `{shown.replace('|', BAR)}` |" for name, shown in told]


def machine() -> str:
    """Say what this runs on, without its name."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {model}, {memory:.0f} GB of memory, {platform.system()} {platform.release()}"


def _lines(measured: Measured) -> list[tuple[str, ...]]:
    peer = measured.took.get(KINGFISHER)
    return [_line(measured.row.name, tool, took, peer) for tool, took in measured.took.items()]


def _line(row: str, tool: str, took: Took | None, peer: Took | None) -> tuple[str, ...]:
    if took is None:
        return (row, tool, "failed", *[""] * 6)
    star = "*" if tool == KEYWATCH and took.status == INCOMPLETE else ""
    return (
        row,
        tool,
        _seconds(took.wall),
        _seconds(took.cpu),
        *(f"{size / 1e6:,.0f} MB" if size else "" for size in (took.memory, took.own)),
        _times(peer.wall / took.wall) if peer else "",
        f"{took.memory / peer.memory:.2f} x" if peer and peer.memory and took.memory else "",
        "" if tool == FLOOR else f"{took.found:,}{star}",
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} x" if ratio >= 10 else f"{ratio:.1f} x"  # noqa: PLR2004


def _notes(measured: Sequence[Measured]) -> list[str]:
    partly = any(one and one.status == INCOMPLETE for row in measured for one in row.took.values())
    said = "* keywatch says of this target that some of it could not be read, and exits with status 2."
    return [f"\\{said}", ""] if partly else []


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
