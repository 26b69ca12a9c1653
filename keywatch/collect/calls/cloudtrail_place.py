"""How far a trail has been read: what the cursor carries from run to run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from keywatch.collect.calls.cloudtrail_bucket import Shelf, TrailFile
from keywatch.collect.calls.cloudtrail_digest import Link
from keywatch.collect.calls.cloudtrail_sessions import Tracer
from keywatch.model.source import Cursor, Json
from keywatch.model.time import parse_rfc3339, to_rfc3339

LATE = timedelta(hours=2)
"""How far behind the newest file of a region a file may still turn up: that much is listed again every time."""
TOLD = timedelta(days=30)
"""How long something that was removed or changed is told of: nobody can bring it back."""
_ALTERED = 100
_SPREAD = timedelta(days=2)
_RECENT = 5000
"""Files of one region remembered at most; what is forgotten is read again, which changes nothing."""


class TrailPlace:
    """The newest file read of each account and region, those shortly before it, and since when an account is seen."""

    def __init__(self, cursor: Cursor) -> None:
        self.tracer = Tracer()
        self.tracer.load(cursor.get("sessions"))
        named = cursor.get("accounts")
        self.accounts = frozenset(str(account) for account in (named if isinstance(named, list) else ()))
        """The accounts that a person named and the trail has. Empty: nobody named any."""
        self.listed: datetime | None = _moment(cursor.get("listed"))
        """When the bucket was last listed to its end."""
        self.newest: datetime | None = _moment(cursor.get("newest"))
        """The newest file of all."""
        self.until: datetime | None = _moment(cursor.get("until"))
        self.digested: datetime | None = _moment(cursor.get("digested"))
        """When digests were last looked for."""
        self.chains: dict[str, Link] = _links(cursor.get("chains"))
        """The newest digest of each chain, by all of its name but the time."""
        saved = cursor.get("altered")
        self._altered = {str(what): str(at) for what, at in (saved.items() if isinstance(saved, Mapping) else ())}
        """What was found to be removed or changed, and when that was found, the oldest first."""
        self._first: dict[str, datetime] = _moments(cursor.get("first"))
        """The oldest file of each account."""
        self._holes: dict[str, datetime] = _moments(cursor.get("holes"))
        """The newest file of each account that could not be had."""
        self._newest: dict[str, datetime] = _moments(cursor.get("shelves"))
        recent = cursor.get("recent")
        self._recent: dict[str, dict[str, datetime]] = {
            name: _moments(files) for name, files in (recent if isinstance(recent, Mapping) else {}).items()
        }

    def start(self, shelf: Shelf, earliest: datetime) -> datetime:
        """From when on files of `shelf` are to be listed."""
        newest = self._newest.get(shelf.name)
        return max(newest - LATE, earliest) if newest else earliest

    def seen(self, file: TrailFile) -> bool:
        return file.token in self._recent.get(file.shelf.name, {})

    def mark(self, file: TrailFile, *, listed: bool = True) -> None:
        """
        Take note that `file` was read.

        Args:
            file: what was read.
            listed: whether a listing led to it. A notice proves nothing of the files before, so the next listing has
                to begin where the last one ended.
        """
        name, account = file.shelf.name, file.shelf.account
        self._first[account] = min(self._first.get(account, file.stamp), file.stamp)
        self._recent.setdefault(name, {})[file.token] = file.stamp
        if listed:
            self.passed(file)

    def passed(self, file: TrailFile) -> None:
        """Take note that a listing has come to `file`, whoever read it."""
        name = file.shelf.name
        newest = max(self._newest.get(name, file.stamp), file.stamp)
        self._newest[name] = newest
        self.newest = max(self.newest or newest, newest)
        recent = self._recent.get(name, {})
        if newest == file.stamp and len(recent) > 1:
            kept = [(token, stamp) for token, stamp in recent.items() if stamp >= newest - LATE]
            self._recent[name] = dict(kept[-_RECENT:])

    def hole(self, account: str, at: datetime) -> None:
        """Take note that what was delivered `at` will not be known: the account is covered from there on only."""
        self._holes[account] = max(self._holes.get(account, at), at)

    def note_altered(self, what: str, now: datetime) -> None:
        """Take note that something was found to be removed or changed."""
        self._altered.setdefault(what, to_rfc3339(now))
        for first in list(self._altered)[:-_ALTERED]:
            del self._altered[first]

    def altered(self, now: datetime) -> tuple[str, ...]:
        """What was found to be removed or changed lately."""
        since = to_rfc3339(now - TOLD)
        self._altered = {what: at for what, at in self._altered.items() if at >= since}
        return tuple(self._altered)

    def covered(self, lookback: datetime) -> tuple[frozenset[str], datetime | None]:
        """
        Which accounts are covered, and since when.

        An account that a person named is covered since the trail is. One that was only seen is covered since its own
        first file; if that is much later than the others' (it joined), it is left out until the whole lookback lies
        behind it: before its first file it may have been busy, and nobody was looking.
        """
        configured = self.accounts
        if not self._first:
            return configured, None
        oldest = min(self._first.values())
        starts = {account: max(first, self._holes.get(account, first)) for account, first in self._first.items()}
        if configured:
            return configured, max((self._holes.get(account, oldest) for account in configured), default=oldest)
        limit = max(min(starts.values()) + _SPREAD, lookback)
        known = {account: start for account, start in starts.items() if start <= limit}
        return frozenset(known), max(known.values())

    def cursor(self) -> Cursor:
        found: dict[str, Json] = {
            "version": 1,
            "sessions": self.tracer.to_json(),
            "accounts": [*sorted(self.accounts)],
            "altered": {**self._altered},
            "chains": {name: link.to_json() for name, link in self.chains.items()},
            "first": _texts(self._first),
            "holes": _texts(self._holes),
            "shelves": _texts(self._newest),
            "recent": {name: _texts(files) for name, files in self._recent.items()},
        }
        moments = {"newest": self.newest, "until": self.until, "listed": self.listed, "digested": self.digested}
        return found | {name: to_rfc3339(moment) for name, moment in moments.items() if moment}


def _moment(text: Json) -> datetime | None:
    return parse_rfc3339(text) if isinstance(text, str) else None


def _moments(saved: Json) -> dict[str, datetime]:
    items = saved.items() if isinstance(saved, Mapping) else ()
    return {name: parse_rfc3339(text) for name, text in items if isinstance(text, str)}


def _links(saved: Json) -> dict[str, Link]:
    items = saved.items() if isinstance(saved, Mapping) else ()
    return {name: link for name, text in items if (link := Link.load(text)) is not None}


def _texts(moments: dict[str, datetime]) -> dict[str, Json]:
    return {name: to_rfc3339(moment.astimezone(UTC)) for name, moment in moments.items()}
