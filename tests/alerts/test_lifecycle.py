"""What of the problems found now is news."""

import pytest

from keywatch.alerts.lifecycle import Decisions, decide
from keywatch.model.alert import AlertState, Transition
from keywatch.model.finding import Severity
from tests.alerts.builders import DAY, NOW, alert, problem


def test_a_new_problem_fires() -> None:
    """What was never told is told."""
    (change,) = decide([problem()], [], now=NOW).changes
    assert (change.transition, change.alert.state, change.alert.revision) == (Transition.FIRED, AlertState.FIRING, 1)
    assert change.alert.opened_at == change.alert.changed_at == NOW


def test_an_unchanged_problem_is_not_told_again() -> None:
    """However often it is seen, one problem is one alert."""
    assert Decisions() == decide([problem(), problem()], [alert()], now=NOW)


def test_newer_words_are_kept_and_not_told() -> None:
    """One day less is no news: the record is brought up to date, its revision stays."""
    decisions = decide([problem(title="3 days left")], [alert()], now=NOW)
    assert ((), ["3 days left"]) == (decisions.changes, [one.problem.title for one in decisions.refreshed])
    assert decisions.refreshed[0].revision == 1


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"stage": "critical", "severity": Severity.CRITICAL}, id="worse"),
        pytest.param({"stage": "notice", "severity": Severity.LOW}, id="better"),
        pytest.param({"stage": "2 targets"}, id="another stage, as grave as before"),
        pytest.param({"severity": Severity.CRITICAL}, id="graver"),
    ],
)
def test_a_change_of_stage_or_severity_is_told(more: dict[str, object]) -> None:
    """A firing alert that changes in a way worth telling is told as changed, with the next revision."""
    (change,) = decide([problem("a", **more)], [alert(revision=4)], now=NOW).changes
    assert (change.transition, change.alert.revision) == (Transition.CHANGED, 5)
    assert (change.alert.opened_at, change.alert.changed_at) == (NOW - 2 * DAY, NOW)


def test_an_acknowledged_alert_interrupts_for_bad_news_only() -> None:
    """Somebody has it in hand: that it got better is noted, that it got worse is told; it stays acknowledged."""
    known = alert(state=AlertState.ACKNOWLEDGED)
    better = decide([problem(stage="notice", severity=Severity.LOW)], [known], now=NOW)
    assert ((), 1) == (better.changes, len(better.refreshed))
    (worse,) = decide([problem(stage="critical", severity=Severity.CRITICAL)], [known], now=NOW).changes
    assert (worse.transition, worse.alert.state) == (Transition.CHANGED, AlertState.ACKNOWLEDGED)


@pytest.mark.parametrize("state", [AlertState.FIRING, AlertState.ACKNOWLEDGED])
def test_a_problem_that_is_gone_is_resolved(state: AlertState) -> None:
    """What is over is told as over."""
    (change,) = decide([], [alert(state=state)], now=NOW).changes
    assert (change.transition, change.alert.state) == (Transition.RESOLVED, AlertState.RESOLVED)
    assert (change.alert.resolved_at, change.alert.revision) == (NOW, 2)


def test_a_resolved_alert_stays_quiet() -> None:
    """What is over and still not there is no news."""
    assert Decisions() == decide([], [alert(state=AlertState.RESOLVED)], now=NOW)


def test_what_cannot_be_seen_is_not_taken_for_gone() -> None:
    """While the evidence is missing, an alert stays as it is."""
    assert Decisions() == decide([], [alert()], now=NOW, inhibited={alert().id})


def test_a_problem_that_is_back_is_told_as_back() -> None:
    """The same problem after its end opens the same alert anew."""
    (change,) = decide([problem()], [alert(state=AlertState.RESOLVED, revision=2)], now=NOW).changes
    assert (change.transition, change.alert.state) == (Transition.REGRESSED, AlertState.FIRING)
    assert (change.alert.opened_at, change.alert.resolved_at, change.alert.revision) == (NOW, None, 3)
