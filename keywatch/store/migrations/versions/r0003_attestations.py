"""What people confirm of a policy: a table of its own, which begins empty."""

from alembic import op
from sqlalchemy import Column, PrimaryKeyConstraint, String, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "attestation",
        Column("obligation", Text),
        Column("by", Text),
        Column("at", String(27)),
        Column("note", Text, nullable=False),
        PrimaryKeyConstraint("obligation", "by", "at", name="pk_attestation"),
    )
