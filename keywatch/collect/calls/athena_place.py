"""How far a trail has been asked about through Athena: what the cursor carries from run to run."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from keywatch.collect.calls.athena_rows import Seen
from keywatch.model.source import Cursor, Json
from keywatch.model.time import parse_rfc3339, to_rfc3339

AGAIN = timedelta(days=2)
"""What is asked for again each time: files that came late, and the makers of sessions, which live up to 36 hours."""
DAYS = 30
"""Asked for at once at most, so that a run that is cut short is taken up there."""


class AthenaPlace:
    """The last day that was asked about, and since when each account is seen."""

    def __init__(self, cursor: Cursor, scope: frozenset[str]) -> None:
        """
        Args:
            cursor: What the last run left.
            scope: Everything that is asked about; once there is more of it, all is asked anew.
        """  # noqa: D205
        asked = cursor.get("scope")
        known = cursor if isinstance(asked, list) and scope <= {str(part) for part in asked} else {}
        self._scope = scope
        self.day: date | None = _date(known.get("day"))
        """The last day that was asked about."""
        self.newest: datetime | None = _moment(known.get("newest"))
        """The last call of anybody."""
        self.until: datetime | None = _moment(known.get("until"))
        self._asked: datetime | None = _moment(known.get("asked"))
        """From when on anything was asked."""
        self._first = _moments(known.get("first"))
        """When something was delivered first, of each account."""
        self._holes = _moments(known.get("holes"))

    @property
    def cold(self) -> bool:
        """Whether nothing has been asked yet."""
        return self.day is None

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts of which there was something."""
        return frozenset(self._first)

    def steps(self, today: date, lookback: timedelta) -> list[tuple[date, date]]:
        """First and last day of each query that is still to be made, in order."""
        begin = today - lookback
        if self.day is not None and self.day < begin:
            # What lies between was never asked about, and what was known before it no longer matters.
            self.day, self._asked, self._first = None, None, {}
        begin = min(self.day or begin, today)
        found = []
        while True:
            end = min(begin + timedelta(days=DAYS), today)
            found.append((begin - AGAIN, end))
            if end == today:
                return found
            begin = end

    def note(self, first: date, last: date, accounts: Mapping[str, Seen]) -> None:
        """Take note of what was asked, and of what there was."""
        begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
        self._asked = min(self._asked or begin, begin)
        self.day = last
        for account, seen in accounts.items():
            self._first[account] = min(self._first.get(account, seen.oldest), seen.oldest)
            if seen.hole is not None:
                self._holes[account] = max(self._holes.get(account, seen.hole), seen.hole)
            if seen.newest is not None:
                self.newest = max(self.newest or seen.newest, seen.newest)

    def since(self) -> datetime | None:
        """Since when the accounts are covered: since the trail has files, and no record that could not be judged."""
        if not self._first or self._asked is None:
            return None
        return max(self._asked, min(self._first.values()), *self._holes.values())

    def cursor(self) -> Cursor:
        found: dict[str, Json] = {
            "version": 1,
            "scope": [*sorted(self._scope)],
            "first": {account: to_rfc3339(moment) for account, moment in self._first.items()},
            "holes": {account: to_rfc3339(moment) for account, moment in self._holes.items()},
        }
        if self.day is not None:
            found["day"] = self.day.isoformat()
        for name, moment in (("newest", self.newest), ("until", self.until), ("asked", self._asked)):
            if moment is not None:
                found[name] = to_rfc3339(moment)
        return found


def _date(text: Json) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) else None


def _moment(text: Json) -> datetime | None:
    return parse_rfc3339(text) if isinstance(text, str) else None


def _moments(saved: Json) -> dict[str, datetime]:
    items = saved.items() if isinstance(saved, Mapping) else ()
    return {name: parse_rfc3339(text) for name, text in items if isinstance(text, str)}
