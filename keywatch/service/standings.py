"""From what the store remembers to what the policy says: keys, evidence and coverage in, standings out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from keywatch.alerts.held import Held, Limits
from keywatch.baseline import Policy, judge
from keywatch.collect.inventory.name_words import speaks_of
from keywatch.correlate import apart, correlate
from keywatch.deadlines import Clocks
from keywatch.model.alert import ProblemKind
from keywatch.model.call import Call, Coverage, Evidence, Silence
from keywatch.model.key import Handle, Key, KeyId, KeyKind, SourceId
from keywatch.model.standing import Level, Standing
from keywatch.settings.limits import Baseline, Deadlines, Hygiene
from keywatch.settings.probe import Probe
from keywatch.store import Sighting, SourceState, Store

_TOLD_FOR = timedelta(days=90)
"""As long a key that is gone is shown."""


def policy(settings: Baseline, probe: Probe | None = None) -> Policy:
    """The windows a person configured, and whether a probe is a use."""
    levels = (Level.NOTICE, Level.WARNING, Level.URGENT, Level.CRITICAL)
    steps = tuple(zip(levels, (timedelta(days=days) for days in settings.warn_at_days), strict=True))
    counts = probe is not None and probe.counts_as_use
    return Policy(window=timedelta(days=settings.window_days), steps=steps, probes_count=counts)


def limits(settings: Hygiene) -> Limits:
    """The limits a person configured."""
    return Limits(
        rotate_after={kind: timedelta(days=days) for kind, days in settings.rotate_after_days.items()},
        spare_after=timedelta(days=settings.two_keys_after_days),
        late_after=timedelta(days=settings.rotation_late_after_days),
        excused_users=frozenset(settings.excused_users),
        leave_out=frozenset(map(ProblemKind, settings.leave_out)),
    )


def clocks(settings: Deadlines) -> Clocks:
    """How long selling-partner keys live, as a person configured it."""
    lives = {
        KeyKind.LWA_CLIENT_SECRET: timedelta(days=settings.client_secret_days),
        KeyKind.LWA_REFRESH_TOKEN: timedelta(days=settings.authorisation_days),
    }
    levels = (Level.NOTICE, Level.WARNING, Level.URGENT, Level.CRITICAL)
    steps = tuple(zip(levels, (timedelta(days=left) for left in settings.warn_at_days_left), strict=True))
    return Clocks(lives=lives, steps=steps)


def known_keys(store: Store) -> tuple[Key, ...]:
    """Every key that is held somewhere now, one each."""
    return correlate(sighting.key for sighting in store.sightings() if sighting.gone_at is None)


def vanished(store: Store, now: datetime) -> list[Sighting]:
    """Return the last word of each key that is held nowhere any more and was in the last 90 days; the latest first."""
    sightings = store.sightings()
    held = {handle for sighting in sightings if sighting.gone_at is None for handle in sighting.key.handles}
    last: dict[KeyId, Sighting] = {}
    for sighting in sorted(sightings, key=lambda sighting: sighting.gone_at or now):
        if (
            sighting.gone_at is not None
            and held.isdisjoint(sighting.key.handles)
            and now - sighting.gone_at <= _TOLD_FOR
        ):
            last[sighting.key.id] = sighting
    return list(reversed(last.values()))


def standings(store: Store, rules: Policy, now: datetime) -> tuple[Standing, ...]:
    """Judge every key that is held somewhere now."""
    return tuple(one.standing for one in held(store, rules, now))


def held(store: Store, rules: Policy, now: datetime, sp_api_names: tuple[str, ...] = ()) -> tuple[Held, ...]:
    """
    Judge every key that is held somewhere now, and add what hygiene needs beside its standing.

    Args:
        store: what is known.
        rules: the windows.
        now: aware UTC.
        sp_api_names: phrases in the name of a user or an application that say that it is for SP-API.
    """
    sightings = store.sightings()
    present = _apart([sighting for sighting in sightings if sighting.gone_at is None])
    sources = {state.source: state for state in store.sources()}
    evidence = _by_handle(store.evidence())
    # One that can prove nothing has nothing to say of any key; an organisation's accounts bring hundreds of these.
    coverages = [coverage for coverage in store.coverages() if coverage.kinds]
    first_seen = _first_seen([*sightings, *present])
    shown = _by_name(present)
    return tuple(
        _held(
            key,
            _dated(key, first_seen),
            min(first_seen[name] for name in _names(key) if name in first_seen),
            [item for handle in key.handles for item in evidence.get(handle, ())],
            coverages,
            now=now,
            rules=rules,
            unreadable=_unreadable(key, shown, sources),
            sp_api_names=sp_api_names,
        )
        for key in correlate(sighting.key for sighting in present)
    )


def _apart(sightings: list[Sighting]) -> list[Sighting]:
    """Call each sighting's key what `correlate` calls it, so that it is found again by that."""
    keys = apart(sighting.key for sighting in sightings)
    return [replace(sighting, key=key) for sighting, key in zip(sightings, keys, strict=True)]


def _held(
    shown: Key,
    key: Key,
    seen: datetime,
    evidence: Iterable[Evidence],
    coverages: Iterable[Coverage],
    *,
    now: datetime,
    rules: Policy,
    unreadable: Mapping[SourceId, str],
    sp_api_names: tuple[str, ...],
) -> Held:
    by_iam = [item for item in evidence if item.source.startswith("iam-last-used:")]
    uses = [item for item in by_iam if isinstance(item, Call)]
    last_use = max(uses, key=lambda use: use.at, default=None)
    # A key that is in use leaves no silence: the use itself is how far IAM's word reaches.
    reached = [item.until if isinstance(item, Silence) else item.at for item in by_iam]
    dated = shown.created_at is not None
    names = (key.name, key.application or "", *(place.place.partition(":user/")[2] for place in key.locations))
    return Held(
        standing=judge(key, evidence, coverages, now=now, policy=rules, unreadable=unreadable, dated=dated),
        hidden=frozenset(unreadable),
        last_use=last_use,
        watched_until=max(reached, default=None),
        dated=dated,
        first_seen=seen,
        about_sp_api=any(speaks_of(name, sp_api_names) for name in names),
    )


def _by_handle(evidence: Iterable[Evidence]) -> Mapping[Handle, list[Evidence]]:
    index: dict[Handle, list[Evidence]] = {}
    for item in evidence:
        index.setdefault(item.handle, []).append(item)
    return index


_Name: TypeAlias = tuple[Handle, KeyKind]
"""A handle, and of what: one path in Vault may hold keys of several kinds."""


def _names(key: Key) -> Iterator[_Name]:
    for handle in key.handles:
        yield handle, key.kind
        if key.kind is not KeyKind.OTHER:
            yield handle, KeyKind.OTHER


def _first_seen(sightings: Iterable[Sighting]) -> Mapping[_Name, datetime]:
    """When each name was seen first, wherever that was: a key that is moved to another place grows no younger."""
    seen: dict[_Name, datetime] = {}
    for sighting in sightings:
        for handle in sighting.key.handles:
            name = (handle, sighting.key.kind)
            if name not in seen or sighting.first_seen < seen[name]:
                seen[name] = sighting.first_seen
    return seen


def _dated(key: Key, first_seen: Mapping[_Name, datetime]) -> Key:
    """A key whose age nobody tells is at least as old as our first sight of it."""
    if key.created_at is not None:
        return key
    return replace(key, created_at=min(first_seen[name] for name in _names(key) if name in first_seen))


def _by_name(sightings: Iterable[Sighting]) -> Mapping[_Name, list[Sighting]]:
    index: dict[_Name, list[Sighting]] = {}
    for sighting in sightings:
        for handle in sighting.key.handles:
            index.setdefault((handle, sighting.key.kind), []).append(sighting)
    return index


def _unreadable(
    key: Key, shown: Mapping[_Name, list[Sighting]], sources: Mapping[SourceId, SourceState]
) -> dict[SourceId, str]:
    """The holders of `key` that could not be asked, or would not show it, when they were last read."""
    blind: dict[SourceId, str] = {}
    for sighting in (sighting for name in _names(key) for sighting in shown.get(name, ())):
        state = sources.get(sighting.source)
        if state is None:
            continue
        # Where an organisation's accounts could not be listed, none of them was read.
        fleet = sources.get(SourceId(sighting.source.partition("/")[0]), state)
        failing = next((one for one in (state, fleet) if one.failing_since is not None), None)
        if failing is not None:
            blind[sighting.source] = failing.error or "the last reading failed"
        elif state.skipped_total and state.last_success and sighting.last_seen < state.last_success:
            # A run stamps all that it shows with the instant of its success; a run under way has shown nothing yet.
            blind[sighting.source] = "it was not shown in the last reading, which was refused in part"
    return blind
