"""Each scanner as a function from a directory to the files in which it reports something."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Tool = Callable[[Path], set[str]]
"""Returns names of files, relative to the directory."""


def tools() -> dict[str, Tool]:
    """Return keywatch and every peer that is installed: beside this interpreter, or on the PATH."""
    found: dict[str, Tool] = {"keywatch": _keywatch}
    for name, run in {
        "kingfisher": _kingfisher,
        "detect-secrets": _detect_secrets,
        "gitleaks": _gitleaks,
        "betterleaks": _betterleaks,
    }.items():
        if path := program(name):
            found[name] = lambda directory, run=run, path=path: run(path, directory)  # type: ignore[misc]
    return found


def program(name: str) -> str | None:
    """Return where a program is: beside this interpreter, among the peers, or on the PATH."""
    beside = Path(sys.executable).with_name(name)
    peers = Path(sys.executable).parents[1] / "peers" / "bin" / name
    return next((str(path) for path in (beside, peers) if path.exists()), None) or shutil.which(name)


def _output(command: Iterable[str], directory: Path) -> str:
    done = subprocess.run([*command], cwd=directory, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout


def _relative(paths: Iterable[str], directory: Path) -> set[str]:
    return {
        Path(path).resolve().relative_to(directory.resolve()).as_posix()
        if Path(path).is_absolute()
        else Path(path).as_posix()
        for path in paths
    }


def _keywatch(directory: Path) -> set[str]:
    command = [sys.executable, "-m", "keywatch", "scan", "--no-git", "--format", "json", "--no-progress", "."]
    findings = json.loads(_output(command, directory))["findings"]
    return _relative((place["path"] for finding in findings for place in finding["places"]), directory)


def _kingfisher(program: str, directory: Path) -> set[str]:
    command = [program, "scan", ".", "--format", "jsonl", "--no-validate", "--no-update-check", "--no-dedup"]
    paths = []
    for line in _output(command, directory).splitlines():
        record: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        if "finding" in record:
            paths.append(record["finding"]["path"])
    return _relative(paths, directory)


def _detect_secrets(program: str, directory: Path) -> set[str]:
    return _relative(json.loads(_output([program, "scan", "--all-files", "."], directory))["results"], directory)


def _gitleaks(program: str, directory: Path) -> set[str]:
    command = [program, "dir", ".", "--report-format", "json", "--report-path", "-", "--no-banner", "--exit-code", "0"]
    return _relative((item["File"] for item in json.loads(_output(command, directory) or "[]")), directory)


_betterleaks = _gitleaks
