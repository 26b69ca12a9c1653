"""Who may read what: a table of its own."""

from alembic import op
from sqlalchemy import Column, String, Text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "access",
        Column("source", Text, primary_key=True),
        Column("record", Text, nullable=False),
        Column("read_at", String(27), nullable=False),
    )
