"""From what the store remembers to how each obligation stands."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from keywatch.alerts.problems import SourceRole
from keywatch.model.alert import AlertState, Problem
from keywatch.policy import Assessment, Book, Obligation, assess, packaged, read
from keywatch.service.planned import SELLING_PARTNER, Planned
from keywatch.settings.limits import PolicySettings
from keywatch.store import SourceState, Store

_ANSWERS = "answers"


def book(settings: PolicySettings) -> Book:
    """
    Return the obligations as a person configured them.

    Raises:
        ConfigError: a file of theirs cannot be used.
    """
    return read(Path(path).expanduser() for path in settings.files) if settings.files else packaged()


def stands(
    obligations: Iterable[Obligation],
    store: Store,
    *,
    sources: Collection[Planned],
    now: datetime,
    problems: Iterable[Problem] | None = None,
) -> list[Assessment]:
    """
    Say of each obligation how it stands.

    Args:
        obligations: what is asked for.
        store: what is known.
        sources: everything that is configured to be read.
        now: aware UTC.
        problems: what is wrong now; None: what the alerts say, which is what was told last.
    """
    if problems is None:
        problems = [alert.problem for alert in store.alerts() if alert.state is not AlertState.RESOLVED]
    return assess(
        obligations,
        problems=problems,
        attestations=store.attestations(),
        read={role for source in sources for role in _roles(source)},
        blind=_blind(sources, store.sources()),
        now=now,
    )


def _roles(source: Planned) -> frozenset[str]:
    """What a source is read for: a log that is looked through as well, for both."""
    if not source.watches:
        return frozenset()
    roles = {source.role.value}
    if source.scanned:
        roles.add(SourceRole.CONTENT.value)
    if source.kinds == SELLING_PARTNER:
        roles.add(_ANSWERS)  # a log of these calls says what they were answered
    return frozenset(roles)


def _blind(sources: Iterable[Planned], states: Iterable[SourceState]) -> Mapping[str, list[str]]:
    """What cannot be read now, or was never read so far, by role."""
    found: dict[str, list[str]] = {}
    known = {state.source: state for state in states}
    for source in sources:
        state = known.get(source.id)
        # Who may read a key is known only where all was read that says so.
        partly = source.role is SourceRole.ACCESS and state is not None and state.skipped_total > 0
        if state is None or state.last_success is None or state.failing_since is not None or partly:
            for role in _roles(source):
                found.setdefault(role, []).append(source.id)
    planned = {source.id for source in sources}
    for state in known.values():  # members of an organisation
        if state.source not in planned and state.failing_since is not None:
            found.setdefault(state.kind, []).append(state.source)
    return found
