"""Each scanner as a function from a directory to what it reports there."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.detection.tools import program


@dataclass(frozen=True, slots=True)
class Told:
    """One place in which a scanner sees a secret."""

    rule: str
    secret: str
    """What tells this secret from others: a fingerprint, a hash or the value. Never shown."""
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What one scanner said of one tree."""

    told: tuple[Told, ...]
    seconds: float

    @property
    def secrets(self) -> int:
        """Distinct values."""
        return len({one.secret for one in self.told})

    @property
    def lines(self) -> int:
        """Distinct lines of distinct files."""
        return len({(one.path, one.line) for one in self.told})


Tool = Callable[[Path], Heard]


def tools() -> dict[str, Tool]:
    """Return keywatch and those peers that are installed: beside this interpreter, or on the PATH."""
    found: dict[str, Tool] = {"keywatch": _keywatch}
    if kingfisher := program("kingfisher"):
        found["kingfisher"] = lambda tree: _kingfisher(kingfisher, tree)
    return found


def _run(command: list[str], tree: Path) -> tuple[str, float]:
    started = time.perf_counter()
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)  # noqa: S603
    if not done.stdout:
        sys.exit(f"{command[0]} said nothing in {tree}: {done.stderr.strip()}")
    return done.stdout, time.perf_counter() - started


def _keywatch(tree: Path) -> Heard:
    command = [sys.executable, "-P", "-m", "keywatch", "scan", "--no-git", "--format", "json", "--no-progress", "."]
    output, seconds = _run(command, tree)
    report: dict[str, Any] = json.loads(output)
    places = (
        Told(finding["rule"], finding["fingerprint"], place["path"], place["line"])
        for finding in report["findings"]
        for place in finding["places"]
    )
    return Heard(tuple(places), seconds)


def _kingfisher(program: str, tree: Path) -> Heard:
    command = [program, "scan", ".", "--format", "jsonl", "--no-validate", "--no-update-check", "--no-dedup"]
    output, seconds = _run([*command, "--git-history", "none"], tree)
    return Heard(tuple(_kingfishers(output)), seconds)


def _kingfishers(output: str) -> Iterator[Told]:
    for line in output.splitlines():
        record: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        if finding := record.get("finding"):
            yield Told(record["rule"]["id"], finding["snippet"], finding["path"].removeprefix("./"), finding["line"])
