"""Findings, their life, and the places they were seen in."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, select, update

from keywatch.model.finding import Confidence, Finding, FindingState, Place
from keywatch.model.key import SourceId
from keywatch.model.source import CallBatch, Cursor
from keywatch.store import schema
from keywatch.store.calls import save_evidence
from keywatch.store.codec import dump, load
from keywatch.store.database import Database
from keywatch.store.logged import save_logged
from keywatch.store.places import PlaceRow, batches, places_of, save_places
from keywatch.store.sql import upsert

_STEP = 500
"""Findings saved in one transaction: about half a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFinding:
    """A finding with its life."""

    finding: Finding
    """With at most `PLACES_KEPT` places of each source; those of a resolved finding are where it was last."""
    state: FindingState
    sources: tuple[SourceId, ...]
    """Who sees it now; who saw it last if it is resolved."""
    targets: tuple[str, ...]
    """Every target it is in, however many places there are."""
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    places_total: int
    """Distinct places, up to `PLACES_COUNTED` for each source."""


class FindingRecords(Database):
    """One row a secret, whichever rules saw it; one row a place."""

    def save_findings(
        self,
        source: SourceId,
        findings: Sequence[Finding],
        cursor: Cursor | None,
        now: datetime,
        *,
        calls: CallBatch | None = None,
    ) -> None:
        """
        Save findings, and with the last of them the place to resume from. Saving them again changes nothing but dates.

        The cursor is never ahead of the findings. Very many findings take several transactions, so that nobody else
        waits long for the write lock; a crash between two of them costs a repeat. A finding that was resolved and is
        seen again becomes open again. One that a person ignored stays ignored.

        Args:
            source: who saw them.
            findings: with the places seen in this step; they are added to those seen before.
            cursor: None leaves the saved one as it is.
            now: aware UTC.
            calls: what the same bytes prove, saved with the cursor; its own cursor is left aside.
        """
        *earlier, last = [findings[start : start + _STEP] for start in range(0, max(len(findings), 1), _STEP)]
        for some in earlier:
            with self._writing() as connection:
                _save_all(connection, source, some, now)
        with self._writing() as connection:
            _save_all(connection, source, last, now)
            if calls is not None:
                save_evidence(connection, source, calls, now)
                save_logged(connection, source, calls.logged)
            if cursor is not None:
                upsert(connection, schema.cursor, [{"source": source, "record": dump(cursor)}])

    def findings(self, *states: FindingState) -> list[StoredFinding]:
        """Return the findings in any of `states`; without one, all of them. Longest known first."""
        table = schema.finding
        query = select(table).order_by(table.c.first_seen, table.c.id)
        if states:
            query = query.where(table.c.state.in_([state.value for state in states]))
        with self._reading() as connection:
            rows = connection.execute(query).all()
            places = places_of(connection, [row.id for row in rows])
        return [_stored(row, places.get(row.id, [])) for row in rows]

    def resolve_findings(self, source: SourceId, gone: Collection[str], now: datetime) -> None:
        """
        Record that `source` has looked everywhere and does not see these findings any more.

        A finding is resolved when no source sees it. Only a complete, successful scan may say so.

        Args:
            source: who looked.
            gone: ids of findings.
            now: aware UTC.
        """
        with self._writing() as connection:
            for some in batches(sorted(gone)):
                here = (schema.place.c.source == source) & schema.place.c.finding.in_(some)
                connection.execute(
                    update(schema.place).where(here & schema.place.c.gone_at.is_(None)).values(gone_at=now)
                )
                resolve_unseen_by_all(connection, some, now)


def _save_all(connection: Connection, source: SourceId, findings: Sequence[Finding], now: datetime) -> None:
    for finding in findings:
        _save(connection, source, finding, now)


def _save(connection: Connection, source: SourceId, finding: Finding, now: datetime) -> None:
    table = schema.finding
    before = connection.execute(select(table.c.record).where(table.c.id == finding.id)).scalar()
    told = finding if before is None else _together(load(before, Finding), finding)
    head = {
        "id": finding.id,
        "record": dump(replace(told, places=())),
        "state": FindingState.OPEN.value,
        "first_seen": now,
        "last_seen": now,
    }
    upsert(connection, table, [head], keep=["first_seen", "state"])
    was_resolved = (table.c.id == head["id"]) & (table.c.state == FindingState.RESOLVED.value)
    reopened = update(table).where(was_resolved).values(state=FindingState.OPEN.value, resolved_at=None)
    if connection.execute(reopened).rowcount:
        # Where it was before it was resolved is history; it is told where it is now.
        stale = (schema.place.c.finding == head["id"]) & schema.place.c.gone_at.is_not(None)
        connection.execute(delete(schema.place).where(stale))
    save_places(connection, source, finding.id, finding.places, now)


def _together(before: Finding, finding: Finding) -> Finding:
    """What is known of a value that is seen again: the same rule has the last word, of two the more telling one."""
    if before.rule.id == finding.rule.id:
        if finding.confidence is Confidence.SLIGHT:  # a place in test code makes no other place less certain
            finding = replace(finding, confidence=before.confidence)
        return replace(finding, other_rules=tuple(sorted((before.rules | finding.rules) - {finding.rule.id})))
    return finding.joined(before)


def resolve_unseen_by_all(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    """Resolve those of these findings that no source sees any more."""
    table = schema.finding
    seen = exists().where((schema.place.c.finding == table.c.id) & schema.place.c.gone_at.is_(None))
    resolvable = table.c.state.in_([FindingState.OPEN.value, FindingState.ACKNOWLEDGED.value])
    connection.execute(
        update(table)
        .where(table.c.id.in_(ids) & resolvable & ~seen)
        .values(state=FindingState.RESOLVED.value, resolved_at=now)
    )


def _stored(row: Row[Any], places: Sequence[PlaceRow]) -> StoredFinding:
    current = [place for place in places if not place.gone] or places
    # Two sources may show one and the same place (a directory, and the repository in it): it counts once.
    kept = {place.digest: load(place.record, Place) for place in current if place.record is not None}
    return StoredFinding(
        finding=replace(load(row.record, Finding), places=tuple(sorted(kept.values()))),
        state=FindingState(row.state),
        sources=tuple(sorted({place.source for place in current})),
        targets=tuple(sorted({place.target for place in current})),
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        resolved_at=row.resolved_at,
        places_total=len({place.digest for place in current}),
    )
