"""What is wrong with keys that end soon, however much they are used. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from keywatch.alerts.announced import Announced, Announcements
from keywatch.alerts.held import Held, alert_id
from keywatch.alerts.key_problems import describe, whose
from keywatch.alerts.playbook import RENEW_IT, SWITCH_OVER
from keywatch.alerts.words import count, day, days_from_now
from keywatch.deadlines import Clocks, Deadline, deadline
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import Key, KeyKind
from keywatch.model.secret_notice import SecretNotice
from keywatch.model.standing import Level

_SEVERITY = {
    Level.NOTICE: Severity.LOW,
    Level.WARNING: Severity.MEDIUM,
    Level.URGENT: Severity.HIGH,
    Level.CRITICAL: Severity.CRITICAL,
    Level.LAPSED: Severity.CRITICAL,
}
_ENDS = {
    KeyKind.LWA_CLIENT_SECRET: "expires",
    KeyKind.LWA_REFRESH_TOKEN: "its authorisation ends",
}
_SO_WHAT = {
    KeyKind.LWA_CLIENT_SECRET: "After that no call of the application succeeds, for any seller.",
    KeyKind.LWA_REFRESH_TOKEN: "After that no call for this seller succeeds until the seller has authorised again.",
}


def endings(
    held: Iterable[Held], *, now: datetime, clocks: Clocks | None = None, notices: Iterable[SecretNotice] = ()
) -> tuple[list[Problem], frozenset[AlertId]]:
    """
    Return which keys end soon, and the alerts that must stay as they are because the key was not shown.

    Args:
        held: every key in the inventory.
        now: aware UTC.
        clocks: how long keys live; None for Amazon's.
        notices: what Amazon has announced of client secrets.
    """
    problems: list[Problem] = []
    undecided: set[AlertId] = set()
    announcements, keys = Announcements(notices), []
    for one in held:
        keys.append(one.key)
        if one.unseen:
            undecided.add(alert_id(ProblemKind.KEY_EXPIRING, one.key.id))
        else:
            problems += _ending(one.key, announcements, dated=one.dated, now=now, clocks=clocks)
    for key in announcements.strangers(keys, now=now):
        problems += _ending(key, announcements, dated=False, now=now, clocks=clocks)
    return problems, frozenset(undecided)


def _ending(
    key: Key, announcements: Announcements, *, dated: bool, now: datetime, clocks: Clocks | None
) -> Iterator[Problem]:
    told = announcements.of(key, dated=dated, now=now)
    ends = deadline(key, now=now, certain=dated, clocks=clocks, announced=told.at if told else None)
    problem = deadline_problem(ends, told) if ends is not None else None
    if problem is not None:
        yield problem


def deadline_problem(deadline: Deadline, told: Announced | None = None) -> Problem | None:
    """Return what is wrong with a key that ends soon; None while there is time. `told`: Amazon's own word of it."""
    if deadline.level is Level.GOOD:
        return None
    key, left = deadline.key, deadline.days_left
    ends = "the old one ends" if told is not None and told.replaced else _ENDS.get(key.kind, "ends")
    latest = "" if deadline.certain else " at the latest"
    over = deadline.level is Level.LAPSED
    when = f"{day(deadline.at)}, {days_from_now(left)}"
    title = f"{describe(key)}: it has ended" if over else f"{describe(key)}: {ends} {days_from_now(left)}{latest}"
    began = "" if key.created_at is None else day(key.created_at)
    known = (
        f"it was issued on {began}" if deadline.certain else f"it was there on {began}; when it was issued is not known"
    )
    lasts = "" if key.created_at is None else f", and lives for {count((deadline.at - key.created_at).days, 'day')}"
    if told is not None:
        known, lasts = told.said, ""
    elif key.expires_at is not None:
        known, lasts = "whoever holds it says when it ends", ""
    return Problem(
        id=alert_id(ProblemKind.KEY_EXPIRING, key.id),
        kind=ProblemKind.KEY_EXPIRING,
        severity=_SEVERITY[deadline.level],
        title=title,
        facts=(
            ("What", describe(key)),
            ("Whose", whose(key)),
            ("So what", f"{'Ended' if over else 'Ends'} {when}{latest}. {_SO_WHAT.get(key.kind, '')}".strip()),
            ("Evidence", known + lasts),
        ),
        next_step=SWITCH_OVER if told is not None and told.replaced else RENEW_IT[key.kind],
        owner=key.owner,
        stage=deadline.level.value,
    )
