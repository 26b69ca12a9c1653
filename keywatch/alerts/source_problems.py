"""What is wrong when keywatch cannot see. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keywatch.alerts.words import minute, one_line
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import SourceId


class SourceRole(StrEnum):
    """What a source is read for."""

    INVENTORY = "inventory"
    ACCESS = "access"
    CALLS = "calls"
    CONTENT = "content"
    VALUES = "values"
    """What it holds is looked for wherever it may leak."""


_MEANWHILE = {
    SourceRole.INVENTORY: "New keys in it are not seen, and the standing of its keys is unknown.",
    SourceRole.ACCESS: "Who may read keys is not seen, so nothing new is said of that and nothing taken back.",
    SourceRole.CALLS: "Calls in it are not seen: no key that only it can prove is called dying until it is back.",
    SourceRole.VALUES: "Values that are new in it are not looked for; those that were read before still are.",
    SourceRole.CONTENT: "What leaks there is not seen, and nothing found there before is taken for gone.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSource:
    """A source whose last run failed."""

    source: SourceId
    role: SourceRole
    since: datetime
    """When the first of the failed runs failed."""
    error: str
    hint: str | None = None
    last_success: datetime | None = None


def source_problem(blind: BlindSource) -> Problem:
    """Return the one problem that stands for everything this source cannot tell meanwhile."""
    before = f"last read {minute(blind.last_success)}" if blind.last_success else "never read so far"
    return Problem(
        id=AlertId(f"{ProblemKind.SOURCE_BLIND.value}:{blind.source}"),
        kind=ProblemKind.SOURCE_BLIND,
        severity=Severity.HIGH,
        title=f"keywatch cannot read {one_line(blind.source, 120)} since {minute(blind.since)}",
        facts=(
            ("What", f"the {blind.role.value} source {one_line(blind.source, 120)}"),
            ("So what", _MEANWHILE[blind.role]),
            ("Evidence", f"{one_line(blind.error, 600)} ({before})"),
        ),
        next_step=one_line(blind.hint or "", 900)
        or "Run `keywatch check`: it tries every source and says what is missing.",
        stage="blind",
    )
