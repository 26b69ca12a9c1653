"""The command line: each command parses, calls one function, prints. Start at `keywatch.cli.main`."""

INTERRUPTED = 128
"""And the number of the signal."""


def main() -> None:
    """Run the command line and exit."""
    import gc
    import os
    import sys
    from contextlib import suppress
    from io import TextIOWrapper

    # What start-up makes, stays: to look through it for garbage again and again took a tenth of a small scan.
    gc.set_threshold(20_000)

    from keywatch.cli.main import run

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that knows no `…` is no reason for a report to break off.
            stream.reconfigure(errors="backslashreplace")
    status = run(sys.argv[1:])
    if status > INTERRUPTED:
        # A thread that is busy is not waited for, as the interpreter would.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
    gc.freeze()  # nor is it looked through before it all goes
    sys.exit(status)
