"""Matches and findings: what a rule saw, and what is left of it when nobody may know the value."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from keywatch.model.content import Origin
from keywatch.model.held_value import HeldAs
from keywatch.model.key import Handle, KeyId
from keywatch.model.secret import Redacted, Secret
from keywatch.model.time import require_utc


class Severity(StrEnum):
    """How bad it is if it is true, mildest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Confidence(StrEnum):
    """How sure the rule is, weakest first."""

    SLIGHT = "slight"
    """Most likely invented: a value without an issuer's shape, in test code only. Counted, and told on request."""
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """From 0, weakest first."""
        return _CONFIDENCES.index(self)


_CONFIDENCES = tuple(Confidence)


class Ownership(StrEnum):
    """Whose secret it is."""

    OURS = "ours"
    FOREIGN = "foreign"
    """A seller's or a third party's: never stored, never tried."""
    UNKNOWN = "unknown"


class FindingState(StrEnum):
    """Where a finding is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingWord:
    """What a person has said of a finding. Words are added, never changed: an auditor asks for all of them."""

    finding: str
    state: FindingState
    """What it is to be from then on; one that is resolved stays that, and the word stands beside it."""
    by: str
    at: datetime
    """Aware UTC."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInfo:
    """What a person needs to know of a detection rule."""

    id: str
    description: str
    """One phrase: what the secret is and what it opens."""
    category: str
    """The issuer's family: `aws`, `lwa`, `mws`, `seller`, `vault`, `github`, …"""
    severity: Severity = Severity.HIGH
    confidence: Confidence = Confidence.MEDIUM
    remedy: str = ""
    """What to do, for a person: one to three sentences."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a rule saw in one chunk. It holds the plaintext, so it lives as briefly as the chunk does."""

    rule: RuleInfo
    secret: Secret
    """Canonical: `Atzr%7C…` and `Atzr\\u007c…` come out as `Atzr|…`, so that one secret has one fingerprint."""
    origin: Origin
    offset: int
    """Bytes of the origin before the secret's first byte as it is written there."""
    length: int
    """Bytes the secret takes as it is written there."""
    line: int
    """From 1; zero where lines are unknown."""
    column: int
    """In characters, from 1."""
    end_line: int
    end_column: int
    """One past the last character, from 1."""
    confidence: Confidence
    specificity: int = 50
    """Of two rules that see one value the more specific one is told."""
    handles: tuple[Handle, ...] = ()
    """Public names found with the secret: the access key id of a pair, the client id beside a client secret."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """One spot where a finding was seen."""

    target: str
    path: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0
    offset: int = 0
    blob: str | None = None
    commit: str | None = None
    """The first commit that brought it in."""
    author: str | None = None
    committed_at: datetime | None = None
    present: bool | None = None
    """Whether it is still in the target's current tree; None where that means nothing or is not known."""
    confidence: Confidence = field(default=Confidence.MEDIUM, compare=False)
    """How sure the rule was here. The finding is as sure as the surest of its places."""

    def __post_init__(self) -> None:
        require_utc(self.committed_at, "committed_at")


_SEVERITIES = tuple(Severity)
_SPENT = (
    "It was rotated already: see to it that its issuer accepts it no longer, and look for its use between the leak and"
    " the rotation. Then remove this copy."
)
_OWNERSHIP = (Ownership.OURS, Ownership.FOREIGN, Ownership.UNKNOWN)
"""Which is believed where places say different things."""
_SENT = 500
"""Above the specificity of every rule that goes by the looks of a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One secret, with every place it was seen in and the rule that says most of it. Holds no plaintext."""

    rule: RuleInfo
    redacted: Redacted
    confidence: Confidence
    places: tuple[Place, ...]
    """At least one, sorted."""
    further: int = 0
    """Places beyond these that are counted only."""
    ownership: Ownership = Ownership.UNKNOWN
    key: KeyId | None = None
    """The inventoried key whose value or id this is."""
    handles: tuple[Handle, ...] = ()
    specificity: int = 50
    """As in `Match`."""
    other_rules: tuple[str, ...] = ()
    """Ids of the rules that saw it as well, in this place or another; sorted."""
    held: HeldAs | None = None
    """Which value of which secret it is, where a store has shown it, and whether it is so still."""

    @property
    def severity(self) -> Severity:
        """The rule's; at most medium for a value that was rotated, and that its issuer is likely to refuse."""
        if self.held is None or not self.held.spent:
            return self.rule.severity
        return min(self.rule.severity, Severity.MEDIUM, key=_SEVERITIES.index)

    @property
    def remedy(self) -> str:
        """What to do, for a person."""
        return _SPENT if self.held is not None and self.held.spent else self.rule.remedy

    @property
    def id(self) -> str:
        """32 hexadecimal digits of the value's fingerprint: one value is one finding, whichever rule saw it where."""
        return self.redacted.fingerprint.digest[:32]

    @property
    def rules(self) -> frozenset[str]:
        """Ids of all rules that saw it."""
        return frozenset({self.rule.id, *self.other_rules})

    def joined(self, other: "Finding") -> "Finding":
        """Return what this finding and another of the same value say together; the order changes nothing but places."""
        first, second = sorted((self, other), key=_telling, reverse=True)
        owner = min((first, second), key=lambda finding: (_OWNERSHIP.index(finding.ownership), finding.key is None))
        return replace(
            first,
            confidence=max(self.confidence, other.confidence, key=lambda confidence: confidence.rank),
            ownership=owner.ownership,
            key=owner.key or first.key or second.key,
            handles=first.handles + tuple(handle for handle in second.handles if handle not in first.handles),
            other_rules=tuple(sorted((self.rules | other.rules) - {first.rule.id})),
            held=first.held or second.held,
        )


def _telling(finding: Finding) -> tuple[int, int, int, str]:
    """Sort the rule that says most of a value to the end. What a seller sent to us stays that, wherever else it is."""
    specificity = max(finding.specificity, _SENT if finding.rule.category == "seller" else 0)
    severity, confidence = _SEVERITIES.index(finding.rule.severity), finding.confidence.rank
    return (specificity, severity, confidence, finding.rule.id)
