"""Work done ahead of need by a few threads, its results taken in the order it was given in."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeAlias, TypeVar

A = TypeVar("A")
B = TypeVar("B")
_Task: TypeAlias = "tuple[Future[B], A] | None"


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[A, B]):
    item: A
    future: "Future[B] | None"
    weight: int


class Ahead(Generic[A, B]):
    """
    Calls `work` for items that will be asked for soon.

    The threads are daemons: a request that hangs holds up neither Ctrl-C nor the end of the process.
    """

    def __init__(
        self,
        work: Callable[[A], B],
        weight: Callable[[A], int | None],
        *,
        threads: int,
        most: int,
    ) -> None:
        """
        Begin nothing yet.

        Args:
            work: what to do with an item; called in any of the threads.
            weight: what its result takes of `most`; None: there is nothing to do.
            threads: calls at a time.
            most: the sum of weights that are under way or waiting to be taken; a single item may weigh more.
        """
        self._work = work
        self._weight = weight
        self._threads = threads
        self._most = most
        self._tasks: SimpleQueue[_Task[B, A]] = SimpleQueue()

    def results(self, items: Iterator[A]) -> Generator[tuple[A, "Future[B] | None"], None, None]:
        """
        Yield every item with its result, in order; None where there was nothing to do.

        What `items` raises is raised when everything before it was taken.
        """
        waiting: deque[_Waiting[A, B]] = deque()
        started = loaded = 0
        trouble: Exception | None = None
        try:
            while True:
                # Where there is nothing to wait for, nothing more is begun.
                while trouble is None and loaded < self._most and len(waiting) < 4 * self._threads:
                    try:
                        given = self._given(next(items))
                    except Exception as error:  # noqa: BLE001 - the end, or what is raised below in its turn
                        trouble = error
                        break
                    waiting.append(given)
                    loaded += given.weight
                    started += self._joined(given, started)
                    if waiting[0].future is None:
                        break
                if not waiting:
                    break
                taken = waiting.popleft()
                yield taken.item, taken.future
                loaded -= taken.weight
        finally:
            for left in waiting:
                if left.future is not None:
                    left.future.cancel()
            for _ in range(started):
                self._tasks.put(None)
        try:
            if trouble is not None and not isinstance(trouble, StopIteration):
                raise trouble
        finally:
            del trouble  # with its traceback it would hold on to itself

    def _joined(self, given: "_Waiting[A, B]", started: int) -> int:
        """Start one more thread if there is need; return how many were."""
        if given.future is None or started >= self._threads:
            return 0
        threading.Thread(target=self._serve, name=f"ahead-{started}", daemon=True).start()
        return 1

    def _given(self, item: A) -> "_Waiting[A, B]":
        weight = self._weight(item)
        if weight is None:
            return _Waiting(item, None, 0)
        future: Future[B] = Future()
        self._tasks.put((future, item))
        return _Waiting(item, future, weight)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, item = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._work(item))
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever asks for the result
                future.set_exception(error)
            del future, item, task
