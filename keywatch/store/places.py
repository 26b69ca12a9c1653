"""Places of findings: rows of their own, since one secret may be in thousands."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from keywatch.model.finding import Place
from keywatch.model.key import SourceId
from keywatch.store import schema
from keywatch.store.codec import dump, storable
from keywatch.store.sql import upsert

PLACES_KEPT = 100
"""Places of one finding that are kept in full for each source."""

PLACES_COUNTED = 10_000
"""Places of one finding that are counted for each source; the counter stops there."""

_BATCH = 500
"""Values in one IN list."""


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A place as it is kept."""

    source: SourceId
    digest: str
    target: str
    record: str | None
    """None: one of too many to be kept in full."""
    gone: bool


def places_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[PlaceRow]]:
    """Return the places of each of these findings; one without places is not among the keys."""
    table = schema.place
    found: dict[str, list[PlaceRow]] = {}
    for some in batches(ids):
        for row in connection.execute(select(table).where(table.c.finding.in_(some))):
            place = PlaceRow(SourceId(row.source), row.digest, row.target, row.record, row.gone_at is not None)
            found.setdefault(row.finding, []).append(place)
    return found


def save_places(connection: Connection, source: SourceId, finding: str, places: Iterable[Place], now: datetime) -> None:
    """Add places to a finding, and bring those up to date that it has already, within the bounds above."""
    table = schema.place
    mine = (table.c.finding == finding) & (table.c.source == source)
    connection.execute(delete(table).where(mine & table.c.gone_at.is_not(None)))
    counted = connection.execute(select(table.c.digest, table.c.record.is_not(None)).where(mine)).all()
    known = {row[0]: bool(row[1]) for row in counted}
    kept = sum(known.values())
    changed: list[dict[str, object]] = []
    for place in places:
        digest = _digest(place)
        in_full = known.get(digest, kept < PLACES_KEPT)
        if digest not in known:
            if len(known) >= PLACES_COUNTED:
                continue
            known[digest] = in_full
            kept += in_full
        record = dump(place) if in_full else None
        changed.append(
            {
                "finding": finding,
                "source": source,
                "digest": digest,
                "target": storable(place.target),
                "record": record,
                "last_seen": now,
                "gone_at": None,
            }
        )
    upsert(connection, table, changed)


def _digest(place: Place) -> str:
    """Name the spot; what may be learned of it later (author, line of a blob, presence) is not part of the name."""
    spot = (place.target, place.path, place.blob or "", place.line, place.column, place.offset if not place.line else 0)
    return hashlib.sha256(repr(spot).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def batches(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """Cut a list into pieces that fit into one statement."""
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
