"""
Running `journalctl`: systemd's own program reads every version of its files, and needs no library compiled here.

It is given an environment of its own, read with a time limit, and ended with whoever reads. Should keywatch be killed,
nobody reads its output any more, and it ends by itself.
"""

import io
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from keywatch.model.errors import SourceDenied, SourceError, SourceUnreachable

SILENCE = 120.0
"""Seconds without a byte after which it is given up."""
_BUFFER = 1 << 20
_QUOTED = 300
"""Bytes of what it complains of that are told."""
GROUP_HINT = "add keywatch's user to the group systemd-journal (in the unit: SupplementaryGroups=systemd-journal)"


BY_HAND = "run journalctl by hand and mend what it complains of"


class CursorLost(SourceError):
    """The journal has no place of that name (any more)."""


class Journalctl:
    """One run of the program."""

    def __init__(self, process: "subprocess.Popen[bytes]", complaints: BinaryIO) -> None:
        self._process = process
        self._complaints = complaints
        assert process.stdout is not None  # noqa: S101 - it was asked for
        self.output = io.BufferedReader(_Patient(process.stdout.fileno()), _BUFFER)
        """What it writes."""

    def finish(self) -> list[str]:
        """
        Wait for its end, and return what it complained of.

        Raises:
            CursorLost: it does not know the cursor.
            SourceDenied: it may not read the journal.
            SourceUnreachable: it failed, and says so.
        """
        try:
            status = self._process.wait(SILENCE)
        except subprocess.TimeoutExpired:
            raise SourceUnreachable(f"journal: journalctl did not end for {SILENCE:.0f} seconds") from None
        self._complaints.seek(0)
        text = self._complaints.read(_QUOTED * 10).decode("utf-8", "replace")
        lines = ["".join(letter for letter in line if letter.isprintable())[:_QUOTED] for line in text.splitlines()]
        if "insufficient permissions" in text:
            raise SourceDenied("journal: none of its files may be read", hint=GROUP_HINT)
        if "No journal files were found" in text:
            hint = "is journald running, and Storage= not none? In a container, mount /var/log/journal from the host"
            raise SourceUnreachable("journal: there is none", hint=hint)
        if status and "seek to cursor" in text:
            raise CursorLost("journal: the place that was reached is not in it any more")
        if status:
            said = lines[0] if lines else f"exit status {status}"
            raise SourceUnreachable(f"journal: journalctl: {said}", hint=BY_HAND)
        return [line for line in lines if line]


@contextmanager
def journalctl(arguments: Sequence[str]) -> Iterator[Journalctl]:
    """
    Run `journalctl` with `arguments`; it is ended when the block is left.

    Raises:
        SourceUnreachable: there is no such program.
    """
    program = shutil.which("journalctl")
    if program is None:
        hint = "install systemd's journalctl, or let the program write a file and follow that"
        raise SourceUnreachable("journal: there is no journalctl on PATH", hint=hint)
    # Neither a person's pager nor their language must change what comes out.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(  # noqa: S603 - our own arguments; what a person configured cannot be taken for an option
            [program, "--no-pager", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=environment,
            bufsize=0,
        ) as process,
    ):
        try:
            yield Journalctl(process, cast("BinaryIO", complaints))
        finally:
            process.kill()


class _Patient(io.RawIOBase):
    """A pipe that is not waited for without end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        if not self._poll.poll(SILENCE * 1000):
            raise SourceUnreachable(f"journal: journalctl wrote nothing for {SILENCE:.0f} seconds")
        return os.readv(self._descriptor, [buffer])
