"""The command line: each command parses, calls one function, prints. Start at `keywatch.cli.main`."""


def main() -> None:
    """Run the command line and exit."""
    import sys

    from keywatch.cli.main import run

    sys.exit(run(sys.argv[1:]))
