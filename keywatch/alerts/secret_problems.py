"""What is wrong when a secret was found where it should not be. Pure; never a value, not even its beginning."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from keywatch.alerts.key_problems import describe, whose
from keywatch.alerts.playbook import ENDS_BY_ITSELF, REPLACE_IT, REVOKE_UNKNOWN, SELLER_PURGE
from keywatch.alerts.words import RANK, count, day, minute, one_line
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Confidence, Finding, FindingState, Ownership, Place, Severity
from keywatch.model.held_value import OLD_CLIENT_SECRET_LIVES, HeldAs, Validity
from keywatch.model.key import KeyId, KeyKind, KeyStatus
from keywatch.model.standing import Standing

_SELLING_PARTNER = {"lwa", "mws", "seller"}
"""Rule categories whose secrets are a seller's if they are not ours. A foreign AWS key may be anybody's."""

_SHOWN = 3
"""Places named in a message; the others are counted."""


class SeenFinding(Protocol):
    """A finding with what the store knows of its life; `keywatch.store.StoredFinding` is one."""

    @property
    def finding(self) -> Finding: ...
    @property
    def state(self) -> FindingState: ...
    @property
    def targets(self) -> Sequence[str]: ...
    @property
    def first_seen(self) -> datetime: ...
    @property
    def places_total(self) -> int: ...


def secret_problem(seen: SeenFinding, standings: Mapping[KeyId, Standing]) -> Problem | None:
    """
    Return the problem that a finding is; None for one that is resolved, ignored by a person, or most likely invented.

    Args:
        seen: the finding.
        standings: of the keys we hold, so that a leaked one is named with what is known of it.
    """
    if seen.state in {FindingState.RESOLVED, FindingState.IGNORED}:
        return None
    finding = seen.finding
    if finding.confidence is Confidence.SLIGHT and finding.key is None and finding.ownership is not Ownership.OURS:
        return None
    standing = standings.get(finding.key) if finding.key is not None else None
    if is_seller_secret(finding):
        return _seller_secret(seen)
    return _leak(seen, standing)


def is_seller_secret(finding: Finding) -> bool:
    """Say whether this is a seller's own secret, which we may neither ask for nor accept."""
    if finding.ownership is Ownership.OURS or finding.key is not None:
        # A rule may take for a seller's what the inventory knows to be ours; and it may hold what is a seller's.
        return finding.ownership is Ownership.FOREIGN
    foreign = finding.ownership is Ownership.FOREIGN and finding.rule.category in _SELLING_PARTNER
    return finding.rule.category == "seller" or foreign


def _leak(seen: SeenFinding, standing: Standing | None) -> Problem:
    finding = seen.finding
    if standing is not None:
        what = describe(standing.key)
    else:
        what = one_line(finding.held.place if finding.held else finding.rule.description, 120)
    return Problem(
        id=AlertId(f"{ProblemKind.SECRET_LEAKED.value}:{finding.id}"),
        kind=ProblemKind.SECRET_LEAKED,
        severity=_severity(finding, standing),
        title=f"Leaked{', already rotated' if _is_spent(finding) else ''}: {what}, in {_in_targets(seen)}",
        facts=(
            ("What", _what(finding, standing)),
            ("Where", _where(seen)),
            ("Whose", whose(standing.key) if standing else _whose(finding)),
            ("So what", _so_what(finding, standing)),
            ("Evidence", _evidence(seen)),
        ),
        next_step=_next_step(finding, standing),
        owner=standing.key.owner if standing else None,
        stage=_stage(seen, " ".join(("ours" if finding.key else "", "spent" if _is_spent(finding) else "")).strip()),
    )


def _seller_secret(seen: SeenFinding) -> Problem:
    finding = seen.finding
    return Problem(
        id=AlertId(f"{ProblemKind.SELLER_SECRET.value}:{finding.id}"),
        kind=ProblemKind.SELLER_SECRET,
        severity=Severity.CRITICAL,
        title=f"A seller's secret key, in {_in_targets(seen)}",
        facts=(
            ("What", _what(finding, None)),
            ("Where", _where(seen)),
            ("Whose", "a seller's: not ours to hold"),
            ("So what", "The policy forbids asking for or accepting a seller's secret keys. It was not tried."),
            ("Evidence", _evidence(seen)),
        ),
        next_step=SELLER_PURGE,
        stage=_stage(seen, ""),
    )


def _is_spent(finding: Finding) -> bool:
    return finding.held is not None and finding.held.spent


def _severity(finding: Finding, standing: Standing | None) -> Severity:
    if _is_spent(finding):
        return finding.severity
    if standing is not None:
        live = standing.key.status in {KeyStatus.ACTIVE, KeyStatus.UNKNOWN}
        return Severity.CRITICAL if live else finding.rule.severity
    if finding.confidence is Confidence.LOW:
        return min(finding.rule.severity, Severity.MEDIUM, key=RANK.__getitem__)
    return finding.rule.severity


def _stage(seen: SeenFinding, known: str) -> str:
    """Change when the secret turns up in another target, or turns out to be ours; not for one more line or commit."""
    targets = "\n".join(sorted(seen.targets)).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(targets).hexdigest()[:8]
    return " ".join(part for part in (count(len(seen.targets), "target"), digest, known) if part)


def _in_targets(seen: SeenFinding) -> str:
    first = one_line(seen.targets[0], 80) if seen.targets else "an unknown place"
    more = len(seen.targets) - 1
    return f"{first} and {count(more, 'more target')}" if more > 0 else first


def _what(finding: Finding, standing: Standing | None) -> str:
    named = f"{describe(standing.key)}: " if standing else ""
    if finding.held is not None:
        named += f"{one_line(finding.held.words, 200)}: "
    return f"{named}{one_line(finding.rule.description, 200)} ({finding.redacted.fingerprint.short})"


def _where(seen: SeenFinding) -> str:
    # What is still there comes first: that is where something can be done.
    places = sorted(seen.finding.places, key=lambda place: (place.present is not True, place))
    lines = [_place(place) for place in places[:_SHOWN]]
    more = seen.places_total - len(lines)
    return "\n".join(lines + ([f"and {count(more, 'more place')}"] if more > 0 else []))


def _place(place: Place) -> str:
    line = f":{place.line}" if place.line else ""
    spot = f"{one_line(place.target, 100)}: {one_line(place.path, 160)}{line}"
    commit = f", commit {place.commit[:12]}" if place.commit else ""
    presence = {True: ", still there", False: ", deleted but still in the history", None: ""}[place.present]
    return f"{spot}{commit}{presence}"


def _whose(finding: Finding) -> str:
    if finding.held is not None:
        return "ours, kept in a store: no owner is known"
    if finding.ownership is Ownership.OURS:
        return "ours; which key it is, is not known"
    return "not known: none of the keys in the inventory"


def _so_what(finding: Finding, standing: Standing | None) -> str:
    held = finding.held
    if held is not None and held.validity is not Validity.CURRENT:
        return _become(held, standing)
    if standing is None and held is not None:
        return "It is the value in use. Whoever can read that place can use it."
    if standing is None:
        return "Whoever can read that place can read it. Whether it still works was not tried: take it for live."
    live = {
        KeyStatus.ACTIVE: "It is live",
        KeyStatus.UNKNOWN: "Whether it is live is not known",
        KeyStatus.INACTIVE: "It is switched off, but can be switched on again",
        KeyStatus.EXPIRED: "It has expired",
    }[standing.key.status]
    called = (
        f"last successful call {minute(standing.last_success)}" if standing.last_success else "no successful call known"
    )
    return f"{live}; {called}. Whoever can read that place can use it."


def _become(held: HeldAs, standing: Standing | None) -> str:
    """Say what has become of a value since its store showed it."""
    when = f" since {day(held.since)}" if held.since else ""
    if held.validity is Validity.REMOVED:
        return f"Its store does not hold it any more{when}, which does not end it: take it for live."
    said = f"It is not the value in use: another one stands in its place{when}."
    if held.spent:
        return f"{said} Whether its issuer accepts the old one still was not tried."
    if standing is not None and standing.key.kind is KeyKind.LWA_CLIENT_SECRET:
        days = OLD_CLIENT_SECRET_LIVES.days
        return f"{said} Amazon accepts an old client secret for {days} days more: take it for live until then."
    return f"{said} A new one does not end the old one: take it for live until it is revoked."


def _evidence(seen: SeenFinding) -> str:
    finding = seen.finding
    said = [f"rule {finding.rule.id}, confidence {finding.confidence.value}", f"first seen {minute(seen.first_seen)}"]
    committed = [place for place in finding.places if place.author and place.committed_at]
    if committed:
        first = min(committed, key=lambda place: place.committed_at or seen.first_seen)
        when = day(first.committed_at) if first.committed_at else "an unknown day"
        said.append(f"committed by {one_line(first.author or '', 100)} on {when}")
    return "; ".join(said)


def _next_step(finding: Finding, standing: Standing | None) -> str:
    if _is_spent(finding):
        return one_line(finding.remedy, 900)
    if standing is not None:
        replaced = finding.held is not None and finding.held.validity is Validity.REPLACED
        if replaced and standing.key.kind is KeyKind.LWA_CLIENT_SECRET:
            return ENDS_BY_ITSELF
        return f"{REPLACE_IT[standing.key.kind]} Deleting the file does not help: who has read it has it."
    return one_line(finding.rule.remedy, 900) or REVOKE_UNKNOWN
