"""The command line: each command parses, calls one function, prints. Start at `keywatch.cli.main`."""


def main() -> None:
    """Run the command line and exit."""
    import sys
    from io import TextIOWrapper

    from keywatch.cli.main import run

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that knows no `…` is no reason for a report to break off.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
