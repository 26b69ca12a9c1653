"""The words of a filter expression. The language is that of expr-lang, as betterleaks' rule files use it."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MOST = 256 << 10
"""Characters. The longest filter that is read: it would be asked for every hit."""

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<raw>`[^`]*`|r\"{3}.*?\"{3})
  | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<number>0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|(?:\d[\d_]*(?:\.\d[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
  | (?P<mark>\|\||&&|==|!=|<=|>=|\*\*|\?\?|\?\.|\.\.|[-+*/%^<>!?:;,.|()\[\]{}=])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|(.))", re.DOTALL)
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_LONGEST_NUMBER = 40


class ExpressionError(ValueError):
    """An expression cannot be read, or has no answer; the text says why and, where it can, at which character."""


class Kind(StrEnum):
    """What a token is."""

    NUMBER = "number"
    TEXT = "text"
    NAME = "name"
    MARK = "mark"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an expression, and where it stands."""

    kind: Kind
    value: bytes | int | float | str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """
    Cut an expression into tokens; the last one is of the kind END.

    Raises:
        ExpressionError: it is too long, or has something in it that begins no token.
    """
    if len(text) > MOST:
        raise ExpressionError(f"is longer than {MOST} characters")
    return [*_tokens(text), Token(Kind.END, "", len(text), len(text))]


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ExpressionError(
                f"cannot be read from character {position + 1} on: {text[position : position + 20]!r}"
            )
        kind, word = str(found.lastgroup), found.group()
        start, position = position, found.end()
        if kind == "raw":
            bare = word[4:-3] if word.startswith("r") else word[1:-1]
            yield Token(Kind.TEXT, bare.encode(errors="replace"), start, position)
        elif kind == "text":
            yield Token(Kind.TEXT, _unescaped(word[1:-1]), start, position)
        elif kind == "number":
            yield Token(Kind.NUMBER, _number(word), start, position)
        elif kind != "space":
            yield Token(Kind(kind), word, start, position)


def _number(word: str) -> int | float:
    if len(word) > _LONGEST_NUMBER:
        raise ExpressionError("has a number of more digits than any number needs")
    plain = word.replace("_", "")
    if plain[:2].lower() in {"0x", "0o", "0b"}:
        return int(plain, 0)
    return int(plain) if plain.isdecimal() else float(plain)


def _unescaped(text: str) -> bytes:
    parts: list[bytes] = []
    reached = 0
    for escape in _ESCAPE.finditer(text):
        parts += [text[reached : escape.start()].encode(errors="replace"), _meant(escape)]
        reached = escape.end()
    return b"".join([*parts, text[reached:].encode(errors="replace")])


def _meant(escape: re.Match[str]) -> bytes:
    short, long, byte, octal, letter = escape.groups()
    if byte is not None or octal is not None:
        return bytes([int(byte, 16) if byte is not None else int(octal, 8) & 0xFF])
    if letter is not None:
        return _SHORT.get(letter, letter).encode(errors="replace")
    point = int(short or long, 16)
    return chr(point).encode(errors="replace") if point <= sys.maxunicode else b"\xef\xbf\xbd"
