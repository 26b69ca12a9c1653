"""
One finding a value: rows that several rules made of one secret become one, with the places and the life of all.

A finding was named by its rule and 16 digits of the value's fingerprint, and is named by 32 digits of the fingerprint.
Alerts about findings, and the messages about those, are named after them.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from alembic import op
from sqlalchemy import Connection, Row, column, delete, insert, select, table, update

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FINDING = table("finding", *map(column, ("id", "record", "state", "first_seen", "last_seen", "resolved_at")))
PLACE = table("place", *map(column, ("finding", "source", "digest", "target", "record", "last_seen", "gone_at")))
ALERT = table("alert", *map(column, ("id", "problem", "state", "opened_at", "changed_at", "resolved_at", "revision")))
DELIVERY = table("delivery", *map(column, ("id", "alerts")))
DELIVERY_ALERT = table("delivery_alert", *map(column, ("delivery", "alert")))

OF_FINDINGS = ("secret-leaked", "seller-secret")
"""Kinds of alert that are about a finding."""
MOST_OPEN = ("open", "acknowledged", "ignored", "resolved")
MOST_PRESSING = ("firing", "acknowledged", "resolved")
SEVERITIES = ("low", "medium", "high", "critical")


def upgrade() -> None:
    """Join the findings, then the alerts about them."""
    connection = op.get_bind()
    renamed = _findings(connection)
    _alerts(connection, {f"{kind}:{old}": f"{kind}:{new}" for kind in OF_FINDINGS for old, new in renamed.items()})


def _findings(connection: Connection) -> dict[str, str]:
    """Join the rows of each value; return the new id by each old one."""
    groups: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(select(FINDING).order_by(FINDING.c.id)):
        groups[json.loads(row.record)["redacted"]["fingerprint"]["digest"][:32]].append(row)
    for new, rows in groups.items():
        told = max(rows, key=lambda row: _weight(json.loads(row.record)["rule"]))
        record = json.loads(told.record)
        others = sorted({json.loads(row.record)["rule"]["id"] for row in rows} - {record["rule"]["id"]})
        state = min((row.state for row in rows), key=MOST_OPEN.index)
        connection.execute(
            insert(FINDING).values(
                id=new,
                record=json.dumps({**record, "other_rules": others}, separators=(",", ":")),
                state=state,
                first_seen=min(row.first_seen for row in rows),
                last_seen=max(row.last_seen for row in rows),
                resolved_at=max(row.resolved_at or "" for row in rows) if state == "resolved" else None,
            )
        )
        old = [row.id for row in rows]
        _places(connection, old, new)
        connection.execute(delete(FINDING).where(FINDING.c.id.in_(old)))
    return {row.id: new for new, rows in groups.items() for row in rows}


def _places(connection: Connection, old: list[str], new: str) -> None:
    """Put the places of the old findings under the new one; of a place that two rules saw, what says most stays."""
    if len(old) > 1:
        best_first = (PLACE.c.gone_at.is_not(None), PLACE.c.record.is_(None))
        seen: set[tuple[str, str]] = set()
        for place in connection.execute(select(PLACE).where(PLACE.c.finding.in_(old)).order_by(*best_first)).all():
            if (place.source, place.digest) in seen:
                mine = (PLACE.c.finding == place.finding) & (PLACE.c.source == place.source)
                connection.execute(delete(PLACE).where(mine & (PLACE.c.digest == place.digest)))
            seen.add((place.source, place.digest))
    connection.execute(update(PLACE).where(PLACE.c.finding.in_(old)).values(finding=new))


def _weight(rule: Mapping[str, Any]) -> tuple[bool, int, str]:
    """Sort the rule that says most to the end: what was taken for a seller's stays that, then the worse."""
    return (rule["category"] == "seller", SEVERITIES.index(rule.get("severity", "high")), rule["id"])


def _alerts(connection: Connection, renamed: Mapping[str, str]) -> None:
    """Give alerts and the messages about them the new names; of those that become one the most pressing stays."""
    groups: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(select(ALERT).order_by(ALERT.c.opened_at, ALERT.c.id)):
        if row.id in renamed:
            groups[renamed[row.id]].append(row)
    for new, rows in groups.items():
        kept = min(rows, key=lambda row: MOST_PRESSING.index(row.state))
        connection.execute(delete(ALERT).where(ALERT.c.id.in_([row.id for row in rows if row is not kept])))
        connection.execute(
            update(ALERT)
            .where(ALERT.c.id == kept.id)
            .values(
                id=new,
                problem=json.dumps({**json.loads(kept.problem), "id": new}, separators=(",", ":")),
                revision=max(row.revision for row in rows),
            )
        )
    for row in connection.execute(select(DELIVERY)).all():
        alerts = json.loads(row.alerts)
        if not any(alert["problem"]["id"] in renamed for alert in alerts):
            continue
        for alert in alerts:
            alert["problem"]["id"] = renamed.get(alert["problem"]["id"], alert["problem"]["id"])
        changed = json.dumps(alerts, separators=(",", ":"))
        connection.execute(update(DELIVERY).where(DELIVERY.c.id == row.id).values(alerts=changed))
        named = sorted({alert["problem"]["id"] for alert in alerts})
        connection.execute(delete(DELIVERY_ALERT).where(DELIVERY_ALERT.c.delivery == row.id))
        connection.execute(insert(DELIVERY_ALERT), [{"delivery": row.id, "alert": name} for name in named])
