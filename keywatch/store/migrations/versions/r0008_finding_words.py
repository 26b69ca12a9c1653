"""What people say of findings: a table of its own, which begins empty."""

from alembic import op
from sqlalchemy import Column, PrimaryKeyConstraint, String, Text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "finding_word",
        Column("finding", Text),
        Column("by", Text),
        Column("at", String(27)),
        Column("state", Text, nullable=False),
        Column("note", Text, nullable=False),
        PrimaryKeyConstraint("finding", "by", "at", name="pk_finding_word"),
    )
