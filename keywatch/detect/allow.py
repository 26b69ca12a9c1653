"""
Comments by which somebody says: this is not a secret, or we know of it. Those of every common scanner are honoured.

The markers are literals in the engine's own database, so content without one pays nothing for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marker:
    """One kind of comment."""

    regex: str
    """In the syntax Hyperscan and RE2 share."""
    lines_down: int = 0
    """Which line it excuses, counted down from its own."""


MARKERS = (
    Marker(r"keywatch:allow"),
    Marker(r"gitleaks:allow"),
    Marker(r"betterleaks:allow"),
    Marker(r"trufflehog:ignore"),
    Marker(r"kingfisher:ignore"),
    Marker(r"\bggignore\b"),
    Marker(r"HashiCorpIgnore"),
    Marker(r"checkov:skip=CKV_SECRET_\d"),
    Marker(r"secretlint-disable-line\b"),
    Marker(r"secretlint-disable-next-line\b", lines_down=1),
    Marker(r"pragma: ?(?:allow|white)list[ -]secret"),
    Marker(r"pragma: ?(?:allow|white)list[ -]nextline[ -]secret", lines_down=1),
)


def excused_lines(sightings: Iterable[tuple[Marker, int]]) -> tuple[int, ...]:
    """Return the lines that are excused, ascending, from each marker seen and the line it was seen on."""
    return tuple(sorted({line + marker.lines_down for marker, line in sightings}))
