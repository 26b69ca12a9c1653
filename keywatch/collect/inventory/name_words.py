"""
What the words of a name say: whether it is that of a secret, and of which of the keys that keywatch is there for.

Words are read, not letters: `lwa` is not in `bulwark`. A name that ends in a word such as `ttl` or `arn` is not that of
a secret but of something about one.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from keywatch.model.key import KeyKind

_BOUNDARY = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST = 2048
"""Characters of a name that are read: as many as a parameter's may have."""
_ACCESS_KEY_ID = re.compile(r"(?<![A-Za-z0-9])AKIA[A-Z2-7]{16}(?![A-Za-z0-9])")

_SELLING_PARTNER = ("lwa", "spapi", "sp api", "selling partner", "sellingpartner", "login with amazon")
_REFRESH = ("refresh token", "refreshtoken", "refresh")
_CLIENT_SECRET = ("client secret", "clientsecret", "secret")
_MWS = ("mws",)
_AWS = ("access key", "accesskey", "secret key", "secretkey", "credentials")
_SECRET = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "credentials",
    "api key",
    "apikey",
    "private key",
    "secret key",
    "signing key",
    "encryption key",
)
_ABOUT = frozenset(
    {
        "algorithm",
        "arn",
        "bucket",
        "count",
        "days",
        "domain",
        "email",
        "enabled",
        "endpoint",
        "environment",
        "expiry",
        "expires",
        "expiration",
        "file",
        "format",
        "header",
        "host",
        "hostname",
        "id",
        "ids",
        "interval",
        "issuer",
        "length",
        "limit",
        "location",
        "mode",
        "name",
        "names",
        "parameter",
        "path",
        "policy",
        "port",
        "prefix",
        "region",
        "retention",
        "role",
        "rotation",
        "schedule",
        "seconds",
        "size",
        "store",
        "timeout",
        "topic",
        "ttl",
        "type",
        "uri",
        "url",
        "user",
        "username",
        "validity",
        "version",
    }
)
"""What a name ends in that is not a secret's own."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a name sounds like."""

    kind: KeyKind
    access_key_id: str | None = None


def guessed(name: str) -> Guess | None:
    """Say which of the keys that Amazon's policy speaks of a name sounds like; None: like none of them."""
    name = name[:_LONGEST]
    if found := _ACCESS_KEY_ID.search(name):
        return Guess(KeyKind.AWS_ACCESS_KEY, found[0])
    words = _words(name)
    kind = _kind(words) if words and words[-1] not in _ABOUT else None
    return Guess(kind) if kind else None


def _kind(words: list[str]) -> KeyKind | None:
    text = _spaced(words)
    if _has(text, _SELLING_PARTNER):
        if _has(text, _REFRESH):
            return KeyKind.LWA_REFRESH_TOKEN
        return KeyKind.LWA_CLIENT_SECRET if _has(text, _CLIENT_SECRET) else KeyKind.OTHER
    if _has(text, _MWS) and _has(text, (*_SECRET, "key")):
        return KeyKind.MWS_KEY
    return KeyKind.AWS_ACCESS_KEY if "aws" in words and _has(text, _AWS) else None


def says_secret(name: str) -> bool:
    """Whether the last part of a path is the name of a secret, and not of something about one."""
    words = _words(name[:_LONGEST].rstrip("/").rpartition("/")[2])
    return bool(words) and words[-1] not in _ABOUT and _has(_spaced(words), _SECRET)


def tells_about(name: str) -> bool:
    """Whether a name is that of something about a secret: a host, a user, the id of a key."""
    return last_word(name) in _ABOUT


def last_word(name: str) -> str:
    """The last word of a name; empty: it has none."""
    words = _words(name[-_LONGEST:])
    return words[-1] if words else ""


def speaks_of(name: str, phrases: tuple[str, ...]) -> bool:
    """Whether the words of a phrase stand in a name, one after the other."""
    text = _spaced(_words(name[:_LONGEST]))
    return any(phrase in text for phrase in _as_words(phrases))


@lru_cache(maxsize=8)
def _as_words(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_spaced(words) for words in map(_words, phrases) if words)


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _BOUNDARY.split(name) if word]


def _spaced(words: list[str]) -> str:
    return f" {' '.join(words)} "


def _has(text: str, phrases: tuple[str, ...]) -> bool:
    return any(f" {phrase} " in text for phrase in phrases)
