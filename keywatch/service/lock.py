"""One daemon a state directory."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from keywatch.model.errors import AlreadyRunning, StoreError


class StateLock:
    """
    An exclusive lock on the state directory, held until the process ends however it ends.

    The kernel releases it on `kill -9` too, so that a stale lock cannot exist.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """
        Take the lock, making the directory if need be.

        Raises:
            AlreadyRunning: another process has it; the message names its pid.
            StoreError: the lock file cannot be opened.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            hint = "the state directory must belong to the user that runs keywatch"
            raise StoreError(f"{self._path}: {error.strerror}", hint=hint) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            hint = "stop that one first, or give this one its own state_dir"
            raise AlreadyRunning(f"another keywatch (pid {pid}) is running on {self._path.parent}", hint=hint) from None
        except OSError as error:
            os.close(descriptor)
            hint = "the state directory must be on a disk of this machine"
            raise StoreError(f"{self._path}: cannot be locked: {error.strerror}", hint=hint) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the next one in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
