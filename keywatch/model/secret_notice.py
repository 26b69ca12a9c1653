"""What Amazon announces of an application's client secret: that it ends, and that there is a new one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keywatch.model.key import SourceId
from keywatch.model.time import require_utc


class NoticeKind(StrEnum):
    """What is announced."""

    EXPIRY = "expiry"
    """The client secret in use ends at an instant."""
    NEW_SECRET = "new-secret"  # noqa: S105 - the name of a kind
    """There is a new one, which came with the notice and is not kept; the old one ends a few days later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretNotice:
    """One announcement. It holds no secret, whatever the message held."""

    client_id: str
    kind: NoticeKind
    at: datetime
    """When Amazon said so."""
    ends_at: datetime | None
    """When the secret ends: the one in use, or the new one."""
    old_ends_at: datetime | None = None
    """When the secret before the new one ends."""
    source: SourceId

    def __post_init__(self) -> None:
        require_utc(self.at, "at")
        require_utc(self.ends_at, "ends_at")
        require_utc(self.old_ends_at, "old_ends_at")
