"""Processes of our own that look through lots. One that dies takes nothing with it but the time it had spent."""

import gc
import threading
from contextlib import suppress

from keywatch.model.errors import ScanError
from keywatch.model.source import Lot, Skipped
from keywatch.scan.examination import Examined
from keywatch.scan.recipe import Examiner, Recipe
from keywatch.scan.worker import Died, Worker, forked, is_alone, spawned

_TRIES = 3
"""How often a lot is begun whose processes die."""


class Processes:
    """Some processes that examine by one recipe."""

    def __init__(self, recipe: Recipe, most: int) -> None:
        """Begin nothing yet: a process starts when there is a lot for it, or by `fork`; `most` are there at a time."""
        self.recipe = recipe
        self._most = most
        self._all: set[Worker] = set()
        self._idle: list[Worker] = []
        self._starting = 0
        self._stopped = threading.Event()
        self._changed = threading.Condition()

    def fork(self, examiner: Examiner) -> bool:
        """Start all of them now, as copies of this process, and tell whether any was: not if it has threads."""
        if is_alone():
            gc.freeze()  # or to look for garbage would part what they share
            with suppress(OSError):
                while len(self._all) < self._most:
                    worker = forked(examiner)
                    self._all.add(worker)
                    self._idle.append(worker)
        return bool(self._all)

    def examine(self, lot: Lot) -> Examined:
        """
        Return what is found in a lot, by a process that has nothing to do. Any thread may ask, and waits.

        Raises:
            ScanError: the lot cannot be read (any more), or there can be no process.
        """
        for _ in range(_TRIES):
            worker = self._taken()
            if worker is None:
                return Examined()
            try:
                found = worker.examine(lot)
            except Died:
                self._bury(worker)
                continue
            except Exception:
                self._give_back(worker)
                raise
            except BaseException:
                self._bury(worker)  # it is at work still
                raise
            self._give_back(worker)
            return found
        why = "the processes that looked through it were ended from outside, again and again"
        return Examined(skipped=(Skipped(str(lot), why, "is there too little memory? try --jobs 1"),))

    def stop(self) -> None:
        """Let what is examined end after the chunk it is at. Nothing is begun any more."""
        with self._changed:
            self._stopped.set()
            workers = list(self._all)
            self._changed.notify_all()
        for worker in workers:
            worker.stop()

    def close(self) -> None:
        """End the processes, whatever they are at."""
        with self._changed:
            self._stopped.set()
            workers = list(self._all)
            self._changed.notify_all()
        for worker in workers:
            self._bury(worker)

    def _taken(self) -> Worker | None:
        """Return a process that has nothing to do, once there is one; None: there will be none any more."""
        with self._changed:
            while not self._stopped.is_set() and not self._idle and len(self._all) + self._starting >= self._most:
                self._changed.wait()
            if self._stopped.is_set():
                return None
            if self._idle:
                return self._idle.pop()
            self._starting += 1
        worker = None
        try:
            worker = spawned(self.recipe)
        except OSError as error:
            hint = "is there too little memory, or a limit? try --jobs 1"
            raise ScanError(f"no process can be started to scan with: {error.strerror}", hint=hint) from None
        finally:
            with self._changed:
                self._starting -= 1
                if worker is not None:
                    self._all.add(worker)
                self._changed.notify()
        if self._stopped.is_set():  # meanwhile
            self._bury(worker)
            return None
        return worker

    def _give_back(self, worker: Worker) -> None:
        with self._changed:
            self._idle.append(worker)
            self._changed.notify()

    def _bury(self, worker: Worker) -> None:
        with self._changed:
            if worker not in self._all:
                return  # another thread does it
            self._all.remove(worker)
            self._changed.notify()
        worker.end()
