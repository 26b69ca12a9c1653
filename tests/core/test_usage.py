"""What is kept of a key's uses: it can be put together in any order, and never grows."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.model.usage import REST, SPAN, Origin, Spell, add, bounded, hour_of, start_of

HOURS = st.integers(480_000, 480_000 + 2 * SPAN)
ORIGINS = st.builds(Origin, st.sampled_from([f"10.{n}.0.0/16" for n in range(12)]), st.sampled_from(["boto3", "curl"]))
CALLS = st.lists(st.tuples(ORIGINS, HOURS, st.integers(1, 5)), min_size=1, max_size=60)
MANY = st.lists(st.tuples(ORIGINS, st.integers(480_000, 480_020), st.integers(1, 5)), min_size=20, max_size=60)


def gathered(calls: list[tuple[Origin, int, int]], most: int) -> dict[Origin, Spell]:
    spells: dict[Origin, Spell] = {}
    for origin, hour, count in calls:
        add(spells, origin, Spell.of(hour, count))
    return bounded(spells, most)


@given(calls=MANY, cuts=st.lists(st.integers(0, 60), min_size=1, max_size=4), data=st.data())
def test_order_and_batches_change_nothing(
    calls: list[tuple[Origin, int, int]], cuts: list[int], data: st.DataObject
) -> None:
    """Calls in any order, in any batches, each batch bounded on its own: the same is known in the end."""
    most = 5
    shuffled = data.draw(st.permutations(calls))
    edges = [0, *sorted(cuts), len(shuffled)]
    known: dict[Origin, Spell] = {}
    for start, end in pairwise(edges):
        for origin, spell in gathered(list(shuffled[start:end]), most).items():
            add(known, origin, spell)
        known = bounded(known, most)
    assert gathered(calls, most) == known


@given(calls=CALLS)
def test_a_key_is_bounded_and_nothing_is_lost(calls: list[tuple[Origin, int, int]]) -> None:
    """A few origins stay exactly as they are; of the rest the calls, the beginning and the end are known."""
    most = 5
    whole, kept = gathered(calls, 1000), gathered(calls, most)
    assert len(kept) <= most + 1
    assert all(spell == whole[origin] for origin, spell in kept.items() if origin != REST)
    assert sum(count for *_, count in calls) == sum(spell.calls for spell in kept.values())
    hours = [hour for _, hour, _ in calls]
    assert (min(hours), max(hours)) == (min(s.first for s in kept.values()), max(s.last for s in kept.values()))


@given(hours=st.lists(HOURS, min_size=1, max_size=20))
def test_the_hours_of_the_last_weeks_are_known(hours: list[int]) -> None:
    """Each hour of the last four weeks is known by itself, seen from any later hour."""
    spell = Spell.of(hours[0])
    for hour in hours[1:]:
        spell = spell.joined(Spell.of(hour))
    last = max(hours)
    assert {last - hour for hour in hours if last - hour < SPAN} == {n for n in range(SPAN) if spell.hours >> n & 1}
    assert spell.before(last + 3) == (spell.hours << 3) & ((1 << SPAN) - 1)
    assert spell.before(last - 3) == spell.hours >> 3


@pytest.mark.parametrize("far", [1, 10_000_000])
def test_an_absurd_time_costs_nothing(far: int) -> None:
    """A call of the year 1 beside one of today makes no number of a million digits."""
    joined = Spell.of(480_000).joined(Spell.of(480_000 - SPAN - far))
    assert (joined.hours, joined.first) == (1, 480_000 - SPAN - far)


def test_hours_are_hours() -> None:
    """An instant's hour begins at it or before."""
    moment = datetime(2026, 11, 23, 14, 18, tzinfo=UTC)
    assert start_of(hour_of(moment)) == moment - timedelta(minutes=18)
