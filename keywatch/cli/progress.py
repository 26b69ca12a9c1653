"""
What a scan tells while it runs: one line on the terminal, drawn by a thread of its own ten times a second.

The scan only adds to two numbers, so it is never slowed down, not even by a terminal that has been stopped.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from keywatch.collect.content.measure import Ahead
from keywatch.report.words import amount, size_words

_EVERY = 0.1
"""Seconds between two looks."""
_BAR = 20
_SETTLED = 1.0
"""Seconds before a guess of the time left is worth anything."""


class Progress:
    """How far a scan is. Shows nothing until it is started."""

    def __init__(self, out: TextIO | None = None) -> None:
        """Show it on `out`; None: nowhere."""
        self._out = out
        self._bytes = self._objects = 0
        self._from = self._before = 0
        """Bytes and objects of the targets before this one."""
        self._target = ""
        self._ahead: Callable[[], Ahead | None] = lambda: None
        self._began = self._target_began = time.monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def shown(self) -> bool:
        """Whether anybody will see it."""
        return self._out is not None

    def target(self, name: str, ahead: Callable[[], Ahead | None]) -> None:
        """Begin with a target; `ahead` is asked now and then how much there is to it."""
        self._from, self._before = self._bytes, self._objects
        self._target, self._ahead, self._target_began = name, ahead, time.monotonic()
        if self._out is not None and self._thread is None:
            self._thread = threading.Thread(target=self._draw, args=(self._out,), daemon=True, name="progress")
            self._thread.start()

    def add(self, size: int, objects: int) -> None:
        """Count what was scanned."""
        self._bytes += size
        self._objects += objects

    def end(self) -> None:
        """Take the line away."""
        if self._thread is not None:
            self._ended.set()
            self._thread.join(_EVERY * 5)  # a terminal that was stopped is not waited for

    def _draw(self, out: TextIO) -> None:
        fancy = not os.environ.get("NO_COLOR")
        shapes = "━╌" if (out.encoding or "").lower().startswith("utf") else "#-"
        while not self._ended.wait(_EVERY):
            now = time.monotonic()
            text = line(
                size=self._bytes,
                objects=self._objects,
                seconds=now - self._began,
                share=share(self._bytes - self._from, self._objects - self._before, self._ahead()),
                target_seconds=now - self._target_began,
                width=columns(out) - 1,
                shapes=shapes,
            )
            out.write(f"\r\x1b[K\x1b[36m{text}\x1b[0m" if fancy else f"\r\x1b[K{text}")
            out.flush()
        out.write("\r\x1b[K")
        out.flush()


def progress(*, wanted: bool, mixed: bool) -> Progress:
    """
    Return what shows progress on stderr, where that is a terminal that can and somebody is likely to look at.

    Args:
        wanted: the user did not forbid it.
        mixed: the report comes bit by bit, and to the same terminal.
    """
    able = os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("CI")
    return Progress(sys.stderr if wanted and not mixed and able and sys.stderr.isatty() else None)


def share(size: int, objects: int, ahead: Ahead | None) -> float | None:
    """Return what part of a target is done, below 1 while it is not; None where nobody knows."""
    if ahead is None or ahead.objects <= 0:
        return None
    return min(size / ahead.bytes if ahead.bytes > 0 else objects / ahead.objects, 0.99)


def line(
    *, size: int, objects: int, seconds: float, share: float | None, target_seconds: float, width: int, shapes: str
) -> str:
    """Return the line in words, no longer than `width`: what matters least goes first where there is no room."""
    rate = f"{size_words(int(size / seconds))}/s" if size and seconds > 0 else ""
    clock = _clock(seconds)
    bar = ""
    if share is not None:
        full = int(share * _BAR)
        bar = f"{shapes[0] * full}{shapes[1] * (_BAR - full)} {int(share * 100):>2} %"
        if share > 0 and target_seconds >= _SETTLED:
            clock = f"{_clock(target_seconds / share - target_seconds)} left"
    # Most dispensable first.
    parts = {"objects": amount(objects, "object"), "rate": rate, "size": size_words(size), "bar": bar, "clock": clock}
    shown = ("bar", "objects", "size", "rate", "clock")
    for dispensable in ("", *parts):
        parts[dispensable] = ""
        text = "  ".join(parts[name] for name in shown if parts[name])
        if len(text) <= width:
            return text
    return ""


def columns(out: TextIO) -> int:
    """Return how wide the terminal is now; it may change at any time."""
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
