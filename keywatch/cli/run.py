"""`keywatch run`: the daemon."""

import os
import sys
from pathlib import Path

from keywatch.cli import options
from keywatch.cli.parser import Parser

INCOMPLETE = 2


def arguments(parser: Parser) -> None:
    """Declare what `run` takes."""
    options.config(parser)
    parser.add_argument("--once", action="store_true", help="Do one full cycle and exit.")


def run(config: Path | None, *, once: bool) -> int:
    """
    Watch: read every source on its interval, judge, and tell.

    SIGTERM and Ctrl-C stop it within ten seconds. Exit status of --once: 0 everything was read and told, 2 not.
    """
    from keywatch.service.assembly import run as run_keywatch
    from keywatch.service.log import configure, guard_streams
    from keywatch.settings.load import find, load

    settings = load(find(config))
    configure(settings.log_level)
    guard_streams()
    ending = run_keywatch(settings, once=once)
    status = 0 if ending.complete else INCOMPLETE
    if not ending.idle:
        # A step hangs in somebody else's code: waiting for its thread would break the promise.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status
