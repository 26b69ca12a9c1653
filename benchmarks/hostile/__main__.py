"""
`python -m benchmarks.hostile`: MB/s on hostile input beside plain input, and how the time grows with the size.

`--rules` adds what follows from each rule: some three thousand kinds of input.
"""

import sys
import time

from benchmarks.hostile.inputs import Kind, everything, kinds, kinds_of_rule, plain
from keywatch.detect.engine import Detector
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin

SIZE = 1 << 20
SMALL = 1 << 17
SLOW = 0.1
"""MB/s. Nothing may be slower: a chunk of 4 MB is got through in 40 seconds even where every line is a secret."""


def seconds(detector: Detector, data: bytes) -> float:
    """Return the processor time of one scan."""
    began = time.process_time()
    detector.scan(Chunk(data, Origin("t", "p")))
    return time.process_time() - began


def measure(detector: Detector, kind: Kind, size: int) -> tuple[float, float]:
    """Return MB/s at `size`, and how much longer a byte takes there than at an eighth of it."""
    small, large = kind(size // 8), kind(size)
    short, long = seconds(detector, small), seconds(detector, large)
    return len(large) / 1e6 / max(long, 1e-9), (long / len(large)) / max(short / len(small), 1e-9)


def main() -> None:
    """Print the table, slowest first; exit 1 if anything is slower than it may be."""
    detector = Detector(packaged())
    base, _ = measure(detector, plain, 8 * SIZE)
    chosen = [(name, kind, 8 * SMALL) for name, kind in kinds().items()]
    chosen.append(("everything the rules know", everything, 8 * SMALL))
    if "--rules" in sys.argv:
        ruled = ((rule, kinds_of_rule(rule)) for rule in packaged().rules if rule.matches)
        chosen += [(f"{rule.id}: {name}", kind, SMALL) for rule, found in ruled for name, kind in found.items()]
    rows = sorted((*measure(detector, kind, size), name) for name, kind, size in chosen)
    print(f"{'input':<56}{'MB/s':>9}{'times plain':>13}{'growth':>9}")
    print(f"{'plain source code':<56}{base:>9.1f}{1:>13.1f}{'':>9}")
    for rate, growth, name in rows[: None if "--all" in sys.argv else 40]:
        print(f"{name:<56}{rate:>9.1f}{base / rate:>13.1f}{growth:>9.2f}")
    if cut := dict(detector.overruns):
        print(f"cut off, and said so: {sum(cut.values())} times, by {len(cut)} rules")
    sys.exit(any(rate < SLOW for rate, _, _ in rows))


if __name__ == "__main__":
    main()
