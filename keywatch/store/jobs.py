"""When each job ran: the scheduler's memory, since APScheduler's own is not to be trusted with it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from keywatch.store import schema
from keywatch.store.database import Database
from keywatch.store.sql import upsert

RUNS_KEPT = 50
"""Runs of each job that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One run of one job."""

    job: str
    started: datetime
    finished: datetime
    outcome: str
    """A word for a person: `done`, `failed`, `stopped`."""


class JobRecords(Database):
    """The last runs of each job."""

    def record_run(self, job: str, started: datetime, finished: datetime, outcome: str) -> None:
        """Remember a run, and forget the oldest ones."""
        table = schema.job_run
        with self._writing() as connection:
            row = {"job": job, "started": started, "finished": finished, "outcome": outcome}
            upsert(connection, table, [row])
            newest = select(table.c.started).where(table.c.job == job).order_by(table.c.started.desc()).limit(RUNS_KEPT)
            connection.execute(delete(table).where((table.c.job == job) & table.c.started.not_in(newest)))

    def last_run(self, job: str) -> JobRun | None:
        """Return the run that started last; None if there was none."""
        table = schema.job_run
        query = select(table).where(table.c.job == job).order_by(table.c.started.desc()).limit(1)
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return JobRun(job=row.job, started=row.started, finished=row.finished, outcome=row.outcome)
