"""
The commands, and the only place that prints an error or decides on an exit status.

A command is a line in `COMMANDS`: its module is imported when the command is called, not before, so that `keywatch
scan` pays for nothing the daemon needs.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from keywatch import __version__
from keywatch.cli.parser import Parser
from keywatch.model.errors import KeywatchError

FAILED = 2
INTERRUPTED = 130
"""128 and the number of the signal, as shells do."""

_ABOUT = "Keep a company inside Amazon's rules for developer keys."

COMMANDS = {
    # name: module, whose function has the command's name, and which declares with `arguments` what that takes
    "init": "keywatch.cli.init",
    "check": "keywatch.cli.check",
    "run": "keywatch.cli.run",
    "scan": "keywatch.cli.scan",
    "keys": "keywatch.cli.keys",
    "findings": "keywatch.cli.findings",
    "policy": "keywatch.cli.policy",
    "report": "keywatch.cli.report",
    "athena": "keywatch.cli.athena",
    "demo": "keywatch.cli.demo",
}


def run(arguments: Sequence[str]) -> int:
    """
    Run one command and return its exit status. Whatever goes wrong is told in a line, on stderr, without a traceback.

    0: all is well, 1: something was found, 2: it could not be done, or not finished; 130: interrupted.
    """
    try:
        status = _run(arguments)
        _flush()
    except KeywatchError as error:
        return _complain(error.message, error.hint)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:  # noqa: BLE001 - a traceback would be no help to a user, and may quote what was scanned
        return _report_defect(error)
    return status


def _run(arguments: Sequence[str]) -> int:
    """Do what the first word says with the words after it."""
    try:
        if arguments and arguments[0] in COMMANDS:
            command, parser = _command(arguments[0])
            return command(**parser.options(arguments[1:]))
        return _without_command(arguments)
    except SystemExit:  # argparse has shown a command's help
        return 0


def _command(name: str) -> tuple[Callable[..., int], Parser]:
    module = import_module(COMMANDS[name])
    command = getattr(module, name)
    parser = Parser(f"keywatch {name}", command.__doc__ or "")
    module.arguments(parser)
    return command, parser


def _without_command(arguments: Sequence[str]) -> int:
    parser = Parser("keywatch", _ABOUT)
    parser.add_argument("--version", action="store_true", help="Print the version and exit.")
    if arguments and not arguments[0].startswith("-"):
        parser.error(f"No such command {arguments[0]!r}.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in COMMANDS:
        command = _command(name)[0]
        commands.add_parser(name, prog=name, about="", help=(command.__doc__ or "").strip().partition("\n")[0])
    if not arguments:
        parser.print_help()
        return FAILED
    if parser.parse_args(arguments).version:
        from keywatch.native import state

        print(f"keywatch {__version__}\nnative kernel: {state()}")
    return 0


def _complain(message: str, hint: str | None) -> int:
    from keywatch.report.safe import visible

    for line in message.split("\n"):
        sys.stderr.write(f"keywatch: error: {visible(line)}\n")
    if hint:
        sys.stderr.write(f"keywatch: hint: {visible(hint)}\n")
    return FAILED


def _report_defect(error: Exception) -> int:
    """Tell of a defect by its type and place. Its message is left out: it may quote what was being read."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    hint = "this is a defect in keywatch, please report it; KEYWATCH_DEBUG=1 shows where it came from"
    if os.environ.get("KEYWATCH_DEBUG"):
        sys.stderr.writelines(traceback.format_list(frames))
        hint = "this is a defect in keywatch, please report it with the lines above"
    return _complain(f"unexpected {type(error).__name__}{where}", hint)


def _flush() -> None:
    """Send what was printed: here, where it can still be told that nobody reads it, or that there is no room."""
    try:
        print(end="", flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _reader_gone()
        raise KeywatchError(f"standard output: {error.strerror}", hint="make room where it is written to") from None


def _reader_gone() -> int:
    """Whoever read our output stopped reading. Nothing can be told; the interpreter must not try when it exits."""
    from keywatch.cli.output import abandon_stdout

    abandon_stdout()
    return FAILED
