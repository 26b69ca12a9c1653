"""
`python -m benchmarks.startup`: one table of what a scan of little takes, keywatch beside Kingfisher.

Of standard input, and of what is staged in a repository of 20,000 files; beside the latter stands what cannot be done
without: to start an interpreter, and to ask git once.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from keywatch.detect.examples import expand

RUNS = 25
INPUTS = {
    "nothing to find": b"one\ntwo\nthree\n",
    "one secret": expand("token = '{crc:ghp_:30}'\n").encode(),
}
LOAD = """
import sys, time
from pathlib import Path
from keywatch.detect.engine import Detector
from keywatch.detect.rules import packaged
import hyperscan
began = time.perf_counter()
rules = packaged(Path(sys.argv[1]))
Detector(rules, cache_dir=Path(sys.argv[1]))
print(len(rules.ids), time.perf_counter() - began)
"""


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds."""

    wall: float
    cpu: float


def commands() -> dict[str, list[str]]:
    """Return how each scanner that is installed is called: beside this interpreter, or on the PATH."""
    beside = Path(sys.executable).parent
    found = {"keywatch": [str(beside / "keywatch"), "scan", "-"]}
    places = (beside, beside.parent / "peers" / "bin", *os.get_exec_path())
    if peer := shutil.which("kingfisher", path=os.pathsep.join(map(str, places))):
        found["kingfisher"] = [peer, "scan", "-", "--no-validate", "--no-update-check"]
    return found


def staged_commands() -> dict[str, list[str]]:
    """Return how each looks at what is staged, and the least that this takes."""
    calls = commands()
    found = {"keywatch": [calls["keywatch"][0], "scan", "--staged", "."]}
    found["floor"] = ["sh", "-c", f"'{sys.executable}' -c pass; git diff --cached --raw"]
    if peer := calls.get("kingfisher"):
        found["kingfisher"] = [peer[0], "scan", ".", "--staged", "--no-validate", "--no-update-check"]
    return found


def repository(top: Path) -> None:
    """Make a repository of 20,000 files, of which five are changed and staged."""
    git = ["git", "-C", str(top), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)  # noqa: S603, S607
    for number in range(20_000):
        path = top / f"d{number // 100}" / f"f{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"number = {number}\n")
    subprocess.run([*git, "add", "--all"], check=True)  # noqa: S603
    subprocess.run([*git, "commit", "--quiet", "--message", "all"], check=True)  # noqa: S603
    for number in range(0, 500, 100):
        (top / f"d{number // 100}" / f"f{number}.py").write_text("".join(f"line = {line}\n" for line in range(200)))
    subprocess.run([*git, "add", "--all"], check=True)  # noqa: S603


def run(command: list[str], given: bytes, environment: dict[str, str], where: Path | None = None) -> Took:
    """Run `command` once on `given`, whatever it finds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(  # noqa: S603
        command, input=given, env=environment, cwd=where, capture_output=True, check=False
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in {0, 1, 200}:  # 200 is Kingfisher's word for a finding
        raise SystemExit(f"{command[0]} failed: {done.stderr.decode(errors='replace')}")
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(
    calls: dict[str, list[str]], given: bytes, environment: dict[str, str], where: Path | None = None
) -> dict[str, Took]:
    """Return the medians for each scanner; they take turns, so that whatever else the machine does hits them alike."""
    took: dict[str, list[Took]] = {name: [] for name in calls}
    for number in range(RUNS + 2):
        for name, command in calls.items():
            once = run(command, given, environment, where)
            if number > 1:  # the first ones fill the caches
                took[name].append(once)
    return {name: Took(median(t.wall for t in runs), median(t.cpu for t in runs)) for name, runs in took.items()}


def table(measured: dict[str, dict[str, Took]]) -> list[str]:
    """Return a row for each input and scanner: wall time, processor time, and how many times keywatch's."""
    rows = [f"{'median, in ms':<20}{'tool':<14}{'wall':>8}{'cpu':>8}{'x keywatch':>12}"]
    for name, tools in measured.items():
        for tool, took in tools.items():
            ratio = took.wall / tools["keywatch"].wall
            rows.append(f"{name:<20}{tool:<14}{1000 * took.wall:>8.0f}{1000 * took.cpu:>8.0f}{ratio:>12.1f}")
    return rows


def main() -> None:
    """Print the table, and what the rules cost when they are new and when they are kept."""
    with tempfile.TemporaryDirectory(prefix="keywatch-startup-") as state:
        environment = {**os.environ, "STATE_DIRECTORY": state}
        # As after an installation, keywatch's own modules are compiled once.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        first = run(commands()["keywatch"], b"", environment).wall
        measured = {name: compare(commands(), given, environment) for name, given in INPUTS.items()}
        top = Path(state, "repository")
        repository(top)
        measured["five files staged"] = compare(staged_commands(), b"", environment, top)
        print("\n".join(table(measured)), end="\n\n")
        load = [sys.executable, "-c", LOAD, str(Path(state, "cache"))]
        said = [subprocess.check_output(load, env=environment, text=True).split() for _ in range(RUNS)]  # noqa: S603
        kept = 1000 * median(float(seconds) for _, seconds in said)
        print(f"{said[0][0]} rules: {first:.1f} s for the first scan, which compiles them; {kept:.0f} ms to load them")


if __name__ == "__main__":
    main()
