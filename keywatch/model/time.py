"""Instants are aware datetimes in UTC, everywhere. Local time exists only where a person reads."""

from datetime import UTC, datetime


def require_utc(moment: datetime | None, field: str) -> None:
    """
    Refuse an instant that is not aware UTC: a naive time is a bug that shows up one time zone later.

    Raises:
        ValueError: `moment` has no zone, or one other than UTC. None passes.
    """
    if moment is None or moment.tzinfo is UTC:
        return
    if moment.tzinfo is None or moment.utcoffset() != UTC.utcoffset(None):
        raise ValueError(f"{field}: {moment!r} is not an aware UTC time")


def to_utc(moment: datetime) -> datetime:
    """Convert an aware datetime to UTC; a naive one is taken to be UTC already (what AWS and Vault send)."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_rfc3339(text: str) -> datetime:
    """
    Read an RFC 3339 timestamp, with `Z` or an offset and up to nine decimals (Go programs send nine).

    Raises:
        ValueError: `text` is not such a timestamp.
    """
    return to_utc(datetime.fromisoformat(text.strip()))


def to_rfc3339(moment: datetime) -> str:
    """Write an aware UTC time as `2026-11-23T14:18:03Z`, with decimals only where there are any."""
    require_utc(moment, "moment")
    return moment.isoformat().replace("+00:00", "Z")
