"""What a company owes Amazon, as a person or a program reads it: each obligation, how it stands, and why."""

import json
from collections.abc import Sequence
from datetime import datetime
from io import StringIO

from keywatch.model.time import to_rfc3339
from keywatch.policy.assess import Assessment, State
from keywatch.report.safe import visible

VERSION = 1
"""Of the JSON form; it rises when a field changes its meaning or goes away."""
_COLOURS = {
    State.BROKEN: "bold red",
    State.UNKNOWN: "yellow",
    State.DUE: "bright_red",
    State.KEPT: "green",
    State.EXCUSED: "dim",
}


def as_text(assessments: Sequence[Assessment], *, width: int, colour: bool) -> str:
    """A table, worst first, and a line that counts."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("OBLIGATION", "POLICY", "STATE", "WHY"):
        table.add_column(column, overflow="fold")
    for row in worst_first(assessments):
        item = row.obligation
        why = visible("; ".join(row.reasons))
        table.add_row(item.id, item.duty.policy, Text(row.state.value, style=_COLOURS[row.state]), Text(why))
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    console.print(table)
    console.print(Text(f"\n{summary(assessments)}"))
    return out.getvalue()


def detail(row: Assessment) -> str:
    """Everything about one obligation, for whoever is to confirm or to mend it."""
    item = row.obligation
    said = [
        (item.id, item.title),
        ("Stands in", f"{item.duty.policy}, edition: {item.duty.edition or 'not said'}; {item.duty.link}".rstrip("; ")),
        ("State", f"{row.state.value}: {'; '.join(row.reasons)}"),
        ("Watched by", ", ".join(kind.value for kind in item.watched)),
        ("To confirm", f"{item.question} (every {item.confirmed_every.days} days)" if item.confirmed_every else ""),
        ("Last word", _word(row)),
        ("If not kept", item.remedy),
    ]
    lines = [f"{label}: {visible(text)}" for label, text in said if text]
    lines += [f"  - {visible(problem.title)}" for problem in row.problems]
    return "\n".join(lines) + "\n"


def as_json(assessments: Sequence[Assessment], *, now: datetime) -> str:
    """The same as one JSON document."""
    rows = [record(row) for row in worst_first(assessments)]
    return json.dumps({"version": VERSION, "at": to_rfc3339(now), "obligations": rows}, indent=2) + "\n"


def worst_first(assessments: Sequence[Assessment]) -> Sequence[Assessment]:
    """Sort by state; within one, as the policies have them."""
    return sorted(assessments, key=lambda row: list(State).index(row.state))


def summary(assessments: Sequence[Assessment]) -> str:
    """How many of each state, in words."""
    counts = {state: sum(row.state is state for row in assessments) for state in State}
    return ", ".join(f"{count} {state.value}" for state, count in counts.items() if count) or "no obligations"


def _word(row: Assessment) -> str:
    word = row.attestation
    if word is None:
        return ""
    until = f", holds until {row.holds_until:%Y-%m-%d}" if row.holds_until else ""
    return f"{word.by}, {word.at:%Y-%m-%d}{until}" + (f": {word.note}" if word.note else "")


def record(row: Assessment) -> dict[str, object]:
    """One obligation as JSON."""
    item, word = row.obligation, row.attestation
    return {
        "id": item.id,
        "title": item.title,
        "policy": item.duty.policy,
        "edition": item.duty.edition,
        "link": item.duty.link,
        "state": row.state.value,
        "reasons": list(row.reasons),
        "severity": item.severity.value,
        "remedy": item.remedy,
        "watched": [kind.value for kind in item.watched],
        "problems": [{"id": problem.id, "title": problem.title} for problem in row.problems],
        "question": item.question or None,
        "confirmed_every_days": item.confirmed_every.days if item.confirmed_every else None,
        "attested_by": word.by if word else None,
        "attested_at": to_rfc3339(word.at) if word else None,
        "note": word.note if word else None,
        "holds_until": to_rfc3339(row.holds_until) if row.holds_until else None,
    }
