"""What the cursor of an audit log carries from run to run: how far it was read, what is covered, what is in clear."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from keywatch.model.call import Exposed
from keywatch.model.source import Cursor
from keywatch.model.time import parse_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from keywatch.model.source import Json

_VERSION = 1
_MOUNTS = 50
"""Mounts whose secrets are told to be in the clear, one by one."""


class AuditState:
    """How far a log was read, and what is known of the whole of it."""

    def __init__(self, cursor: Cursor) -> None:
        tail = cursor.get("tail")
        self.tail: Cursor = tail if isinstance(tail, Mapping) else {}
        self.oldest = _moment(cursor.get("oldest"))
        """Of the oldest entry ever seen."""
        self.newest = _moment(cursor.get("newest"))
        self.whole_since = _moment(cursor.get("whole_since"))
        """Up to then something was lost."""
        self.until = _moment(cursor.get("until"))
        """To when it has been read."""
        self._exposed: dict[tuple[str, bool], Exposed] = {}
        exposed = cursor.get("exposed")
        for record in exposed if isinstance(exposed, list) else ():
            if (item := _exposed(record)) is not None:
                self.show(item)

    @property
    def since(self) -> datetime | None:
        """From when on nothing is missing."""
        return max((at for at in (self.oldest, self.whole_since) if at), default=None) if self.oldest else None

    @property
    def exposed(self) -> tuple[Exposed, ...]:
        return tuple(self._exposed.values())

    def saw(self, at: datetime) -> None:
        """Note the time of an entry."""
        self.oldest = min(self.oldest, at) if self.oldest else at
        self.newest = max(self.newest, at) if self.newest else at

    def lost(self, until: datetime) -> None:
        """Note that something is missing that was written before an instant."""
        self.whole_since = max(self.whole_since, until) if self.whole_since else until

    def show(self, item: Exposed) -> None:
        """Note that something stands in the clear."""
        key = ("", False) if not item.fields else (item.mount, True)
        known = self._exposed.get(key)
        if known is not None:
            self._exposed[key] = known.joined(item)
        elif len(self._exposed) < _MOUNTS:
            self._exposed[key] = item

    def cursor(self) -> Cursor:
        found: dict[str, Json] = {"version": _VERSION, "tail": dict(self.tail)}
        for name in ("oldest", "newest", "whole_since", "until"):
            if (at := getattr(self, name)) is not None:
                found[name] = to_rfc3339(at)
        if self._exposed:
            found["exposed"] = [
                {
                    "where": item.where,
                    "mount": item.mount,
                    "fields": list(item.fields),
                    "since": to_rfc3339(item.since),
                    "until": to_rfc3339(item.until),
                }
                for item in self._exposed.values()
            ]
        return found


def _moment(value: "Json") -> datetime | None:
    return parse_rfc3339(value) if isinstance(value, str) else None


def _exposed(record: "Json") -> Exposed | None:
    if not isinstance(record, Mapping):
        return None
    fields, since, until = record.get("fields"), _moment(record.get("since")), _moment(record.get("until"))
    if not isinstance(fields, list) or since is None or until is None:
        return None
    return Exposed(
        where=str(record.get("where", "")),
        mount=str(record.get("mount", "")),
        fields=tuple(map(str, fields)),
        since=since,
        until=until,
    )
