"""Standings: what the policy says of a key today."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from keywatch.model.key import Key


class Basis(StrEnum):
    """What a standing rests on."""

    PROVEN = "proven"
    """A successful call is on record."""
    ATTEMPT_ONLY = "attempt-only"
    """The key was used, but no source can say whether any call succeeded."""
    NEVER = "never"
    """Sources that would have seen a call saw none since the key was made."""
    UNKNOWN = "unknown"
    """A source was unreadable, or did not cover the time that matters."""


class Level(StrEnum):
    """How near the deadline is, mildest first."""

    GOOD = "good"
    NOTICE = "notice"
    WARNING = "warning"
    URGENT = "urgent"
    CRITICAL = "critical"
    LAPSED = "lapsed"
    """The window is over: expect the key to be deleted."""
    LEFTOVER = "leftover"
    """The service behind the key is closed or the key is switched off: remove it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the 90-day baseline says of one key at one instant, and why."""

    key: Key
    basis: Basis
    level: Level
    last_success: datetime | None
    last_attempt: datetime | None
    """The latest use whose outcome is a failure or cannot be told."""
    clock_start: datetime | None
    """The instant the window is counted from; None where nothing is known that could start it."""
    idle_days: int | None
    """Whole days since `clock_start`."""
    days_left: int | None
    """Whole days until `deletes_on`; negative once it has passed."""
    deletes_on: date | None
    """The UTC day on which the window ends. With basis unknown: not before this day."""
    last_read: datetime | None = None
    """When a store gave out its value last, where one tells: somebody fetched it, which is not to use it."""
    reasons: tuple[str, ...] = ()
    """Sentences for a person: what is missing, what contradicts, what was assumed."""
