"""From where keys are used: a table of its own. What was read before is not read again, so it begins empty."""

from alembic import op
from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "key_use",
        Column("handle", Text),
        Column("source", Text),
        Column("network", Text),
        Column("agent", Text),
        Column("principal", Text),
        Column("first", Integer, nullable=False),
        Column("last", Integer, nullable=False),
        Column("calls", Integer, nullable=False),
        Column("hours", Text, nullable=False),
        PrimaryKeyConstraint("handle", "source", "network", "agent", "principal", name="pk_key_use"),
    )
    op.create_index("ix_key_use_last", "key_use", ["last"])
