"""
The 90-day baseline: Key + evidence + coverage + policy -> Standing. Pure; the clock is an argument.

Amazon counts successful calls. Three kinds of evidence come near that, and they are kept apart here:

- a SUCCESS proves a call, and starts the window anew;
- a FAILURE proves that the key was refused, and changes nothing;
- an ATTEMPT is a use whose end nobody saw (IAM's last-used date counts refused calls too). It never counts as success.
  What it may do is contradict: an AWS key used for S3 objects alone is silent in CloudTrail's management events, and
  must not be called dying while IAM says it was used an hour ago. Its standing then rests on the attempt, and says so.
  That a store gave out the value is no use of the key, and contradicts nothing: it only says that somebody wants it.

Absence counts only where somebody was looking: "no success" is claimed inside a Coverage or a Silence, never outside.
A Coverage that does not see all it is there for (a trail of writes only, of one region) proves what it saw, and its
silence nothing. One that sees no calls for data is believed beside the issuer's word, which counts these too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from keywatch.model.call import Call, Coverage, Evidence, Outcome, Silence
from keywatch.model.key import HandleSpace, Key, KeyKind, KeyStatus, SourceId
from keywatch.model.standing import Basis, Level, Standing

_ROUNDING = timedelta(minutes=15)
"""IAM records one use in fifteen minutes.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_access-advisor.html"""

_STORES = frozenset({HandleSpace.VAULT, HandleSpace.AWS_ARN})
"""By what stores know a key: a use of such a handle is a read of the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The windows of the baseline. The defaults are the ones keywatch was made for; all are configuration."""

    window: timedelta = timedelta(days=90)
    steps: tuple[tuple[Level, timedelta], ...] = (
        (Level.NOTICE, timedelta(days=60)),
        (Level.WARNING, timedelta(days=75)),
        (Level.URGENT, timedelta(days=83)),
        (Level.CRITICAL, timedelta(days=88)),
    )
    """Idle time from which each level holds, mildest first."""
    lag: timedelta = timedelta(days=1)
    """How far behind the present a source may be and still count as covering it."""


_Interval: TypeAlias = tuple[datetime, datetime]


@dataclass
class _Facts:
    """What the evidence says of one key."""

    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_attempt: datetime | None = None
    last_read: datetime | None = None
    """When a store gave out its value."""
    silences: list[Silence] = field(default_factory=list)

    @property
    def last_use(self) -> datetime | None:
        return max((use for use in (self.last_failure, self.last_attempt) if use), default=None)

    @property
    def unexplained_attempt(self) -> datetime | None:
        """The latest attempt, unless a recorded success or failure is what it was."""
        known = max((use for use in (self.last_success, self.last_failure) if use), default=None)
        attempt = self.last_attempt
        return attempt if attempt and (known is None or attempt > known + _ROUNDING) else None


def judge(
    key: Key,
    evidence: Iterable[Evidence],
    coverages: Iterable[Coverage],
    *,
    now: datetime,
    policy: Policy | None = None,
    unreadable: Mapping[SourceId, str] | None = None,
) -> Standing:
    """
    Say what the baseline holds of `key` at `now`.

    Args:
        key: one credential, as `keywatch.correlate` made it.
        evidence: calls and silences; those of other keys are passed over.
        coverages: of every configured call source, blind ones included.
        now: aware UTC.
        policy: the windows; None for the defaults.
        unreadable: inventory sources whose last run failed, and why.
    """
    case = _Case(
        key=key,
        facts=_gather(key, evidence, now),
        sources=tuple(coverage for coverage in coverages if _speaks_of(coverage, key)),
        now=now,
        policy=policy or Policy(),
        unreadable=unreadable or {},
    )
    basis, clock, reasons = case.basis()
    if doubts := case.doubts(basis, clock):
        basis, reasons = Basis.UNKNOWN, doubts + reasons
    idle = now - clock if clock else None
    deletes_on = (clock + case.policy.window).date() if clock else None
    return Standing(
        key=key,
        basis=basis,
        level=case.level(idle),
        last_success=case.facts.last_success,
        last_attempt=case.facts.last_use,
        last_read=case.facts.last_read,
        clock_start=clock,
        idle_days=idle.days if idle is not None else None,
        days_left=(deletes_on - now.date()).days if deletes_on else None,
        deletes_on=deletes_on,
        reasons=tuple(reasons),
    )


def _gather(key: Key, evidence: Iterable[Evidence], now: datetime) -> _Facts:
    facts = _Facts()
    handles = frozenset(key.handles)
    for item in evidence:
        if item.handle not in handles:
            continue
        if isinstance(item, Silence):
            facts.silences.append(item)
        else:
            _note(facts, item, now)
    return facts


def _note(facts: _Facts, call: Call, now: datetime) -> None:
    at = min(call.at, now)  # a clock ahead of ours proves a call, not a longer life
    match call.outcome:
        case Outcome.SUCCESS:
            facts.last_success = max(facts.last_success or at, at)
        case Outcome.FAILURE:
            facts.last_failure = max(facts.last_failure or at, at)
        case Outcome.ATTEMPT if call.handle.space in _STORES:
            facts.last_read = max(facts.last_read or at, at)
        case Outcome.ATTEMPT:
            facts.last_attempt = max(facts.last_attempt or at, at)


def _speaks_of(coverage: Coverage, key: Key) -> bool:
    return (
        key.kind in coverage.kinds
        and (not coverage.accounts or key.account is None or key.account in coverage.accounts)
        and (not coverage.applications or key.application is None or key.application in coverage.applications)
        and coverage.knows(key.handles)
    )


def _seen(sources: Iterable[Coverage]) -> list[_Interval]:
    return [(source.since, source.until) for source in sources if source.since and source.until]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Everything that is put before the judge."""

    key: Key
    facts: _Facts
    sources: tuple[Coverage, ...]
    now: datetime
    policy: Policy
    unreadable: Mapping[SourceId, str]

    def basis(self) -> tuple[Basis, datetime | None, list[str]]:
        """What the standing rests on where nothing is in doubt, the instant its window starts from, and remarks."""
        success, attempt = self.facts.last_success, self.facts.unexplained_attempt
        # Only AWS has calls that its own record of calls does not show. An LWA token exchange is no SP-API call at all.
        if attempt and self.key.kind is KeyKind.AWS_ACCESS_KEY and not self._fresh(success):
            said = f"used on {attempt:%Y-%m-%d}, but whether that call succeeded cannot be told"
            return Basis.ATTEMPT_ONLY, attempt, [said, *self._why_untold()]
        if success:
            return Basis.PROVEN, success, self._what_a_refusal_hides(success)
        if self.facts.last_use:
            return Basis.ATTEMPT_ONLY, self.key.created_at, ["it was tried, and no successful call is on record"]
        if read := self.facts.last_read:
            said = f"it was read from its store on {read:%Y-%m-%d}, and no successful call is on record"
            return Basis.ATTEMPT_ONLY, self.key.created_at, [said]
        return Basis.NEVER, self.key.created_at, []

    def _why_untold(self) -> list[str]:
        """What may be behind a use that no record shows, where a source of records says what it does not see."""
        why = [f"{source.source}: {clause}" for source in self.sources for clause in source.unseen]
        blind = sorted(source.source for source in self.sources if source.data_unseen)
        if blind:
            why.append(f"it may have been a call for data, as of S3 objects, which {', '.join(blind)} would not see")
        return why

    def _what_a_refusal_hides(self, success: datetime) -> list[str]:
        refused, attempt = self.facts.last_failure, self.facts.last_attempt
        if self._fresh(success) or not (refused and attempt and attempt > success + _ROUNDING):
            return []
        if not any(source.data_unseen for source in self.sources):
            return []
        return [f"its latest use, on {refused:%Y-%m-%d}, was refused; calls for data before that would not be seen"]

    def _fresh(self, success: datetime | None) -> bool:
        return success is not None and self.now - success < self.policy.steps[0][1]

    def doubts(self, basis: Basis, clock: datetime | None) -> list[str]:
        """Why nothing may be claimed of this key, as sentences; empty where something may."""
        if self.key.kind is KeyKind.MWS_KEY:
            return []  # the service is closed: no source could add anything
        holders = {location.source for location in self.key.locations}
        if holders and holders <= self.unreadable.keys():
            return [f"{source} could not be read: {self.unreadable[source]}" for source in sorted(holders)]
        if clock is None:
            return ["no source says when it was made, and no call is on record"]
        silent = [(silence.since, silence.until) for silence in self.facts.silences]
        vouched = self._gap(clock, silent) is None  # the issuer itself says that it was not used since
        if vouched and (basis is Basis.NEVER or not self.sources):
            return []
        if blind := [f"{source.source} is blind: {source.blind}" for source in self.sources if source.blind]:
            return blind
        return [] if vouched else self._unwatched(clock, silent)

    def _unwatched(self, clock: datetime, silent: list[_Interval]) -> list[str]:
        if not self.sources:
            where = f" in account {self.key.account}" if self.key.account else ""
            return [f"no configured source can prove a call made with a key of kind {self.key.kind.value}{where}"]
        whole = [source for source in self.sources if not source.unseen]
        if (hole := self._gap(clock, silent + _seen(whole))) is None:
            return self._unseen_data(clock, silent, whole)
        # A key may have been used in just that way which none of them sees.
        partly = [f"{source.source}: {clause}" for source in self.sources for clause in source.unseen]
        if partly and self._gap(clock, silent + _seen(self.sources)) is None:
            return partly
        names = ", ".join(sorted(source.source for source in self.sources))
        return [f"nobody was looking from {hole[0]:%Y-%m-%d} to {hole[1]:%Y-%m-%d} (sources: {names})", *partly]

    def _unseen_data(self, clock: datetime, silent: list[_Interval], whole: list[Coverage]) -> list[str]:
        """
        Why silence is not believed where nobody saw calls for data and the issuer did not speak either.

        Where he did, the last use is known: what no record explains is an attempt, which contradicts by itself.
        """
        latest = max((silence.until for silence in self.facts.silences), default=None)
        used = self.facts.last_attempt
        spoken = max((at for at in (latest, used) if at), default=None)
        if self._fresh(self.facts.last_success) or (spoken and spoken >= self.now - self.policy.lag):
            return []
        if self._gap(clock, silent + _seen(source for source in whole if not source.data_unseen)) is None:
            return []
        names = ", ".join(sorted(source.source for source in whole))
        known = f"last known for {spoken:%Y-%m-%d}" if spoken else "not known"
        return [
            f"{names} would not see calls for data, as of S3 objects, and IAM's last-used date of the key is {known}"
        ]

    def _gap(self, clock: datetime, watched: list[_Interval]) -> _Interval | None:
        """The first stretch from `clock` (or the window's start) to just before now that no interval covers."""
        reached, until = max(clock, self.now - self.policy.window), self.now - self.policy.lag
        for start, end in sorted(watched):
            if start > reached + _ROUNDING:
                return (reached, min(start, until)) if reached < until else None
            reached = max(reached, end)
        return (reached, until) if reached < until else None

    def level(self, idle: timedelta | None) -> Level:
        """How near the deadline is after `idle` time without a successful call."""
        if self.key.kind is KeyKind.MWS_KEY or self.key.status in {KeyStatus.INACTIVE, KeyStatus.EXPIRED}:
            return Level.LEFTOVER
        if idle is None:
            return Level.GOOD
        if idle > self.policy.window:
            return Level.LAPSED
        return next((level for level, after in reversed(self.policy.steps) if idle >= after), Level.GOOD)
