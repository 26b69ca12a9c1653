"""Each scanner: how it is called for each kind of target, and how what it found is counted."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.detection.tools import program

KEYWATCH, KINGFISHER = "keywatch", "kingfisher"
Calls = dict[str, list[str]]
"""Kind of target to arguments, in which {} is the target."""
INCOMPLETE = 2
"""keywatch's exit status where something could not be read."""

_GITLEAKS = ["--report-format", "json", "--report-path", "-", "--no-banner", "--exit-code", "0"]
_TRUFFLEHOG = ["--json", "--no-update", "--no-verification"]
_LARGE = ["--max-file-size", "4096"]
"""Kingfisher passes over files above 256 MB unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A scanner that is installed."""

    name: str
    version: str
    program: str
    calls: Calls

    def command(self, kind: str, target: Path) -> list[str] | None:
        """Return how a target is scanned; None where this scanner has no such way."""
        call = self.calls.get(kind)
        return [self.program, *(part.replace("{}", str(target)) for part in call)] if call else None

    def shown(self, kind: str) -> str:
        """Return the same for a reader."""
        return " ".join([self.name, *self.calls[kind]]).replace("{}", "TARGET")

    def found(self, report: Path) -> int | None:
        """Count the findings in a report, as this scanner counts them; None where it cannot be read."""
        key = {KEYWATCH: "id", KINGFISHER: "finding", "trufflehog": "DetectorName"}.get(self.name, "RuleID")
        try:
            told = [record[key] for record in _records(report) if key in record]
        except ValueError:
            return None
        return len(set(map(str, told))) if self.name == KEYWATCH else len(told)  # ours is told anew with more places


def tools(*, alone: bool) -> list[Tool]:
    """Return keywatch and, unless it shall be alone, the peers that are installed: beside it, or on the PATH."""
    ours = _keywatch()
    found = [Tool(KEYWATCH, _version([ours, "--version"]), ours, _keywatch_calls())]
    peers = {
        KINGFISHER: (_kingfisher_calls(), "--version"),
        "gitleaks": (_gitleaks_calls(), "version"),
        "betterleaks": (_gitleaks_calls(), "version"),
        "trufflehog": (_trufflehog_calls(), "--version"),
    }
    for name, (calls, version) in {} if alone else peers.items():
        if path := program(name):
            found.append(Tool(name, _version([path, version]), path, calls))
    return found


def _keywatch() -> str:
    beside = program(KEYWATCH)
    if beside is None:
        sys.exit(f"keywatch is not installed beside {sys.executable}: run make venv")
    return beside


def _version(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    said = (done.stdout or done.stderr).split()
    return next((word for word in reversed(said) if word[:1].isdigit() or word[1:2].isdigit()), "unknown")


def _records(report: Path) -> Iterator[dict[str, object]]:
    """Read JSON lines, or one list."""
    with report.open("rb") as file:
        if file.read(1) == b"[":
            file.seek(0)
            yield from json.load(file)
            return
        file.seek(0)
        yield from (json.loads(line) for line in file if line.startswith(b"{"))


def _keywatch_calls() -> Calls:
    ways = {"git": ["{}"], "tree": ["--no-git", "{}"], "staged": ["--staged", "{}"], "stdin": ["-"], "file": ["{}"]}
    return {kind: ["scan", "--format", "jsonl", "--no-progress", *way] for kind, way in ways.items()}


def _kingfisher_calls() -> Calls:
    ways = {
        "git": ["{}", "--git-history", "full"],
        "tree": ["{}", "--git-history", "none"],
        "staged": ["{}", "--staged"],
        "stdin": ["-", *_LARGE],
        "file": ["{}", *_LARGE],
    }
    return {kind: ["scan", *way, "--format", "jsonl", "-n", "--no-update-check"] for kind, way in ways.items()}


def _gitleaks_calls() -> Calls:
    ways = {"git": ["git", "{}"], "tree": ["dir", "{}"], "stdin": ["stdin"], "file": ["dir", "{}"]}
    ways["staged"] = ["git", "--pre-commit", "--staged", "{}"]
    return {kind: [*way, *_GITLEAKS] for kind, way in ways.items()}


def _trufflehog_calls() -> Calls:
    ways = {"git": ["git", "--bare", "file://{}"], "tree": ["filesystem", "{}"], "file": ["filesystem", "{}"]}
    ways["stdin"] = ["stdin"]
    return {kind: [*way, *_TRUFFLEHOG] for kind, way in ways.items()}
