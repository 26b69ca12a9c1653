"""`keywatch run`: the daemon."""

import os
import sys
from typing import Annotated

import typer

from keywatch.cli.options import Config

INCOMPLETE = 2


def run(
    config: Config = None,
    once: Annotated[bool, typer.Option("--once", help="Do one full cycle and exit.")] = False,
) -> int:
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
