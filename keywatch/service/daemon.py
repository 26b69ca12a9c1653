"""
The daemon's life: start, run every job on its interval, notice that it is asked to stop, stop in time.

The schedule is memory only; what has been done is in the store. APScheduler runs jobs in UTC on thread pools that are
kept apart, so that four hanging scans delay no message: https://apscheduler.readthedocs.io/en/3.x/
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from keywatch.model.errors import KeywatchError
from keywatch.service import systemd
from keywatch.service.ending import GRACE, Ending, stop_signals
from keywatch.service.metrics import Metrics
from keywatch.service.web import WebServer
from keywatch.store import Store

_log = structlog.get_logger(__name__)

POOLS = {"sources": 4, "scans": 2, "judge": 1, "sender": 1, "pulse": 1}
"""Threads for each kind of work."""
_BEAT = "beat"
_PULSE = timedelta(seconds=15)
_DEAD_AFTER = 60.0
"""Seconds without a pulse after which the scheduler counts as dead."""
_STUCK_AFTER = 600.0
"""Seconds after which the judge or the sender, had they not finished a run, would count as stuck."""
_LOOK = 0.5
"""Seconds between two looks at the clock, and at whether somebody asked for an end."""
_STEP = 60.0
"""Seconds by which the wall clock may drift from the monotonic one between two looks before it was set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The two clocks by whose difference it shows that somebody set one of them; both in seconds."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do again and again."""

    name: str
    every: timedelta
    run: Callable[[], bool]
    """Returns whether it went well. Handles its own errors as far as they are foreseen."""
    pool: str
    recorded: bool = True
    """Whether its runs are kept in the store, so that a restart neither forgets nor repeats one."""


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """
    Fires an interval after it fired last; what was missed in between is made up for by one run.

    APScheduler's own interval trigger lists every missed instant before it drops all but one: a machine that wakes up
    ten years later would run out of memory over a job of two seconds.
    """

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """As `BaseTrigger.get_next_fire_time`; never in the past."""
        due = (previous_fire_time or now) + self._interval
        return due if due > now else now + self._interval


class Daemon:
    """Runs jobs until it is told to stop. Made for one `run`."""

    def __init__(
        self,
        jobs: Iterable[Job],
        *,
        store: Store,
        metrics: Metrics,
        stopping: threading.Event,
        now: Callable[[], datetime],
        clocks: Clocks | None = None,
        grace: float = GRACE,
    ) -> None:
        """
        Plan the jobs; nothing runs yet.

        Args:
            jobs: what to run, each under its own name.
            store: remembers when the recorded ones ran.
            metrics: count runs and time.
            stopping: ends `run` when it is set.
            now: the clock by which runs are recorded.
            clocks: by which it is noticed that the clock was set; None for the machine's.
            grace: seconds that running jobs are given to finish.
        """
        self._jobs = tuple(jobs)
        self._store = store
        self._metrics = metrics
        self._stopping = stopping
        self._now = now
        self._clocks = clocks or Clocks()
        self._grace = grace
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={name: ThreadPoolExecutor(size) for name, size in POOLS.items()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._running = 0
        self._idle = threading.Condition()
        self._pulse = self._clocks.monotonic()
        self._offset = self._clocks.wall() - self._pulse
        self._progress = {job.name: self._pulse for job in self._jobs if not job.recorded}

    def alive(self) -> bool:
        """Whether the scheduler beats and neither the judge nor the sender is stuck."""
        now = self._clocks.monotonic()
        return now - self._pulse < _DEAD_AFTER and all(now - at < _STUCK_AFTER for at in self._progress.values())

    def run(self, web: WebServer) -> Ending:
        """
        Run until `stopping` is set or a signal arrives, then let running steps finish.

        Raises:
            KeywatchError: it could not start.
        """
        with ExitStack() as stack:
            stack.enter_context(web)
            stack.enter_context(stop_signals(self._stopping))
            self._start()
            systemd.notify("READY=1", "STATUS=watching")
            _log.info("daemon_started", listen=web.url, sources=len([job for job in self._jobs if job.recorded]))
            # Not `stopping.wait`: a signal that arrives while this thread holds the event's lock would wait for itself.
            while not self._stopping.is_set():
                time.sleep(_LOOK)
                self._mind_clock()
            systemd.notify("STOPPING=1")
            self._scheduler.shutdown(wait=False)
            finished = self._wait_for_steps()
            _log.info("daemon_stopped", running=self._running)
            return Ending(complete=True, idle=finished)

    def _start(self) -> None:
        self._scheduler.add_listener(self._overran, EVENT_JOB_MAX_INSTANCES)
        for job in self._jobs:
            self._scheduler.add_job(
                self._do,
                Every(job.every),
                args=[job],
                id=job.name,
                executor=job.pool,
                next_run_time=self._first_run(job),
            )
        self._scheduler.add_job(self._beat, Every(_PULSE), id=_BEAT, executor="pulse", next_run_time=datetime.now(UTC))
        self._scheduler.start()

    def _first_run(self, job: Job) -> datetime:
        """When a job is due that may have run before this process began: counted from its last run, not from now."""
        now = self._now()
        last = self._store.last_run(job.name) if job.recorded else None
        if last is None or last.outcome != "done":
            return now
        return min(max(now, last.started + job.every), now + job.every)

    def _do(self, job: Job) -> None:
        with self._idle:
            if self._stopping.is_set():
                return
            self._running += 1
        began, clock = self._now(), self._clocks.monotonic()
        outcome = "failed"
        try:
            outcome = "done" if job.run() else "failed"
        except KeywatchError as error:
            _log.error("job_failed", job=job.name, error=error.message, hint=error.hint)
        except Exception:  # noqa: BLE001 - a defect in one job must not end the others
            _log.exception("job_crashed", job=job.name)
        finally:
            self._finished(job, began, outcome, self._clocks.monotonic() - clock)

    def _finished(self, job: Job, began: datetime, outcome: str, seconds: float) -> None:
        try:
            self._metrics.runs.labels(job.name, outcome).inc()
            self._metrics.seconds.labels(job.name).observe(seconds)
            if not job.recorded:
                self._progress[job.name] = self._clocks.monotonic()
            elif not self._stopping.is_set():  # else it may have been cut short: it is due again at the next start
                self._store.record_run(job.name, began, self._now(), outcome)
        except KeywatchError as error:
            _log.error("job_unrecorded", job=job.name, error=error.message, hint=error.hint)
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _overran(self, event: JobSubmissionEvent) -> None:
        """Count a run that was left out because the one before was still under way."""
        self._metrics.overruns.labels(event.job_id).inc()

    def _beat(self) -> None:
        """Show that the scheduler still runs what is due."""
        self._pulse = self._clocks.monotonic()
        self._metrics.heartbeat.set_to_current_time()
        if self.alive():
            systemd.notify("WATCHDOG=1")

    def _mind_clock(self) -> None:
        """
        Run every job at once if the wall clock was set, or the machine has slept.

        This is not for a job to do: APScheduler waits for an instant on the wall clock, and if that is set back by an
        hour, no job at all runs for an hour.
        """
        offset = self._clocks.wall() - self._clocks.monotonic()
        if abs(offset - self._offset) > _STEP:
            _log.warning("clock_was_set", seconds=round(offset - self._offset))
            for name in (*(job.name for job in self._jobs), _BEAT):
                self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))
        self._offset = offset

    def _wait_for_steps(self) -> bool:
        """Whether every step ended in time."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._running, timeout=self._grace)
