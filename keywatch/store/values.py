"""Values that stores showed to us: fingerprints and sealed anchors, and what has become of each since."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from keywatch.model.held_value import HeldValue, ReadSecret, ReadValue, Validity, ValueBatch
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.secret import Fingerprint
from keywatch.store import schema
from keywatch.store.codec import dump, load, storable
from keywatch.store.database import Database
from keywatch.store.places import batches
from keywatch.store.sql import upsert

_PLACES, _VALUES = schema.value_place, schema.held_value
_REVISION = "values_revision"
"""In `meta`: raised with any change, so that nobody has to compare what has not changed."""
_NEW = "values_new"
"""In `meta`: values that came since content was last read anew for them."""
_EPOCH = "values_epoch"
"""In `meta`: how often content was to be read anew for values that came, and since when."""
_KEPT = timedelta(days=400)
"""As long the fingerprint of a value is kept that was replaced or removed: it may have leaked long ago."""
_ANEW_AT_MOST = timedelta(days=1)
"""Of ten thousand values some are rotated every hour; what was read is not read again for each."""


@dataclass(frozen=True, slots=True)
class Row:
    """One value as it is kept."""

    field: str
    fingerprint: str
    sealed: str
    kind: str
    refused: str
    version: int
    validity: str = Validity.CURRENT.value
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefusedValue:
    """A value that is not looked for wherever it may stand."""

    place: str
    field: str
    why: str
    """For a person, after `the value`."""


class ValueRecords(Database):
    """One row a place, field and value; never a value itself."""

    def value_marks(self, source: SourceId, manner: str) -> dict[str, str]:
        """
        Return what the last reading left at each place.

        Args:
            source: whose places.
            manner: as `ValueSource.manner`. Where it is another than last time, nothing is left: all is read anew.
        """
        mine = _PLACES.c.source == source
        with self._writing() as connection:
            state = _state(connection, source)
            if state.get("manner") != manner:
                connection.execute(update(_PLACES).where(mine).values(mark=""))
                _save_state(connection, source, manner, whole=False)
            rows = connection.execute(
                select(_PLACES.c.place, _PLACES.c.mark).where(mine & (_PLACES.c.mark != ""))
            ).all()
        return {row.place: row.mark for row in rows}

    def save_values(self, source: SourceId, batch: ValueBatch, now: datetime) -> None:
        """Save what was read of some secrets, and by what the next reading sees that they have not changed."""
        with self._writing() as connection:
            before = _rows(connection, source, [storable(secret.place) for secret in batch.secrets])
            changed: list[dict[str, object]] = []
            fresh: set[str] = set()
            for secret in batch.secrets:
                place = storable(secret.place)
                known = before.get(place, {})
                for key, row in merged(known, secret, now).items():
                    if known.get(key) != row:
                        changed.append({"source": source, "place": place, **_columns(row)})
                    if key not in known and row.sealed:
                        fresh.add(row.fingerprint)
            for some in batches(sorted(fresh)):
                held = select(_VALUES.c.fingerprint).where(_VALUES.c.fingerprint.in_(some))
                fresh -= set(connection.execute(held).scalars())
            upsert(connection, _VALUES, changed)
            places = [
                {"source": source, "place": storable(secret.place), "mark": secret.mark, "gone_at": None}
                for secret in batch.secrets
            ]
            upsert(connection, _PLACES, places)
            if changed:
                _add(connection, _REVISION, 1)
            _add(connection, _NEW, len(fresh))

    def end_values(
        self,
        source: SourceId,
        seen: Collection[str],
        covers: Callable[[str, str], bool],
        *,
        complete: bool,
        now: datetime,
    ) -> None:
        """
        Record that a reading has come to its end.

        Args:
            source: whose.
            seen: every place that is there.
            covers: whether the settings ask for a field of a place; what they do not ask for is forgotten.
            complete: whether it saw everything: then what it has not seen is gone.
            now: aware UTC.
        """
        there = {storable(place) for place in seen}
        mine = _PLACES.c.source == source
        with self._writing() as connection:
            state = _state(connection, source)
            known = connection.execute(select(_PLACES.c.place).where(mine & _PLACES.c.gone_at.is_(None))).scalars()
            missing = sorted(set(known) - there)
            unwanted = [place for place in missing if not covers(place, "")]
            changed = _forget(connection, source, unwanted)
            if not state.get("whole"):
                changed += _forget_fields(connection, source, covers)
            if complete:
                changed += _gone(connection, source, sorted(set(missing) - set(unwanted)), now)
            changed += _prune(connection, source, now - _KEPT)
            if changed:
                _add(connection, _REVISION, 1)
            _begin_epoch(connection, now, first=complete and not state.get("whole"))
            if complete and not state.get("whole"):
                _save_state(connection, source, str(state.get("manner", "")), whole=True)

    def values_stand(self) -> tuple[int, int]:
        """Return a number that changes with any value, and one that does when content is to be read anew for them."""
        with self._reading() as connection:
            return _number(connection, _REVISION), _number(connection, _EPOCH)

    def held_values(self, only: Iterable[Fingerprint] | None = None) -> list[HeldValue]:
        """Return every value that is, or was, held; or those with `only` these fingerprints."""
        columns = _VALUES.c
        query = select(_VALUES).where(columns.fingerprint != "").order_by(columns.place, columns.field, columns.version)
        with self._reading() as connection:
            if only is None:
                rows = connection.execute(query).all()
            else:
                wanted = sorted({fingerprint.digest for fingerprint in only})
                found = [connection.execute(query.where(columns.fingerprint.in_(some))) for some in batches(wanted)]
                rows = [row for result in found for row in result]
        return [
            HeldValue(
                place=row.place,
                field=row.field,
                fingerprint=Fingerprint(row.fingerprint),
                sealed=row.sealed,
                kind=KeyKind(row.kind),
                validity=Validity(row.validity),
                since=row.since,
            )
            for row in rows
        ]

    def refused_values(self, source: SourceId, most: int | None = None) -> list[RefusedValue]:
        """Return the values that are held now and not looked for wherever they may stand."""
        columns = _VALUES.c
        now = (columns.source == source) & (columns.refused != "") & (columns.validity == Validity.CURRENT.value)
        query = select(columns.place, columns.field, columns.refused).where(now).order_by(columns.place, columns.field)
        with self._reading() as connection:
            rows = connection.execute(query.limit(most)).all()
        return [RefusedValue(row.place, row.field, row.refused) for row in rows]

    def count_values(self, source: SourceId) -> tuple[int, int]:
        """Return how many values of a source are looked for, and how many of those that are held now are refused."""
        mine = _VALUES.c.source == source
        current = mine & (_VALUES.c.refused != "") & (_VALUES.c.validity == Validity.CURRENT.value)
        count = select(func.count()).select_from(_VALUES)
        with self._reading() as connection:
            sought = connection.execute(count.where(mine & (_VALUES.c.sealed != ""))).scalar_one()
            return sought, connection.execute(count.where(current)).scalar_one()


def merged(before: Mapping[tuple[str, str], Row], secret: ReadSecret, now: datetime) -> dict[tuple[str, str], Row]:
    """
    Join what was known of a secret with what was read of it; pure.

    A value is current while it stands in the current version, replaced when another stands in its field since, and
    removed when none does. The result is the same in whatever portions the versions were read.
    """
    rows = {key: replace(row, version=0) if secret.anew else row for key, row in before.items()}
    for number, values in sorted(secret.read.items()):
        for value in values:
            row = _row(value, number)
            known = rows.get((row.field, row.fingerprint))
            if known is not None:
                row = replace(row, version=max(known.version, number), validity=known.validity, since=known.since)
            rows[row.field, row.fingerprint] = row
    latest: dict[str, int] = {}
    for row in rows.values():
        latest[row.field] = max(latest.get(row.field, 0), row.version)
    return {key: _judged(row, latest[row.field], secret, now) for key, row in rows.items()}


def _judged(row: Row, latest: int, secret: ReadSecret, now: datetime) -> Row:
    if row.version == secret.current and not secret.gone:
        return replace(row, validity=Validity.CURRENT.value, since=None)
    validity = (Validity.REPLACED if latest > row.version else Validity.REMOVED).value
    if row.validity == validity:
        return row
    later = [number for number in secret.times if number > row.version]
    return replace(row, validity=validity, since=secret.times[min(later)] if later else now)


def _row(value: ReadValue, number: int) -> Row:
    return Row(
        field=storable(value.field),
        fingerprint=value.fingerprint.digest if value.fingerprint else "",
        sealed=value.sealed,
        kind=value.kind.value,
        refused=value.refused,
        version=number,
    )


def _columns(row: Row) -> dict[str, object]:
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}


def _rows(connection: Connection, source: SourceId, places: list[str]) -> dict[str, dict[tuple[str, str], Row]]:
    found: dict[str, dict[tuple[str, str], Row]] = {}
    for some in batches(places):
        mine = (_VALUES.c.source == source) & _VALUES.c.place.in_(some)
        for row in connection.execute(select(_VALUES).where(mine)):
            kept = Row(**{name: getattr(row, name) for name in Row.__dataclass_fields__})
            found.setdefault(row.place, {})[row.field, row.fingerprint] = kept
    return found


def _forget(connection: Connection, source: SourceId, places: list[str]) -> int:
    for some in batches(places):
        for table in (_PLACES, _VALUES):
            connection.execute(delete(table).where((table.c.source == source) & table.c.place.in_(some)))
    return len(places)


def _forget_fields(connection: Connection, source: SourceId, covers: Callable[[str, str], bool]) -> int:
    mine = _VALUES.c.source == source
    pairs = connection.execute(select(_VALUES.c.place, _VALUES.c.field).where(mine).distinct()).all()
    unwanted = [(place, field) for place, field in pairs if not covers(place, field)]
    for place, field in unwanted:
        connection.execute(delete(_VALUES).where(mine & (_VALUES.c.place == place) & (_VALUES.c.field == field)))
    return len(unwanted)


def _gone(connection: Connection, source: SourceId, places: Iterable[str], now: datetime) -> int:
    count = 0
    for some in batches(list(places)):
        here = (_PLACES.c.source == source) & _PLACES.c.place.in_(some)
        connection.execute(update(_PLACES).where(here).values(gone_at=now, mark=""))
        held = (_VALUES.c.source == source) & _VALUES.c.place.in_(some)
        current = held & (_VALUES.c.validity == Validity.CURRENT.value)
        connection.execute(update(_VALUES).where(current).values(validity=Validity.REMOVED.value, since=now))
        count += len(some)
    return count


def _prune(connection: Connection, source: SourceId, before: datetime) -> int:
    mine = (_VALUES.c.source == source) & (_VALUES.c.validity != Validity.CURRENT.value)
    return connection.execute(delete(_VALUES).where(mine & (_VALUES.c.since < before))).rowcount


def _begin_epoch(connection: Connection, now: datetime, *, first: bool) -> None:
    """Have content read anew if values have come; at most once a day, but at once for what a source shows first."""
    if not _number(connection, _NEW):
        return
    begun = connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == f"{_EPOCH}_at")).scalar()
    if begun is None or first or now - datetime.fromisoformat(begun) >= _ANEW_AT_MOST:
        _add(connection, _EPOCH, 1)
        _add(connection, _NEW, -_number(connection, _NEW))
        upsert(connection, schema.meta, [{"name": f"{_EPOCH}_at", "value": now.isoformat()}])


def _number(connection: Connection, name: str) -> int:
    value = connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == name)).scalar()
    return int(value) if value else 0


def _add(connection: Connection, name: str, amount: int) -> None:
    if amount:
        value = str(_number(connection, name) + amount)
        upsert(connection, schema.meta, [{"name": name, "value": value}])


def _state(connection: Connection, source: SourceId) -> dict[str, object]:
    query = select(schema.cursor.c.record).where(schema.cursor.c.source == source)
    text = connection.execute(query).scalar_one_or_none()
    return {} if text is None else load(text, dict)


def _save_state(connection: Connection, source: SourceId, manner: str, *, whole: bool) -> None:
    record = dump({"manner": manner, "whole": whole})
    upsert(connection, schema.cursor, [{"source": source, "record": record}])
