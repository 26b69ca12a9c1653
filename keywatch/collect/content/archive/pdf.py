"""
PDF: the text of its pages, what it says of itself, and what is attached to it; and the file as it stands.

Its reader, PDFium, runs in a process of its own, which is started with the first PDF and reads one after the other.
"""

import atexit
import importlib.util
import os
import select
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

from keywatch.collect.content.archive import pdf_child
from keywatch.collect.content.archive.content import Content, between
from keywatch.collect.content.archive.look import Found, Inside
from keywatch.collect.content.archive.pdf_child import LENGTH, TOO_LONG

_PATIENCE = 30 * pdf_child.SECONDS
"""Seconds without a word after which the process is given up, however slow the machine is."""
_LARGEST_FRAME = 64 << 20
_HINT = "what is legible in the file as it stands is scanned; export its text and scan that"


def read_pdf(content: Content, inside: Inside) -> Found:
    """Read the file, then what is shown when it is opened."""
    file = content.seekable(inside.held)
    if file is None:
        yield from inside.text(None, content.pieces())
        yield inside.skipped("too large to read its pages here", _HINT)
        return
    yield from inside.text(None, between(file, 0, None))
    parts: list[tuple[str, bytes]] = []
    size = file.seek(0, os.SEEK_END)
    if size > inside.held:
        yield inside.skipped("too large to read its pages", _HINT)
        return
    trouble = _child.ask(b"".join(between(file, 0, None)), parts)
    for name, text in parts:
        inside.budget.spend(len(text))
        if name.startswith("\0"):
            yield from inside.member(name[1:], (text,))
        else:
            inside.budget.member()
            yield from inside.text(name, (text,))
    if trouble:
        yield inside.skipped(f"not all of its text could be read: {trouble}", _HINT)


class _Child:
    """The process, started when it is needed, and again when it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def ask(self, document: bytes, parts: list[tuple[str, bytes]]) -> str:
        """Add to `parts` what a document holds, and return what went wrong."""
        with self._lock:
            library = _library()
            if library is None:
                return "its reader is not installed (pypdfium2)"
            process = self._started(library)
            try:
                return self._converse(process, document, parts)
            except (OSError, ValueError):
                ended = _status(process)
                self.close()
                return "takes too long to read" if ended == -TOO_LONG else "its reader broke down over it"
            except BaseException:
                self.close()  # nobody has heard the rest of its answer
                raise

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what was not read by a dead process

    def _started(self, library: str) -> "subprocess.Popen[bytes]":
        # A process that was forked from ours must not speak into the same pipes.
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self.close()
            # -S: what is installed is of no use to it, and is not looked for.
            command = [sys.executable, "-I", "-S", str(Path(pdf_child.__file__)), library]
            quiet = subprocess.DEVNULL
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter and our own script
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet
            )
            if not self._owner:
                atexit.register(self.close)
            self._owner = os.getpid()
        return self._process

    def _converse(self, process: "subprocess.Popen[bytes]", document: bytes, parts: list[tuple[str, bytes]]) -> str:
        if process.stdin is None or process.stdout is None:
            raise ValueError
        process.stdin.write(LENGTH.pack(len(document)))
        process.stdin.write(document)
        process.stdin.flush()
        out = process.stdout.fileno()
        while name := _frame(out):
            parts.append((name.decode("utf-8", "replace"), _frame(out)))
        return _frame(out).decode("utf-8", "replace")


@cache
def _library() -> str | None:
    """Return where PDFium's library was installed: beside its bindings, which take longer to load than it does."""
    bindings = importlib.util.find_spec("pypdfium2_raw")
    for folder in bindings.submodule_search_locations or () if bindings else ():
        for name in ("libpdfium.so", "libpdfium.dylib"):
            if (library := Path(folder, name)).is_file():
                return str(library)
    return None


def _status(process: "subprocess.Popen[bytes]") -> int | None:
    """Return how a process ended, if it did."""
    try:
        return process.wait(1)
    except subprocess.TimeoutExpired:
        return None


def _frame(out: int) -> bytes:
    (size,) = LENGTH.unpack(_exactly(out, LENGTH.size))
    if size > _LARGEST_FRAME:
        raise ValueError
    return _exactly(out, size)


def _exactly(out: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        poll = select.poll()
        poll.register(out, select.POLLIN)
        if not poll.poll(_PATIENCE * 1000):
            raise ValueError
        piece = os.read(out, min(size - len(data), 1 << 20))
        if not piece:
            raise ValueError
        data += piece
    return bytes(data)


_child = _Child()
