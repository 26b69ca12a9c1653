"""Findings of one secret, seen in many places, made into one."""

from collections.abc import Iterable
from dataclasses import replace

from keywatch.model.finding import Finding, Ownership, Place

MOST_PLACES = 1000
"""Places of one finding that are kept; a secret may lie in every line of a log."""


def place_order(place: Place) -> tuple[str, str, int, int, str, str]:
    """Sort places by where they are; a place's own order cannot compare a commit with none."""
    return (place.target, place.path, place.line, place.column, place.blob or "", place.commit or "")


class FindingSet:
    """Every finding of a scan, one per value however often it is seen, and by which rules."""

    def __init__(self) -> None:
        self._found: dict[str, Finding] = {}
        self._places: dict[str, set[Place]] = {}
        self.untold: dict[str, int] = {}
        """By finding id: places seen beyond `MOST_PLACES`, which are counted only."""

    def __len__(self) -> int:
        return len(self._found)

    def add(self, findings: Iterable[Finding]) -> list[Finding]:
        """Take findings in, and return those that bring a secret not seen before."""
        new = []
        for finding in findings:
            before = self._found.get(finding.id)
            places = self._places.setdefault(finding.id, set())
            for place in finding.places:
                if place in places:
                    continue
                if len(places) < MOST_PLACES:
                    places.add(place)
                else:
                    self.untold[finding.id] = self.untold.get(finding.id, 0) + 1
            if before is None:
                new.append(finding)
            self._found[finding.id] = before.joined(finding) if before else finding
        return new

    def all(self) -> tuple[Finding, ...]:
        """Return the findings, worst first, each with its places in order."""
        found = (replace(f, places=tuple(sorted(self._places[f.id], key=place_order))) for f in self._found.values())
        return tuple(sorted(found, key=_urgency))


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return one finding per value, with all places."""
    found = FindingSet()
    found.add(findings)
    return found.all()


_SEVERITY = {"critical": 0, "high": 1, "medium": 2, "low": 3}


def _urgency(finding: Finding) -> tuple[int, bool, str, tuple[str, str, int, int, str, str], str]:
    """Sort what is worst, and what is ours, to the front; the rest so that two runs agree."""
    theirs = finding.ownership is not Ownership.OURS
    first = place_order(finding.places[0])
    return (_SEVERITY[finding.rule.severity.value], theirs, finding.rule.id, first, finding.id)
