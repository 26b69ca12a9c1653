"""From what is remembered to a standing: the age of a key that was moved, and names that hold keys of two kinds."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from keywatch.baseline import Policy
from keywatch.model.call import Call, Coverage, Outcome
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.source import CallBatch, Skipped, SourceReport
from keywatch.model.standing import Basis, Level, Standing
from keywatch.service.standings import standings, vanished
from keywatch.store import Store
from tests.alerts.builders import DAY, NOW, SECOND, key

OLD, NEW, LOG = SourceId("vault-kv2:old"), SourceId("vault-kv2:new"), SourceId("request-log:orders")
PATH = Handle(HandleSpace.VAULT, "prod/kv/orders")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path) as store:
        yield store


def judged(store: Store, now: datetime = NOW) -> dict[KeyKind, Standing]:
    """The standings, by kind."""
    return {standing.key.kind: standing for standing in standings(store, Policy(), now)}


def held(kind: KeyKind, source: SourceId, created: datetime | None = None) -> Key:
    """A key in a path of Vault."""
    return replace(key(kind=kind, created_at=created), handles=(PATH,), locations=(Location(source, "kv/orders"),))


def shown(store: Store, source: SourceId, keys: list[Key], at: datetime, *, refused: bool = False) -> None:
    """One reading of an inventory."""
    skipped = (Skipped("some", "denied"),) if refused else ()
    store.source_started(source, "inventory", at)
    store.save_inventory(source, keys, complete=not refused, now=at)
    store.source_succeeded(SourceReport(source=source, skipped=skipped), at)


def called(store: Store, at: datetime) -> None:
    """A success, in a log that was read all the time."""
    call = Call(handle=PATH, at=at, outcome=Outcome.SUCCESS, source=LOG)
    coverage = Coverage(source=LOG, kinds=frozenset(KeyKind), since=NOW - 900 * DAY, until=NOW)
    store.save_calls(LOG, CallBatch(evidence=(call,), cursor={}, coverage=coverage), NOW)


def test_a_key_that_is_moved_grows_no_younger(store: Store) -> None:
    """Nobody says when it was made, so it is as old as our first sight of it, wherever that was."""
    shown(store, OLD, [held(KeyKind.OTHER, OLD)], NOW - 70 * DAY)
    shown(store, NEW, [held(KeyKind.OTHER, NEW)], NOW - DAY)
    shown(store, OLD, [], NOW)
    assert judged(store)[KeyKind.OTHER].clock_start == NOW - 70 * DAY


def test_keys_of_two_kinds_in_one_place_have_each_their_own_age_and_witness(store: Store) -> None:
    """A token that was added yesterday is not as old as the secret beside it, and is not hidden where that one is."""
    secret, token = held(KeyKind.LWA_CLIENT_SECRET, NEW), held(KeyKind.LWA_REFRESH_TOKEN, NEW)
    token = replace(token, locations=(Location(NEW, "kv/orders#token"),))
    shown(store, NEW, [secret], NOW - 70 * DAY)
    shown(store, NEW, [secret, token], NOW - DAY)
    assert judged(store)[KeyKind.LWA_REFRESH_TOKEN].clock_start == NOW - DAY
    assert judged(store)[KeyKind.LWA_CLIENT_SECRET].clock_start == NOW - 70 * DAY
    called(store, NOW - DAY / 2)
    shown(store, NEW, [token], NOW, refused=True)
    assert judged(store)[KeyKind.LWA_REFRESH_TOKEN].basis is Basis.PROVEN
    assert judged(store)[KeyKind.LWA_CLIENT_SECRET].basis is Basis.UNKNOWN


def test_what_a_reading_by_a_clock_that_was_set_back_did_not_show_is_in_doubt(store: Store) -> None:
    """It was seen before that reading, whatever the clock said then."""
    called(store, NOW - DAY)
    shown(store, NEW, [held(KeyKind.OTHER, NEW, NOW - 9 * DAY)], NOW)
    assert judged(store)[KeyKind.OTHER].basis is Basis.PROVEN
    shown(store, NEW, [], NOW - DAY / 24, refused=True)
    assert judged(store)[KeyKind.OTHER].basis is Basis.UNKNOWN


def test_a_key_that_was_applied_for_anew_is_not_as_idle_as_the_one_before(store: Store) -> None:
    """The old one was not used for a window, and Amazon deleted it; its calls are not those of the new one."""
    called(store, NOW - 300 * DAY)
    shown(store, NEW, [held(KeyKind.LWA_CLIENT_SECRET, NEW, NOW - 2 * DAY)], NOW)
    made_anew = judged(store)[KeyKind.LWA_CLIENT_SECRET]
    assert (made_anew.basis, made_anew.level, made_anew.last_success) == (Basis.NEVER, Level.GOOD, None)


def test_a_key_that_is_rotated_is_as_idle_as_before(store: Store) -> None:
    """A new secret is no call: the application's window runs on."""
    called(store, NOW - 80 * DAY)
    shown(store, NEW, [held(KeyKind.LWA_CLIENT_SECRET, NEW, NOW - 2 * DAY)], NOW)
    rotated = judged(store)[KeyKind.LWA_CLIENT_SECRET]
    assert (rotated.basis, rotated.level, rotated.idle_days) == (Basis.PROVEN, Level.WARNING, 80)


def test_of_a_key_whose_age_nobody_tells_every_call_counts(store: Store) -> None:
    """That we saw it yesterday for the first time does not make it new."""
    called(store, NOW - 300 * DAY)
    shown(store, NEW, [held(KeyKind.LWA_CLIENT_SECRET, NEW)], NOW)
    assert judged(store)[KeyKind.LWA_CLIENT_SECRET].level is Level.LAPSED


def test_a_key_that_is_gone_is_shown_for_ninety_days(store: Store) -> None:
    """To the second."""
    shown(store, NEW, [held(KeyKind.OTHER, NEW)], NOW - DAY)
    shown(store, NEW, [], NOW)
    for later, told in ((0 * DAY, 1), (90 * DAY - SECOND, 1), (90 * DAY, 1), (90 * DAY + SECOND, 0)):
        assert len(vanished(store, NOW + later)) == told
