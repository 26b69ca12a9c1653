"""Reading one TOML table: typed values by case-insensitive key, and errors that say where."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from keywatch.detect.positions import Path
from keywatch.model.errors import RuleError

_Choice = TypeVar("_Choice", bound=StrEnum)


class Table:
    """A table of a rule file. Every key that is asked for is ticked off, so that those left over can be named."""

    def __init__(
        self, content: object, file: str, *, path: Path = (), label: str = "", lines: Mapping[Path, int] | None = None
    ) -> None:
        """
        Take one table.

        Args:
            content: what the parser made of it.
            file: its name, for errors.
            path: where in the file it is.
            label: what it is to a person: `rule 'x'`.
            lines: of the file, where each key stands.
        """
        self.file, self.label = file, label
        self._path, self._lines = path, lines or {}
        if not isinstance(content, Mapping):
            raise RuleError(f"{self.where}: must be a table, not {_kind(content)}")
        self._content: dict[str, object] = {str(key).lower(): value for key, value in content.items()}
        self._left = set(self._content)

    @property
    def where(self) -> str:
        """File, line and name of the table."""
        return self._place(self._path)

    def _place(self, path: Path) -> str:
        while path and path not in self._lines:
            path = path[:-1]
        line = f":{self._lines[path]}" if path else ""
        return f"{self.file}{line}: {self.label}" if self.label else f"{self.file}{line}"

    def left_over(self) -> tuple[str, ...]:
        """Return the keys nobody asked for, sorted, in lower case."""
        return tuple(sorted(self._left))

    def has(self, key: str) -> bool:
        """Tell whether the table has `key`, without ticking it off."""
        return key in self._content

    def text(self, key: str, default: str = "") -> str:
        return self._typed(key, str, "a string", default)

    def flag(self, key: str) -> bool:
        return self._typed(key, bool, "true or false", default=False)

    def whole(self, key: str) -> int | None:
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.wrong(key, "must be a whole number, 0 or more")
        return value

    def number(self, key: str) -> float:
        value = self._take(key)
        if value is None:
            return 0.0
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.wrong(key, "must be a number")
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._typed(key, list, "a list of strings", [])
        if not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "must be a list of strings")
        return tuple(str(item) for item in value)

    def choice(
        self, key: str, kind: type[_Choice], default: _Choice, spell: Callable[[str], str] = str.lower
    ) -> _Choice:
        text = self.text(key)
        if not text:
            return default
        try:
            return kind(spell(text))
        except ValueError:
            choices = ", ".join(member.value for member in kind if member.value)
            raise self.wrong(key, f"is {text!r}", hint=f"use one of: {choices}") from None

    def tables(self, key: str) -> tuple["Table", ...]:
        items = self._typed(key, list, "a list of tables", [])
        return tuple(
            self._below(item, (key, number), f"{key} {number + 1}" if self.label else "")
            for number, item in enumerate(items)
        )

    def table(self, key: str) -> "Table | None":
        value = self._take(key)
        return None if value is None else self._below(value, (key,), key)

    def _below(self, content: object, path: Path, label: str) -> "Table":
        label = f"{self.label}: {label}" if self.label else label
        return Table(content, self.file, path=(*self._path, *path), label=label, lines=self._lines)

    def wrong(self, key: str, problem: str, hint: str | None = None) -> RuleError:
        """Return the error that says what is wrong with the value of `key`."""
        return RuleError(f"{self._place((*self._path, key.lower()))}: {key} {problem}", hint=hint)

    def note(self, key: str, text: str) -> str:
        """Return what is to be said about `key`, with its place."""
        return f"{self._place((*self._path, key.lower()))}: {text}"

    def _take(self, key: str) -> object:
        self._left.discard(key)
        return self._content.get(key)

    def _typed(self, key: str, kind: type["_T"], name: str, default: "_T") -> "_T":
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise self.wrong(key, f"must be {name}, not {_kind(value)}")
        return value


_T = TypeVar("_T")


def _kind(value: object) -> str:
    names = {
        str: "a string",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), type(value).__name__)
