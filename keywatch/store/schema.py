"""
The tables. A change here needs a migration in `migrations/versions/`; a test compares the two.

Records travel as JSON in a `record` column; a column of its own has only what is searched, sorted or compared.
"""

from datetime import datetime

from sqlalchemy import (
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from keywatch.model.time import require_utc

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every revision this version knows, oldest first; the last one is what it works with."""

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Instant(TypeDecorator[datetime]):
    """An aware UTC time as RFC 3339 text of fixed width: it sorts as time does, and a person can read it."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        del dialect
        require_utc(value, "instant")
        return None if value is None else value.strftime(_FORMAT).rjust(27, "0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()

meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

key = Table(
    "key",
    metadata,
    Column("source", Text),
    Column("key_id", Text),
    # One source may hold one credential in two places (two Vault paths): each is a sighting.
    Column("place", Text),
    Column("record", Text, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
    Column("gone_at", Instant),
    PrimaryKeyConstraint("source", "key_id", "place", name="pk_key"),
)

# Who may read what, as each source told it last; what follows for each key is computed anew.
access = Table(
    "access",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record", Text, nullable=False),
    Column("read_at", Instant, nullable=False),
)

# The latest call of each outcome is all that a standing needs; a busy key makes millions.
call = Table(
    "call",
    metadata,
    Column("handle", Text),
    Column("source", Text),
    Column("outcome", Text),
    Column("at", Instant, nullable=False),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("handle", "source", "outcome", name="pk_call"),
)

# Columns and no record: rows are joined with what is new, and a key may have many.
key_use = Table(
    "key_use",
    metadata,
    Column("handle", Text),
    Column("source", Text),
    Column("network", Text),
    Column("agent", Text),
    Column("principal", Text),
    # Hours from 1970.
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("calls", Integer, nullable=False),
    # Bits, in hexadecimal digits.
    Column("hours", Text, nullable=False),
    PrimaryKeyConstraint("handle", "source", "network", "agent", "principal", name="pk_key_use"),
    Index("ix_key_use_last", "last"),
)

# What calls were answered: of refusals the last streak, of the two successes when the last one was.
answer = Table(
    "answer",
    metadata,
    Column("handle", Text),
    Column("source", Text),
    Column("answer", Text),
    Column("since", Instant, nullable=False),
    Column("last", Instant, nullable=False),
    Column("calls", Integer, nullable=False),
    PrimaryKeyConstraint("handle", "source", "answer", name="pk_answer"),
    Index("ix_answer_answer", "answer"),
)

answered_day = Table(
    "answered_day",
    metadata,
    Column("handle", Text),
    Column("source", Text),
    # As `date.toordinal` has it.
    Column("day", Integer),
    Column("calls", Integer, nullable=False),
    Column("throttled", Integer, nullable=False),
    PrimaryKeyConstraint("handle", "source", "day", name="pk_answered_day"),
    Index("ix_answered_day_day", "day"),
)

# By which a call that is reported again is known: the digest of what its reporter calls it.
reported_call = Table(
    "reported_call",
    metadata,
    # The order of coming: the oldest are forgotten first.
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("source", "digest", name="uq_reported_call"),
    Index("ix_reported_call_order", "source", "sequence"),
)

secret_notice = Table(
    "secret_notice",
    metadata,
    Column("client_id", Text),
    Column("kind", Text),
    Column("source", Text),
    Column("at", Instant, nullable=False),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("client_id", "kind", "source", name="pk_secret_notice"),
)

# A secret of a store that shows its values, and what the last reading left to know it by.
value_place = Table(
    "value_place",
    metadata,
    Column("source", Text),
    Column("place", Text),
    Column("mark", Text, nullable=False),
    Column("gone_at", Instant),
    PrimaryKeyConstraint("source", "place", name="pk_value_place"),
)

# Columns and no record: there are very many, and each is a few numbers. Never a value.
held_value = Table(
    "held_value",
    metadata,
    Column("source", Text),
    Column("place", Text),
    Column("field", Text),
    # Empty: the value is refused altogether.
    Column("fingerprint", Text),
    Column("sealed", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # Why it is not looked for everywhere; empty: it is.
    Column("refused", Text, nullable=False),
    # The last version in which it was read.
    Column("version", Integer, nullable=False),
    Column("validity", Text, nullable=False),
    Column("since", Instant),
    PrimaryKeyConstraint("source", "place", "field", "fingerprint", name="pk_held_value"),
    Index("ix_held_value_fingerprint", "fingerprint"),
)

# A value that Vault has handed out, hashed under a salt that only Vault knows.
logged_hash = Table(
    "logged_hash",
    metadata,
    Column("source", Text),
    Column("place", Text),
    Column("field", Text),
    Column("digest", Text),
    Column("version", Integer, nullable=False),
    Column("first", Instant, nullable=False),
    Column("last", Instant, nullable=False),
    PrimaryKeyConstraint("source", "place", "field", "digest", name="pk_logged_hash"),
    Index("ix_logged_hash_digest", "digest"),
)

# What Vault made of a value that a scan has found.
asked_hash = Table(
    "asked_hash",
    metadata,
    Column("source", Text),
    Column("fingerprint", Text),
    Column("digest", Text, nullable=False),
    PrimaryKeyConstraint("source", "fingerprint", name="pk_asked_hash"),
)

silence = Table(
    "silence",
    metadata,
    Column("handle", Text),
    Column("source", Text),
    Column("until", Instant, nullable=False),
    Column("record", Text, nullable=False),
    PrimaryKeyConstraint("handle", "source", name="pk_silence"),
)

coverage = Table("coverage", metadata, Column("source", Text, primary_key=True), Column("record", Text, nullable=False))

cursor = Table("cursor", metadata, Column("source", Text, primary_key=True), Column("record", Text, nullable=False))

source = Table(
    "source",
    metadata,
    Column("source", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("last_started", Instant),
    Column("last_success", Instant),
    Column("failing_since", Instant),
    Column("error", Text),
    Column("hint", Text),
    Column("items", Integer, nullable=False, server_default="0"),
    Column("skipped_total", Integer, nullable=False, server_default="0"),
    Column("skipped", Text, nullable=False, server_default="[]"),
)

finding = Table(
    "finding",
    metadata,
    Column("id", Text, primary_key=True),
    # Without its places: those are rows of `place`.
    Column("record", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
    Column("resolved_at", Instant),
    Index("ix_finding_state", "state"),
)

place = Table(
    "place",
    metadata,
    Column("finding", Text, ForeignKey("finding.id", ondelete="CASCADE", name="fk_place_finding")),
    Column("source", Text),
    # Digest of what makes a place that place: a rescan updates the row instead of adding one.
    Column("digest", Text),
    Column("target", Text, nullable=False),
    # Null: counted, but one of too many to be kept in full.
    Column("record", Text),
    Column("last_seen", Instant, nullable=False),
    Column("gone_at", Instant),
    PrimaryKeyConstraint("finding", "source", "digest", name="pk_place"),
    Index("ix_place_source", "source"),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Text, primary_key=True),
    Column("problem", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Column("revision", Integer, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    # The order of queueing. One alert's messages leave in this order.
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("transition", Text, nullable=False),
    Column("alerts", Text, nullable=False),
    # 3 is critical, 0 is low.
    Column("urgency", Integer, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", Instant),
    Column("settled_at", Instant),
    Column("reference", Text),
    Column("error", Text),
    Index("ix_delivery_state", "state", "channel"),
)

delivery_alert = Table(
    "delivery_alert",
    metadata,
    Column("delivery", Text, ForeignKey("delivery.id", ondelete="CASCADE", name="fk_delivery_alert_delivery")),
    Column("alert", Text),
    PrimaryKeyConstraint("delivery", "alert", name="pk_delivery_alert"),
    Index("ix_delivery_alert_alert", "alert"),
)

channel = Table(
    "channel", metadata, Column("channel", Text, primary_key=True), Column("paused_until", Instant, nullable=False)
)

attestation = Table(
    "attestation",
    metadata,
    Column("obligation", Text),
    Column("by", Text),
    Column("at", Instant),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("obligation", "by", "at", name="pk_attestation"),
)

finding_word = Table(
    "finding_word",
    metadata,
    Column("finding", Text),
    Column("by", Text),
    Column("at", Instant),
    Column("state", Text, nullable=False),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("finding", "by", "at", name="pk_finding_word"),
)

job_run = Table(
    "job_run",
    metadata,
    Column("job", Text),
    Column("started", Instant),
    Column("finished", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    PrimaryKeyConstraint("job", "started", name="pk_job_run"),
)
