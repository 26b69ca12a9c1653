"""Calls: evidence that a key was used, or that it was not."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from keywatch.model.key import Handle, KeyKind, SourceId
from keywatch.model.time import require_utc


class Outcome(StrEnum):
    """How a call ended, as far as the source can tell."""

    SUCCESS = "success"
    FAILURE = "failure"
    ATTEMPT = "attempt"
    """The source cannot tell. Never counted as success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Somebody used a key: when, how it ended, and who says so."""

    handle: Handle
    at: datetime
    outcome: Outcome
    source: SourceId
    action: str | None = None
    """What was called: `sts:GetCallerIdentity`, `GET /orders/v0/orders`."""
    principal: str | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """
    A source vouches that a key made no call at all between two instants.

    IAM's last-used date is such evidence: it counts refused calls too, so it cannot prove a success, but where it is
    old or absent no success can have happened after it.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html
    """

    handle: Handle
    since: datetime
    until: datetime
    source: SourceId

    def __post_init__(self) -> None:
        require_utc(self.since, "since")
        require_utc(self.until, "until")


Evidence: TypeAlias = Call | Silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """That a log shows what it should not: whose, and where; never what."""

    where: str
    """The first place, for a person: `/var/log/vault/audit.log, line 7`."""
    mount: str
    """Where the secrets are of which it shows something; empty: anywhere, for it hashes nothing."""
    fields: tuple[str, ...]
    """Their fields; empty: it shows the tokens themselves."""
    since: datetime
    """Of the first entry that shows something."""
    until: datetime
    """Of the last one."""

    def __post_init__(self) -> None:
        require_utc(self.since, "since")
        require_utc(self.until, "until")

    def joined(self, other: "Exposed", most: int = 20) -> "Exposed":
        """What both say of one mount."""
        first = self if self.since <= other.since else other
        fields = tuple(sorted({*self.fields, *other.fields})[:most])
        return replace(first, fields=fields, until=max(self.until, other.until))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """
    What a call source would have seen: which kinds of key, in which accounts, from when to when.

    Absence of a call is evidence only inside a coverage. A source that cannot be read now is *blind*: what it saw
    before stands, and nothing may be concluded from its silence.
    """

    source: SourceId
    kinds: frozenset[KeyKind]
    accounts: frozenset[str] = frozenset()
    """Empty: every account, or accounts mean nothing to this source."""
    applications: frozenset[str] = frozenset()
    """Empty: every application, or applications mean nothing to this source; else it knows of no other's calls."""
    handles: frozenset[Handle] = frozenset()
    """Those that it knows calls of; empty, as `beginnings` are: every key."""
    beginnings: tuple[str, ...] = ()
    """Beside `handles`, all whose text begins with one of these: `vault-login:prod/`."""
    unseen: tuple[str, ...] = ()
    """
    What it would not see of the calls it is there for, as clauses for a person: "the trail records writes only: reads
    would not be seen". A call that it saw is proof all the same; its silence, where there is any, is none.
    """
    data_unseen: bool = False
    """
    Whether calls for data (objects of a bucket, items of a table) are no part of what it sees, as in CloudTrail's
    management events. Its silence then says something of a key only beside the issuer's own word on when it was used.
    """
    since: datetime | None
    """None: nothing has been read yet."""
    until: datetime | None
    blind: str | None = None
    """Why the source cannot be read now, for a person; None while it can."""
    exposed: tuple[Exposed, ...] = ()
    """What its log shows in the clear that should be hashed; at most one for each mount."""

    def __post_init__(self) -> None:
        require_utc(self.since, "since")
        require_utc(self.until, "until")

    def knows(self, handles: Iterable[Handle]) -> bool:
        """Whether it would see the calls of a key that has these."""
        if not self.handles and not self.beginnings:
            return True
        named = tuple(handles)
        return not self.handles.isdisjoint(named) or any(str(handle).startswith(self.beginnings) for handle in named)
