"""
What became of wrapping tokens, kept in the state directory: which keywatch used up itself, and which it could not.

Without it a restart would look as if somebody else had been there first, and an alarm would end with the process that
raised it. Tokens are known by their fingerprints.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from keywatch.model.secret import Fingerprint, Secret
from keywatch.model.source import Json
from keywatch.model.time import parse_rfc3339, to_rfc3339

NAME = "vault-wrappings.json"
"""The file's name inside the state directory."""
_KEPT = 50
"""Tokens remembered of each Vault, the newest."""
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A wrapping token that did not give its secret id."""

    vault: str
    at: datetime
    """When it was noticed first."""
    why: str


class Wrappings:
    """The memory of wrapping tokens. May be shared between threads."""

    def __init__(self, path: Path, fingerprint: Callable[[Secret], Fingerprint], now: Callable[[], datetime]) -> None:
        self._path = path
        self._fingerprint = fingerprint
        self._now = now
        self._lock = Lock()

    def taken(self, vault: str, token: Secret) -> datetime | None:
        """When keywatch used up this token. None: it did not."""
        with self._lock:
            return _time(_table(self._entry(self._read(), vault), "taken").get(self._fingerprint(token).digest))

    def take(self, vault: str, token: Secret) -> None:
        """
        Note that keywatch is about to use up this token.

        Raises:
            OSError: it cannot be noted.
        """
        with self._lock:
            known = self._read()
            entry = self._entry(known, vault)
            taken = _table(entry, "taken") | {self._fingerprint(token).digest: to_rfc3339(self._now())}
            entry["taken"] = dict(list(taken.items())[-_KEPT:])
            self._write(known)

    def suspect(self, vault: str, token: Secret, why: str) -> None:
        """Note that this token did not give what it should. Its first time counts."""
        with self._lock:
            known = self._read()
            entry = self._entry(known, vault)
            digest = self._fingerprint(token).digest
            if _table(entry, "suspect").get("token") != digest:
                entry["suspect"] = {"token": digest, "at": to_rfc3339(self._now()), "why": why}
                taken = _table(entry, "taken")
                taken.pop(digest, None)
                entry["taken"] = taken
                self._write(known)

    def settle(self, vault: str) -> None:
        """Note that a token gave its secret id: whatever was suspected of one before has been dealt with."""
        with self._lock:
            known = self._read()
            if self._entry(known, vault).pop("suspect", None) is not None:
                self._write(known)

    def suspicions(self) -> tuple[Suspicion, ...]:
        """What is suspected now."""
        with self._lock:
            known = self._read()
        found = ((vault, _table(self._entry(known, vault), "suspect")) for vault in sorted(known))
        return tuple(
            Suspicion(vault, at, str(told.get("why", "")))
            for vault, told in found
            if (at := _time(told.get("at"))) is not None
        )

    def _entry(self, known: dict[str, Json], vault: str) -> dict[str, Json]:
        known[vault] = entry = _table(known, vault)
        return entry

    def _read(self) -> dict[str, Json]:
        """What is written; nothing where there is no file, or one that is none of ours."""
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(_LARGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, known: dict[str, Json]) -> None:
        draft = self._path.with_name(f".{self._path.name}.{os.urandom(8).hex()}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(known, file)
                file.flush()
                os.fsync(descriptor)
            draft.replace(self._path)
        finally:
            with suppress(OSError):
                draft.unlink()


def _table(of: dict[str, Json], name: str) -> dict[str, Json]:
    found = of.get(name)
    return dict(found) if isinstance(found, dict) else {}


def _time(text: object) -> datetime | None:
    try:
        return parse_rfc3339(text) if isinstance(text, str) else None
    except ValueError:
        return None
