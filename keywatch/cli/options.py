"""Options that several commands share."""

from pathlib import Path

from keywatch.cli.parser import Parser


def config(parser: Parser) -> None:
    """Let the configuration be named."""
    where = "The configuration. Default: $KEYWATCH_CONFIG, ./keywatch.toml, the user's, /etc/keywatch."
    parser.add_argument("--config", "-c", metavar="FILE", type=Path, help=where)


def json(parser: Parser) -> None:
    """Let JSON be asked for."""
    parser.add_argument("--json", action="store_true", help="One JSON document instead of a table.")
