"""How long git may take to hand out content: as long as anything honest would, whatever the consumer's own pace."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Answer = TypeVar("Answer")

AT_LEAST = 300.0
"""Seconds git may keep us waiting in all, however little there is to read."""
SLOWEST = 5_000_000
"""Bytes a second beyond that: a slow disk has ten times as many, a chain of a thousand deltas of large files fewer."""


class Patience:
    """A measure of time spent waiting, which calls for an end when it is used up."""

    def __init__(self, size: int) -> None:
        """
        Begin with what is allowed.

        Args:
            size: bytes that are to be read in all.
        """
        self._left = AT_LEAST + size / SLOWEST
        self._since: float | None = None
        self.over = False
        """Whether it is used up."""

    def wait(self, ask: Callable[[], Answer]) -> Answer:
        """Return what `ask` returns; its time counts."""
        self._since = began = time.monotonic()
        try:
            return ask()
        finally:
            self._since = None
            self._left -= time.monotonic() - began

    @contextmanager
    def watching(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call `stop` once when patience is used up while this is entered."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(max(0.01, min(1.0, self._left))):
                since = self._since
                if since is not None and time.monotonic() - since > self._left:
                    self.over = True
                    stop()
                    return

        thread = threading.Thread(target=watch, name="patience", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
