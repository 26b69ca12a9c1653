"""A credential that Amazon refuses: what is told of it. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from keywatch.alerts.key_problems import describe, where
from keywatch.alerts.refusals import Refusal
from keywatch.alerts.words import minute, one_line
from keywatch.model.alert import Problem, ProblemKind
from keywatch.model.answer import Answer
from keywatch.model.finding import Severity
from keywatch.model.key import SourceId


class _Words(NamedTuple):
    severity: Severity
    what: str
    so_what: str
    next_step: str


_ALL_DOWN = "No call for any of its sellers succeeds once the access tokens in use have ended, within the hour."
_ONE_DOWN = "No call for this seller succeeds once the access token in use has ended, within the hour."
_ASK_AGAIN = (
    "See with the seller (Seller Central, Manage Your Apps) whether the authorisation is still there. If it was ended, "
    "stop all calls for the seller and delete the token; else ask the seller to authorise the application again."
)
_APPLICATION: Mapping[Answer, _Words] = {
    Answer.INVALID_CLIENT: _Words(
        Severity.CRITICAL,
        "Amazon refuses its client secret (invalid_client)",
        "The client secret is wrong or has expired. " + _ALL_DOWN,
        "See in the Developer Console when the secret was rotated. If there is a new one, give it to the program that "
        "is refused; if it has expired, rotate it now and put the new one wherever the old one is.",
    ),
    Answer.DENIED: _Words(
        Severity.CRITICAL,
        "Amazon denies all of its calls (403)",
        "Tokens are given, and no call is allowed: the application has lost its roles, or its access is suspended.",
        "Look in the Developer Console for the state of the application and its roles, and for mail from Amazon.",
    ),
}
_SELLER: Mapping[Answer, _Words] = {
    Answer.INVALID_GRANT: _Words(
        Severity.HIGH,
        "Amazon refuses the refresh token (invalid_grant)",
        "The seller has ended the authorisation, or it has lapsed; or a code of the authorisation page was used later "
        f"than five minutes after it was given. {_ONE_DOWN}",
        _ASK_AGAIN,
    ),
    Answer.UNAUTHORIZED_CLIENT: _Words(
        Severity.HIGH,
        "refresh token and application do not belong together (unauthorized_client)",
        f"The token was given to another application, or this one may not do what it asks for. {_ONE_DOWN}",
        "See that client id and refresh token are of the same application, and of the same region. Then: " + _ASK_AGAIN,
    ),
    Answer.REVOKED: _Words(
        Severity.HIGH,
        "Amazon says that its access token is revoked (403)",
        f"The seller has ended the authorisation, or the token is of another region. {_ONE_DOWN}",
        _ASK_AGAIN,
    ),
    Answer.NOT_EXCHANGED: _Words(
        Severity.HIGH,
        "Amazon gives no access token for it (400)",
        f"Most often the seller has ended the authorisation; the log does not say. {_ONE_DOWN}",
        "Let the program log `error` of the answer to /auth/o2/token. If it is invalid_grant: " + _ASK_AGAIN,
    ),
    Answer.DENIED: _Words(
        Severity.HIGH,
        "Amazon denies all calls (403)",
        "Tokens are given, and no call is allowed: the seller has ended the authorisation or granted it before the "
        "application had the roles that it needs now, or the calls go to the wrong region.",
        _ASK_AGAIN,
    ),
}
_KEY = _Words(
    Severity.HIGH,
    "AWS does not accept it, and a program goes on using it",
    "It was deleted or switched off, or the program has another secret than IAM: nothing that it calls succeeds.",
    "Give the program a key that is valid, or better a role; if nobody needs it, end the program.",
)
_RESTRICTED = _Words(
    Severity.LOW,
    "it asks for restricted data that it has no role for",
    "Only what the application needs, and has a role for, may be asked for; and these calls never succeed.",
    "Take the data elements from the request for the restricted data token, or apply for the role that covers them.",
)


def refusal_problem(refusal: Refusal) -> Problem:
    """Return the one problem that stands for all that is refused of one application or one seller."""
    words, subject = _words(refusal), refusal.subject
    title = subject.title
    if refusal.kind is ProblemKind.SELLER_REFUSED and subject.seller is None:
        title = f"a seller of {title}"
    facts = [("What", describe(subject.key) if subject.key else f"{title}, which no inventory has")]
    facts += [("Where", where(subject.key))] if subject.key else []
    facts += [
        ("Whose", one_line(f"{subject.owner or 'no owner is known'}, {subject.title}")),
        ("So what", words.so_what),
        ("Evidence", _evidence(refusal)),
    ]
    return Problem(
        id=refusal.id,
        kind=refusal.kind,
        severity=words.severity,
        title=f"{title}: {words.what}",
        facts=tuple(facts),
        next_step=words.next_step,
        owner=subject.owner,
        stage="refused",
    )


def _words(refusal: Refusal) -> _Words:
    if refusal.kind in (ProblemKind.CALLS_DENIED, ProblemKind.KEY_REFUSED):
        return _RESTRICTED if refusal.kind is ProblemKind.CALLS_DENIED else _KEY
    return (_APPLICATION if refusal.kind is ProblemKind.APPLICATION_REFUSED else _SELLER)[refusal.answer]


def _evidence(refusal: Refusal) -> str:
    lines = [_line(source, refusal) for source in sorted(refusal.streaks)]
    return one_line("; ".join(lines), 600)


def _line(source: SourceId, refusal: Refusal) -> str:
    streak = refusal.streaks[source]
    times = "once" if streak.calls == 1 else f"{streak.calls:,} times"
    span = minute(streak.since) if streak.calls == 1 else f"from {minute(streak.since)} to {minute(streak.last)}"
    return f"{one_line(source, 80)} saw it {times}, {span}"
