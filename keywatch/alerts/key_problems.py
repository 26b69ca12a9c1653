"""What is wrong with a key we hold. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from keywatch.alerts.playbook import LABEL, REMOVE_IT, ROOT, USE_IT
from keywatch.alerts.words import count, day, days_from_now, minute, one_line
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import HandleSpace, Key, KeyKind, KeyStatus
from keywatch.model.standing import Basis, Level, Standing

_SEVERITY = {
    Level.GOOD: Severity.LOW,
    Level.NOTICE: Severity.LOW,
    Level.WARNING: Severity.MEDIUM,
    Level.URGENT: Severity.HIGH,
    Level.CRITICAL: Severity.CRITICAL,
    Level.LAPSED: Severity.CRITICAL,
}

_BASELINED = {KeyKind.AWS_ACCESS_KEY, KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN}
"""The kinds Amazon itself deletes; of the others only the window ends."""

_JUDGED = (ProblemKind.KEY_DYING, ProblemKind.KEY_NEVER_USED)
"""The problems that rest on evidence of calls."""


def key_problem(standing: Standing, *, now: datetime, grace: timedelta) -> Problem | None:
    """
    Return what is wrong with one key; the gravest thing only.

    Args:
        standing: what the baseline says of it. Where that is unknown, nothing is claimed: that a source is blind is
            told once, for the source, and not for each of its keys.
        now: aware UTC.
        grace: how old a key may grow without a first call.
    """
    key = standing.key
    if standing.level is Level.LEFTOVER:
        return _leftover(standing)
    if any(handle.space is HandleSpace.AWS_ROOT for handle in key.handles):
        return _root(standing)
    if standing.basis is Basis.UNKNOWN:
        return None
    if standing.basis is Basis.NEVER:
        born = key.created_at or standing.clock_start
        return None if born is not None and now - born < grace else _never_used(standing, born, now)
    return None if standing.level is Level.GOOD else _dying(standing)


def undecidable(standing: Standing) -> Iterator[AlertId]:
    """Yield the alerts about this key that can be said neither to hold nor to be over now."""
    if standing.basis is Basis.UNKNOWN and standing.level is not Level.LEFTOVER:
        for kind in _JUDGED:
            yield _id(kind, standing.key)


def describe(key: Key) -> str:
    """Name a key for a person: kind, name, and the end of its public id."""
    handle = min(key.handles, key=lambda handle: handle.strength)
    name = f"{LABEL[key.kind]} {one_line(key.name, 80)}"
    if handle.space is HandleSpace.AWS_ACCESS_KEY_ID:
        return f"{name} (…{handle.value[-4:]})"
    return name


def whose(key: Key) -> str:
    """Say who must act, and what else is known of whom the key is for."""
    parts = [key.owner or "no owner is known"]
    parts += [f"application {key.application}"] if key.application else []
    parts += [f"seller {key.seller}"] if key.seller else []
    parts += [f"account {key.account}"] if key.account else []
    return one_line(", ".join(parts))


def _id(kind: ProblemKind, key: Key) -> AlertId:
    return AlertId(f"{kind.value}:{key.id}")


def _problem(
    kind: ProblemKind, standing: Standing, *, title: str, so_what: str, next_step: str, stage: str = ""
) -> Problem:
    severity = {ProblemKind.KEY_LEFTOVER: Severity.LOW, ProblemKind.ROOT_KEY: Severity.HIGH}
    key = standing.key
    return Problem(
        id=_id(kind, key),
        kind=kind,
        severity=severity.get(kind) or _SEVERITY[standing.level],
        title=title,
        facts=(
            ("What", describe(key)),
            ("Where", where(key)),
            ("Whose", whose(key)),
            ("So what", so_what),
            ("Evidence", _evidence(standing)),
        ),
        next_step=next_step,
        owner=key.owner,
        stage=stage,
    )


def _dying(standing: Standing) -> Problem:
    key, left = standing.key, standing.days_left
    if standing.level is Level.LAPSED:
        title = f"{describe(key)}: its window is over"
    elif left is None:
        title = f"{describe(key)} is dying"
    else:
        title = f"{describe(key)}: {count(left, 'day')} left"
    so_what = _verdict(standing)
    if standing.basis is Basis.ATTEMPT_ONLY:
        seen = "used" if standing.last_attempt else "read from its store"
        so_what = f"It was {seen}, but no call is known to have succeeded. Unless one did: {so_what}"
    return _problem(
        ProblemKind.KEY_DYING,
        standing,
        title=title,
        so_what=so_what,
        next_step=USE_IT[key.kind],
        stage=standing.level.value,
    )


def _never_used(standing: Standing, born: datetime | None, now: datetime) -> Problem:
    key = standing.key
    age = "" if born is None else f" in {count((now - born).days, 'day')}"
    title = f"{describe(key)}: never used{age}"
    so_what = f"Keys are not to be applied for unless they are used. {_verdict(standing)}"
    return _problem(
        ProblemKind.KEY_NEVER_USED,
        standing,
        title=title,
        so_what=so_what,
        next_step=USE_IT[key.kind],
        stage=standing.level.value,
    )


def _leftover(standing: Standing) -> Problem:
    key = standing.key
    why = {KeyStatus.INACTIVE: "It is switched off", KeyStatus.EXPIRED: "It has expired"}
    reason = (
        "The service behind it is closed" if key.kind is KeyKind.MWS_KEY else why.get(key.status, "It is of no use")
    )
    title = f"{describe(key)}: left over"
    so_what = f"{reason}; a key nobody uses is one nobody watches."
    return _problem(
        ProblemKind.KEY_LEFTOVER,
        standing,
        title=title,
        so_what=so_what,
        next_step=REMOVE_IT[key.kind],
        stage=key.status.value,
    )


def _root(standing: Standing) -> Problem:
    account = standing.key.account or "unknown"
    title = f"The root user of AWS account {one_line(account, 40)} has an access key"
    so_what = "It may do everything in the account, and no policy can limit it."
    return _problem(ProblemKind.ROOT_KEY, standing, title=title, so_what=so_what, next_step=ROOT)


def _verdict(standing: Standing) -> str:
    if standing.deletes_on is None or standing.days_left is None:
        return "When its window ends is not known."
    when = f"{day(standing.deletes_on)}, {days_from_now(standing.days_left)}"
    amazon = standing.key.kind in _BASELINED
    if standing.level is Level.LAPSED:
        return (
            f"Its window ended on {when}: {'expect Amazon to delete it' if amazon else 'it may stop working'} any day."
        )
    return f"{'Amazon deletes it' if amazon else 'Its window ends'} on {when}."


def where(key: Key) -> str:
    """Name the places that hold a key, the first three in full."""
    shown = [f"{one_line(location.place, 120)} ({location.source})" for location in key.locations[:3]]
    more = len(key.locations) - len(shown)
    return "; ".join(shown + ([f"and {count(more, 'more place')}"] if more else [])) or "unknown"


def _evidence(standing: Standing) -> str:
    success, attempt = standing.last_success, standing.last_attempt
    said = [f"last successful call {minute(success)}" if success else "no successful call on record"]
    if attempt is not None:
        said.append(f"last other use {minute(attempt)}")
    if standing.last_read is not None:
        said.append(f"last read from its store {minute(standing.last_read)}")
    return one_line("; ".join([*said, *standing.reasons]), 600)
