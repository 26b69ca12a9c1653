"""What every receiver says the same way. Pure; every string that comes out has passed `one_line` or `paragraph`."""

from keywatch.alerts.words import RANK, count, minute, one_line
from keywatch.model.alert import Alert, Delivery, ProblemKind, Transition
from keywatch.model.finding import Severity

_SIGN = {Severity.LOW: "🔵", Severity.MEDIUM: "🟡", Severity.HIGH: "🟠", Severity.CRITICAL: "🔴"}

_DIGEST = {
    ProblemKind.KEY_DYING: ("dying key", "keys"),
    ProblemKind.KEY_NEVER_USED: ("key that was never used", "keys"),
    ProblemKind.KEY_EXPIRING: ("key that ends soon", "keys"),
    ProblemKind.KEY_LEFTOVER: ("key that is left over", "keys"),
    ProblemKind.KEY_SHARED: ("key with several users", "keys"),
    ProblemKind.KEY_ELSEWHERE: ("key with a new user", "keys"),
    ProblemKind.ROOT_KEY: ("root key", "keys"),
    ProblemKind.KEY_OLD: ("key that should be replaced", "keys"),
    ProblemKind.SPARE_KEY: ("user with a spare key", "keys"),
    ProblemKind.SP_API_SIGNER: ("user left over from SP-API's signatures", "keys"),
    ProblemKind.ROTATION_LATE: ("rotation that failed or is overdue", "keys"),
    ProblemKind.PLAIN_PARAMETER: ("secret kept unencrypted", "keys"),
    ProblemKind.SECRET_READ: ("secret with several readers", "keys"),
    ProblemKind.LOG_IN_CLEAR: ("audit log that shows secrets", "check"),
    ProblemKind.SECRET_LEAKED: ("leaked secret", "findings"),
    ProblemKind.SELLER_SECRET: ("seller's secret key", "findings"),
    ProblemKind.SOURCE_BLIND: ("unreadable source", "check"),
    ProblemKind.UNWRAP_FAILED: ("secret id that may be in other hands", "check"),
    ProblemKind.ATTESTATION_DUE: ("obligation to be confirmed", "policy"),
}
"""What a digest counts, and the command that lists all of it."""

_PLURAL = {
    ProblemKind.KEY_NEVER_USED: "keys that were never used",
    ProblemKind.KEY_EXPIRING: "keys that end soon",
    ProblemKind.KEY_LEFTOVER: "keys that are left over",
    ProblemKind.KEY_SHARED: "keys with several users",
    ProblemKind.KEY_ELSEWHERE: "keys with a new user",
    ProblemKind.KEY_OLD: "keys that should be replaced",
    ProblemKind.SPARE_KEY: "users with spare keys",
    ProblemKind.SP_API_SIGNER: "users left over from SP-API's signatures",
    ProblemKind.ROTATION_LATE: "rotations that failed or are overdue",
    ProblemKind.PLAIN_PARAMETER: "secrets kept unencrypted",
    ProblemKind.SECRET_READ: "secrets with several readers",
    ProblemKind.LOG_IN_CLEAR: "audit logs that show secrets",
    ProblemKind.SELLER_SECRET: "sellers' secret keys",
    ProblemKind.UNWRAP_FAILED: "secret ids that may be in other hands",
    ProblemKind.ATTESTATION_DUE: "obligations to be confirmed",
}


def paragraph(text: str, most: int) -> str:
    """Make text fit to be read: clean lines, at most `most` characters, never empty."""
    lines = [one_line(line, most) for line in text.splitlines()]
    whole = "\n".join(line for line in lines if line)
    return (whole if len(whole) <= most else whole[: most - 1] + "…") or "unknown"


def worst(delivery: Delivery) -> Severity:
    """Return the gravest severity of what a delivery tells."""
    return max((alert.problem.severity for alert in delivery.alerts), key=RANK.__getitem__, default=Severity.LOW)


def is_digest(delivery: Delivery) -> bool:
    """Say whether a delivery tells of several alerts."""
    return len(delivery.alerts) > 1


def headline(delivery: Delivery, most: int = 150) -> str:
    """Return one line: a sign, how bad, what has changed, what. The sign is never the only signal."""
    severity = worst(delivery)
    if delivery.transition is Transition.RESOLVED:
        lead = "✅ RESOLVED"
    else:
        again = " again" if delivery.transition is Transition.REGRESSED else ""
        lead = f"{_SIGN[severity]} {severity.value.upper()}{again}"
    return one_line(f"{lead}: {_subject(delivery)}", most)


def sentence(delivery: Delivery) -> str:
    """Return the whole news as one sentence, for a phone's lock screen and for a screen reader."""
    step = "" if delivery.transition is Transition.RESOLVED or is_digest(delivery) else _step(delivery.alerts[0])
    return one_line(f"{headline(delivery)}.{step}", 600)


def footer(delivery: Delivery) -> str:
    """Return when this happened, and what happened to the alert."""
    alert = delivery.alerts[0]
    when = minute(delivery.queued_at)
    opened = minute(alert.opened_at)
    return {
        Transition.FIRED: f"keywatch, {when}",
        Transition.CHANGED: f"keywatch, changed {when}, open since {opened}",
        Transition.RESOLVED: f"keywatch, resolved {when}, was open since {opened}",
        Transition.REGRESSED: f"keywatch, {when}: it was resolved, and is back",
    }[delivery.transition]


def rest(delivery: Delivery, shown: int) -> str | None:
    """Say how many alerts of a digest are not in the list, and where they are; None if all are."""
    more = len(delivery.alerts) - shown
    return f"and {more:,} more: keywatch {_DIGEST[delivery.alerts[0].problem.kind][1]}" if more > 0 else None


def _subject(delivery: Delivery) -> str:
    first = delivery.alerts[0].problem
    if not is_digest(delivery):
        return first.title
    noun = _DIGEST[first.kind][0]
    return count(len(delivery.alerts), noun, _PLURAL.get(first.kind))


def _step(alert: Alert) -> str:
    return f" {alert.problem.next_step}"
