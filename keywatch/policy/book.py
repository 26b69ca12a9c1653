"""The obligations, read from TOML: those that come with keywatch, and a company's own changes to them."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from keywatch.model.alert import ProblemKind
from keywatch.model.errors import ConfigError
from keywatch.model.finding import Severity
from keywatch.policy.obligation import Duty, Obligation

_FILES = ("aup.toml", "dpp.toml")


class _Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An `[[obligation]]` as it is written. What is left out of a known one stays as it was."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,59}$")]
    title: str | UnsetType = UNSET
    watched: tuple[ProblemKind, ...] | UnsetType = UNSET
    seen_by: tuple[Literal["inventory", "access", "calls", "answers", "content"], ...] | UnsetType = UNSET
    only_where_read: bool | UnsetType = UNSET
    confirmed_every_days: Annotated[int, msgspec.Meta(ge=0, le=3660)] | UnsetType = UNSET
    question: str | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    remedy: str | UnsetType = UNSET
    excused: str | UnsetType = UNSET

    def fields(self) -> dict[str, Any]:
        """What it says, under the names of `Obligation`."""
        said = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}
        days = said.pop("confirmed_every_days", None)
        return said if days is None else said | {"confirmed_every": timedelta(days=days) if days else None}


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    policy: str = "own"
    edition: str = ""
    link: str = ""
    obligation: Annotated[list[_Entry], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Book:
    """Obligations, in the order of the policies."""

    obligations: tuple[Obligation, ...]

    def __getitem__(self, name: str) -> Obligation:
        """
        Return the one of that id.

        Raises:
            KeyError: there is none.
        """
        found = {item.id: item for item in self.obligations}
        return found[name]


@cache
def packaged() -> Book:
    """Return the obligations that come with keywatch."""
    here = files("keywatch.policy")
    found: dict[str, Obligation] = {}
    for name in _FILES:
        _merge(found, tomllib.loads((here / name).read_text("utf-8")), name)
    return Book(tuple(found.values()))


def read(paths: Iterable[Path]) -> Book:
    """
    Return the packaged obligations, changed and added to by `paths`, later ones over earlier ones.

    An entry whose id is known changes the fields that it names; any other is a new obligation.

    Raises:
        ConfigError: a file cannot be read, or says something that means nothing: file, entry and what is wrong.
    """
    found = {item.id: item for item in packaged().obligations}
    for path in paths:
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{path}: {error.strerror or type(error).__name__}", hint="correct [policy] files"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: is not TOML: {error}") from None
        _merge(found, table, str(path))
    return Book(tuple(found.values()))


def _merge(found: dict[str, Obligation], table: Mapping[str, Any], where: str) -> None:
    try:
        said = msgspec.convert(table, _File)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}", hint="the files in keywatch/policy show what one looks like") from None
    seen: set[str] = set()
    for entry in said.obligation:
        if entry.id in seen:
            raise ConfigError(f"{where}: obligation {entry.id} stands there twice")
        seen.add(entry.id)
        fields = entry.fields()
        if entry.id in found:
            found[entry.id] = replace(found[entry.id], **fields)
        else:
            duty = Duty(policy=said.policy, edition=said.edition, link=said.link)
            found[entry.id] = replace(Obligation(id=entry.id, title=entry.id, duty=duty), **fields)
        _whole(found[entry.id], f"{where}: obligation {entry.id}")


def _whole(item: Obligation, where: str) -> None:
    if not item.watched and item.confirmed_every is None and item.excused is None:
        raise ConfigError(
            f"{where}: is neither watched nor confirmed by anybody",
            hint="give watched, or confirmed_every_days and question; or say in excused why it does not apply",
        )
    if item.confirmed_every is not None and not item.question:
        raise ConfigError(f"{where}: has no question for whoever is to confirm it")
    if item.only_where_read and item.confirmed_every is None:
        raise ConfigError(f"{where}: is watched only_where_read, and nobody confirms it elsewhere")
    if item.watched and not item.seen_by:
        raise ConfigError(f"{where}: does not say what it is seen_by")
