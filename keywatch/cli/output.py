"""Where a report goes: stdout, or a file that appears under its name when it is whole."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from keywatch.cli.interrupts import drafts
from keywatch.model.errors import KeywatchError, UsageError


@contextmanager
def written(path: Path | None, *, machine: bool = False) -> Iterator[TextIO]:
    """
    Yield where the report goes; a file appears under its name only if the block is left without an exception.

    Args:
        path: the file; None: stdout.
        machine: a program will read it: it is UTF-8 whatever the locale says.

    Raises:
        UsageError: the file cannot be written. Said before anything is scanned.
    """
    if path is None:
        if machine and isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        yield sys.stdout
        return
    path = path.resolve()  # a link stays one: what it points to is written
    if path.exists() and not path.is_file():
        file = _opened(path)  # a pipe or device is written to; replacing /dev/null would hurt the whole machine
        try:
            yield file
        finally:
            with suppress(OSError):  # what could not be written was told when it could not
                file.close()
        return
    import tempfile

    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UsageError(
            f"--output {path}: {error.strerror}", hint="name a file in a directory you can write"
        ) from None
    drafts.add(draft)
    try:
        file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
        try:
            yield file
        finally:
            with suppress(OSError):
                file.close()
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise
    finally:
        drafts.discard(draft)


@contextmanager
def sent(out: TextIO, path: Path | None) -> Iterator[None]:
    """
    Write in this block; at its end everything has left the process.

    Raises:
        KeywatchError: there is no room for it, or the device is broken.
        BrokenPipeError: whoever read it has left.
    """
    try:
        yield
        out.flush()
    except OSError as error:
        if out is sys.stdout:
            abandon_stdout()
        if isinstance(error, BrokenPipeError):
            raise
        where = "standard output" if path is None else str(path)
        raise KeywatchError(
            f"the report could not be written to {where}: {error.strerror}",
            hint="make room there, or name another place with --output",
        ) from None


def abandon_stdout() -> None:
    """Let what is still to be written go nowhere, as the interpreter would complain when it exits."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"--output {path}: {error.strerror}", hint="name a file you can write") from None
