"""What the answers to calls give away: credentials that Amazon refuses, and sellers whose calls it throttles."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from keywatch.alerts.refusal_problems import refusal_problem
from keywatch.alerts.refusals import refusals
from keywatch.alerts.throttling import ThrottlingRules, throttled
from keywatch.model.alert import Alert, AlertId, AlertState, Problem
from keywatch.model.key import Key
from keywatch.settings.throttling import Throttling
from keywatch.store import Store

_KEEP = timedelta(days=180)
"""A credential that nobody has used for so long is not told to be refused."""
_ONCE_BACK = 3
"""The revision of an alert that was fired, resolved, and fired again."""


class SignalWatch:
    """Judges what is kept of answers."""

    def __init__(self, settings: Throttling) -> None:
        self._rules = ThrottlingRules(
            days=settings.window_days, most=settings.most_percent / 100, least_calls=settings.least_calls
        )

    def problems(
        self, store: Store, keys: Collection[Key], alerts: Iterable[Alert], now: datetime
    ) -> tuple[list[Problem], frozenset[AlertId]]:
        """Return what is wrong now, and the alerts that must stay as they are."""
        told = {alert.id: alert for alert in alerts if alert.state is not AlertState.RESOLVED}
        coverages = store.coverages()
        came_back = {id_ for id_, alert in told.items() if alert.revision >= _ONCE_BACK}
        refused, hidden = refusals(store.refused(), keys, coverages, came_back=came_back)
        counted = store.answered_since(self._rules.first_day(now))
        slowed, unknown = throttled(counted, keys, coverages, rules=self._rules, now=now, firing=told.keys())
        return [*map(refusal_problem, refused), *slowed], hidden | unknown

    def prune(self, store: Store, now: datetime) -> None:
        """Forget what decides nothing any more."""
        store.prune_answers(now - _KEEP, first_day=self._rules.first_day(now))
