"""Finding and reading `keywatch.toml`. Every error names file, line, key, what was wrong and what would be right."""

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from keywatch.model.errors import ConfigError
from keywatch.settings.locate import line_of
from keywatch.settings.schema import Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FILE_NAME = "keywatch.toml"
_FORMS = {
    "name": "should be letters, digits, `_`, `.` and `-`, at most 64, as `orders-prod`",
    "account": "should be an AWS account id: twelve digits, in quotes",
    "address": "should be a URL, as `https://vault.example:8200`",
    "endpoint_url": "should be a URL, as `https://s3.example`",
    "base_url": "should be a URL, as `https://git.example`",
    "username": "should be letters, digits and `._+-`, as `x-access-token`",
    "api_url": "should be a URL, as `https://slack.com/api/`",
    "listen": "should be an address and a port, as `127.0.0.1:9470`",
    "countries": "should be two capital letters, as `NL`",
    "role": "should be the ARN of a role, as `arn:aws:iam::111122223333:role/keywatch`",
    "login.role": "should be the name of Vault's role, as `keywatch`",
    "login.mount": "should be where the method is mounted below `auth/`, as `approle`",
    "assume_role": "should be the ARN of a role, as `arn:aws:iam::111122223333:role/keywatch`",
    "bucket": "should be the name of a bucket alone, without `s3://`",
}
"""What a text should look like, by setting, or by table and setting: nobody reads a pattern."""


def find(explicit: Path | None = None) -> Path:
    """
    Return the configuration to use: the one named, `$KEYWATCH_CONFIG`, here, the user's, the machine's; in that order.

    Raises:
        ConfigError: there is none.
    """
    if explicit is not None:
        return explicit
    if named := os.environ.get("KEYWATCH_CONFIG"):
        return Path(named)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    places = [Path(FILE_NAME), home / "keywatch" / FILE_NAME, Path("/etc/keywatch") / FILE_NAME]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(place) for place in places)
    raise ConfigError(
        f"no configuration: looked for {looked}", hint="write one with `keywatch init`, or name it: --config"
    )


def load(path: Path) -> Settings:
    """
    Read and validate one configuration file.

    Raises:
        ConfigError: it cannot be read, is not TOML, or a setting is wrong; all wrong settings are named at once.
    """
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}", hint="save the file as UTF-8") from None
    except OSError as error:
        hint = "write one with `keywatch init`" if isinstance(error, FileNotFoundError) else None
        raise ConfigError(f"{path}: {error.strerror}", hint=hint) from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}", hint="see https://toml.io for the syntax") from None
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        problems = [_describe(path, text, detail) for detail in error.errors(include_input=False, include_url=False)]
        raise ConfigError("\n".join(problem for problem, _ in problems), hint=_first_hint(problems)) from None


def _first_hint(problems: list[tuple[str, str | None]]) -> str | None:
    return next((hint for _, hint in problems if hint), "`keywatch init` writes a file with every setting explained")


def _describe(path: Path, text: str, detail: "ErrorDetails") -> tuple[str, str | None]:
    """One wrong setting as a line, and what to do about it where that can be said."""
    where = _setting(detail["loc"])
    line = line_of(text, where)
    place = f"{path}:{line}" if line else str(path)
    name = _dotted(where)
    if detail["type"] == "extra_forbidden":
        close = get_close_matches(str(where[-1]), _known_keys(where[:-1]), n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(sorted(_known_keys(where[:-1])))}"
        return f"{place}: {name}: no such setting", hint
    if detail["type"] == "missing":
        return f"{place}: {name}: is missing", f"add `{where[-1]} = …`"
    if detail["type"] == "string_pattern_mismatch":
        *_, table, setting = ["", *(part for part in where if isinstance(part, str))]
        form = _FORMS.get(f"{table}.{setting}") or _FORMS.get(setting, "does not have the form that is expected here")
        return f"{place}: {name}: {form}", None
    return f"{place}: {name}: {_plainly(detail['msg'])}", None


def _setting(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Drop what pydantic adds to a location for its own branches, as the name of a union's member."""
    return tuple(part for part in location if isinstance(part, int) or part.isidentifier() or "-" in part)


def _plainly(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _dotted(where: tuple[str | int, ...]) -> str:
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".") or "the file"


def _known_keys(where: tuple[str | int, ...]) -> list[str]:
    """The settings that exist in the table at `where`."""
    model: type[BaseModel] = Settings
    for part in where:
        if isinstance(part, int):
            continue
        found = _tables(model.model_fields[part].annotation)
        if not found:
            return []
        model = found[0]
    return list(model.model_fields)


def _tables(annotation: object) -> list[type[BaseModel]]:
    """The tables inside `Vault`, `Slack | None` or `tuple[Vault, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [table for part in getattr(annotation, "__args__", ()) for table in _tables(part)]
