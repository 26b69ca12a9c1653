"""How command lines are read: `argparse`, with this project's errors. It costs a start 2 ms, where others cost 40."""

import argparse
import textwrap
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from inspect import cleandoc
from typing import Any, NoReturn, TypeVar

from keywatch.model.errors import UsageError

Choice = TypeVar("Choice", bound=Enum)


class Parser(argparse.ArgumentParser):
    """Raises a `UsageError` where argparse would exit; options and arguments may stand in any order."""

    def __init__(self, prog: str, about: str) -> None:
        """
        Make a parser that takes nothing but `--help` yet.

        Args:
            prog: what the user typed to come here.
            about: paragraphs for `--help`, as a docstring has them.
        """
        super().__init__(prog=prog, description=cleandoc(about), formatter_class=_Help, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see `{self.prog} --help`")

    def options(self, words: Sequence[str]) -> dict[str, Any]:
        """
        Return the value of each option and argument in `words`, by its name.

        Raises:
            UsageError: the words cannot be followed.
        """
        # argparse lets arguments stand between options, or takes everything behind `--` for arguments, but not both.
        parse = self.parse_known_args if "--" in words else self.parse_known_intermixed_args
        found, left_over = parse(list(words))
        for word in (word for word in left_over if word != "--"):
            self.error(f"No such option: {word}" if word.startswith("-") else f"{word!r} is one argument too many")
        return vars(found)


class _Help(argparse.HelpFormatter):
    """Keeps paragraphs apart."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = (textwrap.fill(part, width, initial_indent=indent) for part in text.split("\n\n"))
        return "\n\n".join(filled)


def one_of(kind: type[Choice]) -> Callable[[str], Choice]:
    """Return what reads a member of `kind` by its value."""

    def read(text: str) -> Choice:
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {values(kind)}") from None

    return read


def values(kind: Iterable[Enum]) -> str:
    """Return the values of an enumeration, for a person."""
    return ", ".join(str(item.value) for item in kind)


def at_least_one(text: str) -> int:
    """Read a whole number above zero."""
    if not (text.isascii() and text.isdigit() and int(text[:9])):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text[:9])
