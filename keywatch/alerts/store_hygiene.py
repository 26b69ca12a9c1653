"""Places that keep a key worse than they could: in the clear, or with a rotation that does not happen. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from keywatch.alerts.held import Held, Limits, Verdict, alert_id
from keywatch.alerts.key_problems import describe, whose
from keywatch.alerts.playbook import LATE, LATE_IN_VAULT, PLAIN, STUCK
from keywatch.alerts.words import day, one_line
from keywatch.model.alert import Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import Keeping, Key, KeyKind, Rotation


def plain_parameters(held: Sequence[Held], now: datetime, limits: Limits) -> Iterator[Verdict]:
    """Find what is kept unencrypted."""
    del now, limits
    for one, keeping in _keepings(held):
        if not keeping.clear:
            continue
        if keeping.location.source in one.hidden:
            yield alert_id(ProblemKind.PLAIN_PARAMETER, keeping.location.place)
            continue
        yield _problem(
            ProblemKind.PLAIN_PARAMETER,
            one.key,
            keeping,
            severity=Severity.MEDIUM,
            title=f"{describe(one.key)} is kept unencrypted",
            so_what="Whoever may read parameters reads it, without a trace in KMS; and so do lists of settings.",
            evidence="the parameter is of type String or StringList, and its name or its tags say that it is a secret",
            next_step=PLAIN,
        )


def late_rotations(held: Sequence[Held], now: datetime, limits: Limits) -> Iterator[Verdict]:
    """Find rotations that were begun and not ended, and those that should have been."""
    for one, keeping in _keepings(held):
        rotation = keeping.rotation
        if rotation is None:
            continue
        stuck = rotation.stuck_since is not None and now - rotation.stuck_since > limits.late_after
        due = rotation.due_at or _due(one, rotation)
        late = due is not None and now - due > limits.late_after
        if not stuck and not late:
            continue
        if keeping.location.source in one.hidden:
            yield alert_id(ProblemKind.ROTATION_LATE, keeping.location.place)
            continue
        yield _problem(
            ProblemKind.ROTATION_LATE,
            one.key,
            keeping,
            severity=Severity.MEDIUM if stuck else Severity.LOW,
            title=f"{describe(one.key)}: its rotation {'has failed' if stuck else 'is overdue'}",
            so_what="The old value stays in use for as long, and perhaps a new one is valid that nobody knows of."
            if stuck
            else "The value is older than whoever set up the rotation wanted.",
            evidence=_evidence(rotation, due),
            next_step=STUCK if stuck else LATE_IN_VAULT if rotation.every else LATE,
            stage="failed" if stuck else "overdue",
        )


def _keepings(held: Sequence[Held]) -> Iterator[tuple[Held, Keeping]]:
    for one in held:
        for keeping in one.key.keeping:
            yield one, keeping


def _due(one: Held, rotation: Rotation) -> datetime | None:
    """When a place that makes keys for a user should make the next: so long after the one that it made last."""
    made = one.key.created_at if one.dated and one.key.kind is KeyKind.AWS_ACCESS_KEY else None
    return made + rotation.every if made and rotation.every else None


def _evidence(rotation: Rotation, due: datetime | None) -> str:
    if rotation.every and due:
        return f"the user's newest key is of {day(due - rotation.every)}; the next was due by {day(due)}"
    said = [
        f"last rotated {day(rotation.rotated_at)}" if rotation.rotated_at else "no rotation is known to have succeeded"
    ]
    said += [f"a new value has waited since {day(rotation.stuck_since)}"] if rotation.stuck_since else []
    said += [f"due by {day(due)}"] if due else []
    return "; ".join(said)


def _problem(
    kind: ProblemKind,
    key: Key,
    keeping: Keeping,
    *,
    severity: Severity,
    title: str,
    so_what: str,
    evidence: str,
    next_step: str,
    stage: str = "",
) -> Problem:
    return Problem(
        id=alert_id(kind, keeping.location.place),
        kind=kind,
        severity=severity,
        title=title,
        facts=(
            ("What", describe(key)),
            ("Where", f"{one_line(keeping.location.place, 200)} ({keeping.location.source})"),
            ("Whose", whose(key)),
            ("So what", so_what),
            ("Evidence", evidence),
        ),
        next_step=next_step,
        owner=key.owner,
        stage=stage,
    )
