"""Standings, findings and alerts for tests, each with only what the test cares about spelled out."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from keywatch.model.alert import Alert, AlertId, AlertState, Delivery, Problem, ProblemKind, Transition
from keywatch.model.finding import Confidence, Finding, FindingState, Ownership, Place, RuleInfo, Severity
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, KeyStatus, Location, SourceId
from keywatch.model.secret import Fingerprint, Redacted
from keywatch.model.standing import Basis, Level, Standing

NOW = datetime(2026, 11, 23, 14, 18, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
IAM = SourceId("aws-iam:prod")


def key(
    name: str = "orders",
    kind: KeyKind = KeyKind.AWS_ACCESS_KEY,
    *,
    space: HandleSpace = HandleSpace.AWS_ACCESS_KEY_ID,
    status: KeyStatus = KeyStatus.ACTIVE,
    created_at: datetime | None = NOW - 100 * DAY,
    owner: str | None = "orders@example.com",
    places: int = 1,
    account: str | None = None,
    application: str | None = None,
    seller: str | None = None,
) -> Key:
    """A key whose handle is its name in capitals."""
    return Key(
        kind=kind,
        handles=(Handle(space, f"ID-{name.upper()}"),),
        name=name,
        locations=tuple(Location(IAM, f"arn:aws:iam::111122223333:user/{name}{number}") for number in range(places)),
        status=status,
        created_at=created_at,
        owner=owner,
        account=account,
        application=application,
        seller=seller,
    )


def standing(
    level: Level = Level.URGENT,
    basis: Basis = Basis.PROVEN,
    *,
    of: Key | None = None,
    left: int | None = 4,
    attempt: datetime | None = None,
    clock: datetime | None = NOW - 86 * DAY,
    reasons: tuple[str, ...] = (),
) -> Standing:
    """A standing; one that is proven has a successful call where its clock starts."""
    return Standing(
        key=of or key(),
        basis=basis,
        level=level,
        last_success=clock if basis is Basis.PROVEN else None,
        last_attempt=attempt,
        clock_start=clock,
        idle_days=86,
        days_left=left,
        deletes_on=None if left is None else (NOW + left * DAY).date(),
        reasons=reasons,
    )


def fingerprint(name: str) -> Fingerprint:
    """A fingerprint as good as any."""
    return Fingerprint(hashlib.sha256(name.encode()).hexdigest())


def place(target: str = "orders-sync", path: str = "config/settings.py", line: int = 7, **more: object) -> Place:
    """A place in a target."""
    return Place(target=target, path=path, line=line, column=1, **more)  # type: ignore[arg-type]


def finding(
    name: str = "leak",
    *,
    places: tuple[Place, ...] | None = None,
    category: str = "github",
    severity: Severity = Severity.HIGH,
    confidence: Confidence = Confidence.HIGH,
    ownership: Ownership = Ownership.UNKNOWN,
    of: Key | None = None,
    remedy: str = "Revoke it.",
) -> Finding:
    """A finding whose fingerprint depends on its name."""
    rule = RuleInfo(
        id=f"{category}-token",
        description=f"{category} token: opens something",
        category=category,
        severity=severity,
        remedy=remedy,
    )
    return Finding(
        rule=rule,
        redacted=Redacted(fingerprint(name)),
        confidence=confidence,
        places=places if places is not None else (place(),),
        ownership=ownership,
        key=of.id if of else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A finding on record."""

    finding: Finding
    state: FindingState = FindingState.OPEN
    targets: tuple[str, ...] = ("orders-sync",)
    first_seen: datetime = NOW - DAY
    places_total: int = 1


def problem(name: str = "a", **more: object) -> Problem:
    """A problem whose id is its name."""
    values: dict[str, object] = {
        "id": AlertId(f"key-dying:{name}"),
        "kind": ProblemKind.KEY_DYING,
        "severity": Severity.HIGH,
        "title": f"key {name} is dying",
        "facts": (("What", f"key {name}"), ("So what", "Amazon deletes it.")),
        "next_step": "Use it.",
        "stage": "urgent",
    }
    return Problem(**(values | more))  # type: ignore[arg-type]


def alert(name: str = "a", state: AlertState = AlertState.FIRING, *, revision: int = 1, **more: object) -> Alert:
    """An alert about `problem(name)`."""
    resolved = NOW - DAY if state is AlertState.RESOLVED else None
    return Alert(
        problem=problem(name, **more),
        state=state,
        opened_at=NOW - 2 * DAY,
        changed_at=NOW - 2 * DAY,
        resolved_at=resolved,
        revision=revision,
    )


def delivery(
    name: str = "a",
    transition: Transition = Transition.FIRED,
    *,
    channel: str = "#keys",
    alerts: tuple[Alert, ...] | None = None,
    queued_at: datetime = NOW,
) -> Delivery:
    """A delivery whose id is made of its name and transition."""
    return Delivery(
        id=f"{name}-{transition.value}",
        channel=channel,
        transition=transition,
        alerts=(alert(name),) if alerts is None else alerts,
        queued_at=queued_at,
    )
