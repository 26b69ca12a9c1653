"""
The first tables.

Spelled out rather than taken from `keywatch.store.schema`: a migration stays what it was when the schema moves on.
"""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, PrimaryKeyConstraint, String, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = String(27)


def upgrade() -> None:
    """Make every table."""
    op.create_table("meta", Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
    _inventory_and_calls()
    _findings()
    _alerts()
    op.create_table(
        "job_run",
        Column("job", Text),
        Column("started", INSTANT),
        Column("finished", INSTANT, nullable=False),
        Column("outcome", Text, nullable=False),
        PrimaryKeyConstraint("job", "started", name="pk_job_run"),
    )


def _inventory_and_calls() -> None:
    op.create_table(
        "key",
        Column("source", Text),
        Column("key_id", Text),
        Column("place", Text),
        Column("record", Text, nullable=False),
        Column("first_seen", INSTANT, nullable=False),
        Column("last_seen", INSTANT, nullable=False),
        Column("gone_at", INSTANT),
        PrimaryKeyConstraint("source", "key_id", "place", name="pk_key"),
    )
    op.create_table(
        "call",
        Column("handle", Text),
        Column("source", Text),
        Column("outcome", Text),
        Column("at", INSTANT, nullable=False),
        Column("record", Text, nullable=False),
        PrimaryKeyConstraint("handle", "source", "outcome", name="pk_call"),
    )
    op.create_table(
        "silence",
        Column("handle", Text),
        Column("source", Text),
        Column("until", INSTANT, nullable=False),
        Column("record", Text, nullable=False),
        PrimaryKeyConstraint("handle", "source", name="pk_silence"),
    )
    for name in ("coverage", "cursor"):
        op.create_table(name, Column("source", Text, primary_key=True), Column("record", Text, nullable=False))
    op.create_table(
        "source",
        Column("source", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("last_started", INSTANT),
        Column("last_success", INSTANT),
        Column("failing_since", INSTANT),
        Column("error", Text),
        Column("hint", Text),
        Column("items", Integer, nullable=False, server_default="0"),
        Column("skipped_total", Integer, nullable=False, server_default="0"),
        Column("skipped", Text, nullable=False, server_default="[]"),
    )


def _findings() -> None:
    op.create_table(
        "finding",
        Column("id", Text, primary_key=True),
        Column("record", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("first_seen", INSTANT, nullable=False),
        Column("last_seen", INSTANT, nullable=False),
        Column("resolved_at", INSTANT),
    )
    op.create_index("ix_finding_state", "finding", ["state"])
    op.create_table(
        "place",
        Column("finding", Text, ForeignKey("finding.id", ondelete="CASCADE", name="fk_place_finding")),
        Column("source", Text),
        Column("digest", Text),
        Column("target", Text, nullable=False),
        Column("record", Text),
        Column("last_seen", INSTANT, nullable=False),
        Column("gone_at", INSTANT),
        PrimaryKeyConstraint("finding", "source", "digest", name="pk_place"),
    )
    op.create_index("ix_place_source", "place", ["source"])


def _alerts() -> None:
    op.create_table(
        "alert",
        Column("id", Text, primary_key=True),
        Column("problem", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("opened_at", INSTANT, nullable=False),
        Column("changed_at", INSTANT, nullable=False),
        Column("resolved_at", INSTANT),
        Column("revision", Integer, nullable=False),
    )
    op.create_table(
        "delivery",
        Column("sequence", Integer, primary_key=True, autoincrement=True),
        Column("id", Text, nullable=False, unique=True),
        Column("channel", Text, nullable=False),
        Column("transition", Text, nullable=False),
        Column("alerts", Text, nullable=False),
        Column("urgency", Integer, nullable=False),
        Column("queued_at", INSTANT, nullable=False),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("next_attempt_at", INSTANT),
        Column("settled_at", INSTANT),
        Column("reference", Text),
        Column("error", Text),
    )
    op.create_index("ix_delivery_state", "delivery", ["state", "channel"])
    op.create_table(
        "delivery_alert",
        Column("delivery", Text, ForeignKey("delivery.id", ondelete="CASCADE", name="fk_delivery_alert_delivery")),
        Column("alert", Text),
        PrimaryKeyConstraint("delivery", "alert", name="pk_delivery_alert"),
    )
    op.create_index("ix_delivery_alert_alert", "delivery_alert", ["alert"])
    op.create_table(
        "channel", Column("channel", Text, primary_key=True), Column("paused_until", INSTANT, nullable=False)
    )
