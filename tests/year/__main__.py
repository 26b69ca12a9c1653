"""
The whole year: `make year`, or `python -m tests.year KEYS SEED`. Every standing of every day against the oracle's word.

It ends with what was compared and how long it took, or at the first day on which something differs.
"""

import logging
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from tests.year.company import opened
from tests.year.sources import ZONE, local_time

DAYS = 366


def main(keys: int = 3000, seed: int = 2028) -> None:
    """Live through the year with so many keys, and print what came of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began, worked = time.monotonic(), time.process_time()
    with (
        TemporaryDirectory() as name,
        opened(Path(name), Path(name), seed=seed, keys=keys) as company,
        local_time(ZONE),
    ):
        for month in range(12):
            company.live(DAYS * (month + 1) // 12 - DAYS * month // 12)
            _say(f"to {company.time:%d %B}: {company.judged:,} standings, {len(company.expected):,} news")
        company.deliver_the_rest()
        told, expected = Counter(company.told), Counter(company.expected)
    assert told == expected, f"not told once: {(told - expected) + (expected - told)}"
    seconds, cpu = time.monotonic() - began, time.process_time() - worked
    _say(f"{keys:,} keys, seed {seed}: {company.judged:,} standings and {told.total():,} messages are as they must be")
    _say(f"the clock was set back {company.set_back} times; {seconds:.0f} s, {cpu:.0f} s of CPU")
    for said, count in sorted(company.bases.items()):
        _say(f"  {count:9,}  {said}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
