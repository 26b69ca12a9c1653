"""How far an account's event history has been asked about: what the cursor carries from run to run."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from keywatch.collect.calls.cloudtrail_sessions import LIFE
from keywatch.model.source import Cursor, Json
from keywatch.model.time import parse_rfc3339, to_rfc3339

HORIZON = timedelta(days=90)
"""How long CloudTrail keeps its event history."""
LATE = LIFE + timedelta(hours=2)
"""What each round asks for again: events that came late, and the makers of sessions that may have been used since."""


class LookupPlace:
    """
    A round asks for every key in every Region, over as many runs as it takes; the next one asks for what came since.

    What is known of a key that was looked at once is never older than the last whole round.
    """

    def __init__(self, cursor: Cursor, regions: frozenset[str], now: datetime) -> None:
        asked = cursor.get("regions")
        before = cursor if isinstance(asked, list) and regions <= {str(region) for region in asked} else {}
        self._regions = regions
        self.since = _moment(before.get("since"))
        """From when on all keys are covered; None: no round was whole yet."""
        self.until = _moment(before.get("until"))
        self._hole = _moment(before.get("hole"))
        """The time of the last event that could not be judged."""
        self._last = _moment(before.get("last"))
        """When the last whole round began."""
        if self._last is not None and self._last - LATE < now - HORIZON:
            # What lies between is not in the history any more: all begins anew.
            before, self.since, self.until, self._last = {}, None, None, None
        known, done, rest = before.get("known"), before.get("done"), before.get("rest")
        self._known = {str(subject) for subject in known} if isinstance(known, list) else set()
        """Whom a round has looked at."""
        self._done = {str(subject) for subject in done} if isinstance(done, list) else set()
        """Whom this round has looked at."""
        self._rest: dict[str, dict[str, datetime | None]] = {
            subject: {region: _moment(at) for region, at in regions.items()}
            for subject, regions in (rest if isinstance(rest, Mapping) else {}).items()
            if isinstance(regions, Mapping)
        }
        """By subject and Region, up to when its events are still to be read; None: it is done there."""
        self.began = _moment(before.get("began")) or now
        """When this round began."""

    def done(self, subject: str) -> bool:
        return subject in self._done

    def span(self, subject: str, region: str, now: datetime) -> tuple[datetime, datetime] | None:
        """From when to when `subject` is to be asked about in `region`; None: that was done."""
        start = max(self._last - LATE, now - HORIZON) if self._last and subject in self._known else now - HORIZON
        rest = self._rest.get(subject, {})
        if region not in rest:
            return start, now
        end = rest[region]
        return None if end is None or end < start else (start, end)

    def note(self, subject: str, region: str, until: datetime | None) -> None:
        """Take note that `subject` was asked about in `region`, down to `until`; None: to the end."""
        rest = self._rest.setdefault(subject, {})
        before = rest.get(region)
        if until is not None and until == before:
            until -= timedelta(seconds=1)  # more happened in one second than is read in one run
        rest[region] = until

    def finish(self, subject: str) -> bool:
        """Whether `subject` was asked about everywhere; if so, this round is done with it."""
        rest = self._rest.get(subject, {})
        if any(rest.get(region, self.began) is not None for region in self._regions):
            return False
        self._rest.pop(subject, None)
        self._done.add(subject)
        return True

    def hole(self, at: datetime) -> None:
        """Take note that an event of that time could not be judged."""
        self._hole = max(self._hole or at, at)
        if self.since is not None:
            self.since = max(self.since, self._hole)

    def close(self, now: datetime, lag: timedelta, *, whole: bool) -> None:
        """
        End the round.

        Args:
            now: When it ended.
            lag: How late events appear, ordinarily.
            whole: Whether nothing was left out because we may not see it. If not, the next round asks for it all again.
        """
        if whole:
            # What fell out of the history while the round went on was not seen of the last ones.
            since = self.since or max(now - HORIZON, self._hole or now - HORIZON)
            self.until = max(self.began - lag, since, self.until or since)
            self.since = since
            self._last = self.began
            self._known = self._done
        self._done, self._rest, self.began = set(), {}, now

    def cursor(self) -> Cursor:
        found: dict[str, Json] = {
            "version": 1,
            "regions": [*sorted(self._regions)],
            "known": [*sorted(self._known)],
            "done": [*sorted(self._done)],
            "rest": {
                subject: {region: to_rfc3339(at) if at else None for region, at in regions.items()}
                for subject, regions in self._rest.items()
            },
        }
        if self._done or self._rest:
            found["began"] = to_rfc3339(self.began)
        moments = (("since", self.since), ("until", self.until), ("hole", self._hole), ("last", self._last))
        return found | {name: to_rfc3339(moment) for name, moment in moments if moment is not None}


def _moment(text: Json) -> datetime | None:
    return parse_rfc3339(text) if isinstance(text, str) else None
