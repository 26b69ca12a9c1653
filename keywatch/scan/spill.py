"""
Findings beyond what memory should hold, in a temporary SQLite file.

The file has no name: it is unlinked as it is made, and gone with the process. It holds what a report would: redacted
previews, fingerprints, places; never a plaintext.
"""

import marshal
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime

from keywatch.model.errors import ScanError
from keywatch.model.finding import Confidence, Finding, Ownership, Place, RuleInfo
from keywatch.model.key import Handle, HandleSpace, KeyId
from keywatch.model.secret import Fingerprint, Redacted
from keywatch.scan.findings import MOST_PLACES, place_order, urgency

MOST = 1_000_000
"""Places that are kept of all findings together. Beyond, each finding keeps its first, so that none is lost."""
_CACHE = 16_384
"""Kilobytes of the file that SQLite holds in memory."""
_FIELDS = tuple(field.name for field in fields(Place) if field.name not in {"committed_at", "confidence"})
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE finding (
    id BLOB PRIMARY KEY, severity INT, theirs INT, rule TEXT, body BLOB, place BLOB, kept INT, further INT
) WITHOUT ROWID;
CREATE TABLE place (id BLOB, body BLOB, PRIMARY KEY (id, body)) WITHOUT ROWID;
"""
_ROW = "INTO finding VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class Spill:
    """Findings on disk; read back worst first, and by their value where they are equally urgent."""

    def __init__(self, most: int = MOST) -> None:
        """Keep `most` places, about."""
        self._most = most
        self._places = 0
        self._rules: dict[RuleInfo, int] = {}
        self._file = sqlite3.connect("", isolation_level=None)  # no name: SQLite's own temporary file
        self._file.executescript(f"PRAGMA cache_size = -{_CACHE};" + _SCHEMA)

    def take(self, findings: Iterable[Finding]) -> None:
        """
        Take findings in, joining those that are here already.

        Raises:
            ScanError: the temporary directory is full. What was here is lost with it.
        """
        # Neighbours in the file are written one after the other: few of its pages are touched, and once each.
        ordered = sorted(findings, key=lambda finding: finding.id)
        try:
            self._file.execute("BEGIN")
            for finding in ordered:
                self._take(finding)
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            raise ScanError(
                f"too many findings for the temporary directory: {error}",
                hint="scan less at once, or set TMPDIR to a directory with more room",
            ) from None

    def __len__(self) -> int:
        (count,) = self._file.execute("SELECT count(*) FROM finding").fetchone()
        return int(count)

    def __iter__(self) -> Iterator[Finding]:
        """Read them back."""
        rules = list(self._rules)
        order = "ORDER BY severity, theirs, rule, id"
        for name, body, first, kept, further in self._file.execute(
            f"SELECT id, body, place, kept, further FROM finding {order}"  # noqa: S608 - ours
        ):
            places = (_unpacked_place(first),)
            yield _unpacked(body, rules, places if kept == 1 else self._with_others(name, places), further)

    def _take(self, finding: Finding) -> None:
        name = bytes.fromhex(finding.id)
        first, *others = [_packed_place(place) for place in finding.places]
        if not others and self._written(finding, first, 1, finding.further, new=True):
            self._places += 1  # as most do, it comes once, with one place
            return
        row = self._file.execute("SELECT body, place, kept, further FROM finding WHERE id = ?", (name,)).fetchone()
        kept, further = 1, finding.further
        if row is None:
            self._places += 1
        else:
            others = [place for place in (first, *others) if place != row[1]]
            body, first, kept, before = row
            further += before
            finding = _unpacked(body, list(self._rules), finding.places).joined(finding)
        room = others[: min(MOST_PLACES - kept, max(0, self._most - self._places))]
        kept += self._add(name, room)
        self._written(finding, first, kept, further + len(others) - len(room))

    def _written(self, finding: Finding, first: bytes, kept: int, further: int, *, new: bool = False) -> bool:
        """Write a row, if it is to be `new` only where there is none, and return whether it was written."""
        rule = self._rules.setdefault(finding.rule, len(self._rules))
        values = (bytes.fromhex(finding.id), *urgency(finding), _packed(finding, rule), first, kept, further)
        otherwise = "IGNORE" if new else "REPLACE"
        return self._file.execute(f"INSERT OR {otherwise} {_ROW}", values).rowcount > 0

    def _add(self, name: bytes, places: list[bytes]) -> int:
        """Write further places down, and return how many of them were new."""
        if not places:
            return 0
        rows = [(name, place) for place in places]
        count = self._file.executemany("INSERT OR IGNORE INTO place VALUES (?, ?)", rows).rowcount
        self._places += count
        return count

    def _with_others(self, name: bytes, places: tuple[Place, ...]) -> tuple[Place, ...]:
        rows = self._file.execute("SELECT body FROM place WHERE id = ?", (name,))
        return tuple(sorted((*places, *(_unpacked_place(body) for (body,) in rows)), key=place_order))


def _packed(finding: Finding, rule: int) -> bytes:
    return marshal.dumps(
        (
            rule,
            finding.redacted.fingerprint.digest,
            finding.redacted.preview,
            finding.confidence.value,
            finding.ownership.value,
            finding.key,
            tuple((handle.space.value, handle.value) for handle in finding.handles),
            finding.specificity,
            finding.other_rules,
        )
    )


def _unpacked(body: bytes, rules: list[RuleInfo], places: tuple[Place, ...], further: int = 0) -> Finding:
    # Our own words, from a file that nobody else can open.
    rule, digest, preview, confidence, ownership, key, handles, specificity, others = marshal.loads(body)  # noqa: S302
    return Finding(
        rule=rules[rule],
        redacted=Redacted(Fingerprint(digest), preview),
        confidence=Confidence(confidence),
        places=places,
        further=further,
        ownership=Ownership(ownership),
        key=None if key is None else KeyId(key),
        handles=tuple(Handle(HandleSpace(space), value) for space, value in handles),
        specificity=specificity,
        other_rules=others,
    )


def _packed_place(place: Place) -> bytes:
    known = [getattr(place, name) for name in _FIELDS]
    when = place.committed_at.isoformat() if place.committed_at else None
    return marshal.dumps(
        (*known, place.confidence.value, when), 2
    )  # a format without references, which write one place in two ways


def _unpacked_place(body: bytes) -> Place:
    *values, confidence, when = marshal.loads(body)  # noqa: S302 - as above
    known = dict(zip(_FIELDS, values, strict=True))
    return Place(
        **known, confidence=Confidence(confidence), committed_at=datetime.fromisoformat(when) if when else None
    )
