"""
Runs keywatch again and again, each time in a fresh process that dies by SIGKILL around its Nth commit.

The child is forked from this single-threaded process, which has imported everything once: so a hundred deaths take
seconds. Reads lines `CONFIG N before|after` (N = 0: live), answers `STATUS COMMITS`, a negative status being a signal.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

import keywatch.notify.slack
import keywatch.service.assembly  # noqa: F401 - imported once, for all the children
from keywatch.cli.main import run
from keywatch.detect.rules import packaged

COMMIT: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_commit


def live(config: str, deadly: int, when: str, tally: int) -> int:
    """Do one full cycle, unless death comes first; each commit is noted in the pipe `tally`."""
    seen = 0

    def commit(self: DefaultDialect, connection: Any) -> None:  # noqa: ANN401 - the driver's own
        nonlocal seen
        seen += 1
        if seen == deadly and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        COMMIT(self, connection)
        os.write(tally, b".")
        if seen == deadly and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    DefaultDialect.do_commit = commit  # type: ignore[method-assign]
    return run(["run", "--once", "--config", config])


def main() -> None:
    """Serve until the input ends."""
    packaged()  # read once, for all the children
    log = os.open(Path(sys.argv[1]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for line in sys.stdin:
        config, deadly, when = line.split()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(log, 1)
            os.dup2(log, 2)
            os._exit(live(config, int(deadly), when, writing))
        os.close(writing)
        commits = 0
        while piece := os.read(reading, 4096):
            commits += len(piece)
        os.close(reading)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), commits, flush=True)  # noqa: T201


main()
