"""What the benchmark of known values plants is what it must find: each value once, between whatever bytes are there."""

from collections import Counter

from benchmarks.known.__main__ import held, invented, planted
from keywatch.detect.anchors import Anchors
from keywatch.detect.sealing import sealed
from keywatch.model.content import Chunk, Origin
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Pepper, Secret


def test_every_value_is_planted_and_found_once() -> None:
    """In text of any kind, also right beside one another."""
    pepper, values = Pepper(bytes(32)), invented(400)
    known = [one for one in (sealed(Secret(value), pepper) for value in values) if isinstance(one, KnownSecret)]
    assert len(known) == len(values)
    anchors = Anchors((), pepper, held(known))
    content = [Chunk(bytes(range(256)) * 20, Origin("t", "p")), Chunk(b"a = 'b'\n" * 500, Origin("t", "q"))]
    told = [anchors.look(chunk.data) for chunk in planted(content, values)]
    assert Counter(values) == Counter(candidate.secret for one in told for candidate in one.found)
    assert not any(anchors.look(chunk.data) for chunk in content)
