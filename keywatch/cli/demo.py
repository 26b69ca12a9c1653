"""`keywatch demo`: see it work, without an account anywhere."""

import tempfile
from pathlib import Path

from keywatch.cli.parser import Parser
from keywatch.model.errors import UsageError

FAILED = 2


def arguments(parser: Parser) -> None:
    """Declare what `demo` takes."""
    parser.add_argument("--once", action="store_true", help="Stop after one full cycle.")


def demo(*, once: bool) -> int:
    """
    Run the real daemon against a seeded company on this machine: AWS, Vault and Slack are stand-ins on loopback.

    Everything it makes is in a temporary directory, and removed at the end. Exit status: 0 all went well, 2 not.
    """
    try:
        from keywatch.demo.show import show
    except ImportError as error:
        hint = "pip install 'keywatch[demo]'"
        raise UsageError(f"the demo needs {error.name}, which is not installed", hint=hint) from None
    with tempfile.TemporaryDirectory(prefix="keywatch-demo-") as directory:
        went_well = show(Path(directory).resolve(), once=once)
    return 0 if went_well else FAILED
