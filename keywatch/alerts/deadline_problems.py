"""What is wrong with keys that end soon, however much they are used. Pure."""

from keywatch.alerts.key_problems import describe, whose
from keywatch.alerts.playbook import RENEW_IT
from keywatch.alerts.words import count, day, days_from_now
from keywatch.deadlines import Deadline
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import KeyKind
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


def deadline_problem(deadline: Deadline) -> Problem | None:
    """Return what is wrong with a key that ends soon; None while there is time."""
    if deadline.level is Level.GOOD:
        return None
    key, left = deadline.key, deadline.days_left
    ends = _ENDS.get(key.kind, "ends")
    latest = "" if deadline.certain else " at the latest"
    over = deadline.level is Level.LAPSED
    when = f"{day(deadline.at)}, {days_from_now(left)}"
    title = f"{describe(key)}: {ends} {days_from_now(left)}{latest}" if not over else f"{describe(key)}: it has ended"
    known = (
        f"it was issued on {day(key.created_at)}"
        if key.created_at
        else "when it was issued is not known; it is no younger than our knowledge of it"
    )
    lasts = count((deadline.at - (key.created_at or deadline.at)).days, "day") if key.created_at else ""
    return Problem(
        id=AlertId(f"{ProblemKind.KEY_EXPIRING.value}:{key.id}"),
        kind=ProblemKind.KEY_EXPIRING,
        severity=_SEVERITY[deadline.level],
        title=title,
        facts=(
            ("What", describe(key)),
            ("Whose", whose(key)),
            ("So what", f"{'Ended' if over else 'Ends'} {when}{latest}. {_SO_WHAT.get(key.kind, '')}".strip()),
            ("Evidence", f"{known}{f', and lives for {lasts}' if lasts else ''}"),
        ),
        next_step=RENEW_IT[key.kind],
        owner=key.owner,
        stage=deadline.level.value,
    )
