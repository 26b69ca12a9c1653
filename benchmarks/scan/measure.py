"""One run of a command: the time it takes, the processor's time, and the memory of all its processes together."""

import os
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

PROC = Path("/proc")
EVERY = 0.05
"""Seconds from one look at the memory to the next; a look may take a twentieth of the time."""
HOW = (
    "Peak memory is the largest sum of the proportional set sizes (PSS, `/proc/PID/smaps_rollup`) of all processes of"
    " the command's session, looked at every 50 ms; of what is over sooner there is none. Proportional: memory that"
    " several processes share counts once. Files that are mapped into memory, as git's packs are, count as well; `own`"
    " is the peak without them: the kernel can drop those pages whenever it needs them."
)


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds and bytes; what it counted as found, and its exit status."""

    wall: float
    cpu: float
    memory: int
    own: int
    """What of the memory is no mapped file, which the kernel could drop."""
    found: int
    status: int


def middle(runs: Iterable[Took]) -> Took:
    """Return the medians; what was found and the status are the last run's."""
    every = list(runs)
    walls, cpus, memories, own = zip(*((run.wall, run.cpu, run.memory, run.own) for run in every), strict=True)
    last = every[-1]
    return Took(median(walls), median(cpus), int(median(memories)), int(median(own)), last.found, last.status)


def run(command: list[str], output: Path, environment: dict[str, str], given: Path | None = None) -> Took:
    """
    Run `command`, its stdout to the file `output`, its stderr to one beside it.

    A file to be `given` comes through a pipe, as from another program, whose own time does not count.
    """
    feeder = subprocess.Popen(["cat", str(given)], stdout=subprocess.PIPE) if given else None  # noqa: S603, S607
    with output.open("wb") as out, output.with_suffix(".err").open("wb") as err:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=feeder.stdout if feeder else subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
            start_new_session=True,
        )
        with _Memory(process.pid) as memory:
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if feeder and feeder.stdout:
        feeder.stdout.close()
        feeder.wait()
    return Took(wall, usage.ru_utime + usage.ru_stime, memory.peak, memory.own, 0, process.returncode)


class _Memory:
    """Looks at a session's memory for as long as it is entered."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.peak = 0
        self.own = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        pause = EVERY
        while not self._over.wait(pause):
            began = time.perf_counter()
            held = [_memory(process) for process in _processes(self._session)]
            self.peak = max(self.peak, sum(memory for memory, _ in held))
            self.own = max(self.own, sum(own for _, own in held))
            pause = max(EVERY, 20 * (time.perf_counter() - began))


def _processes(session: int) -> list[Path]:
    """Return the processes of a session: also those whose parents have gone."""
    return [path for path in PROC.iterdir() if path.name.isdigit() and _session(path) == session]


def _session(process: Path) -> int:
    try:
        _, _, fields = (process / "stat").read_text().rpartition(") ")  # a name may hold anything
        return int(fields.split()[3])
    except OSError:  # it has ended
        return -1


def _memory(process: Path) -> tuple[int, int]:
    """Return its share of all that is mapped, and of that what is no file."""
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {name: 1024 * int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:])}
    return sizes.get("Pss", 0), sizes.get("Pss", 0) - sizes.get("Pss_File", 0)
