"""`python -m benchmarks.audit [ENTRIES]`: how fast an audit log becomes evidence, beside Python's json module."""

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.audit.entries import AuditLog
from benchmarks.scan.measure import Took, run

ROUNDS = 3
"""Of each; the best counts, as a shared machine can only make it worse."""
BAR = 100_000
"""Entries a second of one core's time that keywatch has to reach."""
_FEW = 2_000
"""Entries whose time is taken off that of all: starting an interpreter is no part of reading."""
_JSON = """
import json, sys
last = {}
with open(sys.argv[1], "rb") as file:
    for line in file:
        e = json.loads(line)
        r = e["request"]
        read = r["operation"] == "read" and r["path"].startswith("kv/data/")
        if read and e["type"] == "response" and not e.get("error"):
            secret, at = "kv/" + r["path"][8:], e["time"][:19]
            if at > last.get(secret, ""):
                last[secret] = at
for pair in last.items():
    print(*pair)
"""
READERS = {
    "keywatch": (sys.executable, "-m", "benchmarks.audit.read"),
    "Python json": (sys.executable, "-c", _JSON),
}


def measured(command: tuple[str, ...], log: Path, directory: Path, rounds: int = ROUNDS) -> tuple[Took, dict[str, str]]:
    """Return the best of some runs, and the last read of each secret as it was printed."""
    output = directory / "output"
    took = [run([*command, str(log)], output, dict(os.environ)) for _ in range(rounds)]
    if any(one.status for one in took):
        raise SystemExit(f"{command} failed: {output.with_suffix('.err').read_text()[-500:]}")
    pairs = (line.rpartition(" ") for line in output.read_text().splitlines())
    return min(took, key=lambda one: one.cpu), {secret: at for secret, _, at in pairs}


def main() -> None:
    """Print the table; exit with 1 where keywatch is below the bar, or does not tell what json tells."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    with tempfile.TemporaryDirectory(prefix="keywatch-audit-") as name:
        directory = Path(name)
        few, log = directory / "few.log", directory / "audit.log"
        AuditLog().write(few, _FEW)
        size = AuditLog().write(log, count)
        print(f"{count:,} entries, {size / 1e6:,.0f} MB: {size / count:,.0f} bytes an entry; {os.cpu_count()} cores\n")
        print("| reader | entries/s a core | MB/s | CPU | memory | secrets |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        rates, told = {}, {}
        for reader, command in READERS.items():
            start, _ = measured(command, few, directory)
            took, told[reader] = measured(command, log, directory)
            share = 1 - _FEW / count
            rates[reader] = count * share / (took.cpu - start.cpu)
            speed = size * share / (took.cpu - start.cpu) / 1e6
            print(
                f"| {reader} | {rates[reader]:,.0f} | {speed:,.0f} | {took.cpu:.2f} s | {took.own / 1e6:,.0f} MB"
                f" | {len(told[reader])} |"
            )
    same = told["keywatch"] == told["Python json"]
    ratio = rates["keywatch"] / rates["Python json"]
    print(f"\nboth tell the same: {'yes' if same else 'NO'}; keywatch is {ratio:.1f} times as fast")
    raise SystemExit(0 if same and rates["keywatch"] >= BAR else 1)


if __name__ == "__main__":
    main()
