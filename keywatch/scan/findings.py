"""Findings of one secret, seen in many places, made into one; a million of them in bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from keywatch.model.finding import Confidence, Finding, Ownership, Place

if TYPE_CHECKING:
    from keywatch.scan.spill import Spill

MOST_PLACES = 1000
"""Places of one finding that are kept; a secret may lie in every line of a log."""
HELD = 50_000
"""Places of all findings together that are held in memory, about a kilobyte each; more go to a temporary file."""


class Findings(Protocol):
    """The findings of a scan, worst first, however many they are: they may lie on disk, and be read from there."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Finding]: ...


def place_order(place: Place) -> tuple[str, str, int, int, str, str]:
    """Sort places by where they are; a place's own order cannot compare a commit with none."""
    return (place.target, place.path, place.line, place.column, place.blob or "", place.commit or "")


class FindingSet:
    """Every finding of a scan, one per value however often it is seen, and by which rules."""

    def __init__(self, held: int = HELD) -> None:
        """Hold about `held` places in memory, and what is beyond them in a temporary file."""
        self._held = held
        self._layer = Layer()
        self._spill: Spill | None = None

    def add(self, findings: Iterable[Finding]) -> list[Finding]:
        """
        Take findings in, and return what is news: each that is new, or has new places, with these places alone.

        Raises:
            ScanError: there are more than memory and the temporary directory have room for.
        """
        news = [told for finding in findings if (told := self._layer.add(finding)) is not None]
        if self._layer.places > self._held:
            if self._spill is None:
                from keywatch.scan.spill import Spill

                self._spill = Spill()
            self._spill.take(self._layer.all())
            self._layer = Layer()
        return news

    def all(self) -> Findings:
        """Return the findings, worst first, each with its places in order. Nothing is added after that."""
        if self._spill is None:
            return tuple(sorted(self._layer.all(), key=_urgency))
        self._spill.take(self._layer.all())
        self._layer = Layer()
        return self._spill


class Layer:
    """Findings in memory."""

    def __init__(self) -> None:
        self._found: dict[str, Finding] = {}
        self._places: dict[str, set[Place]] = {}
        """Of those that have several."""
        self.places = 0
        """Places held."""

    def add(self, finding: Finding) -> Finding | None:
        """Take one finding in, and return what is news of it; None: it was known, and so were all its places."""
        before = self._found.get(finding.id)
        if before is None and len(finding.places) == 1:
            self._found[finding.id] = finding
            self.places += 1
            return finding
        known = self._places.get(finding.id)
        if known is None:
            known = self._places[finding.id] = set(before.places if before else ())
        new = [place for place in dict.fromkeys(finding.places) if place not in known]
        kept = new[: MOST_PLACES - len(known)]
        known.update(kept)
        self.places += len(kept)
        further = (before.further if before else 0) + finding.further + len(new) - len(kept)
        now = replace(before.joined(finding) if before else finding, further=further)
        self._found[finding.id] = now
        return replace(now, places=tuple(kept)) if kept else None

    def all(self) -> Iterator[Finding]:
        """Yield the findings in the order they came, each with its places in order."""
        for name, finding in self._found.items():
            places = self._places.get(name)
            yield finding if places is None else replace(finding, places=tuple(sorted(places, key=place_order)))


class Sure:
    """Of some findings those that are sure enough to be told."""

    def __init__(self, findings: Findings, least: Confidence) -> None:
        """Leave out what is less sure than `least`; see `sure`."""
        self._findings = findings
        self._least = least
        self._count = sum(1 for _ in self)
        self.doubted = len(findings) - self._count
        """Findings that are not told."""

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Finding]:
        return (told for finding in self._findings if (told := sure(finding, self._least)) is not None)


def sure(finding: Finding, least: Confidence) -> Finding | None:
    """
    Return what of a finding is to be told: its places in test code are only counted; None: it is less sure altogether.

    What is a key of ours is told whatever a rule thinks of it.
    """
    if finding.ownership is Ownership.OURS or finding.key is not None or least is Confidence.SLIGHT:
        return finding
    if finding.confidence.rank < least.rank:
        return None
    places = tuple(place for place in finding.places if place.confidence is not Confidence.SLIGHT) or finding.places
    left = len(finding.places) - len(places)
    return replace(finding, places=places, further=finding.further + left) if left else finding


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return one finding per value, with all places."""
    layer = Layer()
    for finding in findings:
        layer.add(finding)
    return tuple(sorted(layer.all(), key=_urgency))


_SEVERITY = {"critical": 0, "high": 1, "medium": 2, "low": 3}


def urgency(finding: Finding) -> tuple[int, bool, str]:
    """Sort what is worst, and what is ours, to the front."""
    theirs = finding.ownership is not Ownership.OURS
    return (_SEVERITY[finding.severity.value], theirs, finding.rule.id)


def _urgency(finding: Finding) -> tuple[tuple[int, bool, str], tuple[str, str, int, int, str, str], str]:
    """Sort also what is equally urgent, so that two runs agree."""
    return (urgency(finding), place_order(finding.places[0]), finding.id)
