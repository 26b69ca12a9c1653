"""How long a token lives, and when to do something about it. Pure: times are seconds of a steady clock."""

from dataclasses import dataclass, replace
from typing import Self

from keywatch.collect.vault.answer import Fields
from keywatch.model.secret import Secret

_DUE = 2 / 3
"""The share of its life after which a token is renewed, or followed by another."""
_GROWN = 0.9
"""A renewal that grants less than this share of what was granted first has met the end that Vault set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A token, and what Vault said of its life."""

    token: Secret
    ttl: float = 0
    """Granted last; 0: it does not end."""
    first: float = 0
    """Granted by the login."""
    since: float = 0
    """When `ttl` began."""
    renewable: bool = False
    shown: bool = False
    """Whether it may look itself up, so that a refusal to do so means that it is dead."""

    @property
    def ends(self) -> bool:
        return self.ttl > 0

    def due(self, now: float) -> bool:
        """Whether two thirds of it are over."""
        return self.ends and now >= self.since + self.ttl * _DUE

    def over(self, now: float) -> bool:
        return self.ends and now >= self.since + self.ttl

    def left(self, now: float) -> float:
        """Seconds; of one that does not end, 0."""
        return max(self.since + self.ttl - now, 0.0) if self.ends else 0.0

    def renewed(self, ttl: float, renewable: bool, now: float) -> Self:
        """The same token after a renewal that granted `ttl`."""
        return replace(self, ttl=ttl, since=now, renewable=renewable, first=max(self.first, ttl))

    @property
    def grows(self) -> bool:
        """Whether its last renewal gave what the login gave; else its greatest age is near, and it will not last."""
        return not self.ends or self.ttl >= self.first * _GROWN


def granted(auth: Fields | None, now: float) -> Lease | None:
    """Read the `auth` of a login or a renewal. None: there is no token in it."""
    token = (auth or {}).get("client_token")
    if auth is None or not isinstance(token, str) or not token:
        return None
    ttl = _seconds(auth.get("lease_duration"))
    renewable = auth.get("renewable") is True
    return Lease(token=Secret(token.encode()), ttl=ttl, first=ttl, since=now, renewable=renewable)


def looked_up(token: Secret, data: Fields, now: float) -> Lease:
    """Read what a token says of itself when it is looked up; part of its life may be over."""
    left = _seconds(data.get("ttl"))
    whole = max(left, _seconds(data.get("period")) or _seconds(data.get("creation_ttl"))) if left else 0.0
    return Lease(
        token=token,
        ttl=whole,
        first=whole,
        since=now - (whole - left),
        renewable=data.get("renewable") is True,
        shown=True,
    )


def _seconds(value: object) -> float:
    return float(max(value, 0)) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
