"""What a scan came to: the record every format is written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keywatch.model.errors import KeywatchError
from keywatch.model.finding import Finding, Ownership
from keywatch.model.source import Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """One scan of one or more targets."""

    targets: tuple[str, ...]
    findings: tuple[Finding, ...]
    """Worst first, one per rule and value."""
    skipped: tuple[Skipped, ...] = ()
    errors: tuple[KeywatchError, ...] = ()
    """One for each target that could not be scanned, or not to its end."""
    untold: Mapping[str, int] = field(default_factory=dict)
    """By finding id: places that are counted only."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """By file of a target that excuses findings in it: how many it did."""
    bytes: int = 0
    chunks: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for was looked at."""
        return not (self.skipped or self.errors or self.interrupted)

    @property
    def places(self) -> int:
        """Places in which something was found."""
        return sum(len(finding.places) for finding in self.findings) + sum(self.untold.values())

    @property
    def ours(self) -> int:
        """Findings that are keys we hold."""
        return sum(finding.ownership is Ownership.OURS for finding in self.findings)
