"""How many messages the news makes. Pure."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import TypeAlias

from keywatch.alerts.lifecycle import Change, Decisions
from keywatch.alerts.routing import Routing
from keywatch.alerts.words import RANK
from keywatch.model.alert import Alert, AlertId, Delivery, ProblemKind, Transition
from keywatch.model.finding import Severity

MOST_SINGLE = 5
"""More news than this, of one kind and transition, for one channel at one time, makes one digest."""

_Pile: TypeAlias = tuple[str, Transition, ProblemKind, bool]
"""Channel, transition, kind, and whether it is critical: what may share a digest."""


def deliveries(
    decisions: Decisions,
    routing: Routing,
    *,
    now: datetime,
    most: int = MOST_SINGLE,
    told_alone: Collection[AlertId] = (),
) -> list[Delivery]:
    """
    Turn decisions into messages: one for each change, or one digest where there would be too many.

    What is critical is never buried in a digest of what is not. The same decisions make messages with the same ids, so
    that a decision taken twice is told once.

    Args:
        decisions: what is news.
        routing: whom to tell.
        now: aware UTC.
        most: as many changes of one kind in one channel are told one by one.
        told_alone: alerts that have a message of their own. When such a one is over, its message is edited, which
            disturbs nobody, however many there are.
    """
    piles: dict[_Pile, list[Alert]] = {}
    messages: list[Delivery] = []
    for change in decisions.changes:
        pile = _pile(change, routing)
        if change.transition is Transition.RESOLVED and change.alert.id in told_alone:
            messages.append(_delivery(pile[0], change.transition, [change.alert], now))
        else:
            piles.setdefault(pile, []).append(change.alert)
    for (channel, transition, _, _), alerts in piles.items():
        messages.extend(_delivery(channel, transition, group, now) for group in _groups(alerts, most))
    return messages


def rerouted(delivery: Delivery, channel: str, now: datetime) -> Delivery:
    """Return the same message for another channel, after its own refused it."""
    return _delivery(channel, delivery.transition, delivery.alerts, now)


def _pile(change: Change, routing: Routing) -> _Pile:
    problem = change.alert.problem
    return (routing.channel(problem), change.transition, problem.kind, problem.severity is Severity.CRITICAL)


def _groups(alerts: list[Alert], most: int) -> Iterator[tuple[Alert, ...]]:
    if len(alerts) > most:
        yield tuple(sorted(alerts, key=lambda alert: (-RANK[alert.problem.severity], alert.id)))
    else:
        yield from ((alert,) for alert in alerts)


def _delivery(channel: str, transition: Transition, alerts: Iterable[Alert], now: datetime) -> Delivery:
    alerts = tuple(alerts)
    return Delivery(
        id=_id(channel, transition, alerts), channel=channel, transition=transition, alerts=alerts, queued_at=now
    )


def _id(channel: str, transition: Transition, alerts: tuple[Alert, ...]) -> str:
    told = sorted(f"{alert.id}\0{alert.revision}" for alert in alerts)
    text = "\n".join([channel, transition.value, *told])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
