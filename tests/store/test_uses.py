"""From where keys are used: joined in the store with what was known, and forgotten in time."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from keywatch.model.call import Coverage
from keywatch.model.errors import StoreError
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.source import CallBatch
from keywatch.model.usage import MOST, REST, Origin, Spell, Usage, hour_of
from keywatch.store import Store
from tests.alerts.builders import DAY, NOW

TRAIL, LOG = SourceId("cloudtrail:org"), SourceId("request-log:orders")
KEY, ROOT = Handle(HandleSpace.AWS_ACCESS_KEY_ID, "ID:ORDERS"), Handle(HandleSpace.AWS_ROOT, "1")
HERE, THERE = Origin("203.0.113.0/24", "boto3 on linux"), Origin("2001:db8::/48", "", "arn:x")
HOUR = hour_of(NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path) as store:
        yield store


def use(origin: Origin, spell: Spell, handle: Handle = KEY, source: SourceId = TRAIL) -> Usage:
    return Usage(handle=handle, source=source, origin=origin, spell=spell)


def batch(*uses: Usage, source: SourceId = TRAIL, until: str = "") -> CallBatch:
    coverage = Coverage(source=source, kinds=frozenset(), since=None, until=None)
    return CallBatch(evidence=(), uses=uses, cursor={"until": until}, coverage=coverage)


def test_what_is_new_is_joined_with_what_was_known(store: Store) -> None:
    """One row an origin, each as if all had come at once; keys and sources are kept apart."""
    store.save_calls(TRAIL, batch(use(HERE, Spell.of(HOUR - 5)), use(THERE, Spell.of(HOUR))), NOW)
    store.save_calls(TRAIL, batch(use(HERE, Spell.of(HOUR, 7)), use(HERE, Spell.of(HOUR, 2), ROOT)), NOW)
    store.save_calls(LOG, batch(use(HERE, Spell.of(HOUR - 9), source=LOG), source=LOG), NOW)
    assert {
        (KEY, TRAIL, HERE, Spell(HOUR - 5, HOUR, 8, 0b100001)),
        (KEY, TRAIL, THERE, Spell.of(HOUR)),
        (ROOT, TRAIL, HERE, Spell.of(HOUR, 2)),
        (KEY, LOG, HERE, Spell.of(HOUR - 9)),
    } == {(kept.handle, kept.source, kept.origin, kept.spell) for kept in store.uses()}


def test_a_key_has_a_bounded_number_of_rows(store: Store) -> None:
    """However many batches bring new places: the rest is one row, and all calls are in it or beside it."""
    for run in range(3):
        places = (Origin(f"10.{run}.{n}.0/24", "curl") for n in range(MOST))
        store.save_calls(TRAIL, batch(*(use(place, Spell.of(HOUR - run)) for place in places)), NOW)
    kept = store.uses()
    assert (MOST + 1, 3 * MOST) == (len(kept), sum(row.spell.calls for row in kept))
    assert [2 * MOST] == [row.spell.calls for row in kept if row.origin == REST]


def test_uses_and_cursor_are_saved_together(store: Store) -> None:
    """A batch that cannot be saved leaves nothing: what is read again is counted once."""
    good = batch(use(HERE, Spell.of(HOUR)), until="a")
    store.save_calls(TRAIL, good, NOW)
    bad = batch(use(HERE, Spell.of(HOUR)), use(THERE, Spell(HOUR, HOUR, 1 << 70, 1)), until="b")
    with pytest.raises((StoreError, OverflowError)):
        store.save_calls(TRAIL, bad, NOW)
    assert [Spell.of(HOUR)] == [kept.spell for kept in store.uses()]
    assert {"until": "a"} == store.cursor(TRAIL)


def test_what_was_long_ago_is_forgotten(store: Store) -> None:
    """A place that a key has not been used from for so long goes; so does all that a removed source told."""
    old = hour_of(NOW - 200 * DAY)
    store.save_calls(TRAIL, batch(use(HERE, Spell(old, HOUR, 9, 1)), use(THERE, Spell.of(old))), NOW)
    store.prune_uses(NOW - 180 * DAY)
    assert [HERE] == [kept.origin for kept in store.uses()]
    store.forget_source(TRAIL, NOW + timedelta(hours=1))
    assert [] == store.uses()
