"""`python -m benchmarks.known [VALUES] [TREE]`: a scan with and without known values, beside each other in one run."""

import random
import resource
import string
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.detection.values import Values
from keywatch.detect.anchors import Anchors
from keywatch.detect.engine import Detector
from keywatch.detect.known_rules import KNOWN_SECRET
from keywatch.detect.rules import packaged
from keywatch.detect.sealing import sealed
from keywatch.model.content import Chunk, Origin
from keywatch.model.held_value import HeldValue
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Pepper, Secret
from keywatch.scan.known_file import KNOWN, read_known, write_known

SEED = 20261127
ROUNDS = 5
"""Of each measurement; the best counts, as a shared machine can only make it worse."""
LEAST = 64 << 10
"""Bytes a chunk has before the next begins: files are put together, as none of ours is larger than a window."""

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds of this process that `work` took, whatever else the machine did, and what came of it."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def chunks(tree: Path, most: int) -> Iterator[Chunk]:
    """Yield the text files below `tree`, up to `most` bytes."""
    size, parts = 0, []
    for path in sorted(tree.rglob("*.py")):
        parts.append(path.read_bytes())
        size += len(parts[-1])
        if sum(map(len, parts)) >= LEAST:
            yield Chunk(b"\n".join(parts), Origin(str(tree), str(path)))
            parts = []
        if size >= most:
            break
    if any(parts):
        yield Chunk(b"\n".join(parts), Origin(str(tree), "rest"))


def invented(count: int) -> list[bytes]:
    """Return values of the usual kinds, of which no two are alike."""
    values = Values(SEED)
    kinds: Sequence[Callable[[], str]] = (
        values.aws_secret,
        values.old_client_secret,
        values.refresh_token,
        lambda: values.of(string.ascii_letters + string.digits, 24),
    )
    return [kinds[number % len(kinds)]().encode() for number in range(count)]


def held(found: Sequence[KnownSecret]) -> list[HeldValue]:
    """Return each value as one that a Vault has shown."""
    return [
        HeldValue(
            place=f"prod/kv/team-{number % 100}/secret-{number}",
            field="password",
            fingerprint=known.fingerprint,
            sealed=known.sealed,
        )
        for number, known in enumerate(found)
    ]


def resident() -> float:
    """Return how many megabytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize() / 1e6


def planted(content: Sequence[Chunk], values: Sequence[bytes]) -> list[Chunk]:
    """Return the chunks with each value put somewhere, between whatever two bytes are there."""
    dice = random.Random(SEED)  # noqa: S311 - places, not secrets
    spots: dict[int, list[tuple[int, bytes]]] = {}
    for value in values:
        where = dice.randrange(len(content))
        spots.setdefault(where, []).append((dice.randrange(len(content[where].data)), value))
    result = []
    for number, chunk in enumerate(content):
        data = chunk.data
        for at, value in sorted(spots.get(number, []), reverse=True):
            data = data[:at] + value + data[at:]
        result.append(Chunk(data, chunk.origin))
    return result


def rates(content: Sequence[Chunk], scans: Sequence[Callable[[Chunk], object]]) -> list[float]:
    """Return the best MB/s of each, taken in turns so that a busy moment hits all of them."""
    size, best = sum(len(chunk.data) for chunk in content), [0.0] * len(scans)
    for _ in range(ROUNDS):
        for number, scan in enumerate(scans):
            seconds, _ = timed(lambda scan=scan: [scan(chunk) for chunk in content])  # type: ignore[misc]
            best[number] = max(best[number], size / seconds / 1e6)
    return best


def main() -> None:
    """Print what it costs and what it finds; exit with 1 where a value is missed or something else is told."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    tree = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(sysconfig.get_path("stdlib"))  # noqa: PLR2004
    pepper = Pepper(bytes(range(Pepper.SIZE)))
    values = list(dict.fromkeys(invented(count)))
    sealing, kept = timed(lambda: [sealed(Secret(value), pepper) for value in values])
    known = [one for one in kept if isinstance(one, KnownSecret)]
    inventory = held(known)
    sought = [value for value, one in zip(values, kept, strict=True) if isinstance(one, KnownSecret)]
    with tempfile.TemporaryDirectory(prefix="keywatch-known-") as name:
        directory = Path(name)
        writing, _ = timed(lambda: write_known(directory, (), frozenset(), pepper_id=pepper.id, values=inventory))
        size = (directory / KNOWN).stat().st_size
        reading, read = timed(lambda: read_known(directory, pepper.id))
    before = resident()
    opening, anchors = timed(lambda: Anchors(read.keys, pepper, read.values))
    compiling, _ = timed(lambda: anchors.look(b"x"))
    print(f"values                        {len(values)}, of which {len(values) - len(known)} refused")
    print(f"sealing one                   {sealing / len(values) * 1e3:.2f} ms")
    print(f"file for `keywatch scan`      {size / 1e6:.1f} MB, written in {writing:.2f} s")
    print(f"start of a scan: read         {reading:.2f} s")
    print(f"start of a scan: open anchors {opening:.2f} s")
    print(f"start of a scan: compile      {compiling:.2f} s")
    print(f"memory for looking            {resident() - before:.0f} MB")

    content = list(chunks(tree, 40 << 20))
    without, with_known, bare = Detector(packaged()), Detector(packaged()), Anchors()
    with_known.known = anchors
    slow, fast, alone = rates(content, [with_known.scan, without.scan, lambda chunk: anchors.look(chunk.data)])
    nothing, _ = timed(lambda: [bare.look(chunk.data) for chunk in content])
    print(f"content                       {sum(len(chunk.data) for chunk in content) / 1e6:.0f} MB of {tree.name}")
    print(f"scan without known values     {fast:.0f} MB/s")
    print(f"scan with them                {slow:.0f} MB/s, {slow / fast:.2f} of it")
    print(f"the pass for them alone       {alone:.0f} MB/s; without any {nothing * 1e6 / len(content):.1f} µs a chunk")

    wrong = [match for chunk in content for match in with_known.scan(chunk) if match.rule.id == KNOWN_SECRET]
    told = Counter(
        match.secret.reveal()
        for chunk in planted(content, sought)
        for match in with_known.scan(chunk)
        if match.rule.id == KNOWN_SECRET
    )
    once = sum(told[value] == 1 for value in sought)
    others = sum(told.values()) - sum(told[value] for value in sought)
    print(f"planted and found once        {once} of {len(sought)}")
    print(f"false positives               {len(wrong) + others}")
    raise SystemExit(0 if once == len(sought) and not wrong and not others else 1)


if __name__ == "__main__":
    main()
