"""
Work grows with the input and no faster, whatever the input: no rule, decoder or pairing can be made to stall a scan.

What is counted is calls, of Python and of C, which are the same on every machine; how long they take, says
`make bench-hostile`. What one call may cost is bounded elsewhere: the first pass and RE2 are linear, and every rule has
a budget of bytes.
"""

import base64
import itertools
import tracemalloc
import zlib
from cProfile import Profile

import pytest

from benchmarks.hostile.inputs import Kind, kinds, kinds_of_rule
from keywatch.detect.candidate import Budget, confirmed
from keywatch.detect.engine import ENCODED, Detector
from keywatch.detect.pattern import compiled
from keywatch.detect.rules import Rule, packaged
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import RuleInfo

DETECTOR = Detector(packaged())
KINDS = kinds()
RULES = {rule.id: rule for rule in packaged().rules if rule.matches}
SIZE = 4 << 10
SLACK = 2000
"""Calls: what a scan costs at all, and what is done once a chunk."""


def scanned(data: bytes) -> Chunk:
    return Chunk(data, Origin("t", "p"))


def work(data: bytes) -> int:
    """Return how many calls a scan of `data` makes, if it is the first."""
    DETECTOR.forget()
    profile = Profile()
    profile.enable()
    try:
        DETECTOR.scan(scanned(data))
    finally:
        profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


def grows_linearly(kind: Kind, *sizes: int) -> bool:
    """Tell whether twice the input never makes more than twice the calls, but for a tenth and what is done once."""
    done = [(size, work(kind(size))) for size in sizes]
    return all(
        calls <= 1.1 * before * size / smaller + SLACK for (smaller, before), (size, calls) in itertools.pairwise(done)
    )


@pytest.mark.parametrize("name", KINDS)
def test_hostile_input_makes_work_in_proportion(name: str) -> None:
    """Twice, four and eight times as much of anything hostile takes twice, four and eight times the work."""
    assert grows_linearly(KINDS[name], SIZE, 2 * SIZE, 4 * SIZE, 8 * SIZE)


@pytest.mark.parametrize("rule_id", RULES)
def test_no_rule_can_be_made_to_do_more_than_its_share(rule_id: str) -> None:
    """
    The same of whatever one rule looks for: its example, nearly all of it, half of it, its keyword.

    Of a long example little fits into the smallest size: where that disturbs the proportion, larger sizes decide.
    """
    for name, kind in kinds_of_rule(RULES[rule_id]).items():
        assert grows_linearly(kind, SIZE // 4, SIZE) or grows_linearly(kind, SIZE, 4 * SIZE), name


def test_the_count_of_calls_tells_a_square_from_a_line() -> None:
    """The measure would show it: work of the square of the size fails, work in proportion passes."""
    assert not grows_linearly(lambda size: KINDS["assignments"](size * size // SIZE), SIZE, 4 * SIZE)


@pytest.mark.parametrize("text", [b"a" * 20_000, b"ab" * 10_000, b"aaab" * 5_000])
def test_a_rule_spends_no_more_than_its_budget(text: bytes) -> None:
    """However often a pattern almost matches, the bytes it may look at are bounded by the size of the chunk."""
    rule = Rule(info=RuleInfo(id="r", description="d", category="c"), regex=r"(?s)a[^c]{3,}c", span=1 << 20)
    budget = Budget(len(text))
    granted = budget.left
    list(confirmed(rule, text, ((at, at + 1, len(text)) for at in range(len(text))), budget))
    assert granted <= 40 * len(text) + (1 << 20)
    assert budget.left > -2 * len(text)
    assert compiled(rule.regex or "").search(text + b"c") is not None


def test_gzip_does_not_blow_a_chunk_up() -> None:
    """Thirty runs that unzip to a megabyte each stay within bounds, and it is said that not all was read."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(b"secret=" + b"a" * (1 << 20)) + packer.flush()
    data = (base64.b64encode(packed) + b"\n") * 30
    detector = Detector(packaged())
    tracemalloc.start()
    try:
        detector.scan(scanned(data))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20
    assert detector.overruns[ENCODED] == 1


def test_thousands_of_tokens_in_one_encoded_run_are_each_told() -> None:
    """They share one place, that of the run; none hides another, and the work stays in proportion."""
    tokens = KINDS["client secrets"](60_000)
    found = DETECTOR.scan(scanned(base64.b64encode(tokens)))
    assert {one.secret.reveal() for one in found} == {one.secret.reveal() for one in DETECTOR.scan(scanned(tokens))}
    assert len({match.offset for match in found}) == 1
