"""Findings: one a secret, however often and wherever it is seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keywatch.model.finding import Confidence, FindingState
from keywatch.model.key import SourceId
from keywatch.store import Store
from keywatch.store.places import PLACES_COUNTED, PLACES_KEPT
from tests.alerts.builders import DAY, NOW, finding, key, place

GIT = SourceId("git:orders")
LOG = SourceId("log:orders")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path) as store:
        yield store


def test_findings_and_cursor_are_saved_together(store: Store) -> None:
    """A step's findings come back with their places, and the scan resumes where the step ended."""
    places = (place(line=1, commit="c0ffee", author="Ann", committed_at=NOW, present=True), place("bad \udc80", line=2))
    told = finding(places=tuple(sorted(places)), of=key())
    store.save_findings(GIT, [told], {"seen": ["a", 1]}, NOW)
    (kept,) = store.findings()
    assert kept.finding == told
    assert (kept.state, kept.sources, kept.places_total) == (FindingState.OPEN, (GIT,), 2)
    assert kept.targets == (r"bad \udc80", "orders-sync")
    assert (kept.first_seen, kept.last_seen, kept.resolved_at) == (NOW, NOW, None)
    assert store.cursor(GIT) == {"seen": ["a", 1]}


def test_a_step_without_a_cursor_leaves_the_old_one(store: Store) -> None:
    """A step that is no place to resume from does not lose the last one that was."""
    store.save_findings(GIT, [], {"at": 1}, NOW)
    store.save_findings(GIT, [finding()], None, NOW)
    assert store.cursor(GIT) == {"at": 1}


def test_a_rescan_changes_only_what_was_learned(store: Store) -> None:
    """The same place twice is one place; what was learned of it (it is deleted now) replaces what was known."""
    store.save_findings(GIT, [finding(places=(place(present=True, blob="b1"),))], None, NOW)
    store.save_findings(GIT, [finding(places=(place(present=False, blob="b1"),))], None, NOW + DAY)
    (kept,) = store.findings()
    assert (kept.places_total, kept.first_seen, kept.last_seen) == (1, NOW, NOW + DAY)
    assert [one.present for one in kept.finding.places] == [False]


def test_a_place_in_test_code_takes_no_confidence_away(store: Store) -> None:
    """The same value seen where it counts for little stays what it was; a rule that learned better has its say."""
    believed = []
    for confidence in (Confidence.MEDIUM, Confidence.SLIGHT, Confidence.LOW):
        store.save_findings(GIT, [finding(confidence=confidence)], None, NOW)
        believed.append(store.findings()[0].finding.confidence)
    assert [Confidence.MEDIUM, Confidence.MEDIUM, Confidence.LOW] == believed


def test_places_of_several_steps_and_sources_are_one_findings(store: Store) -> None:
    """Two sources that see one secret see one finding, with the places of both."""
    store.save_findings(GIT, [finding(places=(place(line=1),))], None, NOW)
    store.save_findings(GIT, [finding(places=(place(line=2),))], None, NOW)
    store.save_findings(LOG, [finding(places=(place("app.log", line=9),))], None, NOW)
    (kept,) = store.findings()
    assert (kept.sources, kept.targets, kept.places_total) == ((GIT, LOG), ("app.log", "orders-sync"), 3)


def test_places_are_bounded_and_counted_exactly(store: Store) -> None:
    """Of a secret in 250 places 100 are kept and 250 are counted, after any number of rescans."""
    many = finding(places=tuple(place(line=line) for line in range(1, 251)))
    for again in range(3):
        store.save_findings(GIT, [many], None, NOW + again * DAY)
    (kept,) = store.findings()
    assert (len(kept.finding.places), kept.places_total) == (PLACES_KEPT, 250)


def test_the_counter_has_an_end(store: Store) -> None:
    """A secret on every line of a huge log does not fill the database: the counter stops."""
    many = finding(places=tuple(place(line=line) for line in range(1, PLACES_COUNTED + 50)))
    store.save_findings(GIT, [many], None, NOW)
    assert store.findings()[0].places_total == PLACES_COUNTED


def test_a_finding_is_resolved_when_no_source_sees_it(store: Store) -> None:
    """As long as one source sees it, it is open; resolved, it still says where it was."""
    for source in (GIT, LOG):
        store.save_findings(source, [finding()], None, NOW)
    store.resolve_findings(GIT, [finding().id], NOW + DAY)
    assert [(one.state, one.sources) for one in store.findings()] == [(FindingState.OPEN, (LOG,))]
    store.resolve_findings(LOG, [finding().id, "unknown:0"], NOW + 2 * DAY)
    (kept,) = store.findings(FindingState.RESOLVED)
    assert (kept.resolved_at, len(kept.finding.places)) == (NOW + 2 * DAY, 1)
    assert store.findings(FindingState.OPEN, FindingState.ACKNOWLEDGED) == []


def test_a_resolved_finding_that_is_seen_again_is_open_again(store: Store) -> None:
    """It keeps the date it was first seen, and is told where it is now, not where it was."""
    store.save_findings(GIT, [finding(places=(place(line=1),))], None, NOW)
    store.resolve_findings(GIT, [finding().id], NOW + DAY)
    store.save_findings(LOG, [finding(places=(place(line=5),))], None, NOW + 2 * DAY)
    (kept,) = store.findings(FindingState.OPEN)
    assert (kept.first_seen, kept.resolved_at, kept.sources) == (NOW, None, (LOG,))
    assert [one.line for one in kept.finding.places] == [5]


@pytest.mark.parametrize("state", [FindingState.IGNORED, FindingState.ACKNOWLEDGED])
def test_a_persons_word_stays(store: Store, state: FindingState) -> None:
    """Seen again, an ignored finding stays ignored, an acknowledged one acknowledged."""
    store.save_findings(GIT, [finding()], None, NOW)
    with store._writing() as connection:
        connection.exec_driver_sql("UPDATE finding SET state = ?", (state.value,))
    store.save_findings(GIT, [finding()], None, NOW + DAY)
    assert [one.state for one in store.findings()] == [state]


def test_many_findings_come_back(store: Store) -> None:
    """More findings than fit into one statement are read all the same."""
    many = [finding(str(number)) for number in range(1201)]
    store.save_findings(GIT, many, None, NOW)
    assert len(store.findings()) == 1201
    store.resolve_findings(GIT, [one.id for one in many], NOW)
    assert len(store.findings(FindingState.RESOLVED)) == 1201
