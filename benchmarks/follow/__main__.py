"""`python -m benchmarks.follow [MB] [FILES]`: CPU seconds a GB through follower and detection, and of an idle look."""

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from benchmarks.follow.lines import LEAK_EVERY, text
from keywatch.collect.calls.request_log import RequestLog
from keywatch.collect.content.shared_log import SharedLog
from keywatch.collect.content.tail import FollowedLog
from keywatch.collect.content.windows import OVERLAP
from keywatch.collect.tail import Follower
from keywatch.detect.engine import Detector
from keywatch.detect.rules import packaged
from keywatch.model.key import SourceId
from keywatch.model.secret import Pepper
from keywatch.model.source import ContentBatch, Cursor

PEPPER = Pepper(bytes(range(Pepper.SIZE)))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
TARGET = 50
"""MB/s that are to be kept up with on one core."""
MOST_IDLE = 0.001
"""The share of a core that looking at files that stand still may take, at a look a minute."""
T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds of CPU of this process that `work` took, and what came of it."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def drained(batches: Iterable[ContentBatch]) -> int:
    """Read to the end; each cursor becomes text, as it does in the store. Return the letters of all."""
    return sum(len(json.dumps(batch.cursor)) for batch in batches)


def scanned(detector: Detector, batches: Iterable[ContentBatch]) -> int:
    """Read to the end, and look at all of it; return what was found."""
    return sum(len(detector.scan(chunk)) for batch in batches for chunk in batch.chunks)


def follower(pattern: Path, *, late: timedelta = timedelta()) -> Follower:
    """Return a follower as the daemon has it, whose clock is `late`."""
    ahead = int(late.total_seconds() * 1e9)
    return Follower(str(pattern), PEPPER, overlap=OVERLAP, now=lambda: time.time_ns() + ahead)


def speed(directory: Path, megabytes: int) -> bool:
    """Print what following costs, by kind of log; return whether it keeps up."""
    detector = Detector(packaged())
    print(f"{'log':21} {'read':>9} {'and scan':>9} {'and calls':>10}   CPU seconds a GB; share of reading; MB/s of all")
    keeps_up = True
    for kind in ("web", "json", "application", "web+json+application", "requests"):
        path = directory / f"{kind}.log"
        data = text(megabytes * 1_000_000, kind)
        path.write_bytes(data)
        followed = FollowedLog(follower(path), SourceId("log:bench"))
        shared = SharedLog(RequestLog("bench", follower(path), now=lambda: NOW))
        scanned(detector, followed.read({}))
        alone = min(timed(lambda f=followed: drained(f.read({})))[0] for _ in range(3))  # type: ignore[misc]
        both, found = min(timed(lambda f=followed: scanned(detector, f.read({}))) for _ in range(3))  # type: ignore[misc]
        gigabytes = len(data) / 1e9
        most, calls = both, "-"
        if kind == "requests":
            most = min(timed(lambda s=shared: scanned(detector, s.read({})))[0] for _ in range(3))  # type: ignore[misc]
            calls = f"{most / gigabytes:.2f}"
        rate = gigabytes * 1000 / most
        keeps_up = keeps_up and rate >= TARGET
        planted = data.count(b"\n") // LEAK_EVERY
        print(
            f"{kind:21} {alone / gigabytes:9.2f} {both / gigabytes:9.2f} {calls:>10}   {alone / both:.3f}  {rate:.0f}"
            f"   found {found}, planted about {planted}"
        )
        path.unlink()
    return keeps_up


def idle(directory: Path, count: int) -> bool:
    """Print what a look at files that stand still costs; return whether that is next to nothing."""
    for number in range(count):
        (directory / f"still-{number}.log").write_bytes(b"one line\n" * 200)
    pattern = directory / "still-*.log"
    cursor: Cursor = {}
    for batch in follower(pattern, late=timedelta(minutes=1)).read(cursor):
        cursor = json.loads(json.dumps(batch.cursor))
    look, batches = min(
        timed(lambda: list(follower(pattern, late=timedelta(minutes=2)).read(cursor))) for _ in range(10)
    )
    print(f"a look at {count} files that stand still: {look * 1000:.1f} ms of CPU, {len(batches)} batches")
    return look / 60 <= MOST_IDLE


def main() -> None:
    """Print the tables; exit with 1 where the follower does not keep up, or costs something while nothing happens."""
    gc.set_threshold(20_000)  # as keywatch.cli does for the daemon
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    files = int(sys.argv[2]) if len(sys.argv) > 2 else 1000  # noqa: PLR2004
    with tempfile.TemporaryDirectory(prefix="keywatch-follow-") as name:
        keeps_up = speed(Path(name), megabytes)
        costs_nothing = idle(Path(name), files)
    raise SystemExit(0 if keeps_up and costs_nothing else 1)


if __name__ == "__main__":
    main()
