"""The inventory as a person or a program reads it: every key, what its standing rests on, and the day it dies."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO

from keywatch.model.access import KeyReaders
from keywatch.model.key import HandleSpace, Keeping, Key, KeyId, Location
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
_NAMED = 50
"""Readers of a key that are named; the rest is in the count."""
_COLUMNS = ("KEY", "KIND", "STANDING", "LAST SUCCESS", "DAYS LEFT", "DIES ON", "OWNER", "HELD IN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What came of it when a key was tried last."""

    at: datetime
    accepted: bool
    why: str = ""
    """Of a refusal: what Amazon called it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known of keys beside their standings."""

    used: Mapping[KeyId, UsedFrom] = field(default_factory=dict)
    """From where they are used."""
    probed: Mapping[KeyId, Probed] = field(default_factory=dict)
    readers: Mapping[KeyId, KeyReaders] = field(default_factory=dict)
    """Who may read them in Vault."""


def as_text(
    standings: Iterable[Standing],
    gone: Sequence[Sighting] = (),
    beside: Beside | None = None,
    *,
    width: int,
    colour: bool,
) -> str:
    """
    A table, most pressing first, and under it why a standing is unknown or attempt-only, and what is there no longer.

    Args:
        standings: of every key.
        gone: the last word of each key that went away.
        beside: what else is known of some of them.
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
    further = _further(rows, beside or Beside())
    for column in (*_COLUMNS, *(name for name, _ in further)):
        table.add_column(column, justify="right" if column == "DAYS LEFT" else "left", overflow="fold")
    for row in rows:
        style = _COLOURS[row.level] if row.basis is not Basis.UNKNOWN else "dim"
        cells = [*_cells(row), *(cell(row.key) for _, cell in further)]
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
    beside: Beside | None = None,
    *,
    now: datetime,
) -> str:
    """The same as one JSON document, with every date the standing rests on, and who may read each key in Vault."""
    beside = beside or Beside()
    document = {
        "version": VERSION,
        "at": to_rfc3339(now),
        "keys": [
            record(standing, beside.readers.get(standing.key.id))
            | {
                "used_from": _used(beside.used.get(standing.key.id)),
                "probed": _probed(beside.probed.get(standing.key.id)),
            }
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


def _further(rows: Iterable[Standing], beside: Beside) -> list[tuple[str, Callable[[Key], str]]]:
    """Return the columns that most installations have nothing to show in, where there is something."""
    found: list[tuple[str, Callable[[Key], str]]] = []
    if any(_whom(row.key) != "-" for row in rows):
        found.append(("FOR", _whom))
    if beside.used:
        found.append(("USED FROM", lambda key: _places(beside.used.get(key.id))))
    if beside.probed:
        found.append(("PROBED", lambda key: _word(beside.probed.get(key.id))))
    return found


def _whom(key: Key) -> str:
    """Application, seller and region, as far as they are known: `orders/A2EXAMPLE (eu)`."""
    names = "/".join(name for name in (key.application, key.seller) if name)
    region = f" ({key.region})" if key.region else ""
    return visible(f"{names}{region}".strip() or "-")


def _word(probed: Probed | None) -> str:
    if probed is None:
        return "-"
    said = "valid" if probed.accepted else f"refused: {probed.why}" if probed.why else "refused"
    return visible(f"{said}, {probed.at:%Y-%m-%d %H:%M}")


def _probed(probed: Probed | None) -> dict[str, object] | None:
    return {"at": _when(probed.at), "accepted": probed.accepted, "why": probed.why or None} if probed else None


def _places(used: UsedFrom | None) -> str:
    if used is None:
        return "-"
    return f"{used.networks} network{'s' * (used.networks != 1)}, {used.agents} program{'s' * (used.agents != 1)}"


def _used(used: UsedFrom | None) -> dict[str, int] | None:
    return {"networks": used.networks, "programs": used.agents} if used else None


def record(row: Standing, readers: KeyReaders | None = None) -> dict[str, object]:
    """One key as JSON."""
    key = row.key
    kept = {keeping.location: keeping for keeping in key.keeping}
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
        "expires_at": _when(key.expires_at),
        "locations": [_location(place, kept.get(place)) for place in key.locations],
        "readers": _readers(readers),
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


def _location(place: Location, keeping: Keeping | None) -> dict[str, object]:
    shown: dict[str, object] = {"source": place.source, "place": place.place}
    if keeping is not None and keeping.fields:
        shown["fields"] = list(keeping.fields)
    if keeping is not None and (versions := keeping.versions):
        shown["versions"] = {
            "current": versions.current,
            "kept": versions.kept,
            "deleted": versions.deleted,
            "destroyed": versions.destroyed,
            "oldest_kept_at": _when(versions.oldest_kept_at),
            "gone": versions.gone.value if versions.gone else None,
        }
    return shown


def _readers(readers: KeyReaders | None) -> dict[str, object] | None:
    if readers is None:
        return None
    return {"count": len(readers.names), "whole": readers.whole, "names": list(readers.names[:_NAMED])}


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
