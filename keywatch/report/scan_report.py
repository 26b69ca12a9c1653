"""What a scan came to: the record every format is written from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from keywatch.model.errors import KeywatchError
from keywatch.model.finding import Ownership
from keywatch.model.source import Skipped
from keywatch.scan.findings import Findings

_PATHS = 10_000
"""Paths whose secrets are counted; a scan may find them in millions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The findings in numbers: they may lie on disk, and are gone through once for this."""

    findings: int = 0
    places: int = 0
    further: int = 0
    """Of these places, those that are counted only."""
    severities: Mapping[str, int] = field(default_factory=dict)
    owners: Mapping[Ownership, int] = field(default_factory=dict)
    files: tuple[tuple[str, int], ...] = ()
    """The files with the most secrets, and how many each has."""
    present: int = 0
    """Places that are not known to be gone."""
    past: int = 0
    """Findings in the history only: no file has them any more."""
    keys: tuple[str, ...] = ()
    """The first of our keys that were found."""

    @property
    def ours(self) -> int:
        """Findings that are keys we hold."""
        return self.owners.get(Ownership.OURS, 0)


@dataclass(frozen=True, slots=True)
class Root:
    """Where the paths of a target begin."""

    base: str
    """Directory: the top of the working tree that holds the target, else the target itself."""
    prefix: str = ""
    """From there to the target's own paths; empty, or with a `/` at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """One scan of one or more targets."""

    targets: tuple[str, ...]
    findings: Findings
    """Worst first, one per value."""
    skipped: tuple[Skipped, ...] = ()
    errors: tuple[KeywatchError, ...] = ()
    """One for each target that could not be scanned, or not to its end."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """By file of a target that excuses findings in it: how many it did."""
    roots: Mapping[str, Root] = field(default_factory=dict)
    """By target, where its paths begin; nothing of what is no directory or file on this machine."""
    doubted: int = 0
    """Findings that are less sure than was asked for, and only counted."""
    bytes: int = 0
    chunks: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tally", _tally(self.findings))

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for was looked at."""
        return not (self.skipped or self.errors or self.interrupted)


def _tally(findings: Findings) -> Tally:
    count = places = further = present = past = 0
    severities: Counter[str] = Counter()
    owners: Counter[Ownership] = Counter()
    files: Counter[str] = Counter()
    keys: dict[str, None] = {}
    for finding in findings:
        count += 1
        places += len(finding.places) + finding.further
        further += finding.further
        severities[finding.severity.value] += 1
        owners[finding.ownership] += 1
        if finding.key is not None and len(keys) < _PATHS:
            keys[finding.key] = None
        there = [place.path for place in finding.places if place.present is not False]
        present += len(there) + finding.further if there else 0
        past += not there
        files.update(path for path in set(there) if path in files or len(files) < _PATHS)
    return Tally(
        findings=count,
        places=places,
        further=further,
        severities=severities,
        owners=owners,
        files=tuple(files.most_common(3)),
        present=present,
        past=past,
        keys=tuple(keys),
    )
