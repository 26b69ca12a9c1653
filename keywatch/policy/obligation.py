"""What a policy asks for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from keywatch.model.alert import ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.time import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Where the obligation stands in writing."""

    policy: str
    """`aup` or `dpp`, or the name of a company's own."""
    edition: str
    """Which text it was read in: editions differ, and change."""
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One thing that is asked for. It is watched, or confirmed by a person now and then, or both."""

    id: str
    title: str
    """One sentence, in our words."""
    duty: Duty
    watched: tuple[ProblemKind, ...] = ()
    """The problems by which it shows that it is not kept."""
    seen_by: tuple[str, ...] = ()
    """What keywatch must be able to read to see that: inventory, access, calls, answers (to selling-partner calls),
    content."""
    only_where_read: bool = False
    """Whether a person's word is enough where nothing is configured that would see it."""
    confirmed_every: timedelta | None = None
    """How long a person's word holds. None: no person is asked."""
    question: str = ""
    """What that person confirms."""
    severity: Severity = Severity.MEDIUM
    remedy: str = ""
    """What to do where it is not kept."""
    excused: str | None = None
    """Why it does not apply to this company, in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A person's word that an obligation is kept."""

    obligation: str
    by: str
    at: datetime
    note: str = ""
    """What it rests on: a ticket, a review, a document."""

    def __post_init__(self) -> None:
        require_utc(self.at, "at")
