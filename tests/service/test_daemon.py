"""The daemon's life: every job on its interval, whatever one of them or the clock does, and an end in time."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keywatch.model.errors import SourceDenied
from keywatch.service.daemon import Clocks, Daemon, Every, Job
from keywatch.service.ending import Ending, attended
from keywatch.service.metrics import Metrics
from keywatch.service.web import WebServer
from keywatch.store import Store

HOUR = timedelta(hours=1)
BLINK = timedelta(milliseconds=20)
LONG = 30.0
"""Seconds after which a test is given up; none takes nearly as long."""
TWICE = """
import os, signal, threading
from keywatch.service.ending import stop_signals
with stop_signals(threading.Event()):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path) as store:
        yield store


class Life:
    """A daemon with its jobs; what it does is noted."""

    def __init__(self, store: Store, *, clocks: Clocks | None = None, grace: float = LONG) -> None:
        self.store, self.clocks, self.grace = store, clocks, grace
        self.metrics = Metrics()
        self.stopping = threading.Event()
        self.jobs: list[Job] = []

    def job(self, name: str, run: Callable[[], bool], *, every: timedelta = HOUR, recorded: bool = True) -> None:
        """Add a job."""
        pool = "sources" if recorded else "judge"
        self.jobs.append(Job(name=name, every=every, run=run, pool=pool, recorded=recorded))

    def stop(self) -> bool:
        """As a job: the last thing it does."""
        self.stopping.set()
        return True

    def daemon(self) -> Daemon:
        """The daemon, not yet started."""
        return Daemon(
            self.jobs,
            store=self.store,
            metrics=self.metrics,
            stopping=self.stopping,
            now=lambda: datetime.now(UTC),
            clocks=self.clocks,
            grace=self.grace,
        )

    def live(self) -> Ending:
        """Run it to its end."""
        daemon = self.daemon()
        guard = threading.Timer(LONG, self.stopping.set)
        guard.start()
        try:
            return daemon.run(WebServer("127.0.0.1", 0, metrics=self.metrics, alive=daemon.alive, ready=daemon.alive))
        finally:
            guard.cancel()

    def runs(self, name: str, outcome: str) -> float:
        """How many runs of a job ended so."""
        return self.metrics.registry.get_sample_value("keywatch_job_runs_total", {"job": name, "outcome": outcome}) or 0


def test_a_job_that_raises_is_run_again_and_ends_no_other(store: Store) -> None:
    """Neither a foreseen error nor a defect stops the schedule; both are counted as failed."""
    life = Life(store)
    seen: list[str] = []

    def denied() -> bool:
        seen.append("denied")
        raise SourceDenied("no", hint="yes")

    def broken() -> bool:
        seen.append("broken")
        if seen.count("broken") > 2 and seen.count("denied") > 2:
            life.stop()
        raise RuntimeError("a defect")

    life.job("denied", denied, every=BLINK)
    life.job("broken", broken, every=BLINK)
    assert life.live() == Ending(complete=True, idle=True)
    assert life.runs("denied", "failed") > 2
    assert life.runs("broken", "failed") > 2
    last = store.last_run("denied")
    assert last is not None
    assert last.outcome == "failed"


def test_a_run_is_counted_from_the_last_one_and_not_from_the_start(store: Store) -> None:
    """Daemons that restart every minute still run an hourly job every hour, and no more often."""
    now = datetime.now(UTC)
    life = Life(store)
    daemon = life.daemon()

    def due(name: str, started: datetime, outcome: str) -> float:
        store.record_run(name, started, started, outcome)
        job = Job(name=name, every=HOUR, run=life.stop, pool="sources")
        return (daemon._first_run(job) - now).total_seconds() / 60

    assert due("recent", now - timedelta(minutes=20), "done") == pytest.approx(40, abs=1)
    assert due("overdue", now - 3 * HOUR, "done") == pytest.approx(0, abs=1)
    assert due("failed", now - timedelta(minutes=20), "failed") == pytest.approx(0, abs=1)
    assert due("from the future", now + 50 * HOUR, "done") == pytest.approx(60, abs=1)
    job = Job(name="new", every=HOUR, run=life.stop, pool="sources")
    assert (daemon._first_run(job) - now).total_seconds() < 60


@pytest.mark.parametrize("step", [-3600.0, 6 * 3600.0])
def test_a_clock_that_is_set_lets_no_job_wait_for_the_old_time(store: Store, step: float) -> None:
    """An hour back, or six ahead after a night's sleep: each job runs at once."""
    store.record_run("hourly", datetime.now(UTC), datetime.now(UTC), "done")
    wall = [1000.0]
    life = Life(store, clocks=Clocks(wall=lambda: wall[0], monotonic=lambda: 1000.0))

    def set_clock() -> bool:
        wall[0] += step
        return True

    life.job("hourly", life.stop)
    life.job("set", set_clock, every=2 * HOUR, recorded=False)
    life.live()
    assert life.runs("hourly", "done") == 1
    assert life.runs("set", "done") in {1, 2}


def test_ten_years_of_sleep_are_made_up_for_by_one_run() -> None:
    """A job of two seconds missed 157 million runs: they are neither run nor listed."""
    every = Every(timedelta(seconds=2))
    then = datetime(2026, 11, 23, tzinfo=UTC)
    now = then.replace(year=2036)
    assert every.get_next_fire_time(then, now) == now + timedelta(seconds=2)
    assert every.get_next_fire_time(None, then) == then + timedelta(seconds=2)
    assert every.get_next_fire_time(then, then) == then + timedelta(seconds=2)


def test_a_run_that_takes_longer_than_its_interval_is_not_run_twice_at_once(store: Store) -> None:
    """The run that would have begun meanwhile is left out, and counted."""
    life = Life(store)
    under_way: list[int] = []

    def overruns() -> float:
        return life.metrics.registry.get_sample_value("keywatch_job_overruns_total", {"job": "slow"}) or 0

    def slow() -> bool:
        under_way.append(1)
        assert len(under_way) == 1
        while not overruns() and not life.stopping.wait(0.01):
            pass
        under_way.pop()
        return life.stop()

    life.job("slow", slow, every=BLINK)
    life.live()
    assert overruns() >= 1


def test_a_step_that_hangs_does_not_keep_the_daemon(store: Store) -> None:
    """After the grace it says that it is not idle: the caller ends the process. What was not over is not recorded."""
    life = Life(store, grace=0.2)
    release = threading.Event()

    def hang() -> bool:
        life.stop()
        return release.wait(LONG)

    life.job("hang", hang)
    assert life.live() == Ending(complete=True, idle=False)
    release.set()
    assert store.last_run("hang") is None


def test_a_step_under_way_is_finished_before_the_end(store: Store) -> None:
    """What is nearly done is done."""
    life = Life(store)
    done: list[bool] = []

    def work() -> bool:
        life.stop()
        done.append(not threading.Event().wait(0.3))
        return True

    life.job("work", work)
    assert life.live() == Ending(complete=True, idle=True)
    assert done == [True]


def test_a_signal_stops_it(store: Store) -> None:
    """SIGTERM as from systemd; afterwards the signal means what it meant before."""
    life = Life(store)
    before = signal.getsignal(signal.SIGTERM)

    def terminate() -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return True

    life.job("terminate", terminate)
    assert life.live().idle
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_is_alive_while_the_scheduler_beats_and_nothing_is_stuck(store: Store) -> None:
    """A minute without a beat, or ten without a judgement, is death, whatever threads still run."""
    time = [0.0]
    life = Life(store, clocks=Clocks(wall=lambda: time[0], monotonic=lambda: time[0]))
    life.job("judge", life.stop, recorded=False)
    daemon = life.daemon()
    assert daemon.alive()
    time[0] = 61
    assert not daemon.alive()
    daemon._beat()
    assert daemon.alive()
    time[0] = 601
    daemon._beat()
    assert not daemon.alive()
    daemon._do(life.jobs[0])
    assert daemon.alive()


def test_one_cycle_hands_its_result_and_its_errors_on() -> None:
    """Nobody asked for an end: it takes the time it needs."""
    assert attended(lambda: True, threading.Event()) == Ending(complete=True, idle=True)
    assert attended(lambda: False, threading.Event()) == Ending(complete=False, idle=True)

    def denied() -> bool:
        raise SourceDenied("no")

    with pytest.raises(SourceDenied):
        attended(denied, threading.Event())


def test_one_cycle_that_hangs_is_left_behind() -> None:
    """Asked to end, it is given its grace, and no more."""
    stopping, release = threading.Event(), threading.Event()

    def hang() -> bool:
        stopping.set()
        return release.wait(LONG)

    assert attended(hang, stopping, grace=0.2) == Ending(complete=False, idle=False)
    release.set()


def test_a_second_signal_ends_the_process_at_once() -> None:
    """A person who presses Ctrl-C twice does not want to wait."""
    done = subprocess.run([sys.executable, "-c", TWICE], check=False)
    assert done.returncode == -signal.SIGTERM
