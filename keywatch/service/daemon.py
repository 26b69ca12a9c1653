"""
The daemon's life: start, run every job on its interval, notice that it is asked to stop, stop in time.

The schedule is memory only; what has been done is in the store. APScheduler runs jobs in UTC on thread pools that are
kept apart, so that four hanging scans delay no message: https://apscheduler.readthedocs.io/en/3.x/
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from keywatch.model.errors import KeywatchError
from keywatch.service import systemd
from keywatch.service.metrics import Metrics
from keywatch.service.web import WebServer
from keywatch.store import Store

_log = structlog.get_logger(__name__)

POOLS = {"sources": 4, "scans": 2, "judge": 1, "sender": 1, "pulse": 1}
"""Threads for each kind of work."""
_PULSE = timedelta(seconds=15)
_DEAD_AFTER = 60.0
"""Seconds without a pulse after which the scheduler counts as dead."""
_STUCK_AFTER = 600.0
"""Seconds after which the judge or the sender, had they not finished a run, would count as stuck."""
_STEP = 60.0
"""Seconds by which the wall clock may drift from the monotonic one between two pulses before it was set."""
GRACE = 8.0
"""Seconds that running steps are given to finish; systemd and the promise allow ten."""


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
    ) -> None:
        self._jobs = tuple(jobs)
        self._store = store
        self._metrics = metrics
        self._stopping = stopping
        self._now = now
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={name: ThreadPoolExecutor(size) for name, size in POOLS.items()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._running = 0
        self._idle = threading.Condition()
        self._pulse = time.monotonic()
        self._offset = time.time() - self._pulse
        self._progress = {job.name: self._pulse for job in self._jobs if not job.recorded}

    def alive(self) -> bool:
        """Whether the scheduler beats and neither the judge nor the sender is stuck."""
        now = time.monotonic()
        return now - self._pulse < _DEAD_AFTER and all(now - at < _STUCK_AFTER for at in self._progress.values())

    def run(self, web: WebServer) -> bool:
        """
        Run until `stopping` is set or a signal arrives, then let running steps finish.

        Returns:
            Whether everything had stopped in time. If not, the process must be ended without waiting for its threads:
            what they had saved is saved.
        """
        with ExitStack() as stack:
            stack.enter_context(web)
            stack.enter_context(stop_signals(self._stopping))
            self._start()
            systemd.notify("READY=1", "STATUS=watching")
            _log.info("daemon_started", listen=web.url, sources=len([job for job in self._jobs if job.recorded]))
            while not self._stopping.wait(1.0):
                pass
            systemd.notify("STOPPING=1")
            self._scheduler.shutdown(wait=False)
            finished = self._wait_for_steps()
            _log.info("daemon_stopped", running=self._running)
            return finished

    def _start(self) -> None:
        for job in self._jobs:
            self._scheduler.add_job(
                self._do,
                IntervalTrigger(seconds=job.every.total_seconds(), timezone=UTC),
                args=[job],
                id=job.name,
                executor=job.pool,
                next_run_time=self._first_run(job),
            )
        self._scheduler.add_job(
            self._beat, IntervalTrigger(seconds=_PULSE.total_seconds(), timezone=UTC), executor="pulse"
        )
        self._scheduler.start()

    def _first_run(self, job: Job) -> datetime:
        """When a job is due that may have run before this process began: counted from its last run, not from now."""
        now = self._now()
        last = self._store.last_run(job.name) if job.recorded else None
        return (
            now if last is None or last.outcome != "done" else min(max(now, last.started + job.every), now + job.every)
        )

    def _do(self, job: Job) -> None:
        with self._idle:
            if self._stopping.is_set():
                return
            self._running += 1
        began, clock = self._now(), time.monotonic()
        outcome = "failed"
        try:
            outcome = "done" if job.run() else "failed"
        except KeywatchError as error:
            _log.error("job_failed", job=job.name, error=error.message, hint=error.hint)
        except Exception:  # noqa: BLE001 - a defect in one job must not end the others
            _log.exception("job_crashed", job=job.name)
        finally:
            self._finished(job, began, outcome, time.monotonic() - clock)

    def _finished(self, job: Job, began: datetime, outcome: str, seconds: float) -> None:
        try:
            self._metrics.runs.labels(job.name, outcome).inc()
            self._metrics.seconds.labels(job.name).observe(seconds)
            if job.recorded:
                if not self._stopping.is_set():
                    self._store.record_run(job.name, began, self._now(), outcome)
            else:
                self._progress[job.name] = time.monotonic()
        except KeywatchError as error:
            _log.error("job_unrecorded", job=job.name, error=error.message, hint=error.hint)
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _beat(self) -> None:
        self._pulse = time.monotonic()
        self._metrics.heartbeat.set_to_current_time()
        offset = time.time() - self._pulse
        if abs(offset - self._offset) > _STEP:
            # APScheduler compares wall times: a clock set back would leave every job waiting for the old future.
            _log.warning("clock_was_set", seconds=round(offset - self._offset))
            for job in self._jobs:
                self._scheduler.reschedule_job(
                    job.name, trigger=IntervalTrigger(seconds=job.every.total_seconds(), timezone=UTC)
                )
        self._offset = offset
        if self.alive():
            systemd.notify("WATCHDOG=1")

    def _wait_for_steps(self) -> bool:
        deadline = time.monotonic() + GRACE
        with self._idle:
            while self._running and (left := deadline - time.monotonic()) > 0:
                self._idle.wait(left)
            return self._running == 0


class stop_signals:  # noqa: N801 - a context manager, used as one
    """While this is entered, SIGTERM and SIGINT ask for a clean stop; a second one ends the process at once."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(signal.Signals(number))
        self._stopping.set()
