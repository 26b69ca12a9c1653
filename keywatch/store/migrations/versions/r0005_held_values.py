"""Values that stores showed to us, as fingerprints and sealed anchors: tables of their own, as there are very many."""

from alembic import op
from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "value_place",
        Column("source", Text),
        Column("place", Text),
        Column("mark", Text, nullable=False),
        Column("gone_at", String(27)),
        PrimaryKeyConstraint("source", "place", name="pk_value_place"),
    )
    op.create_table(
        "held_value",
        Column("source", Text),
        Column("place", Text),
        Column("field", Text),
        Column("fingerprint", Text),
        Column("sealed", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("refused", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("validity", Text, nullable=False),
        Column("since", String(27)),
        PrimaryKeyConstraint("source", "place", "field", "fingerprint", name="pk_held_value"),
    )
    op.create_table(
        "logged_hash",
        Column("source", Text),
        Column("place", Text),
        Column("field", Text),
        Column("digest", Text),
        Column("version", Integer, nullable=False),
        Column("first", String(27), nullable=False),
        Column("last", String(27), nullable=False),
        PrimaryKeyConstraint("source", "place", "field", "digest", name="pk_logged_hash"),
    )
    op.create_index("ix_logged_hash_digest", "logged_hash", ["digest"])
    op.create_table(
        "asked_hash",
        Column("source", Text),
        Column("fingerprint", Text),
        Column("digest", Text, nullable=False),
        PrimaryKeyConstraint("source", "fingerprint", name="pk_asked_hash"),
    )
    op.create_index("ix_held_value_fingerprint", "held_value", ["fingerprint"])
