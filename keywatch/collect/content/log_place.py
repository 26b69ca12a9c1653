"""Up to where each log group was read, and which events of the time before that have been shown."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping

from keywatch.model.source import Cursor, Json

_DIGEST = 8
_IDS = 20_000
"""Events whose ids are kept, over all groups: some 200 KB of cursor. Beyond that the oldest are shown again."""
_FEWEST = 200


def name_of(event_id: str) -> bytes:
    """Return an event's id in short."""
    return hashlib.blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


class GroupPlace:
    """
    How far one group has been read.

    Events arrive late: each run asks again for some time before the place it had come to, and knows those it was shown.
    """

    def __init__(self, at: int, start: int, known: frozenset[bytes], *, overlap: int, most: int) -> None:
        """
        Begin a run.

        Args:
            at: everything up to here has been read, in milliseconds since 1970.
            start: from when on to ask.
            known: events between the two that were shown.
            overlap: milliseconds.
            most: events to remember.
        """
        self.at = at
        self.start = max(0, start)
        self._from = at
        self._overlap = overlap
        self._most = most
        self._known = known
        self._recent: dict[bytes, int] = {}
        self._newest = 0
        self._in_order = True

    def note(self, name: bytes, at: int) -> bool:
        """Note an event, and return whether it was shown before, by this run or an earlier one."""
        self._in_order &= at >= self._newest
        self._newest = max(self._newest, at)
        known = name in self._known or name in self._recent
        self._recent[name] = at
        if len(self._recent) > 4 * self._most:
            self._recent = dict(self._wanted(self._newest))
        return known

    def here(self) -> None:
        """
        Everything before the newest event has been read; of its very moment there may be more.

        AWS promises that order. Where it turns out not to be kept, the place is the one where this run began.
        """
        self.at = max(self._from, self._newest) if self._in_order else self._from

    def ended(self, at: int) -> None:
        """Everything up to `at` has been read."""
        self.at = max(self.at, at)
        self._known = frozenset()

    def json(self) -> Json:
        names = [name for name, _ in self._wanted(self.at)]
        if self.at <= self._from:
            names = [*sorted(self._known - set(names)), *names][-self._most :]
        return {"at": self.at, "seen": base64.b64encode(b"".join(names)).decode()}

    def _wanted(self, at: int) -> Iterable[tuple[bytes, int]]:
        recent = [(name, when) for name, when in self._recent.items() if when >= at - self._overlap]
        return sorted(recent, key=lambda item: (item[1], item[0]))[-self._most :]


class Places:
    """The cursor of all groups."""

    def __init__(self, cursor: Cursor, groups: int, overlap: int) -> None:
        groups_json = cursor.get("groups") if cursor.get("version") == 1 else None
        self._groups: dict[str, Json] = dict(groups_json) if isinstance(groups_json, Mapping) else {}
        self._overlap = overlap
        self._most = max(_FEWEST, _IDS // max(1, groups))

    def of(self, group: str, earliest: int) -> GroupPlace:
        """Return where to begin in a group: where the last run ended, or at `earliest`."""
        known = self._groups.get(group)
        if isinstance(known, Mapping):
            at, seen = known.get("at"), known.get("seen")
            if isinstance(at, int) and isinstance(seen, str):
                names, start = _names(seen), at - self._overlap
                return GroupPlace(at, start, names, overlap=self._overlap, most=self._most)
        return GroupPlace(earliest, earliest, frozenset(), overlap=self._overlap, most=self._most)

    def keep(self, group: str, place: GroupPlace) -> None:
        self._groups[group] = place.json()

    def forget_others(self, groups: Iterable[str]) -> None:
        """Forget groups that are no longer there."""
        self._groups = {group: self._groups[group] for group in sorted(groups) if group in self._groups}

    def cursor(self) -> Cursor:
        return {"version": 1, "groups": dict(self._groups)}


def _names(text: str) -> frozenset[bytes]:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return frozenset()
    return frozenset(data[at : at + _DIGEST] for at in range(0, len(data), _DIGEST))
