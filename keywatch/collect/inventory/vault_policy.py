"""
Vault's policies, read as Vault reads them: HCL's first version, or JSON.

HCL has two versions that differ, and Vault's policies are written in the first: a comma may end a line, keys may be
quoted. Libraries for the second refuse such a policy, which Vault obeys. Only what a policy consists of is read here;
the text is somebody else's, so it is bounded in length and depth.
https://developer.hashicorp.com/vault/docs/concepts/policies
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from keywatch.model.access import PathRule
from keywatch.model.time import parse_rfc3339

LONGEST = 1 << 20
"""Characters of a policy that is read."""
_DEEPEST = 20
_MOST_KEYS = 16
"""Before one value."""

_Value: TypeAlias = "str | list[_Value] | _Block"
"""Numbers and booleans are as they are written."""
_BLANK = re.compile(r"(?:\s+|#[^\n]*|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*+")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*+|-?[0-9][0-9.eE+\-xXa-fA-F]*+")
_HEREDOC = re.compile(r"<<(-?)([A-Za-z0-9_]+)\r?\n")
_PLAIN = re.compile(r'[^"\\$]++')
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_OLD = {
    "deny": ("deny",),
    "read": ("read", "list"),
    "write": ("create", "read", "update", "delete", "list"),
    "sudo": ("create", "read", "update", "delete", "list", "sudo"),
}
"""What the words meant by which policies were written before there were capabilities."""


class PolicyUnreadable(ValueError):
    """A text that is no policy; the message says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Keys with values; a key may stand several times."""

    items: tuple[tuple[tuple[str, ...], _Value], ...]

    def of(self, key: str) -> Iterator[tuple[tuple[str, ...], _Value]]:
        """What stands under a key, with the keys after it."""
        for keys, value in self.items:
            if keys[0] == key:
                yield keys[1:], value


def rules_of(text: str, now: datetime) -> tuple[PathRule, ...]:
    """
    Return the rules of a policy.

    Args:
        text: as `sys/policies/acl/` shows it.
        now: aware UTC: OpenBao lets rules end.

    Raises:
        PolicyUnreadable: it cannot be read.
    """
    if len(text) > LONGEST:
        raise PolicyUnreadable(f"it is longer than {LONGEST} characters")
    document = _json(text) if text.lstrip().startswith("{") else _Reader(text).document()
    found: list[PathRule] = []
    for path, block in _paths(document):
        if not _has_ended(block, now):
            # What stands after the API's version is what is meant, with a slash or without.
            found.append(PathRule(path=path.removeprefix("/"), capabilities=_capabilities(block)))
    return tuple(found)


def _paths(document: _Block) -> Iterator[tuple[str, _Block]]:
    for keys, value in document.of("path"):
        for block in value if isinstance(value, list) else [value]:
            if not isinstance(block, _Block):
                raise PolicyUnreadable("a path in it has no rules")
            if keys:
                yield keys[0], block
                continue
            for (path, *_), rules in block.items:
                for one in rules if isinstance(rules, list) else [rules]:
                    if not isinstance(one, _Block):
                        raise PolicyUnreadable("a path in it has no rules")
                    yield path, one


def _capabilities(block: _Block) -> tuple[str, ...]:
    found: set[str] = set()
    for _, value in block.of("capabilities"):
        found |= {word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str)}
    for _, value in block.of("policy"):
        found |= set(_OLD.get(value, ())) if isinstance(value, str) else set()
    return ("deny",) if "deny" in found else tuple(sorted(found))


def _has_ended(block: _Block, now: datetime) -> bool:
    for _, value in block.of("expiration"):
        try:
            if isinstance(value, str) and value and parse_rfc3339(value) <= now:
                return True
        except ValueError:
            continue  # a rule whose end cannot be read is one that holds
    return False


def _json(text: str) -> _Block:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise PolicyUnreadable("it is neither HCL nor JSON") from None
    return _converted(parsed, 0) if isinstance(parsed, dict) else _Block(())


def _converted(table: dict[str, object], depth: int) -> _Block:
    if depth > _DEEPEST:
        raise PolicyUnreadable(f"it is more than {_DEEPEST} levels deep")
    return _Block(tuple(((key,), _value(value, depth + 1)) for key, value in table.items()))


def _value(value: object, depth: int) -> _Value:
    if isinstance(value, dict):
        return _converted(value, depth)
    if isinstance(value, list):
        if depth > _DEEPEST:
            raise PolicyUnreadable(f"it is more than {_DEEPEST} levels deep")
        return [_value(item, depth + 1) for item in value]
    return value if isinstance(value, str) else str(value)


class _Reader:
    """Goes through a text once, from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def document(self) -> _Block:
        items = self._items()
        if self._at < len(self._text):
            raise self._wrong()
        return items

    def _items(self) -> _Block:
        found: list[tuple[tuple[str, ...], _Value]] = []
        while True:
            next_one = self._peek()
            if next_one in ("", "}"):
                return _Block(tuple(found))
            keys = [self._key()]
            while (next_one := self._peek()) not in ("=", "{"):
                if len(keys) == _MOST_KEYS:
                    raise self._wrong()
                keys.append(self._key())
            if next_one == "=":
                self._at += 1
            found.append((tuple(keys), self._any()))
            if self._peek() == ",":
                self._at += 1

    def _any(self) -> _Value:
        next_one = self._peek()
        if next_one == "{":
            return self._within(self._block)
        if next_one == "[":
            return self._within(self._list)
        if next_one == "<":
            return self._heredoc()
        return self._key()

    def _within(self, read: "_Read") -> _Value:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise PolicyUnreadable(f"it is more than {_DEEPEST} levels deep")
        self._at += 1
        value = read()
        self._depth -= 1
        return value

    def _block(self) -> _Value:
        items = self._items()
        self._expect("}")
        return items

    def _list(self) -> _Value:
        found: list[_Value] = []
        while self._peek() != "]":
            found.append(self._any())
            if self._peek() == ",":
                self._at += 1
            elif self._peek() != "]":
                raise self._wrong()
        self._at += 1
        return found

    def _key(self) -> str:
        """Read a word or a text."""
        if self._peek() == '"':
            return self._string()
        word = _WORD.match(self._text, self._at)
        if word is None:
            raise self._wrong()
        self._at = word.end()
        return word[0]

    def _string(self) -> str:
        pieces: list[str] = []
        self._at += 1
        while True:
            if plain := _PLAIN.match(self._text, self._at):
                pieces.append(plain[0])
                self._at = plain.end()
            letter = self._text[self._at : self._at + 1]
            if letter == '"':
                self._at += 1
                return "".join(pieces)
            if letter == "\\":
                pieces.append(self._escape())
            elif self._text.startswith("${", self._at):
                pieces.append(self._inserted())
            elif letter == "$":
                pieces.append(letter)
                self._at += 1
            else:
                raise PolicyUnreadable("a text in it has no end")

    def _escape(self) -> str:
        letter = self._text[self._at + 1 : self._at + 2]
        digits = {"u": 4, "U": 8}.get(letter)
        if digits is None:
            self._at += 2
            return _ESCAPES.get(letter, letter)
        number = self._text[self._at + 2 : self._at + 2 + digits]
        self._at += 2 + digits
        try:
            return chr(int(number, 16))
        except (ValueError, OverflowError):
            raise PolicyUnreadable("it has an escape that means nothing") from None

    def _inserted(self) -> str:
        """Read `${…}`, in which quotes end nothing, as it stands there: Vault fills in nothing."""
        start, open_braces = self._at, 0
        while self._at < len(self._text):
            letter = self._text[self._at]
            self._at += 1
            open_braces += (letter == "{") - (letter == "}")
            if letter == "}" and open_braces == 0:
                return self._text[start : self._at]
        raise PolicyUnreadable("a text in it has no end")

    def _heredoc(self) -> str:
        head = _HEREDOC.match(self._text, self._at)
        if head is None:
            raise self._wrong()
        start = head.end()
        end = re.compile(rf"^[ \t]*{head[2]}[ \t]*\r?$", re.MULTILINE).search(self._text, start)
        if end is None:
            raise PolicyUnreadable("a text in it has no end")
        self._at = end.end()
        return self._text[start : end.start()]

    def _peek(self) -> str:
        """Pass over blanks and comments, and return the letter that follows; empty: the end."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _expect(self, letter: str) -> None:
        if self._peek() != letter:
            raise self._wrong()
        self._at += 1

    def _wrong(self) -> PolicyUnreadable:
        return PolicyUnreadable(f"it cannot be read at line {self._text.count(chr(10), 0, self._at) + 1}")


_Read: TypeAlias = "Callable[[], _Value]"
