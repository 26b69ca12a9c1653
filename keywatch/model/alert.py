"""Alerts: something a person should know, with a life; deliveries: the attempts to tell them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from keywatch.model.finding import Severity
from keywatch.model.time import require_utc

AlertId = NewType("AlertId", str)
"""Names a problem for ever: the same problem next year has the same id."""


class ProblemKind(StrEnum):
    """What can be wrong."""

    KEY_DYING = "key-dying"
    KEY_NEVER_USED = "key-never-used"
    KEY_EXPIRING = "key-expiring"
    """It ends soon by its age, however much it is used."""
    KEY_LEFTOVER = "key-leftover"
    KEY_SHARED = "key-shared"
    KEY_ELSEWHERE = "key-elsewhere"
    """Somebody new uses it, which may be a move, a new library or a thief."""
    ROOT_KEY = "root-key"
    KEY_OLD = "key-old"
    SPARE_KEY = "spare-key"
    """A user has two active keys for longer than a replacement takes."""
    SP_API_SIGNER = "sp-api-signer"
    """An IAM user is left over from the days when SP-API wanted AWS signatures."""
    ROTATION_LATE = "rotation-late"
    PLAIN_PARAMETER = "plain-parameter"
    SECRET_READ = "secret-read"  # noqa: S105 - the name of a problem
    """A store gives a key's value to more readers than should have it, or to a new one."""
    LOG_IN_CLEAR = "log-in-clear"
    """An audit log shows what it should hash."""
    SECRET_LEAKED = "secret-leaked"  # noqa: S105 - the name of a problem
    SELLER_SECRET = "seller-secret"  # noqa: S105 - the name of a problem
    SOURCE_BLIND = "source-blind"
    UNWRAP_FAILED = "unwrap-failed"
    """A secret that was wrapped for keywatch did not come out: somebody else may have had it."""
    ATTESTATION_DUE = "attestation-due"
    """A person has to confirm an obligation of a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong now, in words for the person who must act. Two problems with one id are one problem."""

    id: AlertId
    kind: ProblemKind
    severity: Severity
    title: str
    """One line, plain text: what, and whose or where."""
    facts: tuple[tuple[str, str], ...]
    """Label and plain text: What, Where, Whose, So what, Evidence."""
    next_step: str
    """What to do, plain text."""
    owner: str | None = None
    stage: str = ""
    """Changes when the problem gets worse or better in a way worth telling: `urgent`, `leaked in 3 places`."""


class AlertState(StrEnum):
    """Where an alert is in its life."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Transition(StrEnum):
    """The change of state that is told."""

    FIRED = "fired"
    CHANGED = "changed"
    RESOLVED = "resolved"
    REGRESSED = "regressed"
    """It was resolved, and is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A problem with a life."""

    problem: Problem
    state: AlertState
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None = None
    revision: int = 1
    """Rises with every transition that is told."""

    def __post_init__(self) -> None:
        require_utc(self.opened_at, "opened_at")
        require_utc(self.changed_at, "changed_at")
        require_utc(self.resolved_at, "resolved_at")

    @property
    def id(self) -> AlertId:
        return self.problem.id


class DeliveryState(StrEnum):
    """Where a delivery is on its way. It only ever moves down this list, but for SENDING back to PENDING."""

    PENDING = "pending"
    SENDING = "sending"
    """The intent row: committed before the request leaves. After a crash, the receiver is asked whether it arrived."""
    SENT = "sent"
    FAILED = "failed"
    """Refused for good; the fallback channel was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one channel about one transition of one or more alerts."""

    id: str
    """Opaque and unique; travels with the message as its metadata, so that a lost answer can be reconciled."""
    channel: str
    """A Slack channel (`#keys`, `C0123456789`), or `console`."""
    transition: Transition
    alerts: tuple[Alert, ...]
    """As they were when the transition happened. More than one: a digest."""
    queued_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    reference: str | None = None
    """The receiver's own id of the message, once it is known: Slack's `channel/ts`."""
    error: str | None = None
