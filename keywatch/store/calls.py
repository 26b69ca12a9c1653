"""Evidence of calls, aggregated to what a standing needs."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from keywatch.model.call import Call, Coverage, Evidence, Silence
from keywatch.model.key import SourceId
from keywatch.model.source import CallBatch, Cursor
from keywatch.store import schema
from keywatch.store.answers import save_answers
from keywatch.store.codec import dump, load, storable
from keywatch.store.database import Database
from keywatch.store.logged import save_logged
from keywatch.store.notices import save_notices
from keywatch.store.reported import remember
from keywatch.store.sql import upsert
from keywatch.store.usage import save_uses


class CallRecords(Database):
    """The latest call of each outcome and the latest silence, per handle and source; and what each source covers."""

    def save_calls(self, source: SourceId, batch: CallBatch, now: datetime) -> None:
        """
        Save evidence, uses, answers, coverage and cursor in one transaction.

        Saving a batch again changes nothing but how many calls its uses and answers are.

        Args:
            source: whose batch it is.
            batch: what it read.
            now: aware UTC. No call was made after it was told: one by a clock that is ahead would else keep its key
                alive until then, and hide every call before.
        """
        with self._writing() as connection:
            save_evidence(connection, source, batch, now)
            remember(connection, source, batch.ids, now)
            save_logged(connection, source, batch.logged)
            upsert(connection, schema.cursor, [{"source": source, "record": dump(batch.cursor)}])

    def evidence(self) -> list[Evidence]:
        """Return every call and silence kept."""
        calls, silences = schema.call, schema.silence
        with self._reading() as connection:
            told = connection.execute(select(calls.c.record).order_by(calls.c.handle, calls.c.at)).scalars().all()
            quiet = connection.execute(select(silences.c.record).order_by(silences.c.handle)).scalars().all()
        return [*(load(text, Call) for text in told), *(load(text, Silence) for text in quiet)]

    def coverages(self) -> list[Coverage]:
        """Return what each call source has covered, as it last said."""
        table = schema.coverage
        with self._reading() as connection:
            rows = connection.execute(select(table.c.record).order_by(table.c.source)).scalars().all()
        return [load(text, Coverage) for text in rows]

    def save_coverage(self, coverage: Coverage) -> None:
        """Replace what a source covers without new evidence: it has just gone blind, or can see again."""
        with self._writing() as connection:
            upsert(connection, schema.coverage, [{"source": coverage.source, "record": dump(coverage)}])

    def cursor(self, source: SourceId) -> Cursor:
        """Return where a source was read up to; empty for one that was never read."""
        table = schema.cursor
        with self._reading() as connection:
            text = connection.execute(select(table.c.record).where(table.c.source == source)).scalar_one_or_none()
        return {} if text is None else load(text, dict)


def save_evidence(connection: Connection, source: SourceId, batch: CallBatch, now: datetime) -> None:
    """Save all that a batch brought but its cursor and its ids, in the caller's transaction. See `save_calls`."""
    calls = [call for call in batch.evidence if isinstance(call, Call)]
    silences = [silence for silence in batch.evidence if isinstance(silence, Silence)]
    upsert(connection, schema.call, [_call_row(source, call, min(call.at, now)) for call in calls], newer="at")
    # The latest one replaces an earlier one and is never joined with it: IAM's last-used date lags by hours, so
    # an earlier silence may have been declared over a call that was not yet known.
    upsert(connection, schema.silence, [_silence_row(source, silence) for silence in silences], newer="until")
    save_uses(connection, source, batch.uses)
    save_answers(connection, source, batch.answers)
    save_notices(connection, batch.notices)
    upsert(connection, schema.coverage, [{"source": source, "record": dump(batch.coverage)}])


def _call_row(source: SourceId, call: Call, at: datetime) -> dict[str, object]:
    return {
        "handle": storable(str(call.handle)),
        "source": source,
        "outcome": call.outcome.value,
        "at": at,
        "record": dump(call if call.at == at else replace(call, at=at)),
    }


def _silence_row(source: SourceId, silence: Silence) -> dict[str, object]:
    return {
        "handle": storable(str(silence.handle)),
        "source": source,
        "until": silence.until,
        "record": dump(silence),
    }
