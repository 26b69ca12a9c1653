"""
The oracle: what must be said of every key, found by going through everything that was ever told.

It is written from the design and the policy, and shares no code with what it judges: no store, no index of what is
latest, no correlation of sightings (it knows whose they are), no sweep over intervals. Each day it begins from nothing.
Of keywatch it uses the nouns alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from keywatch.model.call import Coverage, Outcome, Silence
from keywatch.model.key import Handle, HandleSpace, Key, KeyId, KeyKind, KeyStatus, SourceId
from tests.year.journal import Journal, Reading

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
"""IAM notes one use in so long; a shorter hole between two sources is none."""

WINDOW = 90 * DAY
STEPS = {"notice": 60 * DAY, "warning": 75 * DAY, "urgent": 83 * DAY, "critical": 88 * DAY}
"""Idle time from which a standing is worse; once more than the window is over, it has lapsed."""
STORES = (HandleSpace.VAULT, HandleSpace.AWS_ARN)
"""By what a store knows a key."""
BELIEVED = ("aws-iam", "declared")
"""About dates and status: the issuer, then whoever wrote the configuration, then the stores."""


@dataclass(frozen=True)
class Held:
    """One key that is held somewhere now: what its holders show, and which of them could not be asked."""

    shown: Mapping[SourceId, Key]
    hidden: frozenset[SourceId]

    @property
    def unseen(self) -> bool:
        return self.hidden == self.shown.keys()

    @property
    def handles(self) -> frozenset[Handle]:
        return frozenset(handle for key in self.shown.values() for handle in key.handles)

    @property
    def id(self) -> KeyId:
        """Its strongest name, as text."""
        strongest = list(HandleSpace)
        return KeyId(str(min(self.handles, key=lambda handle: (strongest.index(handle.space), handle.value))))

    @property
    def kind(self) -> KeyKind:
        return next(iter(self.shown.values())).kind

    def by_trust(self, trusted: Sequence[str]) -> list[Key]:
        """What the holders show, the most trusted first."""

        def rank(source: SourceId) -> tuple[int, str]:
            system = source.partition(":")[0]
            return (trusted.index(system) if system in trusted else len(trusted), source)

        return [self.shown[source] for source in sorted(self.shown, key=rank)]

    @property
    def created(self) -> datetime | None:
        return next((key.created_at for key in self.by_trust(BELIEVED) if key.created_at), None)

    @property
    def status(self) -> KeyStatus:
        """Believe issuer and owner if they know; of stores, the one where it is most alive."""
        for source, key in sorted(self.shown.items()):
            if source.startswith(BELIEVED) and key.status is not KeyStatus.UNKNOWN:
                return key.status
        alive = (KeyStatus.ACTIVE, KeyStatus.UNKNOWN, KeyStatus.EXPIRED, KeyStatus.INACTIVE)
        return next(status for status in alive if any(key.status is status for key in self.shown.values()))

    @property
    def owner(self) -> str | None:
        return next((key.owner for key in self.by_trust(BELIEVED[::-1]) if key.owner), None)

    @property
    def application(self) -> str | None:
        return next((key.application for key in self.shown.values() if key.application), None)

    @property
    def account(self) -> str | None:
        return next((key.account for key in self.shown.values() if key.account), None)


@dataclass(frozen=True)
class Verdict:
    """What must be said of one key."""

    held: Held
    born: datetime
    """When it was made; where nobody tells, when it was first seen."""
    basis: str
    level: str
    last_success: datetime | None
    last_attempt: datetime | None
    clock: datetime

    @property
    def deletes_on(self) -> date:
        return (self.clock + WINDOW).date()


def held_now(journal: Journal) -> dict[int, Held]:
    """
    Which keys are held, and by whom.

    A source holds what it showed in its last complete reading, and what it has shown since: not seen is not gone. It
    hides what it did not show in its last reading, and everything if that failed.
    """
    shown: dict[int, dict[SourceId, Key]] = defaultdict(dict)
    hidden: dict[int, set[SourceId]] = defaultdict(set)
    for source, readings in journal.readings.items():
        here: dict[int, Key] = {}
        for reading in _since_last_complete(readings):
            here.update(reading.shown)
        for life, key in here.items():
            shown[life][source] = key
            if readings[-1].failed or life not in readings[-1].shown:
                hidden[life].add(source)
    return {life: Held(by, frozenset(hidden[life])) for life, by in shown.items()}


def _since_last_complete(readings: Sequence[Reading]) -> list[Reading]:
    last = max((number for number, reading in enumerate(readings) if reading.complete), default=0)
    return list(readings[last:])


def verdicts(journal: Journal, now: datetime) -> dict[int, Verdict]:
    """Judge every key that is held, from nothing."""
    return {life: _verdict(held, journal, now) for life, held in held_now(journal).items()}


def _verdict(held: Held, journal: Journal, now: datetime) -> Verdict:
    names = held.handles
    created = held.created
    born = created or min(journal.first_seen[handle] for handle in names)

    # What became of its calls. A call cannot have been made after it was told. One that was made more than a window
    # before the key was issued was made with another one: Amazon has deleted that, and this was applied for anew.
    # That a store gave its value to somebody is no use of it.
    ends: dict[Outcome, list[datetime]] = {outcome: [] for outcome in Outcome}
    reads = 0
    for handle in names:
        for told, call in journal.calls.get(handle, ()):
            at = min(call.at, told, now)
            if created is not None and at < created - WINDOW:
                continue
            if call.outcome is Outcome.ATTEMPT and handle.space in STORES:
                reads += 1
            else:
                ends[call.outcome].append(at)
    success = max(ends[Outcome.SUCCESS], default=None)
    failure = max(ends[Outcome.FAILURE], default=None)
    attempt = max(ends[Outcome.ATTEMPT], default=None)
    other = max(ends[Outcome.FAILURE] + ends[Outcome.ATTEMPT], default=None)

    # What the standing rests on. A young success ends every doubt about what an attempt was; of an AWS key there may
    # be calls that no record shows, so a later attempt that no recorded call explains contradicts an old one.
    young = success is not None and now - success < STEPS["notice"]
    explained = attempt is None or any(known is not None and attempt <= known + QUARTER for known in (success, failure))
    if held.kind is KeyKind.AWS_ACCESS_KEY and attempt is not None and not explained and not young:
        basis, clock = "attempt-only", attempt
    elif success is not None:
        basis, clock = "proven", success
    elif other is not None or reads:
        basis, clock = "attempt-only", born
    else:
        basis, clock = "never", born

    if _in_doubt(held, journal, now, basis, clock, attempt=attempt, young=young):
        basis = "unknown"
    return Verdict(held, born, basis, _level(held, now - clock), success, other, clock)


def _level(held: Held, idle: timedelta) -> str:
    if held.kind is KeyKind.MWS_KEY or held.status in (KeyStatus.INACTIVE, KeyStatus.EXPIRED):
        return "leftover"
    if idle > WINDOW:
        return "lapsed"
    return [level for level, after in {"good": -1000 * DAY, **STEPS}.items() if idle >= after][-1]


def _in_doubt(  # noqa: PLR0911 - one reason after the other
    held: Held,
    journal: Journal,
    now: datetime,
    basis: str,
    clock: datetime,
    *,
    attempt: datetime | None,
    young: bool,
) -> bool:
    """Whether nothing may be claimed: somebody could not be asked, or nobody was looking all the time."""
    if held.kind is KeyKind.MWS_KEY:
        return False  # no source could add anything
    if held.unseen:
        return True
    silences = _latest_silences(held, journal)
    quiet = [(silence.since, silence.until) for silence in silences]
    sources = [coverage for coverage in journal.coverages.values() if _for_this_key(coverage, held)]
    vouched = watched(clock, quiet, now)
    if vouched and (basis == "never" or not sources):
        return False  # the issuer himself says that it was not used since
    if any(journal.blind.get(coverage.source, False) for coverage in sources):
        return True
    if vouched:
        return False
    whole = [coverage for coverage in sources if not coverage.unseen]
    if not watched(clock, quiet + _times(whole), now):
        return True
    # Somebody was looking, but perhaps at no calls for data: then the issuer's word on when it was used must be new.
    spoken = [silence.until for silence in silences] + ([attempt] if attempt else [])
    word_is_new = any(at >= now - DAY for at in spoken)
    sees_data = [coverage for coverage in whole if not coverage.data_unseen]
    return not young and not word_is_new and not watched(clock, quiet + _times(sees_data), now)


def _latest_silences(held: Held, journal: Journal) -> list[Silence]:
    """Of each source its latest word: an earlier one was given in ignorance of what came to be known since."""
    latest: dict[tuple[Handle, SourceId], Silence] = {}
    for handle in held.handles:
        for silence in journal.silences.get(handle, ()):
            known = latest.get((handle, silence.source))
            if known is None or silence.until >= known.until:
                latest[handle, silence.source] = silence
    return list(latest.values())


def _for_this_key(coverage: Coverage, held: Held) -> bool:
    return (
        held.kind in coverage.kinds
        and (not coverage.accounts or held.account is None or held.account in coverage.accounts)
        and (not coverage.applications or held.application is None or held.application in coverage.applications)
        and (not coverage.handles or any(handle in coverage.handles for handle in held.handles))
    )


def _times(coverages: Iterable[Coverage]) -> list[tuple[datetime, datetime]]:
    return [(coverage.since, coverage.until) for coverage in coverages if coverage.since and coverage.until]


def watched(clock: datetime, times: Sequence[tuple[datetime, datetime]], now: datetime) -> bool:
    """
    Whether somebody was looking all the time: from `clock`, but at most a window back, to a day ago.

    A hole can only begin where the time begins or where somebody stops looking. So try each of these instants: there is
    a hole if nobody looks just after it, nor begins to within a quarter of an hour.
    """
    begin, end = max(clock, now - WINDOW), now - DAY
    if begin >= end:
        return True
    for instant in [begin, *(until for _, until in times)]:
        if begin <= instant < end and not any(since <= instant + QUARTER and until > instant for since, until in times):
            return False
    return True
