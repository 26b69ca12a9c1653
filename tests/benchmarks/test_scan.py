"""`make bench` measures what it says: every row, keywatch beside the floor, on a history that it makes itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.scan import history
from benchmarks.scan.__main__ import main
from benchmarks.scan.measure import Took, middle, run
from benchmarks.scan.results import table
from benchmarks.scan.rows import ROWS, Measured


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_row_is_measured_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a repository and without peers: each row has times and findings of keywatch, and times of the floor."""
    page = tmp_path / "results.md"
    main(["--alone", "--runs", "1", "--size", "2", "--log", "2", "--output", str(page)])
    shown = [cells(line) for line in capsys.readouterr().out.splitlines()[2:]]
    assert [(row.name, tool) for row in ROWS for tool in ("keywatch", "floor")] == [
        (line[0], line[1]) for line in shown
    ]
    assert all(line[2].endswith("s") and line[3].endswith("s") for line in shown)
    found = {line[0]: int(line[8]) for line in shown if line[1] == "keywatch"}
    assert found["history"] >= found["second scan"] >= 1
    assert found["stdin"] == found["log"] >= 1
    assert found["staged"] == 1
    assert str(tmp_path) not in page.read_text("utf-8")
    assert "synthetic" in page.read_text("utf-8")


def test_the_same_history_is_made_each_time(tmp_path: Path) -> None:
    """So that two commits of keywatch can be compared."""
    heads = set()
    for name in ("a", "b"):
        history.make(tmp_path / name, 2_000_000)
        heads.add(subprocess.check_output(["git", "-C", str(tmp_path / name), "rev-parse", "HEAD"]))
    assert len(heads) == 1


HOLDS = """
import pathlib, sys, time
held = bytearray(50_000_000)
mine, other = map(pathlib.Path, sys.argv[1:])
mine.touch()
while not other.exists():
    time.sleep(0.01)
time.sleep(1)
"""


def test_processes_of_a_command_count_together(tmp_path: Path) -> None:
    """What two children of a shell hold at the same time is the command's memory."""
    script = '"$0" -c "$1" a b & "$0" -c "$1" b a; wait'
    took = run(["sh", "-c", f"cd {tmp_path}; {script}", sys.executable, HOLDS], tmp_path / "output", {})
    assert took.status == 0
    assert took.memory >= took.own > 100_000_000
    assert took.cpu > 0


def test_ratios_are_to_kingfisher() -> None:
    """Three times as fast in half the memory; a scanner that failed is said to have."""
    ours, theirs = Took(2, 3, 100_000_000, 50_000_000, 7, 2), Took(6, 9, 200_000_000, 150_000_000, 5, 200)
    lines = table([Measured(ROWS[0], {"keywatch": ours, "kingfisher": theirs, "gitleaks": None})])
    assert [cells(line)[2:] for line in lines[2:]] == [
        ["2.00 s", "3.00 s", "100 MB", "50 MB", "3.0 x", "0.50 x", "7*"],
        ["6.00 s", "9.00 s", "200 MB", "150 MB", "1.0 x", "1.00 x", "5"],
        ["failed", "", "", "", "", "", ""],
    ]


def test_the_middle_is_the_median() -> None:
    """One run that was disturbed does not move it."""
    assert middle([Took(1, 1, 10, 5, 3, 0), Took(9, 9, 90, 7, 3, 0), Took(2, 2, 20, 6, 3, 0)]) == Took(
        2, 2, 20, 6, 3, 0
    )
