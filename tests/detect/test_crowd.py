"""Sightings that stand in every line of a log: thinned out before they are confirmed, and nothing is lost by it."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from keywatch.detect.engine import Detector
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin

_TEMPLATES = (
    "GET /orders?NextToken={hex} 200",
    '{{"path": "/items?page_token={mixed}", "status": 200}}',
    "GET /orders?order={hex}&csrf_token={mixed} 200",
    "GET /orders?session_token={mixed} 200",
    "worker started, clientRequestToken={mixed}",
    "worker asked walkscore, token={mixed}",
    "worker asked walkscore: NextToken={mixed}",
    "worker has token {encoded}",
    "NextToken=none token={mixed} 200",
    "orders.clients.requests.NextToken={mixed} 200",
    "GET /orders?NextToken={hex}&secret={mixed} 200",
)
_USUAL = 4
"""How many of the templates, from the first, make up most of the log."""


@pytest.fixture(scope="module")
def detector(rules_cache: Path) -> Detector:
    return Detector(packaged(), cache_dir=rules_cache)


def lines(dice: Random, count: int, every: int) -> Iterator[str]:
    for number in range(count):
        digits = hashlib.sha256(f"EXAMPLE {number}".encode()).digest()
        fields = {
            "hex": digits.hex()[:40],
            "mixed": base64.b64encode(digits).decode().translate(str.maketrans("+/=", "xyz"))[:36],
            "encoded": base64.b64encode(f"user{number}:{digits.hex()[:20]}".encode()).decode().rstrip("="),
        }
        usual = number % every
        yield _TEMPLATES[number % _USUAL if usual else dice.randrange(len(_TEMPLATES))].format(**fields)


def found(detector: Detector, text: str, first_line: int = 1) -> set[tuple[str, int, int, bytes]]:
    chunk = Chunk(text.encode(), Origin("t", "requests.log"), first_line=first_line)
    return {(one.rule.id, one.line, one.column, one.secret.reveal()) for one in detector.scan(chunk)}


@pytest.mark.parametrize("every", [2, 50], ids=["many-that-count", "few-that-count"])
def test_a_crowd_hides_nothing(detector: Detector, every: int) -> None:
    """In a log in which nearly each line is sighted the same is found as in each of its lines alone."""
    log = list(lines(Random(7), 600, every))  # noqa: S311 - no secrets
    # Lines that stand alone are told from their neighbours by more than any rule looks at.
    alone = set().union(*(found(detector, f"{line}\n", number) for number, line in enumerate(log, 1)))
    assert found(detector, "".join(f"{line}\n" for line in log)) == alone
    assert len({rule for rule, *_ in alone}) > 1
