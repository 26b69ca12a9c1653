"""What is measured: for each row a target, each scanner's way with it, and the least that it takes."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.scan import measure
from benchmarks.scan.measure import Took
from benchmarks.scan.targets import BLOBS
from benchmarks.scan.tools import INCOMPLETE, KEYWATCH, KINGFISHER, Tool

FLOOR = "floor"
BRIEF = 10
"""How many times more often what takes a moment is run."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is measured."""

    name: str
    kind: str
    floor: str
    """A command of the shell, $1 the target, that does no more than every scanner must: read, and start."""
    brief: bool = False
    again: bool = False
    """What was remembered of a scan of the same kind before is kept; else each scan is a first one."""

    @property
    def shown_floor(self) -> str:
        """Return the floor's command for a reader."""
        return self.floor.replace(sys.executable, "python").replace('"$1"', "TARGET").replace('"python"', "python")


@dataclass(frozen=True, slots=True)
class Measured:
    """A row, and what each tool took; None where it failed."""

    row: Row
    took: dict[str, Took | None]


_READ = 'cat "$1" > /dev/null'
ROWS = (
    Row(
        "history",
        "git",
        f'cd "$1" && git {BLOBS} | git cat-file --batch --buffer > /dev/null',
    ),
    Row("working tree", "tree", 'find "$1" -name .git -prune -o -type f -exec cat {} + > /dev/null'),
    Row("second scan", "git", 'git -C "$1" for-each-ref > /dev/null', again=True),
    Row(
        "staged",
        "staged",
        f'cd "$1" && git diff --cached > /dev/null; exec "{sys.executable}" -c pass',
        brief=True,
    ),
    Row("stdin", "stdin", "cat > /dev/null"),
    Row("log", "file", _READ),
)


class Bench:
    """Runs what the rows say, in a directory of its own."""

    def __init__(self, place: Path, found: list[Tool], targets: dict[str, Path], environment: dict[str, str]) -> None:
        self._place = place
        self._tools = found
        self._targets = targets
        self._environment = environment
        self._warm = place / "warm"
        self._warm.mkdir()
        empty = place / "empty"
        empty.touch()
        for tool in found:  # rules are compiled once after an installation, and that is not what is measured
            if command := tool.command("stdin", empty):
                self._run(tool, command, self._warm, empty)

    def measure(self, rows: list[Row], runs: int) -> Iterator[Measured]:
        """Measure row after row. Tools take turns, so that whatever else the machine does hits them alike."""
        before: dict[str, dict[str, Took | None]] = {}
        for row in rows:
            calls = self._calls(row)
            took: dict[str, list[Took | None]] = {name: [] for name in calls}
            if row.again:
                # A peer remembers nothing, so its time is that of the history, which need not be taken twice.
                for name in [name for name in calls if name not in {FLOOR, KEYWATCH} and "history" in before]:
                    took[name] = [before["history"][name]]
                    del calls[name]
                if not self._state(row).exists():
                    self._scan(row, KEYWATCH, calls[KEYWATCH])
            for number in range(runs * BRIEF + 1 if row.brief else runs):
                for name, command in reversed(calls.items()):  # the floor first: it fills the caches
                    once = self._scan(row, name, command)
                    if not row.brief or number:  # the first of many only fills the caches
                        took[name].append(once)
            before[row.name] = {
                name: measure.middle(run for run in some if run) if all(some) else None for name, some in took.items()
            }
            yield Measured(row, before[row.name])

    def _calls(self, row: Row) -> dict[str, list[str]]:
        target = self._targets[row.kind]
        calls = {tool.name: tool.command(row.kind, target) for tool in self._tools}
        floor = ["sh", "-c", row.floor, "sh", str(target)]
        return {name: command for name, command in calls.items() if command} | {FLOOR: floor}

    def _state(self, row: Row) -> Path:
        return self._place / f"state-{row.kind}"

    def _scan(self, row: Row, name: str, command: list[str]) -> Took | None:
        tool = next((tool for tool in self._tools if tool.name == name), None)
        state = self._state(row)
        if name == KEYWATCH and not (row.again and state.exists()):
            shutil.rmtree(state, ignore_errors=True)
            shutil.copytree(self._warm, state)
        given = self._targets[row.kind] if row.kind == "stdin" else None
        return self._run(tool, command, state, given)

    def _run(self, tool: Tool | None, command: list[str], state: Path, given: Path | None) -> Took | None:
        output = self._place / "output"
        took = measure.run(command, output, {**self._environment, "STATE_DIRECTORY": str(state)}, given)
        if tool is None:
            return took
        found = tool.found(output)
        fine = {KEYWATCH: {0, 1, INCOMPLETE}, KINGFISHER: {0, 200, 205}}.get(tool.name, {0})
        if found is None or took.status not in fine or (took.status == INCOMPLETE and not output.stat().st_size):
            said = output.with_suffix(".err").read_text(errors="replace").strip().splitlines()[-3:]
            print(f"{tool.name} failed with status {took.status}: {' / '.join(said)}", file=sys.stderr)
            return None
        return replace(took, found=found)
