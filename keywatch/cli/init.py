"""`keywatch init`: write a configuration to start from."""

import os
from importlib.resources import files
from pathlib import Path

from keywatch.cli.parser import Parser
from keywatch.model.errors import ConfigError


def arguments(parser: Parser) -> None:
    """Declare what `init` takes."""
    where = "Where to write it. Default: keywatch.toml."
    parser.add_argument("path", nargs="?", metavar="FILE", type=Path, default=Path("keywatch.toml"), help=where)


def init(path: Path) -> int:
    """
    Write a commented configuration, every setting explained and switched off.

    An existing file is never touched.
    """
    text = files("keywatch.settings").joinpath("template.toml").read_text("utf-8")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    except FileExistsError:
        raise ConfigError(
            f"{path} is there already", hint="edit it, or name another file: `keywatch init FILE`"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="name a file in a directory that exists") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"wrote {path}: switch on what you have, then run `keywatch check`")
    return 0
