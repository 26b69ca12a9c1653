"""What goes in comes out: inventory, calls, sources, jobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keywatch.model.call import Call, Coverage, Outcome, Silence
from keywatch.model.errors import SourceDenied, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, SourceId
from keywatch.model.source import CallBatch, Skipped, SourceReport
from keywatch.store import JobRun, Store
from keywatch.store.jobs import RUNS_KEPT
from tests.alerts.builders import DAY, IAM, NOW, SECOND, finding, fingerprint, key

LOG = SourceId("request-log:orders")
HANDLE = Handle(HandleSpace.LWA_CLIENT_ID, "orders-client")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path) as store:
        yield store


def gone(store: Store) -> dict[str, bool]:
    """Whether each key is gone, by name."""
    return {sighting.key.name: sighting.gone_at is not None for sighting in store.sightings()}


def test_a_key_comes_back_as_it_was(store: Store) -> None:
    """Every field survives, in a name that is no valid UTF-8 too."""
    told = Key(
        kind=KeyKind.LWA_CLIENT_SECRET,
        handles=(HANDLE, Handle(HandleSpace.VAULT, "prod/kv/\udcff")),
        name="bad \udc80 name",
        locations=key().locations,
        created_at=NOW,
        fingerprints=frozenset({fingerprint("a"), fingerprint("b")}),
    )
    store.save_inventory(IAM, [told], complete=True, now=NOW)
    (sighting,) = store.sightings()
    assert sighting.key == told
    assert (sighting.source, sighting.first_seen, sighting.last_seen, sighting.gone_at) == (IAM, NOW, NOW, None)


def test_a_complete_reading_tells_what_is_gone(store: Store) -> None:
    """A key that a complete reading misses is gone since then; one that is back is there since it was first seen."""
    store.save_inventory(IAM, [key("a"), key("b")], complete=True, now=NOW)
    store.save_inventory(IAM, [key("a")], complete=True, now=NOW + DAY)
    store.save_inventory(IAM, [key("a")], complete=True, now=NOW + 2 * DAY)
    first, second = store.sightings()
    assert (first.last_seen, first.gone_at, second.gone_at) == (NOW + 2 * DAY, None, NOW + DAY)
    store.save_inventory(IAM, [key("b")], complete=False, now=NOW + 3 * DAY)
    assert gone(store) == {"a": False, "b": False}
    assert store.sightings()[1].first_seen == NOW


def test_an_incomplete_reading_says_nothing_of_what_it_misses(store: Store) -> None:
    """Not seen is not the same as not there; and one source says nothing of another's keys."""
    store.save_inventory(IAM, [key("a"), key("b")], complete=True, now=NOW)
    store.save_inventory(IAM, [key("a")], complete=False, now=NOW + DAY)
    store.save_inventory(SourceId("vault:prod"), [], complete=True, now=NOW + DAY)
    assert gone(store) == {"a": False, "b": False}


def test_what_is_not_shown_was_seen_before_whatever_the_clock_said(store: Store) -> None:
    """A clock that was set back between two readings does not make what only the first showed newer than the second."""
    store.save_inventory(IAM, [key("a"), key("b")], complete=True, now=NOW)
    store.save_inventory(IAM, [key("a")], complete=False, now=NOW - DAY)
    first, second = store.sightings()
    assert (first.last_seen, second.last_seen) == (NOW - DAY, NOW - DAY - SECOND / 1_000_000)
    assert (second.first_seen, second.gone_at) == (NOW, None)


def batch(*evidence: Call | Silence, cursor: str = "1") -> CallBatch:
    """A batch whose coverage begins a day ago."""
    coverage = Coverage(source=LOG, kinds=frozenset({KeyKind.LWA_CLIENT_SECRET}), since=NOW - DAY, until=NOW)
    return CallBatch(evidence=evidence, cursor={"file": {"offset": cursor, "seen": [1, None]}}, coverage=coverage)


def call(outcome: Outcome = Outcome.SUCCESS, *, hours: int = 0) -> Call:
    """A call so many hours before now."""
    return Call(handle=HANDLE, at=NOW - hours * DAY / 24, outcome=outcome, source=LOG, action="GET /orders")


def silence(days: int) -> Silence:
    """A silence of a day that ended so many days ago."""
    return Silence(handle=HANDLE, since=NOW - (days + 1) * DAY, until=NOW - days * DAY, source=LOG)


def test_of_many_calls_the_latest_of_each_outcome_is_kept(store: Store) -> None:
    """Whatever the order, the latest success, failure and attempt remain, and the latest silence."""
    store.save_calls(LOG, batch(call(hours=2), call(), call(hours=1), call(Outcome.FAILURE, hours=3)), NOW)
    store.save_calls(LOG, batch(call(Outcome.FAILURE, hours=9), call(Outcome.ATTEMPT), silence(1), silence(2)), NOW)
    assert set(store.evidence()) == {call(), call(Outcome.FAILURE, hours=3), call(Outcome.ATTEMPT), silence(1)}


def test_saving_a_batch_twice_changes_nothing(store: Store) -> None:
    """A batch that is read again after a crash leaves the same evidence, coverage and cursor."""
    store.save_calls(LOG, batch(call(), silence(1)), NOW)
    before = (store.evidence(), store.coverages(), store.cursor(LOG))
    store.save_calls(LOG, batch(call(), silence(1)), NOW + DAY)
    assert (store.evidence(), store.coverages(), store.cursor(LOG)) == before
    assert before[1:] == ([batch().coverage], batch().cursor)


def test_no_call_is_dated_later_than_it_was_told(store: Store) -> None:
    """One by a clock that is ahead is a call of now: it neither outlives that clock nor hides what comes after it."""
    store.save_calls(LOG, batch(call(hours=-24 * 400)), NOW)
    assert store.evidence() == [call()]
    later = call(hours=-48)
    store.save_calls(LOG, batch(later), NOW + 2 * DAY)
    assert store.evidence() == [later]


def test_what_a_source_covers_may_be_a_few_keys(store: Store) -> None:
    """Several handles come back as they were."""
    some = frozenset({HANDLE, Handle(HandleSpace.DECLARED, "b"), Handle(HandleSpace.DECLARED, "a")})
    coverage = Coverage(source=LOG, kinds=frozenset(), handles=some, since=NOW - DAY, until=NOW)
    store.save_coverage(coverage)
    assert store.coverages() == [coverage]


def test_evidence_and_cursor_are_saved_together_or_not_at_all(store: Store) -> None:
    """When the cursor cannot be written, the evidence is not there either."""
    broken = CallBatch(evidence=(call(),), cursor={"bad": object()}, coverage=batch().coverage)  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        store.save_calls(LOG, broken, NOW)
    assert (store.evidence(), store.coverages(), store.cursor(LOG)) == ([], [], {})


def test_coverage_can_be_replaced_by_itself(store: Store) -> None:
    """A source that goes blind keeps its evidence, and says that it is blind."""
    store.save_calls(LOG, batch(call()), NOW)
    blind = Coverage(source=LOG, kinds=frozenset(), since=NOW - DAY, until=NOW, blind="sealed")
    store.save_coverage(blind)
    assert (store.coverages(), store.evidence()) == ([blind], [call()])


def test_a_source_is_blind_since_the_first_failure_in_a_row(store: Store) -> None:
    """Later failures change the reason, not the since; a success ends it."""
    store.source_started(IAM, "inventory", NOW)
    store.source_failed(IAM, SourceDenied("denied", hint="grant it"), NOW)
    store.source_failed(IAM, SourceUnreachable("down"), NOW + DAY)
    (failing,) = store.sources()
    assert (failing.failing_since, failing.error, failing.hint) == (NOW, "down", None)
    assert (failing.kind, failing.last_started, failing.last_success) == ("inventory", NOW, None)
    store.source_succeeded(SourceReport(source=IAM, items=3), NOW + 2 * DAY)
    (well,) = store.sources()
    assert (well.failing_since, well.error, well.last_success, well.items) == (None, None, NOW + 2 * DAY, 3)
    assert well.kind == "inventory"


def test_skipped_items_are_counted_and_a_few_are_named(store: Store) -> None:
    """A thousand skipped objects are a number and twenty names."""
    skipped = tuple(Skipped(f"object {number}", "is damaged") for number in range(1000))
    store.source_succeeded(SourceReport(source=IAM, items=1, skipped=skipped), NOW)
    (state,) = store.sources()
    assert (state.skipped_total, state.skipped) == (1000, skipped[:20])


def test_a_failure_of_a_source_that_never_started_is_kept(store: Store) -> None:
    """A source that fails before it starts is on record all the same."""
    store.source_failed(IAM, SourceDenied("denied"), NOW)
    assert store.sources()[0].failing_since == NOW


def test_a_forgotten_source_leaves_nothing(store: Store) -> None:
    """What a source ever told is removed with it; what others told stays."""
    store.save_inventory(LOG, [key()], complete=True, now=NOW)
    store.save_calls(LOG, batch(call(), silence(1)), NOW)
    store.save_findings(LOG, [finding("a"), finding("b")], {"x": 1}, NOW)
    store.save_findings(IAM, [finding("b")], None, NOW)
    store.source_started(LOG, "calls", NOW)
    store.forget_source(LOG, NOW)
    assert (store.sightings(), store.evidence(), store.coverages(), store.sources()) == ([], [], [], [])
    assert store.cursor(LOG) == {}
    assert [(one.finding.id, one.sources) for one in store.findings()] == [(finding("b").id, (IAM,))]


def test_the_last_run_of_a_job_is_remembered(store: Store) -> None:
    """Across a restart it is known when each job ran; the oldest runs are forgotten."""
    assert store.last_run("scan") is None
    for number in range(RUNS_KEPT + 5):
        start = NOW + number * SECOND
        store.record_run("scan", start, start + SECOND, "done")
    store.record_run("other", NOW, NOW, "failed")
    last = NOW + (RUNS_KEPT + 4) * SECOND
    assert store.last_run("scan") == JobRun(job="scan", started=last, finished=last + SECOND, outcome="done")
    with store._reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM job_run").scalar() == RUNS_KEPT + 1
