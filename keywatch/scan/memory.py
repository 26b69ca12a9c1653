"""
What a scan by hand found in a repository, so that the next one reads what is new there only.

It is a file in the state directory for each repository and everything that decides what is found: rules, known keys,
pepper, version. Where one of these is another there is no memory. It holds fingerprints and places, as a report does,
never a value; one that is damaged is as good as none.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from keywatch import __version__
from keywatch.collect.regular_file import open_regular
from keywatch.detect.known import KnownKeys
from keywatch.detect.ruleset import RuleSet
from keywatch.model.finding import Confidence, Finding, Ownership, Place, RuleInfo
from keywatch.model.key import Handle, HandleSpace, KeyId
from keywatch.model.secret import Fingerprint, Redacted
from keywatch.model.source import Cursor, Skipped

FOLDER = "scans"
"""The folder inside the state directory."""
_REVISION = 1
"""Raised when content is read in another way, so that there is more to find in the same blobs."""
_MOST = 100_000
"""Places that are remembered; a repository with more is scanned anew each time."""
_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier scan came to."""

    cursor: Cursor
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    """What could not be read then, and is not read now."""


class Memory:
    """The memory of one repository."""

    def __init__(self, directory: Path, top: Path, rules: RuleSet, known: KnownKeys, pepper_id: str) -> None:
        """
        Say what it is about; nothing is read yet.

        Args:
            directory: the state directory.
            top: the repository.
            rules: what is looked for.
            known: whose leak is told as ours.
            pepper_id: `Pepper.id` of the pepper that fingerprints are made under.
        """
        prints = sorted(print_.digest for key in known.keys for print_ in key.fingerprints)
        names = sorted(str(handle) for key in known.keys for handle in key.handles)
        about = [_REVISION, __version__, str(top.resolve()), rules.hash, pepper_id, prints, names, known.describe()]
        name = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]
        self._path = directory / FOLDER / f"{name}.json"
        self._rules = rules

    def recall(self) -> Remembered | None:
        """Return what is remembered; None: nothing."""
        with suppress(OSError, ValueError, KeyError, TypeError, IndexError):
            descriptor, status = open_regular(self._path)
            with os.fdopen(descriptor, "rb") as file:
                # What others could write could hide a secret.
                if status.st_size > _LARGEST or status.st_uid != os.geteuid() or status.st_mode & 0o022:
                    return None
                body = json.load(file)
            wanted = {item["rule"] for item in body["findings"]}
            infos = {rule.id: rule.info for rule in self._rules.rules if rule.id in wanted}
            findings = tuple(_finding(item, infos) for item in body["findings"])
            return Remembered(body["cursor"], findings, tuple(Skipped(*item) for item in body["skipped"]))
        return None

    def keep(self, cursor: Cursor, findings: Iterable[Finding], skipped: Iterable[Skipped]) -> None:
        """Remember what a whole scan came to. What cannot be written is not remembered."""
        items = []
        told = [(item.what, item.why, item.hint) for item in skipped]
        places = 0
        for finding in findings:
            places += len(finding.places)
            if finding.further or places > _MOST:
                self.forget()
                return
            items.append(_item(finding))
        draft = self._path.with_name(f".{self._path.name}.{os.urandom(8).hex()}")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    json.dump({"cursor": dict(cursor), "findings": items, "skipped": told}, file)
                draft.replace(self._path)
            except BaseException:
                draft.unlink()
                raise

    def forget(self) -> None:
        """Remember nothing."""
        with suppress(OSError):
            self._path.unlink()


def _item(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule.id,
        "fingerprint": finding.redacted.fingerprint.digest,
        "preview": finding.redacted.preview,
        "confidence": finding.confidence.value,
        "ownership": finding.ownership.value,
        "key": finding.key,
        "handles": [[handle.space.value, handle.value] for handle in finding.handles],
        "specificity": finding.specificity,
        "other_rules": finding.other_rules,
        "places": [_place_item(place) for place in finding.places],
    }


def _place_item(place: Place) -> dict[str, object]:
    item = {name: getattr(place, name) for name in _PLAIN}
    when = place.committed_at
    return item | {"confidence": place.confidence.value, "committed_at": when.isoformat() if when else None}


_PLAIN = tuple(name for name in Place.__dataclass_fields__ if name not in {"confidence", "committed_at"})


def _finding(item: Mapping[str, object], infos: Mapping[str, RuleInfo]) -> Finding:
    """Read a finding; a field that is missing or of another kind raises what `Memory.recall` takes for damage."""
    body: dict[str, object] = dict(item)
    return Finding(
        rule=infos[str(body["rule"])],
        redacted=Redacted(Fingerprint(str(body["fingerprint"])), str(body["preview"])),
        confidence=Confidence(str(body["confidence"])),
        places=tuple(_place(place) for place in _list(body["places"])),
        ownership=Ownership(str(body["ownership"])),
        key=None if body["key"] is None else KeyId(str(body["key"])),
        handles=tuple(Handle(HandleSpace(space), value) for space, value in _list(body["handles"])),
        specificity=int(str(body["specificity"])),
        other_rules=tuple(map(str, _list(body["other_rules"]))),
    )


def _place(item: dict[str, object]) -> Place:
    known = {name: item[name] for name in _PLAIN}
    when = item["committed_at"]
    place = Place(**known, confidence=Confidence(item["confidence"]))  # type: ignore[arg-type]
    return replace(place, committed_at=datetime.fromisoformat(str(when))) if when else place


def _list(value: object) -> Sequence[dict[str, object]]:
    if not isinstance(value, list):
        raise TypeError("a list was expected")
    return value
