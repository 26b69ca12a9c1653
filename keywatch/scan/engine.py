"""Where chunks are examined: on this machine's cores, or (by another implementation) on other machines."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from keywatch.model.content import Chunk
from keywatch.model.finding import Finding
from keywatch.model.source import ContentBatch
from keywatch.scan.examination import Examination

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_SHARE = 1 << 20
"""Bytes one task gets, about: a hundred thousand small files are not a hundred thousand tasks."""
_ALONE = 1 << 16
"""Bytes. A batch up to this size is looked at faster than a thread is started."""


class Engine(Protocol):
    """Examines batches. What `start` was given first need not be finished first."""

    def start(self, examine: Examination, batch: ContentBatch) -> Callable[[], list[Finding]]:
        """Begin to examine a batch, and return what waits for its findings, in the order of its chunks."""
        ...

    def close(self) -> None:
        """Give up what was not begun."""
        ...


class Threads:
    """The local pool. Threads suffice, as the matching engine lets the others run while it scans."""

    def __init__(self, jobs: int | None = None) -> None:
        """Use `jobs` threads; without it, one for each core this process may use."""
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def start(self, examine: Examination, batch: ContentBatch) -> Callable[[], list[Finding]]:
        """See `Engine.start`."""

        def task(share: Sequence[Chunk]) -> list[Finding]:
            return [finding for chunk in share for finding in examine(chunk)]

        if sum(len(chunk.data) for chunk in batch.chunks) <= _ALONE:
            found = task(batch.chunks)
            return lambda: found
        pool = self._started()
        futures = [pool.submit(task, share) for share in _shares(batch.chunks)]
        return lambda: [finding for future in futures for finding in future.result()]

    def close(self) -> None:
        """See `Engine.close`."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _started(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor

        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="scan")
            return self._pool


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


_: type[Engine] = Threads
