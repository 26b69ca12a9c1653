"""
The commands, and the only place that prints an error or decides on an exit status.

A command is a line in `COMMANDS`: its module is imported when the command is called, not before, so that `keywatch
scan` pays for nothing the daemon needs.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand, TyperGroup

from keywatch import __version__
from keywatch.model.errors import KeywatchError

if TYPE_CHECKING:
    from typer._click import Context

FAILED = 2
INTERRUPTED = 130
"""128 and the number of the signal, as shells do."""

COMMANDS = {
    # name: module, whose function has the command's name
    "init": "keywatch.cli.init",
    "check": "keywatch.cli.check",
    "run": "keywatch.cli.run",
    "scan": "keywatch.cli.scan",
    "keys": "keywatch.cli.keys",
    "findings": "keywatch.cli.findings",
    "demo": "keywatch.cli.demo",
}


class _Lazy(TyperGroup):
    """A group that imports a command's module when it is asked for."""

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002 - as the base class calls it
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> TyperCommand | None:  # noqa: ARG002 - likewise
        if cmd_name not in COMMANDS:
            return None
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(cmd_name)(getattr(import_module(COMMANDS[cmd_name]), cmd_name))
        command = typer.main.get_command(single)
        return command if isinstance(command, TyperCommand) else None


app = typer.Typer(cls=_Lazy, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def keywatch(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Keep a company inside Amazon's rules for developer keys."""
    if version:
        typer.echo(f"keywatch {__version__}")
        raise typer.Exit


def run(arguments: Sequence[str]) -> int:
    """
    Run one command and return its exit status. Whatever goes wrong is told in a line, on stderr, without a traceback.

    0: all is well, 1: something was found, 2: it could not be done, or not finished; 130: interrupted.
    """
    try:
        result = typer.main.get_command(app).main(list(arguments), prog_name="keywatch", standalone_mode=False)
    except KeywatchError as error:
        return _complain(error.message, error.hint)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:  # noqa: BLE001 - a traceback would be no help to a user, and may quote what was scanned
        return _report_usage(error) or _report_defect(error)
    return result if isinstance(result, int) else 0


def _complain(message: str, hint: str | None) -> int:
    from keywatch.report.safe import visible

    for line in message.split("\n"):
        sys.stderr.write(f"keywatch: error: {visible(line)}\n")
    if hint:
        sys.stderr.write(f"keywatch: hint: {visible(hint)}\n")
    return FAILED


def _report_usage(error: Exception) -> int:
    """Tell of a command line that cannot be followed; zero if `error` is something else."""
    describe = getattr(error, "format_message", None)
    if describe is None:
        return 0
    if not (message := str(describe())):
        return FAILED  # called without a command: the help that was printed says it all
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "keywatch"
    return _complain(message, f"see `{command} --help`")


def _report_defect(error: Exception) -> int:
    """Tell of a defect by its type and place. Its message is left out: it may quote what was being read."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    hint = "this is a defect in keywatch, please report it; KEYWATCH_DEBUG=1 shows where it came from"
    if os.environ.get("KEYWATCH_DEBUG"):
        sys.stderr.writelines(traceback.format_list(frames))
        hint = "this is a defect in keywatch, please report it with the lines above"
    return _complain(f"unexpected {type(error).__name__}{where}", hint)


def _reader_gone() -> int:
    """Whoever read our output stopped reading. Nothing can be told; the interpreter must not try when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED
