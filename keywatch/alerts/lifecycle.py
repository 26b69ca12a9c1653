"""The life of an alert: what of the problems found now is news. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from keywatch.alerts.words import RANK
from keywatch.model.alert import Alert, AlertId, AlertState, Problem, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An alert as it is after a change of state that somebody must hear of."""

    transition: Transition
    alert: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What to write and what to tell."""

    changes: tuple[Change, ...] = ()
    refreshed: tuple[Alert, ...] = ()
    """Same state, newer words (one day less): written, not told."""


def decide(
    problems: Iterable[Problem], alerts: Iterable[Alert], *, now: datetime, inhibited: Collection[AlertId] = ()
) -> Decisions:
    """
    Compare what is wrong with what has been told.

    Args:
        problems: everything that is wrong now. Two with one id are one; the first counts.
        alerts: every alert on record, resolved ones too.
        now: aware UTC.
        inhibited: alerts of which nothing can be said now because their evidence is missing: they stay as they are.
            That a problem is not seen while nobody can look does not mean that it is gone.
    """
    current: dict[AlertId, Problem] = {}
    for problem in problems:
        current.setdefault(problem.id, problem)
    known = {alert.id: alert for alert in alerts}
    changes: list[Change] = []
    refreshed: list[Alert] = []
    for problem in current.values():
        outcome = _seen(problem, known.get(problem.id), now)
        if isinstance(outcome, Change):
            changes.append(outcome)
        elif outcome is not None:
            refreshed.append(outcome)
    changes.extend(_gone(known.values(), current.keys() | set(inhibited), now))
    return Decisions(changes=tuple(changes), refreshed=tuple(refreshed))


def _seen(problem: Problem, alert: Alert | None, now: datetime) -> Change | Alert | None:
    if alert is None:
        fired = Alert(problem=problem, state=AlertState.FIRING, opened_at=now, changed_at=now)
        return Change(transition=Transition.FIRED, alert=fired)
    if alert.state is AlertState.RESOLVED:
        again = replace(_told(alert, problem, now), state=AlertState.FIRING, opened_at=now, resolved_at=None)
        return Change(transition=Transition.REGRESSED, alert=again)
    if _is_news(problem, alert):
        return Change(transition=Transition.CHANGED, alert=_told(alert, problem, now))
    return None if problem == alert.problem else replace(alert, problem=problem)


def _is_news(problem: Problem, alert: Alert) -> bool:
    before = alert.problem
    if (problem.stage, problem.severity) == (before.stage, before.severity):
        return False
    # Somebody has it in hand: only bad news interrupts.
    return alert.state is not AlertState.ACKNOWLEDGED or RANK[problem.severity] >= RANK[before.severity]


def _gone(alerts: Iterable[Alert], kept: Collection[AlertId], now: datetime) -> Iterator[Change]:
    for alert in alerts:
        if alert.state is not AlertState.RESOLVED and alert.id not in kept:
            resolved = replace(_told(alert, alert.problem, now), state=AlertState.RESOLVED, resolved_at=now)
            yield Change(transition=Transition.RESOLVED, alert=resolved)


def _told(alert: Alert, problem: Problem, now: datetime) -> Alert:
    return replace(alert, problem=problem, changed_at=now, revision=alert.revision + 1)
