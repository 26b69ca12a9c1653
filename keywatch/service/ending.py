"""How a run comes to its end: asked to by a signal, in time, and without waiting for what hangs."""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from types import FrameType

GRACE = 8.0
"""Seconds that running steps are given to finish; systemd and the promise allow ten."""
_LOOK = 0.5
"""Seconds between two looks at whether somebody asked for an end. A signal wakes no thread that waits for a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended."""

    complete: bool
    """Whether all that was to be done was done."""
    idle: bool
    """
    Whether every step had ended. If not, the process must be ended without waiting for its threads: one of them hangs
    in somebody else's code, and what it had saved is saved.
    """


class stop_signals:  # noqa: N801 - a context manager, used as one
    """
    While this is entered, SIGTERM and SIGINT ask for a clean stop; a second one ends the process at once.

    The main thread, in which Python handles signals, must not wait for `stopping` meanwhile: a signal that arrives
    while it holds the event's lock would wait for itself.
    """

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


def attended(work: Callable[[], bool], stopping: threading.Event, *, grace: float = GRACE) -> Ending:
    """
    Do `work` on a thread of its own, so that none of its steps can keep the process from stopping in time.

    Args:
        work: returns whether all of it could be done.
        stopping: set when somebody asks for an end; `work` looks at it too, between its steps.
        grace: seconds it is given from then on.

    Raises:
        Exception: whatever `work` raises.
    """
    task: Future[bool] = Future()

    def run() -> None:
        try:
            task.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            task.set_exception(error)

    threading.Thread(target=run, name="cycle", daemon=True).start()
    while not stopping.is_set() and not task.done():
        wait([task], timeout=_LOOK)
    if not wait([task], timeout=grace).done:
        return Ending(complete=False, idle=False)
    return Ending(complete=task.result(), idle=True)
