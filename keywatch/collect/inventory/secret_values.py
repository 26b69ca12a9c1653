"""
Which values of a stored secret are secrets, and under which name each is spoken of. Pure; plaintext stays in `Secret`.

A secret of a store is JSON: text, lists and objects in each other, and text that is itself a document (a service
account's file, a PEM, a list of settings, an address with a password in it). What is spoken of is the field, as
`config.private_key`, never the value.
"""

import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from keywatch.collect.inventory.name_words import guessed, last_word, says_secret, tells_about
from keywatch.detect.sealing import sealed
from keywatch.detect.value import is_placeholder, looks_random
from keywatch.model.held_value import ReadValue
from keywatch.model.key import KeyKind
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Pepper, Secret
from keywatch.model.source import Json

MOST_VALUES = 2000
"""Of one secret; what is beyond is not looked for, and that is said."""
_DEEPEST = 8
"""Objects, lists and documents in each other."""
_SHORTEST = 8
"""Characters; what is shorter is not even recognised: any rule might see it anywhere."""
_SHORTEST_BASE64 = 24
_LONGEST_NAME = 64
_LINE = 64
"""Characters of a line of PEM; one from inside is looked for, since lines are broken and indented in every way."""

_NUMERIC = re.compile(r"[\d\s.,:+_/-]+")
_WORD = re.compile(r"true|false|null|none|nil|yes|no|on|off", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9_.\-/ @:]+")
_SETTING = re.compile(r"\s*(?:export |- )?[\"']?([A-Za-z_][\w.-]{0,63})[\"']?\s?[:=](.*)")
_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----[^-]*(?:-[^-]+)*-----END [A-Z0-9 ]{0,60}-----"
)
_PUBLIC = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}(?:CERTIFICATE|PUBLIC KEY)[A-Z ]{0,10}-----")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_BODY = re.compile(r"[A-Za-z0-9+/=]+")
_PAIRS = re.compile(r"[^=;\n]{1,64}=[^;\n]*(?:;[^=;\n]{1,64}=[^;\n]*)+;?")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.:-]{1,40}://")
_SCHEMES = ("Bearer ", "Basic ", "Token ")
_SPEAKING = frozenset({"key", "value", "data", "pass", "pwd", "auth", "sig", "signature", "salt", "pin", "credential"})
"""Last words of a field whose value is a secret in a store of secrets, though elsewhere it need not be."""
_SHAPES = (
    (b"Atzr|", KeyKind.LWA_REFRESH_TOKEN),
    (b"amzn1.oa2-cs.", KeyKind.LWA_CLIENT_SECRET),
    (b"amzn.mws.", KeyKind.MWS_KEY),
    (b"hvs.", KeyKind.VAULT_TOKEN),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One value, and the field it is spoken of by."""

    field: str
    value: Secret
    anchored: bool = True
    """Whether it is looked for wherever it may stand; if not, it is recognised where a rule sees it."""


def read_values(data: dict[str, Json], pepper: Pepper) -> tuple[ReadValue, ...]:
    """
    Reduce what a store showed to what is kept of it.

    Args:
        data: the fields of one version.
        pepper: of this installation.
    """
    kept: dict[tuple[str, str], ReadValue] = {}
    left = MOST_VALUES
    for found in values_of(data):
        if not left:
            why = f"is beyond the first {MOST_VALUES} of its secret"
            kept["…", why] = ReadValue(field="…", fingerprint=None, refused=why)
            break
        left -= 1
        if (read := _reduced(found, pepper)) is not None:
            kept.setdefault((read.field, read.fingerprint.digest if read.fingerprint else ""), read)
    return tuple(kept.values())


def values_of(data: dict[str, Json]) -> Iterator[Found]:
    """Yield each value that may be a secret. Numbers, words of a switch and what only describes a secret are none."""
    yield from _inside("", data, _DEEPEST)


def _reduced(found: Found, pepper: Pepper) -> ReadValue | None:
    value = found.value.reveal()
    speaks = says_secret(found.field) or last_word(found.field) in _SPEAKING
    kept = sealed(found.value, pepper)
    kind = _kind(found.field, value)
    if isinstance(kept, KnownSecret):
        return ReadValue(
            field=found.field,
            fingerprint=kept.fingerprint,
            sealed=kept.sealed if found.anchored else "",
            kind=kind,
        )
    if not found.anchored:
        return ReadValue(field=found.field, fingerprint=pepper.fingerprint(found.value), kind=kind)
    if not speaks:
        return None  # the name of a stage, a region, a person: nobody waits for it to be looked for
    common = len(value) < _SHORTEST or is_placeholder(value)
    fingerprint = None if common else pepper.fingerprint(found.value)
    return ReadValue(field=found.field, fingerprint=fingerprint, kind=kind, refused=kept.why)


def _kind(field: str, value: bytes) -> KeyKind:
    shaped = next((kind for head, kind in _SHAPES if value.startswith(head)), None)
    guess = None if shaped else guessed(field)
    return shaped or (guess.kind if guess else KeyKind.OTHER)


def _inside(field: str, item: Json, depth: int) -> Iterator[Found]:
    if isinstance(item, str):
        yield from _text(field, item, depth)
    elif not depth and isinstance(item, dict | list):
        yield from _value(field, json.dumps(item))  # nested beyond reason: as it stands
    elif isinstance(item, dict):
        for number, (name, inner) in enumerate(item.items(), 1):
            shown = shown_name(name, number)
            if shown != name and looks_random(name.encode("utf-8", "ignore")):
                # Somebody keeps secrets as names: by what they open, for instance.
                yield from _value(_below(field, f"name {number}"), name)
            yield from _inside(_below(field, shown), inner, depth - 1)
    elif isinstance(item, list):
        for number, inner in enumerate(item, 1):
            yield from _inside(_below(field, str(number)) if len(item) > 1 else field, inner, depth - 1)


def _below(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def shown_name(name: str, number: int) -> str:
    """Return a name as it may be shown: one that could be a secret is a number instead."""
    plain = len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) and not looks_random(name.encode("utf-8", "ignore"))
    return name if plain else f"field {number}"


def _text(field: str, text: str, depth: int) -> Iterator[Found]:
    text = text.strip()
    if not text or _NUMERIC.fullmatch(text) or _WORD.fullmatch(text):
        return
    if depth and (document := _document(text)) is not None:
        yield from _inside(field, document, depth - 1)
        return
    if blocks := _KEY.findall(text):
        yield from (found for block in blocks for found in _private_key(field, block))
        text = _KEY.sub("", text).strip()
        if not text or _PUBLIC.match(text):
            return
    if _PUBLIC.match(text):
        return
    pieces = list(_connection(field, text)) or (list(_settings(field, text, depth - 1)) if depth else [])
    if pieces:
        yield from pieces
        return
    if depth and (inner := _decoded(text)) is not None:
        yield from _text(field, inner, depth - 1)
    yield from _value(field, text)


def _value(field: str, text: str) -> Iterator[Found]:
    if tells_about(field):
        return
    for scheme in _SCHEMES:
        text = text.removeprefix(scheme)
    # Lone surrogates, which JSON can write, are no text: what such a value would look like elsewhere nobody knows.
    yield Found(field, Secret(text.encode("utf-8", "ignore")))


def _private_key(field: str, text: str) -> Iterator[Found]:
    """Yield the whole, and a line from inside it, which stands in one piece however the whole is written elsewhere."""
    text = text.replace("\\n", "\n").replace("\r", "")
    yield Found(field, Secret(text.encode("utf-8", "ignore")), anchored=False)
    lines = [line.strip() for line in text.split("\n")[1:-1]]
    body = [line for line in lines if len(line) >= _LINE // 2 and _BODY.fullmatch(line)]
    longest = max(map(len, body), default=0)
    full = [line for line in body if len(line) == longest]
    if full:
        # Not the first, which tells the kind of key and is alike in many.
        yield Found(field, Secret(full[len(full) // 2].encode()))


def _document(text: str) -> Json:
    """Return what a text is as JSON, if that is more than text."""
    if text[:1] not in ("{", "["):
        return None
    try:
        parsed: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict | list) else None


def _connection(field: str, text: str) -> Iterator[Found]:
    """Yield the passwords in an address (`postgres://user:…@host`) or in a list of pairs (`Server=…;Password=…`)."""
    if "\n" in text:
        return
    if _ADDRESS.match(text):
        try:
            parts = urlsplit(text.removeprefix("jdbc:"))
            password, pairs = parts.password, parse_qsl(parts.query)
        except ValueError:
            return
        if password:
            yield Found(_below(field, "password"), Secret(unquote(password).encode("utf-8", "ignore")))
    elif _PAIRS.fullmatch(text):
        pairs = [(name.strip(), value.strip().strip("\"'")) for name, _, value in map(_cut, text.split(";"))]
    else:
        return
    for name, value in pairs:
        if value and (says_secret(name) or last_word(name) in _SPEAKING):
            yield Found(_below(field, shown_name(name, 0)), Secret(value.encode("utf-8", "ignore")))


def _cut(pair: str) -> tuple[str, str, str]:
    return pair.partition("=")


def _settings(field: str, text: str, depth: int) -> Iterator[Found]:
    """Yield what stands in a text of settings: `.env`, properties, plain YAML; nothing if it is not mostly that."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", ";", "["))]
    pairs = [found.groups() for line in lines if (found := _SETTING.fullmatch(line))]
    if "\n" not in text or len(pairs) * 2 < len(lines):
        return
    for number, (name, value) in enumerate(pairs, 1):
        plain = value.strip().rstrip(",").strip("\"'")
        if plain:
            yield from _text(_below(field, shown_name(name, number)), plain, depth)


def _decoded(text: str) -> str | None:
    """Return the text that base64 stands for, where it is a document or a key; None: it is a value as it stands."""
    plain = "".join(text.split())
    if len(plain) < _SHORTEST_BASE64 or not _BASE64.fullmatch(plain):
        return None
    try:
        decoded = binascii.a2b_base64(plain.replace("-", "+").replace("_", "/") + "==").decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    structured = _KEY.search(decoded) or _document(decoded.strip()) is not None or "\n" in decoded.strip()
    return decoded if structured else None
