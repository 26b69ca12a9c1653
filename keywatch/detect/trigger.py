"""
What gives encoded text away: the rules' own keywords as they look in base64, hexadecimal, UTF-16 or after an escape.

These are literals in the engine's own database, so the plain pass finds them on its way; text that only happens to be
made of base64 characters, of which every source tree is full, costs nothing.
"""

import base64
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from keywatch.detect.apart import TRIGGERS as APART
from keywatch.detect.broken import TRIGGERS as BROKEN
from keywatch.detect.rule import Rule
from keywatch.detect.spoken import MENTIONS

_LEAST = 4
"""Characters of a keyword that is worth looking for: shorter ones stand in random base64 too often."""

_ALWAYS = (
    "secret", "passw", "token", "api_key", "apikey", "access_key", "private key", "credential", "client_id",
    "AKIA", "ASIA", "amzn1.", "amzn.mws.", "Atzr|", "Atza|", "Atz.sprdt|", "-----BEGIN", "://", "eyJhbGciOi",
    "IQoJb3JpZ2lu", "FwoGZXIvYXdz",
)  # fmt: skip
_CORE = (
    "secret", "token", "passw", "amzn1.", "AKIA", "ASIA", "Atzr|", "Atza|", "-----BEGIN",
    "ghp_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "npm_", "hvs.", "AIza", "sk_live_", "sk-", "SG.",
)  # fmt: skip
"""What is looked for however deep it hides: in base64 of base64 of base64, and escaped letter by letter."""
_SPOKEN = (
    "シークレット", "秘密キー", "秘密鍵", "パスワード", "密钥", "密码", "密碼", "密鑰",
    "Schlüssel", "clé secr", "contraseña", "secrète", "Verkäufer", "Händler",
    "セラー", "卖家", "賣家", "口令", "秘钥", "密匙", "私钥",
    "アマゾンの", "亚马逊", "亞馬遜",
)  # fmt: skip
"""Words of the rules for human text, as JSON writes them where it is kept to ASCII."""
_NAME = r"(?:secret|token|key|passw(?:or)?d|passphrase|pwd|credentials?|auth)[a-z0-9_.\]-]{0,32}"
_QUOTED = r"[\s\\nrt\[{(]{0,64}[a-z@$]{0,2}\\[\"'](?:[^\s\"'\\]{4}|[^\s\"'\\]{0,3}\\{1,15}[nrtux/])"
_BARE = r"[\s\\nrt]{0,64}[^\s\"'\\,;(){}\[\]=][^\s\"'\\,;(){}\[\]]{0,19}(?:[0-9]|[^\s\"'\\,;(){}\[\]0-9]{12})"
"""The beginnings of values, quoted or not: source code in a string names keys and tokens on every page."""

_BEFORE = r"(?:%(?:3[DdA]|2[027C]|0A|250A|253D|2522)|\\(?:[nrt]|u00(?:3d|2[267]|0a)))"
"""What stands, escaped, in front of a word that begins a token."""


class Encoding(StrEnum):
    """How text is written that a rule cannot read."""

    BASE64 = "base64"
    HEX = "hex"
    UTF16 = "utf-16"
    ESCAPED = "escaped"
    APART = "apart"
    """A value away from its name: `keywatch.detect.apart`."""
    BROKEN = "broken"
    """A token in pieces: `keywatch.detect.broken`."""
    SPOKEN = "spoken"
    """A password in a message: `keywatch.detect.spoken`."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a group of patterns gives away; of interest is where they end."""

    encoding: Encoding
    phase: int = 0
    """Base64 only: characters between the beginning of a group of four and the pattern's end."""


def triggers(rules: Sequence[Rule]) -> dict[Trigger, tuple[str, ...]]:
    """Return the patterns to look for so that no keyword of `rules` hides in an encoding."""
    words = sorted({spelled for word in _words(rules) for spelled in _spellings(*word)})
    by_phase: defaultdict[int, set[str]] = defaultdict(set)
    for word in [*words, *(_wide(word) for word in (*_ALWAYS, *_core()))]:
        for phase, literal in in_base64(word.encode("latin-1", "ignore")):
            by_phase[phase].add(re.escape(literal))
    for word in _core():
        for _, once in in_base64(word.encode()):
            for phase, twice in in_base64(once.encode()):
                by_phase[phase].add(re.escape(twice))
                for last, thrice in in_base64(twice.encode()):
                    by_phase[last].add(re.escape(thrice))
    by_phase[0].add("H4sI")  # gzip
    return {
        **{Trigger(Encoding.BASE64, phase): tuple(sorted(found)) for phase, found in sorted(by_phase.items())},
        Trigger(Encoding.HEX): ("(?i)1f8b08", *sorted({f"(?i){word.encode().hex()}" for word in words})),
        Trigger(Encoding.UTF16): tuple(sorted({_in_utf16(word) for word in words})),
        Trigger(Encoding.ESCAPED): tuple(sorted({*_escaped(), *_preceded(rules)})),
        Trigger(Encoding.APART): APART,
        Trigger(Encoding.BROKEN): BROKEN,
        Trigger(Encoding.SPOKEN): MENTIONS,
    }


def _words(rules: Iterable[Rule]) -> Iterator[tuple[str, str]]:
    """Yield each keyword with the pattern that shows how it is spelled."""
    for word in _ALWAYS:
        yield word, word
    for rule in rules:
        for word in rule.keywords:
            if len(word) >= _LEAST and word.isascii():
                yield word, (rule.regex or "").replace("\\", "")


def _core() -> Iterator[str]:
    """Yield the words that are looked for however deep they hide."""
    for word in _CORE:
        yield from sorted({word, word.upper(), word.capitalize()} if word.isalpha() and word.islower() else {word})


def _spellings(word: str, pattern: str) -> set[str]:
    at = pattern.lower().find(word.lower())
    shown = pattern[at : at + len(word)] if at >= 0 else word
    # A word may be written in any case; the beginning of a token is written as its pattern shows it.
    return {shown, word.lower(), word.upper(), word.capitalize()} if word in _ALWAYS or word.isalpha() else {shown}


def in_base64(word: bytes) -> Iterator[tuple[int, str]]:
    """Yield the characters that depend on `word` alone, at each of the three places it may begin in a group."""
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(word)) * 8 // 6
        literal = base64.b64encode(bytes(before) + word).decode()[first:last]
        if len(literal) >= _LEAST:
            yield last % 4, literal
            yield last % 4, literal.translate(str.maketrans("+/", "-_"))


def _wide(word: str) -> str:
    return word.encode("utf-16-le").decode("latin-1").rstrip("\0")


def _in_utf16(word: str) -> str:
    return "(?i)" + r"\x00".join(map(re.escape, word.lower()))


def _preceded(rules: Iterable[Rule]) -> Iterator[str]:
    """Yield the beginning of each kind of token right behind an escape, where it is no longer at a word boundary."""
    for word, pattern in _words(rules):
        at = pattern.lower().find(word)
        yield _BEFORE + re.escape(pattern[at : at + len(word)] if at >= 0 else word)


def _escaped() -> Iterator[str]:
    # One pattern, for what begins with a name is followed from each name in the text.
    quoted = rf"[\"']\s{{0,2}}(?:,{_QUOTED}|(?::=?|=>?)(?:{_QUOTED}|{_BARE}))"
    yield rf"(?i){_NAME}(?:%(?:3[ad]|22|27|5d|25|7[cd])|\\{{1,15}}(?:u00(?:3[ad]|22|27|7c|5c)|{quoted}))"
    yield r"(?i)[a-z0-9+/\"'=:]\\{1,3}u002[bf][a-z0-9+/\\\"]"  # .NET writes the plus of base64 so, others the slash
    yield r"(?i)%3a%2f%2f[^\s&\"']{3,80}%40"
    yield r"(?i)-----BEGIN(?:%|\+|\\u)[a-z0-9%+\\ ]{0,60}PRIVATE"
    for word in _core():
        yield "(?i)" + "".join(f"%{letter:02x}" for letter in word.encode())
        yield "(?i)" + "".join(f"\\\\(?:u00|x){letter:02x}" for letter in word.encode())
    for word in _SPOKEN:
        strange = "".join(letter if letter.isascii() else f"\\\\u{ord(letter):04x}" for letter in word)
        yield "(?i)" + strange
        yield "(?i)" + "".join(letter if letter.isascii() else _percent(letter) for letter in word)


def _percent(letter: str) -> str:
    return "".join(f"%{byte:02x}" for byte in letter.encode())
