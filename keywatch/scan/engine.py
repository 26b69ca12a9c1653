"""Where content is examined: on this machine's cores, or (by another implementation) on other machines."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Protocol, TypeAlias

from keywatch.model.content import Chunk
from keywatch.model.source import ContentBatch, Lot
from keywatch.scan.examination import Examination, Examined

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from keywatch.scan.processes import Processes

_SHARE = 1 << 20
"""Bytes one task gets, about: a hundred thousand small files are not a hundred thousand tasks."""
_ALONE = 1 << 16
"""Bytes. A batch up to this size is looked at faster than a thread is started."""
_EACH = 8 << 20
"""Bytes that are worth a process which is a copy of this one."""
_MUCH = 64 << 20
"""Bytes of lots that are worth starting interpreters, where nothing was known of them before threads were started."""

Waits: TypeAlias = Callable[[], Examined]


class Engine(Protocol):
    """Examines batches. What `start` was given first need not be finished first."""

    @property
    def ahead(self) -> int:
        """Batches that may be begun while the first of them is waited for."""
        ...

    def prepare(self, examine: Examination, foreseen: Callable[[int], int]) -> None:
        """
        Prepare for a source that is about to be read from its beginning.

        Args:
            examine: what its batches will be examined by.
            foreseen: returns how many bytes it will come to, at least, as far as that is worth knowing.
        """
        ...

    def start(self, examine: Examination, batch: ContentBatch) -> Waits:
        """Begin to examine a batch, and return what waits for what is found, in the order of its chunks and lots."""
        ...

    def stop(self) -> None:
        """Give up what was not begun, and soon what was: what is waited for comes without it. Nothing can be begun."""
        ...

    def close(self) -> None:
        """Give up what was not begun, and end."""
        ...


class Local:
    """
    The cores of this machine. Chunks go to threads, as the matching engine lets the others run while it scans.

    What comes in lots is shared with processes, if it is much: what is done besides matching is Python, one thread at a
    time. This process takes its share.
    """

    def __init__(self, jobs: int | None = None) -> None:
        """Use `jobs` threads or processes; without it, one for each core this process may use."""
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self.ahead = 2 * self.jobs + 2
        self._pool: ThreadPoolExecutor | None = None
        self._processes: Processes | None = None
        self._lock = threading.Lock()
        self._here = threading.Lock()
        """Held by the thread that looks through a lot itself: this process is one of those that share them."""
        self._stopped = threading.Event()
        self._coming = 0
        """Bytes of lots that were given."""

    def prepare(self, examine: Examination, foreseen: Callable[[int], int]) -> None:
        """See `Engine.prepare`: processes are copies of this one, unless it has threads already."""
        if self.jobs == 1 or examine.recipe is None or self._processes is not None:
            return
        count = min(self.jobs - 1, foreseen(_EACH * self.jobs) // _EACH)
        if count:
            from keywatch.scan.processes import Processes
            from keywatch.scan.recipe import Examiner

            examine.detector.harmless()  # made now, it is theirs as well
            processes = Processes(examine.recipe, count)
            if processes.fork(Examiner(examine)):
                self._processes = processes

    def start(self, examine: Examination, batch: ContentBatch) -> Waits:
        """See `Engine.start`."""
        # Of lots one takes ten times as long as another; and a chunk with secrets twice as long as one without.
        self.ahead = 10 * self.jobs if batch.lots else 2 * self.jobs + 2
        waits = [self._chunks(examine, batch.chunks)] if batch.chunks else []
        for lot in batch.lots:
            self._coming += lot.size
            many = self._processes is not None or self._coming >= _MUCH
            shared = self.jobs > 1 and examine.recipe is not None and many
            waits.append(self._started().submit(self._shared if shared else self._lot, examine, lot).result)
        if len(waits) == 1:
            return waits[0]
        return lambda: reduce(Examined.joined, [wait() for wait in waits], Examined())

    def stop(self) -> None:
        """See `Engine.stop`."""
        self._stopped.set()
        if self._processes is not None:
            self._processes.stop()

    def close(self) -> None:
        """See `Engine.close`."""
        self._stopped.set()
        if self._processes is not None:
            self._processes.close()  # threads wait for them
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _lot(self, examine: Examination, lot: Lot) -> Examined:
        return examine.lot(lot, self._stopped.is_set)

    def _shared(self, examine: Examination, lot: Lot) -> Examined:
        """Look through a lot here, if no other is; else let a process do so, and wait for it."""
        if self._here.acquire(blocking=False):
            try:
                return self._lot(examine, lot)
            finally:
                self._here.release()
        return Examined() if self._stopped.is_set() else self._started_processes(examine).examine(lot)

    def _chunks(self, examine: Examination, chunks: Sequence[Chunk]) -> Waits:
        if sum(len(chunk.data) for chunk in chunks) <= _ALONE:
            found = examine.all(chunks)
            return lambda: found

        def task(share: Sequence[Chunk]) -> Examined:
            return Examined() if self._stopped.is_set() else examine.all(share)

        pool = self._started()
        futures: list[Future[Examined]] = [pool.submit(task, share) for share in _shares(chunks)]
        return lambda: reduce(Examined.joined, [future.result() for future in futures])

    def _started(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor

        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="scan")
            return self._pool

    def _started_processes(self, examine: Examination) -> "Processes":
        from keywatch.scan.processes import Processes

        recipe = examine.recipe
        with self._lock:
            if self._processes is not None and self._processes.recipe is not recipe:
                self._processes.close()
                self._processes = None
            if self._processes is None:
                assert recipe is not None  # noqa: S101 - asked before
                self._processes = Processes(recipe, self.jobs - 1)
            return self._processes


def _shares(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    share: list[Chunk] = []
    size = 0
    for chunk in chunks:
        share.append(chunk)
        size += len(chunk.data)
        if size >= _SHARE:
            yield share
            share, size = [], 0
    if share:
        yield share


_: type[Engine] = Local
