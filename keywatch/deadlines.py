"""
The clocks that run beside the baseline: a client secret that expires, an authorisation that ends. Pure.

Amazon lets an LWA client secret live for 180 days, after which calls fail; once it is rotated, the old one works for 7
days more. A seller's authorisation of a public application ends after 365 days, and with it the refresh token's use.
Neither depends on calls: a key may be used every minute and end tomorrow.
https://developer-docs.amazon.com/sp-api/docs/rotating-your-apps-lwa-credentials
https://developer-docs.amazon.com/sp-api/docs/renew-authorizations
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from keywatch.model.key import Key, KeyKind, KeyStatus
from keywatch.model.standing import Level
from keywatch.model.time import require_utc

_LIVES: Mapping[KeyKind, timedelta] = {
    KeyKind.LWA_CLIENT_SECRET: timedelta(days=180),
    KeyKind.LWA_REFRESH_TOKEN: timedelta(days=365),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """How long keys live, and when to say how much of it is left. All of it is configuration."""

    lives: Mapping[KeyKind, timedelta] = field(default_factory=lambda: dict(_LIVES))
    steps: tuple[tuple[Level, timedelta], ...] = (
        (Level.NOTICE, timedelta(days=60)),
        (Level.WARNING, timedelta(days=30)),
        (Level.URGENT, timedelta(days=14)),
        (Level.CRITICAL, timedelta(days=5)),
    )
    """Time left from which each level holds, mildest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The moment a key ends, used or not."""

    key: Key
    at: datetime
    """At the latest, where `certain` is false."""
    level: Level
    days_left: int
    """Whole days until the day it ends on; negative once it has passed."""
    certain: bool = True
    """Whether somebody says when the key was issued. If not, it is at least as old as our knowledge of it."""

    def __post_init__(self) -> None:
        require_utc(self.at, "at")

    @property
    def day(self) -> date:
        return self.at.date()


def deadline(
    key: Key, *, now: datetime, certain: bool = True, clocks: Clocks | None = None, announced: datetime | None = None
) -> Deadline | None:
    """
    Return when a key ends, whether or not it is used; None: never, or nothing is known that could tell.

    Args:
        key: one credential. `created_at` is when its present value was issued, or the seller authorised; where it says
            itself when it ends, that counts.
        now: aware UTC.
        certain: whether somebody says so; else it is when keywatch saw the key first, which is no younger.
        clocks: how long keys live; None for Amazon's.
        announced: when it ends, where the issuer itself has said so: that counts, whatever its age.
    """
    clocks = clocks or Clocks()
    life = clocks.lives.get(key.kind)
    if key.status in (KeyStatus.INACTIVE, KeyStatus.EXPIRED):
        return None
    if (told := announced or key.expires_at) is not None:
        at, certain = told, True
    elif life is not None and key.created_at is not None:
        at = key.created_at + life
    else:
        return None
    left = at - now
    if left <= timedelta(0):
        level = Level.LAPSED
    else:
        level = next((step for step, within in reversed(clocks.steps) if left <= within), Level.GOOD)
    days = (at.date() - now.date()).days
    return Deadline(key=key, at=at, level=level, days_left=days, certain=certain)
