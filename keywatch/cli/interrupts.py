"""
Ctrl-C, and what service managers send instead: the first asks for a report of what was done, the second leaves at once.

An exception raised by a signal may come up between any two instructions, and where it comes up in a callback or a
destructor Python can only ignore it. So it is raised only where a scan waits or works; elsewhere the wish is noted.

A signal that comes while a pipe has something to read is not looked at before a read that then waits for more. So a
timer wakes whatever waits now and then, and Python looks.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Self

_EVERY = 0.2
"""Seconds between two looks."""
_AGAIN = 3.0
"""Seconds after which an exception that was raised in vain is raised again; what it sets off takes less."""
EXIT = 128
"""And the number of the signal is the exit status, as shells do it."""


class Interrupts:
    """Notes signals while it is entered."""

    def __init__(self) -> None:
        self.signal: int | None = None
        """The first that came."""
        self._raises = False
        self._raised = 0.0
        """When it was last raised."""
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other is interrupted
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                before = signal.getsignal(number)
                if number == signal.SIGHUP and before is signal.SIG_IGN:
                    continue  # started with nohup
                self._before[number] = signal.signal(number, self._note)
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._look)
            signal.setitimer(signal.ITIMER_REAL, _EVERY, _EVERY)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, before in self._before.items():
            signal.signal(number, before)

    @property
    def asked(self) -> bool:
        """Whether somebody wants this to end."""
        return self.signal is not None

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Raise `KeyboardInterrupt` in this block, for a signal that came before it as well."""
        self._raises = True
        try:
            if self.asked:
                raise KeyboardInterrupt
            yield
        finally:
            self._raises = False

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Let the first signal of this block end it, also where an earlier one has led to it; the next leaves."""
        earlier, self.signal, self._raises = self.signal, None, True
        try:
            yield
        finally:
            self._raises = False
            self.signal = earlier or self.signal

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.asked:
            leave(EXIT + number)
        self.signal = number
        self._raise()

    def _look(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked and time.monotonic() - self._raised > _AGAIN:
            self._raise()

    def _raise(self) -> None:
        if self._raises:
            self._raised = time.monotonic()
            raise KeyboardInterrupt


drafts: set[str] = set()
"""Files that are not whole yet, and must not stay behind."""


def leave(status: int) -> None:
    """End the process now, whatever its threads are busy with."""
    for draft in list(drafts):
        with suppress(OSError):
            os.unlink(draft)  # noqa: PTH108 - no import in a hurry
    os._exit(status)
