"""What a probe has on record: when the turn of each authorisation is again."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from keywatch.model.errors import KeywatchError, SourceUnreachable
from keywatch.model.source import Cursor, Json
from keywatch.model.time import parse_rfc3339, to_rfc3339

_FARTHEST = timedelta(days=366)


@dataclass
class State:
    """What is on record."""

    since: datetime
    due: dict[str, datetime] = field(default_factory=dict)
    """When each may be tried again."""
    failed: dict[str, int] = field(default_factory=dict)
    """How often in a row each could not be tried."""
    blocked: dict[str, datetime] = field(default_factory=dict)
    """Until when no seller of an application is tried."""
    trouble: KeywatchError | None = None
    """Why nobody could be tried when somebody's turn had come last."""
    others: bool = False
    """Whether there are some of whom it is not known that they cannot be tried. Not on record."""
    stamp: str = ""
    """Of what was declared when these were looked at."""

    @classmethod
    def of(cls, cursor: Cursor, now: datetime) -> "State":
        since = cursor.get("since")
        failed = cursor.get("failed")
        return cls(
            since=parse_rfc3339(since) if isinstance(since, str) else now,
            due=_moments(cursor.get("due"), now),
            failed={name: times for name, times in failed.items() if isinstance(times, int)}
            if isinstance(failed, dict)
            else {},
            blocked=_moments(cursor.get("blocked"), now),
            stamp=stamp if isinstance(stamp := cursor.get("stamp"), str) else "",
            trouble=_error(cursor.get("trouble")),
        )

    def fail(self) -> None:
        """
        Tell of the trouble that there is.

        Raises:
            SourceUnreachable: nobody can be tried.
        """
        if self.trouble is not None:
            raise SourceUnreachable(f"probe:selling-partner: {self.trouble.message}", hint=self.trouble.hint)

    @property
    def next_turn(self) -> datetime:
        """When somebody's turn may have come."""
        # Who is blocked has a turn of his own that is over; so the end of a block counts as one.
        return min((*self.due.values(), *self.blocked.values()), default=datetime.max.replace(tzinfo=UTC))

    def forget(self, there: set[str], now: datetime) -> None:
        """Drop those that are declared no longer and whose time is over: a file may be back in a minute."""
        self.due = {mark: at for mark, at in self.due.items() if mark in there or at > now}
        if not there:
            self.trouble = None
        self.failed = {mark: times for mark, times in self.failed.items() if mark in self.due}
        self.blocked = {name: at for name, at in self.blocked.items() if at > now}

    def cursor(self) -> dict[str, Json]:
        return {
            "version": 1,
            "stamp": self.stamp,
            "trouble": [self.trouble.message, self.trouble.hint] if self.trouble else None,
            "since": to_rfc3339(self.since),
            "due": {mark: int(at.timestamp()) for mark, at in sorted(self.due.items())},
            "failed": dict(sorted(self.failed.items())),
            "blocked": {name: int(at.timestamp()) for name, at in sorted(self.blocked.items())},
        }


def _error(value: Json) -> KeywatchError | None:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):  # noqa: PLR2004 - message, hint
        return None
    return KeywatchError(value[0], hint=value[1] if isinstance(value[1], str) else None)


def _moments(value: Json, now: datetime) -> dict[str, datetime]:
    """Read instants. One far ahead is of a clock that was wrong."""
    found = value.items() if isinstance(value, dict) else ()
    return {
        name: min(datetime.fromtimestamp(at, UTC), now + _FARTHEST)
        for name, at in found
        if isinstance(at, int) and 0 <= at < 1 << 35
    }
