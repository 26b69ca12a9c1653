"""Processes of our own that look through lots. One that dies takes nothing with it but the time it had spent."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.synchronize import Event

from keywatch.model.errors import ScanError
from keywatch.model.source import Lot, Skipped
from keywatch.scan.examination import Examined
from keywatch.scan.recipe import Examiner, Recipe

_TRIES = 2
"""How often a lot is begun whose processes die."""


class Processes:
    """A pool of processes that examine by one recipe."""

    def __init__(self, recipe: Recipe, jobs: int) -> None:
        """Begin nothing yet: the processes start with the first lot."""
        self.recipe = recipe
        self._jobs = jobs
        # Not forked: this process may have threads, whose locks would stay locked in a copy of it.
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.Event()
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def start(self, lot: Lot) -> Callable[[], Examined]:
        """Begin to examine a lot, and return what waits for what is found in it."""
        first = self._submit(lot)

        def wait() -> Examined:
            pool, future = first
            for _ in range(_TRIES):
                try:
                    return future.result()
                except BrokenProcessPool:
                    self._discard(pool)
                    pool, future = self._submit(lot)
            try:
                return future.result()
            except BrokenProcessPool:
                self._discard(pool)
                why = "the processes that looked through it were ended from outside, again and again"
                return Examined(skipped=(Skipped(str(lot), why, "is there too little memory? try --jobs 1"),))

        return wait

    def stop(self) -> None:
        """Let what is examined end after the chunk it is at."""
        self._stop.set()

    def close(self) -> None:
        """Let the processes end, after the chunk they are at."""
        self.stop()
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)
                self._pool = None

    def _submit(self, lot: Lot) -> "tuple[ProcessPoolExecutor, Future[Examined]]":
        with self._lock:
            for _ in range(_TRIES):
                if self._pool is None:
                    self._pool = ProcessPoolExecutor(
                        self._jobs, self._context, initializer=_begin, initargs=(self.recipe, self._stop)
                    )
                try:
                    return self._pool, self._pool.submit(_examine, lot)
                except BrokenProcessPool:
                    _end(self._pool)
                    self._pool = None
        raise ScanError("the processes that scan are ended from outside", hint="is there too little memory?")

    def _discard(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                _end(pool)
                self._pool = None


def _end(pool: ProcessPoolExecutor) -> None:
    """
    End a broken pool.

    It ends its processes itself, but for one that is started at that very moment: it would wait for that for ever, and
    so would this process when it exits.
    """
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=False)
    for process in processes:
        with suppress(ValueError):  # it was closed
            process.kill()


class _Worker:
    """What one of the processes has."""

    examiner: Examiner
    stop: Event


def _begin(recipe: Recipe, stop: Event) -> None:
    """Prepare this process. Ctrl-C reaches all of them at once, and is for the first to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # findings and sightings hold no cycles
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _Worker.examiner = recipe.examiner()
    _Worker.stop = stop


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _examine(lot: Lot) -> Examined:
    return _Worker.examiner.lot(lot, stopped=_Worker.stop.is_set)
