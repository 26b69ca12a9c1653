"""What calls were answered, which reported calls are known, and what Amazon announces of client secrets."""

from alembic import op
from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Text, UniqueConstraint

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables. They begin empty: what was read before is not read again."""
    op.create_table(
        "answer",
        Column("handle", Text),
        Column("source", Text),
        Column("answer", Text),
        Column("since", String(27), nullable=False),
        Column("last", String(27), nullable=False),
        Column("calls", Integer, nullable=False),
        PrimaryKeyConstraint("handle", "source", "answer", name="pk_answer"),
    )
    op.create_index("ix_answer_answer", "answer", ["answer"])
    op.create_table(
        "answered_day",
        Column("handle", Text),
        Column("source", Text),
        Column("day", Integer),
        Column("calls", Integer, nullable=False),
        Column("throttled", Integer, nullable=False),
        PrimaryKeyConstraint("handle", "source", "day", name="pk_answered_day"),
    )
    op.create_index("ix_answered_day_day", "answered_day", ["day"])
    op.create_table(
        "reported_call",
        Column("sequence", Integer, primary_key=True, autoincrement=True),
        Column("source", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("at", String(27), nullable=False),
        UniqueConstraint("source", "digest", name="uq_reported_call"),
    )
    op.create_index("ix_reported_call_order", "reported_call", ["source", "sequence"])
    op.create_table(
        "secret_notice",
        Column("client_id", Text),
        Column("kind", Text),
        Column("source", Text),
        Column("at", String(27), nullable=False),
        Column("record", Text, nullable=False),
        PrimaryKeyConstraint("client_id", "kind", "source", name="pk_secret_notice"),
    )
