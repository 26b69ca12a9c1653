"""How command lines are read: `argparse`, with this project's errors. It costs a start 2 ms, where others cost 40."""

import argparse
import os
import sys
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
        found, left_over = self.parse_known_args(list(words))
        if left_over and "--" not in words:
            # Arguments may stand between options as well; it takes longer, and does not know `--`.
            found, left_over = self.parse_known_intermixed_args(list(words))
        for word in (word for word in left_over if word != "--"):
            self.error(f"No such option: {word}" if word.startswith("-") else f"{word!r} is one argument too many")
        return vars(found)


class _Help(argparse.HelpFormatter):
    """Keeps paragraphs apart. One is made for each option, whether or not help is asked for: it had better be cheap."""

    def __init__(self, prog: str, **more: Any) -> None:  # noqa: ANN401 - whatever this Python's argparse gives
        # Left to itself, it imports `shutil` and all compression there is, to learn this.
        super().__init__(prog, **{"width": _columns() - 2, **more})

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        import textwrap

        filled = (textwrap.fill(part, width, initial_indent=indent) for part in text.split("\n\n"))
        return "\n\n".join(filled)


def _columns() -> int:
    """Return how wide the terminal is; 80 where there is none. As `shutil.get_terminal_size`, $COLUMNS has the say."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given[:4]):
        return int(given[:4])
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (AttributeError, ValueError, OSError):  # stdout is closed, replaced, or no terminal
        return 80


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
