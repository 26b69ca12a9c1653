"""What hygiene is judged by: keys with what is known of them beside their standing, and limits. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.call import Call
from keywatch.model.key import Key, KeyKind, KeyStatus, Location, SourceId
from keywatch.model.standing import Level, Standing

_ROTATE: Mapping[KeyKind, timedelta] = {KeyKind.AWS_ACCESS_KEY: timedelta(days=90)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on something is told."""

    rotate_after: Mapping[KeyKind, timedelta] = field(default_factory=lambda: dict(_ROTATE))
    """How old a key of a kind may grow; of a kind that is not named, as old as it likes."""
    spare_after: timedelta = timedelta(days=14)
    """How long a user may have two active keys: as long as it takes to replace one."""
    late_after: timedelta = timedelta(days=2)
    """How late a rotation may be, or lie half done."""
    excused_users: frozenset[str] = frozenset()
    """IAM users whose keys are as they should be, whatever they look like."""
    leave_out: frozenset[ProblemKind] = frozenset()
    """What is not told at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A key that is held somewhere, and what is known of it beside its standing."""

    standing: Standing
    hidden: frozenset[SourceId] = frozenset()
    """The holders that could not be asked, or did not show it, when they were last read."""
    last_use: Call | None = None
    """What IAM remembers of its last use, whatever came of it."""
    watched_until: datetime | None = None
    """Up to when IAM's word of its last use reaches; None: it has none."""
    dated: bool = True
    """Whether a source says when it was made; else `created_at` is when keywatch saw it first."""
    first_seen: datetime | None = None
    """When keywatch saw it first, in any place."""
    about_sp_api: bool = False
    """Whether the name of its user or its application says that it was made for SP-API."""

    @property
    def key(self) -> Key:
        return self.standing.key

    @property
    def in_use(self) -> bool:
        """Whether its issuer may accept it, and there is still a service that it opens."""
        return self.standing.level is not Level.LEFTOVER

    @property
    def unseen(self) -> bool:
        """Whether no holder showed it: it may be gone, so nothing is claimed of it, and nothing taken back."""
        holders = {location.source for location in self.key.locations}
        return bool(holders) and holders <= self.hidden

    @property
    def users(self) -> Iterator[Location]:
        """The IAM users whose key it is: one, unless two sources name the same."""
        for location in self.key.locations:
            if location.source.startswith("aws-iam:") and ":user/" in location.place:
                yield location


Verdict: TypeAlias = Problem | AlertId
"""What is wrong; or the alert of which nothing can be said now, so that it stays as it is."""


def alert_id(kind: ProblemKind, of: str) -> AlertId:
    """Name the alert about one thing."""
    return AlertId(f"{kind.value}:{of}")


def by_user(held: Iterable[Held]) -> dict[str, list[Held]]:
    """The access keys of each IAM user that IAM would accept, by the user's ARN; the oldest first."""
    users: dict[str, dict[str, Held]] = {}
    for one in held:
        if one.key.kind is KeyKind.AWS_ACCESS_KEY and one.key.status is KeyStatus.ACTIVE:
            for location in one.users:
                users.setdefault(location.place, {})[one.key.id] = one
    return {arn: sorted(keys.values(), key=_age) for arn, keys in users.items()}


def _age(one: Held) -> tuple[datetime, str]:
    return (one.key.created_at or datetime.max.replace(tzinfo=UTC), one.key.id)
