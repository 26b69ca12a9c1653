"""
A process of our own that looks through lots. What it is asked comes over a pipe, and it ends when nobody can ask it.

It is a copy of the process that scans, where that has no threads, whose locks would stay locked in the copy; so it has
the rules in memory from the first moment on, and most of that memory is shared. Else it is a new interpreter. That one
looks for modules where we do and nowhere else: in the directory that is scanned there may be some of the same names.
"""

import fcntl
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, NoReturn, Protocol, Self

from keywatch.model.source import Lot
from keywatch.scan.examination import Examined
from keywatch.scan.recipe import Examiner, Recipe

_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from keywatch.scan.worker import main; main()"
_OURS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""Signals that may reach all processes at once, and are for the first to answer: the others end with it."""
_SIGNALS = _OURS | {signal.SIGALRM}
"""Signals that a scan answers."""
_SIZE = 8
"""Bytes before each message that say how long it is."""


class Died(Exception):
    """A worker ended before it answered."""


class Worker:
    """A process, as the one that asks it sees it."""

    def __init__(self, process: "_Process", ask: int, answer: int, recipe: Recipe | None = None) -> None:
        """
        Take over a process.

        Args:
            process: what is to end with it.
            ask: the end of a pipe, by which it is told what to do.
            answer: the same, by which it says what came of it.
            recipe: what it has to be told first, if anything.
        """
        self._process = process
        self._ask = os.fdopen(ask, "wb")
        self._answer = os.fdopen(answer, "rb")
        self._lock = threading.Lock()
        if recipe is not None:
            with suppress(OSError):  # it has died, as whoever asks it something will see
                _send(self._ask, _packed(recipe))

    def examine(self, lot: Lot) -> Examined:
        """
        Return what is found in a lot. To be called by one thread at a time.

        Raises:
            Died: the process ended.
            ScanError: the lot cannot be read (any more).
        """
        told = _packed(lot)
        try:
            with self._lock:
                _send(self._ask, told)
            answer = _received(self._answer)
        except (EOFError, OSError, ValueError):  # ValueError: it was closed meanwhile
            raise Died from None
        found = pickle.loads(answer)  # noqa: S301 - by a process of our own
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Examined)  # noqa: S101 - it says nothing else
        return found

    def stop(self) -> None:
        """Let it end what it examines after the chunk it is at."""
        with suppress(OSError, ValueError), self._lock:
            _send(self._ask, _packed(None))

    def end(self) -> None:
        """End it now. To be called once."""
        self._process.kill()
        self._process.wait()
        for file in (self._ask, self._answer):
            with suppress(OSError):
                file.close()


class _Process(Protocol):
    def kill(self) -> object: ...

    def wait(self) -> object: ...


class _Forked:
    def __init__(self, pid: int) -> None:
        self._pid = pid

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> None:
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def is_alone() -> bool:
    """Tell whether this process has one thread only, so that a copy of it is good for anything."""
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


def forked(examiner: Examiner) -> Worker:
    """
    Return a worker that is a copy of this process; see `is_alone`.

    Raises:
        OSError: the system allows no more processes, or descriptors.
    """
    with _Pipes() as pipes:
        with _undisturbed():
            pid = os.fork()
            if pid == 0:
                try:
                    asked, told = _apart(pipes.asked, pipes.told)
                    _serve(examiner, os.fdopen(asked, "rb"), told)
                finally:
                    os._exit(1)
        return Worker(_Forked(pid), *pipes.ours())


def spawned(recipe: Recipe) -> Worker:
    """
    Return a worker that is a new interpreter. It gets the pepper over a pipe.

    Raises:
        OSError: the system allows no more processes, or descriptors.
    """
    with _Pipes() as pipes:
        # -I: no directory but those named here is looked into, and the environment says nothing.
        command = [sys.executable, "-I", "-c", _PROGRAM, *filter(None, sys.path)]
        with _undisturbed():
            process = subprocess.Popen(command, stdin=pipes.asked, stdout=pipes.told)  # noqa: S603 - ourselves
        return Worker(process, *pipes.ours(), recipe)


class _Pipes:
    """What a worker is asked and tells. Its own ends are closed here at the end; ours too, unless they were taken."""

    def __enter__(self) -> Self:
        self.asked, self._ask = os.pipe()
        try:
            self._answer, self.told = os.pipe()
        except OSError:
            os.close(self.asked)
            os.close(self._ask)
            raise
        self._open = {self.asked, self.told, self._ask, self._answer}
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._open:
            os.close(end)

    def ours(self) -> tuple[int, int]:
        """Take our ends."""
        self._open -= {self._ask, self._answer}
        return self._ask, self._answer


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let signals wait: a process that is made meanwhile would answer them as well, before it knows better."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def main() -> NoReturn:
    """Serve as a process that was started for it."""
    asked, told = _apart(0, 1)
    file = os.fdopen(asked, "rb")
    try:
        recipe: Recipe = pickle.loads(_received(file))  # noqa: S301 - by whoever started us
    except EOFError:
        os._exit(0)
    _serve(recipe.examiner(), file, told)


def _apart(*kept: int) -> list[int]:
    """Let go of whatever else this process has open, and return what stands for `kept` now."""
    mine = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 3) for one in kept]
    # A pipe of somebody else that is open here as well would never come to its end.
    with suppress(OSError):  # a new interpreter has nothing of others, where that cannot be seen
        for other in {int(one.name) for one in Path("/proc/self/fd").iterdir()}.difference((0, 1, 2), mine):
            with suppress(OSError):
                os.close(other)
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return mine


def _serve(examiner: Examiner, asked: BinaryIO, told: int) -> NoReturn:
    """Examine one lot after the other."""
    for number in _OURS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    gc.disable()  # findings and sightings hold no cycles
    lots: SimpleQueue[Lot] = SimpleQueue()
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(asked, lots, stopped), daemon=True).start()
    with os.fdopen(told, "wb") as answers:
        while True:
            _send(answers, _answered(examiner, lots.get(), stopped))


def _answered(examiner: Examiner, lot: Lot, stopped: threading.Event) -> bytes:
    try:
        return _packed(examiner.lot(lot, stopped.is_set))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the lot came from
        return _packed(error)


def _listen(asked: BinaryIO, lots: "SimpleQueue[Lot]", stopped: threading.Event) -> None:
    """Take what is asked also while something is examined, and end with whoever asks: he may have been killed."""
    try:
        while True:
            what = pickle.loads(_received(asked))  # noqa: S301 - by whoever started us
            if what is None:
                stopped.set()
            else:
                lots.put(what)
    finally:
        os._exit(0)


def _packed(what: Lot | Recipe | Examined | Exception | None) -> bytes:
    return pickle.dumps(what, pickle.HIGHEST_PROTOCOL)


def _send(file: BinaryIO, message: bytes) -> None:
    file.write(len(message).to_bytes(_SIZE))
    file.write(message)
    file.flush()


def _received(file: BinaryIO) -> bytes:
    """
    Return the next message.

    Raises:
        EOFError: there is none, or not all of it.
    """
    size = int.from_bytes(file.read(_SIZE))
    message = file.read(size)
    if not message or len(message) < size:
        raise EOFError
    return message
