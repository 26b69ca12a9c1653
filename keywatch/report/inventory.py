"""The inventory as a person or a program reads it: every key, what its standing rests on, and the day it dies."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from io import StringIO

from keywatch.model.key import HandleSpace, Key, KeyId
from keywatch.model.standing import Basis, Level, Standing
from keywatch.model.time import to_rfc3339
from keywatch.model.usage import UsedFrom
from keywatch.report.safe import visible
from keywatch.store.inventory import Sighting

VERSION = 1
"""Of the JSON form; it rises when a field changes its meaning or goes away."""

_COLOURS = {
    Level.GOOD: "green",
    Level.NOTICE: "cyan",
    Level.WARNING: "yellow",
    Level.URGENT: "bright_red",
    Level.CRITICAL: "bold bright_red",
    Level.LAPSED: "bold red",
    Level.LEFTOVER: "magenta",
}
_COLUMNS = ("KEY", "KIND", "STANDING", "LAST SUCCESS", "DAYS LEFT", "DIES ON", "OWNER", "HELD IN", "USED FROM")


def as_text(
    standings: Iterable[Standing],
    gone: Sequence[Sighting] = (),
    used: Mapping[KeyId, UsedFrom] | None = None,
    *,
    width: int,
    colour: bool,
) -> str:
    """
    A table, most pressing first, and under it why a standing is unknown or attempt-only, and what is there no longer.

    Args:
        standings: of every key.
        gone: the last word of each key that went away.
        used: from where, of those keys of which that is known.
        width: columns of the terminal.
        colour: whether ANSI colours may be used. Colour never says anything that a word does not say too.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = most_pressing(standings)
    if not rows and not gone:
        return "no keys: no inventory has been read yet, or none is configured\n"
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS if used else _COLUMNS[:-1]:
        table.add_column(column, justify="right" if column == "DAYS LEFT" else "left", overflow="fold")
    for row in rows:
        style = _COLOURS[row.level] if row.basis is not Basis.UNKNOWN else "dim"
        cells = [*_cells(row), _places((used or {}).get(row.key.id))] if used else _cells(row)
        table.add_row(*(Text(cell, style=style if position == 2 else "") for position, cell in enumerate(cells)))  # noqa: PLR2004 - the standing
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    if rows:
        console.print(table)
    for row in rows:
        if row.reasons:
            console.print(Text(f"{label(row.key)}: {visible('; '.join(row.reasons))}", style="dim"))
    for last in gone:
        console.print(
            Text(f"{label(last.key)}: gone from {last.source} since {last.gone_at:%Y-%m-%d %H:%M}", style="dim")
        )
    return out.getvalue()


def as_json(
    standings: Iterable[Standing],
    gone: Sequence[Sighting] = (),
    used: Mapping[KeyId, UsedFrom] | None = None,
    *,
    now: datetime,
) -> str:
    """The same as one JSON document, with every date the standing rests on."""
    document = {
        "version": VERSION,
        "at": to_rfc3339(now),
        "keys": [
            record(standing) | {"used_from": _used((used or {}).get(standing.key.id))}
            for standing in most_pressing(standings)
        ],
        "gone": [_last(sighting) for sighting in gone],
    }
    return json.dumps(document, indent=2) + "\n"


def most_pressing(standings: Iterable[Standing]) -> Sequence[Standing]:
    """Sort by days left, those that cannot be said last."""
    return sorted(
        standings,
        key=lambda row: (
            row.basis is Basis.UNKNOWN,
            row.level is Level.LEFTOVER,
            row.days_left if row.days_left is not None else 10**6,
            row.key.id,
        ),
    )


def label(key: Key) -> str:
    """What a person calls the key, with the end of its access key id where it has one."""
    ids = [handle.value for handle in key.handles if handle.space is HandleSpace.AWS_ACCESS_KEY_ID]
    return visible(f"{key.name} (…{ids[0][-4:]})" if ids else key.name)


def _cells(row: Standing) -> tuple[str, ...]:
    standing = row.basis.value if row.basis is Basis.UNKNOWN else f"{row.level.value} ({row.basis.value})"
    dies = "-" if row.deletes_on is None or row.level is Level.LEFTOVER else row.deletes_on.isoformat()
    left = "-" if dies == "-" else str(row.days_left)
    uncertain = row.basis is Basis.UNKNOWN and dies != "-"
    return (
        label(row.key),
        row.key.kind.value,
        standing,
        f"{row.last_success:%Y-%m-%d %H:%M}" if row.last_success else "none known",
        f"≥ {left}" if uncertain else left,
        dies,
        visible(row.key.owner or "-"),
        ", ".join(sorted({location.source for location in row.key.locations})),
    )


def _places(used: UsedFrom | None) -> str:
    if used is None:
        return "-"
    return f"{used.networks} network{'s' * (used.networks != 1)}, {used.agents} program{'s' * (used.agents != 1)}"


def _used(used: UsedFrom | None) -> dict[str, int] | None:
    return {"networks": used.networks, "programs": used.agents} if used else None


def record(row: Standing) -> dict[str, object]:
    """One key as JSON."""
    key = row.key
    return {
        "id": key.id,
        "name": key.name,
        "kind": key.kind.value,
        "status": key.status.value,
        "owner": key.owner,
        "application": key.application,
        "account": key.account,
        "region": key.region,
        "seller": key.seller,
        "created_at": _when(key.created_at),
        "locations": [{"source": place.source, "place": place.place} for place in key.locations],
        "basis": row.basis.value,
        "level": row.level.value,
        "last_success": _when(row.last_success),
        "last_attempt": _when(row.last_attempt),
        "last_read": _when(row.last_read),
        "idle_days": row.idle_days,
        "days_left": row.days_left,
        "deletes_on": row.deletes_on.isoformat() if row.deletes_on else None,
        "reasons": list(row.reasons),
    }


def _last(sighting: Sighting) -> dict[str, object]:
    key = sighting.key
    return {
        "id": key.id,
        "name": key.name,
        "kind": key.kind.value,
        "owner": key.owner,
        "account": key.account,
        "source": sighting.source,
        "last_seen": _when(sighting.last_seen),
        "gone_at": _when(sighting.gone_at),
    }


def _when(moment: datetime | None) -> str | None:
    return to_rfc3339(moment) if moment else None
