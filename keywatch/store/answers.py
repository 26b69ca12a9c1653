"""What calls were answered: a few rows a credential and source, joined with what is new, and one a day."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from keywatch.model.answer import ENDED_BY, REFUSALS, Answer, Answered, Counted, DayCount, Streak, continued
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.store import schema
from keywatch.store.codec import storable
from keywatch.store.database import Database
from keywatch.store.places import batches
from keywatch.store.sql import upsert

_STREAKS, _DAYS = schema.answer, schema.answered_day


class AnswerRecords(Database):
    """Of each credential and source: since when it is refused, and how many of each day's calls are throttled."""

    def refused(self) -> list[Answered]:
        """Return what is known of the credentials that some source saw refused; all sources, and no counts of days."""
        columns = _STREAKS.c
        handles = select(columns.handle).where(columns.answer.in_([answer.value for answer in REFUSALS])).distinct()
        statement = select(_STREAKS).where(columns.handle.in_(handles)).order_by(columns.handle, columns.source)
        found: dict[tuple[str, str], dict[Answer, Streak]] = defaultdict(dict)
        with self._reading() as connection:
            for row in connection.execute(statement):
                found[row.handle, row.source][Answer(row.answer)] = Streak(row.since, row.last, row.calls)
        return [
            Answered(handle=_handle(handle), source=SourceId(source), streaks=streaks)
            for (handle, source), streaks in found.items()
        ]

    def answered_since(self, first: int) -> list[Counted]:
        """Return how many calls were made from the day `first` on, an ordinal."""
        columns = _DAYS.c
        sums = select(columns.handle, columns.source, func.sum(columns.calls), func.sum(columns.throttled))
        statement = sums.where(columns.day >= first).group_by(columns.handle, columns.source)
        with self._reading() as connection:
            return [
                Counted(_handle(handle), SourceId(source), DayCount(calls, throttled))
                for handle, source, calls, throttled in connection.execute(statement)
            ]

    def prune_answers(self, before: datetime, *, first_day: int) -> None:
        """Forget what was not answered since an instant, and the counts of the days before `first_day`, an ordinal."""
        with self._writing() as connection:
            connection.execute(delete(_STREAKS).where(_STREAKS.c.last < before))
            connection.execute(delete(_DAYS).where(_DAYS.c.day < first_day))


def save_answers(connection: Connection, source: SourceId, answers: Iterable[Answered]) -> None:
    """Join `answers` with what is known of the same credentials, in the caller's transaction."""
    fresh = {storable(str(one.handle)): one for one in answers}
    for handles in batches(tuple(fresh)):
        _save_streaks(connection, source, handles, fresh)
        _save_days(connection, source, handles, fresh)


def _save_streaks(
    connection: Connection, source: SourceId, handles: Collection[str], fresh: Mapping[str, Answered]
) -> None:
    mine = (_STREAKS.c.source == source) & _STREAKS.c.handle.in_(handles)
    known: dict[str, dict[Answer, Streak]] = defaultdict(dict)
    for row in connection.execute(select(_STREAKS).where(mine)):
        known[row.handle][Answer(row.answer)] = Streak(row.since, row.last, row.calls)
    rows: list[dict[str, object]] = []
    for handle in handles:
        # Successes first: what was refused after one of this very batch is refused anew.
        for answer, new in sorted(fresh[handle].streaks.items(), key=lambda item: item[0] in ENDED_BY):
            streak = known[handle][answer] = continued(known[handle], answer, new)
            rows.append({"handle": handle, "source": source, "answer": answer.value, **streak._asdict()})
    upsert(connection, _STREAKS, rows)


def _save_days(
    connection: Connection, source: SourceId, handles: Collection[str], fresh: Mapping[str, Answered]
) -> None:
    mine = (_DAYS.c.source == source) & _DAYS.c.handle.in_(handles)
    days = {day for handle in handles for day in fresh[handle].days}
    known: dict[tuple[str, int], DayCount] = {}
    if days:
        statement = select(_DAYS).where(mine, _DAYS.c.day.between(min(days), max(days)))
        for row in connection.execute(statement):
            known[row.handle, row.day] = DayCount(row.calls, row.throttled)
    nothing = DayCount(0, 0)
    rows = [
        {
            "handle": handle,
            "source": source,
            "day": day,
            **known.get((handle, day), nothing).joined(counted)._asdict(),
        }
        for handle in handles
        for day, counted in fresh[handle].days.items()
    ]
    upsert(connection, _DAYS, rows)


def _handle(text: str) -> Handle:
    space, _, value = text.partition(":")
    return Handle(HandleSpace(space), value)
