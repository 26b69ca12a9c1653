"""`keywatch athena`: the table through which Athena sees a trail's files, shown or made."""

from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.cli import options
from keywatch.cli.parser import Parser
from keywatch.model.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from keywatch.settings.aws import Athena


def arguments(parser: Parser) -> None:
    """Declare what `athena` takes."""
    which = "The name of an [[athena]]. May be left out if there is one only."
    parser.add_argument("name", nargs="?", metavar="NAME", help=which)
    parser.add_argument("--create-table", action="store_true", help="Make the table, unless it is there.")
    options.config(parser)


def athena(name: str | None, config: Path | None, *, create_table: bool) -> int:
    """
    Show the statement that makes the table of an [[athena]] over the files of its trail.

    Run it in Athena's console, or let --create-table do it. Nothing else is ever made by keywatch in an AWS account,
    and the trail's files stay as they are.
    """
    from keywatch.service.assembly import utc_now
    from keywatch.service.questions import athena_trail
    from keywatch.settings.load import find, load

    path = find(config)
    entry = _chosen(load(path).athena, name, path)
    trail = athena_trail(entry, now=utc_now)
    if not create_table:
        print(trail.table.statement())
        return 0
    trail.create()
    print(f"{trail.table.name}: the table is there; now try `keywatch check`")
    return 0


def _chosen(entries: "tuple[Athena, ...]", name: str | None, path: Path) -> "Athena":
    names = ", ".join(entry.name for entry in entries)
    if not entries:
        raise ConfigError(f"{path}: no [[athena]] is configured", hint="`keywatch init` writes a file that explains it")
    if name is None and len(entries) > 1:
        raise UsageError(f"there are several [[athena]]: {names}", hint="name one of them: `keywatch athena NAME`")
    found = [entry for entry in entries if name in (None, entry.name)]
    if not found:
        raise UsageError(f"no [[athena]] is named {name!r}", hint=f"there is: {names}")
    return found[0]
