"""Who hears of what. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keywatch.model.alert import Problem

CONSOLE = "console"
"""The channel that is always there: what the daemon prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The owners' channels, and the ones for everything else."""

    default: str = CONSOLE
    """Where a problem goes that no owner claims."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Owner, as written on the key, to channel. Compared without regard to case and surrounding blanks."""
    fallbacks: tuple[str, ...] = (CONSOLE,)
    """Where a message goes that its channel refused for good, in this order."""

    def channel(self, problem: Problem) -> str:
        """Return where this problem is told. An owner that is itself a channel (`#orders`) needs no entry."""
        owner = (problem.owner or "").strip()
        known = {name.strip().casefold(): channel for name, channel in self.owners.items()}
        if owner.casefold() in known:
            return known[owner.casefold()]
        return owner if owner.startswith("#") and len(owner) > 1 and self.default != CONSOLE else self.default

    def after(self, channel: str) -> str | None:
        """Return where a message goes that `channel` refused; None where there is nothing left to try."""
        start = self.fallbacks.index(channel) + 1 if channel in self.fallbacks else 0
        return next(iter(self.fallbacks[start:]), None)
