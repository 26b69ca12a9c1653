"""
What is known and accepted: findings that a scan does not tell again, by their value and never by their place.

Our own file holds, for each accepted value, an HMAC-SHA256 under a salt that the file itself carries, so that a team
can share it: peppers differ from machine to machine. Whoever has the file can test guesses against it, so a value that
can be guessed (a short password) is as good as told by it: replace such values rather than accepting them. No line, no
path, no time of writing: moving a secret changes nothing, and what two branches add merges by itself.

The files of others are read too: gitleaks' `.gitleaksignore` and JSON report, detect-secrets' `.secrets.baseline`.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Protocol

from keywatch.model.errors import UsageError
from keywatch.model.finding import Confidence, Finding, Match, Place

_VERSION = 1
_LARGEST = 256 << 20
_SALT = 16
_WITH_COMMIT = 4
_DIGITS = 18
"""Of a line number that is read; no file has more lines."""


class Accepts(Protocol):
    """Tells what need not be told."""

    def accepts(self, match: Match) -> bool:
        """Tell whether the value of `match` is known and accepted."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted value."""

    digest: str
    rule: str
    reason: str = ""
    until: date | None = None
    """The last day on which it holds; None: for good."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """keywatch's own: values by HMAC under the file's salt."""

    salt: bytes
    entries: Mapping[str, Accepted] = field(default_factory=dict)

    def digest(self, value: bytes) -> str:
        """Return what the file keeps of a value: 64 hexadecimal digits."""
        return hmac.new(self.salt, b"baseline\0" + value, hashlib.sha256).hexdigest()

    def accepts(self, match: Match) -> bool:
        """See `Accepts`."""
        return self.digest(match.secret.reveal()) in self.entries


class Recorder:
    """Notes the values of a scan for a baseline, as digests. Safe to share between threads."""

    def __init__(self, baseline: Baseline | None, reason: str = "", least: Confidence = Confidence.SLIGHT) -> None:
        """
        Start from the file as it is, whose salt, reasons and days are kept; None: from a new one.

        What is less sure than `least` is not told, so nobody has accepted it.
        """
        self._least = least
        self._baseline = baseline or Baseline(os.urandom(_SALT))
        self._reason = reason
        self._new: dict[str, Accepted] = {}

    def note(self, match: Match) -> None:
        """Take one value in."""
        if match.confidence.rank < self._least.rank:
            return
        digest = self._baseline.digest(match.secret.reveal())
        # Of several rules that see one value the same is named, whichever thread was first.
        rule = min(match.rule.id, self._new[digest].rule) if digest in self._new else match.rule.id
        self._new[digest] = Accepted(digest, rule, self._reason)

    def text(self) -> str:
        """Return the file: one line an entry, sorted, so that what two branches add merges by itself."""
        entries = {**self._new, **self._baseline.entries}
        lines = [f"{json.dumps(_entry(entries[digest]))},\n" for digest in sorted(entries)]
        head = (
            f'{{"keywatch": "baseline", "version": {_VERSION}, "salt": "{self._baseline.salt.hex()}", "accepted": [\n'
        )
        return head + "".join(lines) + "{}]}\n"


@dataclass(frozen=True, slots=True)
class GitleaksIgnore:
    """
    A `.gitleaksignore`, or a `.betterleaksignore`: `file:rule:line`, or `commit:file:rule:line`.

    They name places, not values, so they take places away from findings. With a commit, only what that commit brought
    in: a new value on the line is found. gitleaks' rules have ids of their own, so an id that is none of ours stands
    for whatever is found there.
    """

    places: frozenset[tuple[str, str, str, int]]
    """Commit (empty: any), path, rule, line."""
    name: str = ""
    """Of the file, for a person."""
    _named: dict[tuple[str, int], list[tuple[str, str]]] = field(init=False, repr=False, compare=False)
    """By path and line: commit and rule."""

    def __post_init__(self) -> None:
        """Arrange the places, of which there may be thousands, for being asked about one."""
        object.__setattr__(self, "_named", {})
        for commit, path, rule, line in self.places:
            self._named.setdefault((path, line), []).append((commit, rule))

    def without(self, finding: Finding, ours: frozenset[str]) -> Finding | None:
        """Return what is left of `finding`; None where that is nothing. `ours` are the ids of the rules in use."""
        kept = tuple(place for place in finding.places if not self._excuses(place, finding.rules, ours))
        return replace(finding, places=kept) if kept else None

    def _excuses(self, place: Place, rules: frozenset[str], ours: frozenset[str]) -> bool:
        path = place.path.replace("\\", "/")
        return any(
            commit in {"", place.commit} and (named in rules or named not in ours)
            for commit, named in self._named.get((path, place.line), ())
        )


@dataclass(frozen=True, slots=True)
class Values:
    """Values themselves, as an unredacted gitleaks report has them, kept as digests under a salt of this run."""

    salt: bytes
    digests: frozenset[bytes]
    sha1: frozenset[str] = frozenset()
    """detect-secrets keeps plain SHA-1 of the values."""

    def accepts(self, match: Match) -> bool:
        """See `Accepts`."""
        value = match.secret.reveal()
        return (
            _salted(self.salt, value) in self.digests
            or hashlib.sha1(value, usedforsecurity=False).hexdigest() in self.sha1
        )


def read_baseline(path: Path, *, today: date, warn: Callable[[str], None] = lambda _: None) -> Accepts:
    """
    Read a baseline of any of the known kinds, told apart by what stands in it.

    Args:
        path: the file.
        today: entries that ended before are void.
        warn: is told, for a person, of entries that are void or cannot be followed.

    Raises:
        UsageError: it cannot be read, or is none of these.
    """
    text = _text(path)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    try:
        if isinstance(document, dict) and "keywatch" in document:
            return _own(path, document, today, warn)
        if isinstance(document, dict) and "results" in document:
            return _detect_secrets(document)
        if isinstance(document, list):
            return _gitleaks_report(path, document, warn)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise UsageError(
        f"{path}: not a baseline",
        hint="give one that keywatch, gitleaks (JSON) or detect-secrets wrote",
    )


def read_own(path: Path) -> Baseline | None:
    """
    Read our own baseline in order to add to it, entries that have ended included; None where there is no file.

    Raises:
        UsageError: it is there, and is not one.
    """
    if not path.exists():
        return None
    found = read_baseline(path, today=date.min)
    if not isinstance(found, Baseline):
        raise UsageError(f"{path}: not a baseline of keywatch", hint="name another file to write to")
    return found


def _entry(accepted: Accepted) -> dict[str, str]:
    entry = {"hmac": accepted.digest, "rule": accepted.rule, "reason": accepted.reason}
    return entry | {"until": accepted.until.isoformat()} if accepted.until else entry


def _own(path: Path, document: dict[str, object], today: date, warn: Callable[[str], None]) -> Baseline:
    if document["version"] != _VERSION:
        raise UsageError(f"{path}: a baseline of version {document['version']}", hint="update keywatch")
    entries = {}
    ended = 0
    items = document["accepted"]
    for item in items if isinstance(items, list) else []:
        if not item:
            continue
        until = date.fromisoformat(item["until"]) if "until" in item else None
        if until is not None and until < today:
            ended += 1
            continue
        entries[str(item["hmac"])] = Accepted(str(item["hmac"]), str(item["rule"]), str(item.get("reason", "")), until)
    if ended:
        warn(f"{path}: {ended} accepted values have reached their day and are told again")
    return Baseline(bytes.fromhex(str(document["salt"])), entries)


def _detect_secrets(document: dict[str, object]) -> Values:
    results = document["results"]
    items = [item for found in results.values() for item in found] if isinstance(results, dict) else []
    return Values(b"", frozenset(), frozenset(str(item["hashed_secret"]).lower() for item in items))


def _gitleaks_report(path: Path, document: list[dict[str, object]], warn: Callable[[str], None]) -> Accepts:
    salt = os.urandom(_SALT)
    values = {str(item["Secret"]) for item in document}
    redacted = {value for value in values if value == "REDACTED" or value.endswith("...")}
    if redacted:
        warn(f"{path}: its secrets are redacted: entries without a value accept nothing")
    return Values(salt, frozenset(_salted(salt, value.encode()) for value in values - redacted))


def ignore_of(path: Path, text: str, warn: Callable[[str], None] = lambda _: None) -> GitleaksIgnore:
    """Return what the text of a `.gitleaksignore` excuses; `warn` is told of lines that say nothing."""
    places = set()
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip().replace("\\", "/")
        if not entry or entry.startswith("#"):
            continue
        parts = entry.split(":")
        if len(parts) not in {3, _WITH_COMMIT} or not (parts[-1].isascii() and parts[-1].isdecimal()):
            warn(f"{path}:{number}: not file:rule:line nor commit:file:rule:line; passed over")
            continue
        commit = parts[0] if len(parts) == _WITH_COMMIT else ""
        places.add((commit, parts[-3], parts[-2], int(parts[-1][:_DIGITS])))
    return GitleaksIgnore(frozenset(places), str(path))


def _salted(salt: bytes, value: bytes) -> bytes:
    return hmac.new(salt, value, hashlib.sha256).digest()


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path}: larger than any baseline", hint="name the file you meant")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UsageError(f"{path}: {why}", hint="name a baseline that can be read") from None
