"""Findings in words, as the formats that people read share them."""

from keywatch.model.finding import Finding, Ownership, Place
from keywatch.report.safe import visible


def place_words(place: Place) -> str:
    """Return `path:line:column`; a byte offset where lines are unknown."""
    where = f"{place.line}:{place.column}" if place.line else f"byte {place.offset}"
    return f"{visible(place.path)}:{where}"


def commit_words(place: Place) -> str:
    """Return who brought it in and whether it is still there; empty outside of git."""
    if place.commit is None:
        return ""
    day = f", {place.committed_at:%Y-%m-%d}" if place.committed_at else ""
    still = {True: "", False: ", in the history only", None: ""}[place.present]
    return f"commit {place.commit[:10]} ({visible(place.author or 'unknown')}{day}{still})"


def whose(finding: Finding) -> str:
    """Return whose the secret is, and which key of ours; of a value that a store has shown, whether it is in use."""
    if finding.held is not None and finding.ownership is not Ownership.FOREIGN:
        spent = "; most likely nobody accepts it any more" if finding.held.spent else ""
        return f"ours: {visible(finding.held.words)}{spent}"
    if finding.key is not None:
        return f"ours: {visible(finding.key)}"
    if finding.ownership is Ownership.FOREIGN:
        return "foreign: somebody else's; do not use or keep it"
    return finding.ownership.value


def amount(number: int, noun: str) -> str:
    """Return `1 secret`, `2 secrets`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_words(size: int) -> str:
    """Return a number of bytes as `12.3 MB`."""
    if size < 1000:  # noqa: PLR2004 - the next unit
        return f"{size} bytes"
    scaled = float(size)
    for unit in ("kB", "MB", "GB"):
        scaled /= 1000
        if scaled < 1000:  # noqa: PLR2004
            return f"{scaled:.1f} {unit}"
    return f"{scaled / 1000:.1f} TB"
