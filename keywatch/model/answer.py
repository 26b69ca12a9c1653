"""Answers: what Amazon says to calls that it does not take, since when, and how many of a day's calls it throttles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from keywatch.model.key import Handle, SourceId
from keywatch.model.time import require_utc


class Answer(StrEnum):
    """What became of a call, as far as it says something of the credential."""

    ACCEPTED = "accepted"
    """A call was answered with 2xx."""
    EXCHANGED = "exchanged"
    """A token was given for the client secret and the refresh token."""
    THROTTLED = "throttled"
    """429. The credential is good, and calls come too fast."""
    INVALID_CLIENT = "invalid-client"
    """The client secret is wrong or has expired: no seller of the application can be served."""
    INVALID_GRANT = "invalid-grant"
    """The refresh token was revoked, or never belonged to the application: one seller cannot be served."""
    UNAUTHORIZED_CLIENT = "unauthorized-client"
    """Refresh token and application do not belong together, or the application may not do that."""
    NOT_EXCHANGED = "not-exchanged"
    """No token was given, and nobody says why."""
    REVOKED = "revoked"
    """403: the access token is revoked, malformed or of no use for that seller."""
    EXPIRED = "expired"
    """403: the access token is older than its hour. The program gets another one; nothing is wrong with the key."""
    DENIED = "denied"
    """403, and no more is said: a role is missing, or the seller has ended the authorisation."""
    INVALID_KEY = "invalid-key"
    """AWS does not know the access key any more, or its secret is another."""
    RESTRICTED = "restricted"
    """A restricted data token was refused: the application has no role for the data that was asked for."""
    OTHER = "other"
    """Anything else, which says nothing of the credential."""


ENDED_BY: Mapping[Answer, Answer] = {
    Answer.INVALID_CLIENT: Answer.EXCHANGED,
    Answer.INVALID_GRANT: Answer.EXCHANGED,
    Answer.UNAUTHORIZED_CLIENT: Answer.EXCHANGED,
    Answer.NOT_EXCHANGED: Answer.EXCHANGED,
    Answer.REVOKED: Answer.ACCEPTED,
    Answer.DENIED: Answer.ACCEPTED,
    Answer.INVALID_KEY: Answer.ACCEPTED,
}
"""Refusals of a credential, and the success after which the next one is the first again."""
REFUSALS = frozenset({*ENDED_BY, Answer.RESTRICTED})
SUCCESSES = frozenset(ENDED_BY.values())
"""Of these and of refusals the times are kept. The rest is at most counted."""


class Streak(NamedTuple):
    """Answers of one kind: of refusals, those since the last success; the rest is over."""

    since: datetime
    last: datetime
    calls: int

    def joined(self, later: "Streak") -> "Streak":
        return Streak(min(self.since, later.since), max(self.last, later.last), self.calls + later.calls)


class DayCount(NamedTuple):
    """How many calls were answered in a while, and how many of these with 429. Exchanges of tokens are none."""

    calls: int
    throttled: int

    def joined(self, other: "DayCount") -> "DayCount":
        return DayCount(self.calls + other.calls, self.throttled + other.throttled)


class Counted(NamedTuple):
    """The calls of a while that one source saw one credential make."""

    handle: Handle
    source: SourceId
    total: DayCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one source knows of the answers to one credential's calls."""

    handle: Handle
    source: SourceId
    streaks: Mapping[Answer, Streak] = field(default_factory=dict)
    days: Mapping[int, DayCount] = field(default_factory=dict)
    """By the UTC day's ordinal, as `date.toordinal` has it."""

    def __post_init__(self) -> None:
        for streak in self.streaks.values():
            require_utc(streak.since, "since")
            require_utc(streak.last, "last")


def continued(known: Mapping[Answer, Streak], answer: Answer, fresh: Streak) -> Streak:
    """
    Return the streak of `answer` when `fresh` has come to what is known.

    A refusal after a success is the first of a new streak, however many there were before.
    """
    before = known.get(answer)
    if before is None:
        return fresh
    success = known.get(ENDED_BY[answer]) if answer in ENDED_BY else None
    over = success is not None and before.last < success.last
    return fresh if over and before.last < fresh.last else before.joined(fresh)
