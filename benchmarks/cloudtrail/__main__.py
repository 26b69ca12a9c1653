"""`python -m benchmarks.cloudtrail [FILES] [EVENTS]`: how fast log files become evidence, beside other programs."""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cloudtrail.peers import Reader, readers
from benchmarks.cloudtrail.records import Trail
from benchmarks.scan.measure import Took, run

ROUNDS = 3
"""Of each, but one of what takes long; the best counts, as a shared machine can only make it worse."""
FEW = 10
"""Files of which the memory is compared with that of all."""
TABLES = 24 << 20
"""Bytes that sessions and uses may take until they are given away, every 200 files: of ten files few are known yet."""
BAR = 150_000
"""Events a second of one core's time that keywatch has to reach."""


def measured(reader: Reader, files: Sequence[Path], directory: Path, rounds: int = ROUNDS) -> tuple[Took, list[str]]:
    """Return the best of `rounds` runs, and what was printed."""
    output = directory / "output"
    best: Took | None = None
    for _ in range(rounds):
        took = run([*reader.command, *map(str, files)], output, dict(os.environ))
        if took.status:
            raise SystemExit(f"{reader.name} failed: {output.with_suffix('.err').read_text()[-500:]}")
        best = took if best is None or took.cpu < best.cpu else best
    assert best is not None  # noqa: S101 - there is at least one round
    return best, output.read_text().splitlines()


def main() -> None:
    """Print the table; exit with 1 where keywatch is below the bar, grows with the files, or misses a call."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 4000  # noqa: PLR2004
    with tempfile.TemporaryDirectory(prefix="keywatch-cloudtrail-") as name:
        directory = Path(name)
        files, size = Trail().files(directory, count, events)
        packed = sum(file.stat().st_size for file in files)
        total = count * events
        print(f"{count} files of {events:,} events: {size / 1e6:,.0f} MB inflated, {packed / 1e6:,.0f} MB as they lie")
        print(f"an event: {size / total:,.0f} bytes; machine: {os.cpu_count()} cores\n")
        print("| reader | events/s a core | MB/s | CPU | wall | memory, 10 files | memory, all | keys |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        rates, memories, told = {}, {}, {}
        for reader in readers():
            rounds = 1 if reader.name[:2] in ("jq", "Du") else ROUNDS
            few, _ = measured(reader, files[:FEW], directory, rounds)
            all_of, lines = measured(reader, files, directory, rounds)
            # What is read beyond the first ten: starting an interpreter is no part of it.
            seconds, share = all_of.cpu - few.cpu, 1 - FEW / count
            rates[reader.name] = total * share / seconds
            memories[reader.name] = few.own, all_of.own
            told[reader.name] = dict(line.split() for line in lines)
            speed = size * share / seconds / 1e6
            print(
                f"| {reader.name} | {rates[reader.name]:,.0f} | {speed:,.0f} | {all_of.cpu:.2f} s"
                f" | {all_of.wall:.2f} s | {few.own / 1e6:,.0f} MB | {all_of.own / 1e6:,.0f} MB | {len(lines)} |"
            )
    ours = told["keywatch"]
    # keywatch counts the calls of a key's sessions too, so its latest may be later.
    same = all(ours.get(key, "") >= at for other in told.values() for key, at in other.items())
    few_memory, memory = memories["keywatch"]
    flat = memory - few_memory < TABLES
    print(f"\nno latest call is missed: {'yes' if same else 'NO'}; memory is flat: {'yes' if flat else 'NO'}")
    raise SystemExit(0 if same and flat and rates["keywatch"] >= BAR else 1)


if __name__ == "__main__":
    main()
