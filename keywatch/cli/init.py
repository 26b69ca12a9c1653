"""`keywatch init`: write a configuration to start from."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from keywatch.model.errors import ConfigError


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("keywatch.toml"),
) -> None:
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
    typer.echo(f"wrote {path}: switch on what you have, then run `keywatch check`")
