"""From what is known to what is told: standings and findings become problems, problems alerts, alerts messages."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from keywatch.alerts.deadline_problems import endings
from keywatch.alerts.grouping import deliveries
from keywatch.alerts.held import Limits
from keywatch.alerts.hygiene import hygiene
from keywatch.alerts.lifecycle import Decisions, decide
from keywatch.alerts.log_problems import log_problems
from keywatch.alerts.policy_problems import reminders
from keywatch.alerts.problems import BlindSource, Grace, SourceRole, inhibited, problems
from keywatch.alerts.routing import Routing
from keywatch.alerts.wrapping_problems import Intercepted, wrapping_problems
from keywatch.baseline import Policy
from keywatch.deadlines import Clocks
from keywatch.detect.known import KnownKeys
from keywatch.model.alert import Problem, Transition
from keywatch.model.finding import FindingState
from keywatch.model.key import Key, SourceId
from keywatch.model.standing import Standing
from keywatch.policy import Obligation
from keywatch.service.metrics import Metrics
from keywatch.service.obligations import stands
from keywatch.service.plan import Planned
from keywatch.service.sharing import SharingWatch
from keywatch.service.standings import held
from keywatch.store import SourceState, Store, StoredFinding

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a person configured about judging and telling."""

    policy: Policy
    grace: Grace
    routing: Routing
    sharing: SharingWatch
    clocks: Clocks = field(default_factory=Clocks)
    limits: Limits = field(default_factory=Limits)
    sp_api_names: tuple[str, ...] = ()
    """What in a name says that a key was made for SP-API."""
    accounts: frozenset[str] = frozenset()
    """Our AWS accounts, beside those the inventory shows."""
    owners: Mapping[SourceId, str] = field(default_factory=dict)
    """Who hears of what a source finds, when no key says whose it is."""
    obligations: tuple[Obligation, ...] = ()
    policy_owner: str | None = None
    """Who is reminded of what is to be confirmed."""
    sources: tuple[Planned, ...] = ()
    """Everything that is configured to be read."""
    intercepted: Callable[[], Iterable[Intercepted]] = tuple
    """Wrapping tokens that did not give what was wrapped for us."""


class Judge:
    """Compares what the store knows with what was told, and queues what is news. Reads no source, sends nothing."""

    def __init__(self, store: Store, rules: Rules, *, now: Callable[[], datetime], metrics: Metrics) -> None:
        self._store = store
        self._rules = rules
        self._now = now
        self._metrics = metrics

    def run(self) -> Decisions:
        """Take one decision; alerts and the messages about them are committed together."""
        now = self._now()
        keys_held = held(self._store, self._rules.policy, now, self._rules.sp_api_names)
        judged = [one.standing for one in keys_held]
        keys = (standing.key for standing in judged)
        told = named(open_findings(self._store), self._store, keys, self._rules.accounts, now)
        found = {seen.finding.id: seen for seen in told}
        wrong = problems(judged, found.values(), blind_sources(self._store.sources()), now=now, grace=self._rules.grace)
        untidy, undecided = hygiene(keys_held, now=now, limits=self._rules.limits)
        ending, unshown = endings(keys_held, now=now, clocks=self._rules.clocks)
        wrong = [self._owned(problem, found) for problem in (*wrong, *untidy, *ending)]
        wrong += self._rules.sharing.problems(self._store, judged, now)
        wrong += wrapping_problems(self._rules.intercepted())
        wrong += log_problems(self._store.coverages())
        wrong += self._reminders(wrong, now)
        decisions = decide(wrong, self._store.alerts(), now=now, inhibited=inhibited(judged) | undecided | unshown)
        messages = deliveries(decisions, self._rules.routing, now=now, told_alone=self._store.told_alone())
        self._store.apply(decisions, messages, now)
        self._show(judged, found.values(), decisions)
        return decisions

    def _reminders(self, wrong: Iterable[Problem], now: datetime) -> Iterator[Problem]:
        """What a person has to confirm, if there is somebody to be reminded."""
        rules = self._rules
        if rules.policy_owner is not None:
            stood = stands(rules.obligations, self._store, sources=rules.sources, now=now, problems=wrong)
            yield from reminders(stood, rules.policy_owner)

    def _owned(self, problem: Problem, found: Mapping[str, StoredFinding]) -> Problem:
        """A leak of no known key is told to whoever owns the place where it was found."""
        seen = found.get(problem.id.partition(":")[2])
        if problem.owner is not None or seen is None:
            return problem
        # A repository of an organisation has its organisation's owner: its id is below that one's.
        names = (name for source in seen.sources for name in (source, SourceId(source.partition("/")[0])))
        return replace(
            problem, owner=next((self._rules.owners[name] for name in names if name in self._rules.owners), None)
        )

    def _show(self, judged: Iterable[Standing], found: Iterable[StoredFinding], decisions: Decisions) -> None:
        self._metrics.show_standings(judged)
        self._metrics.show_findings(seen.finding.severity.value for seen in found)
        self._metrics.show_alerts(self._store.alerts())
        if decisions.changes:
            told = [change.transition for change in decisions.changes]
            _log.info(
                "alerts_decided",
                fired=told.count(Transition.FIRED),
                changed=told.count(Transition.CHANGED),
                resolved=told.count(Transition.RESOLVED),
                regressed=told.count(Transition.REGRESSED),
            )


def open_findings(store: Store) -> list[StoredFinding]:
    """The findings that somebody has still to do something about."""
    return store.findings(FindingState.OPEN, FindingState.ACKNOWLEDGED)


def named(
    found: Sequence[StoredFinding], store: Store, keys: Iterable[Key], accounts: frozenset[str], now: datetime
) -> list[StoredFinding]:
    """
    Say of each finding whose it is and which key of ours, as the inventory is now.

    A finding may be older than the inventory that can name it, so this is not left to the scan.
    """
    inventory = tuple(keys)
    ours = accounts | {key.account for key in inventory if key.account}
    found_values = [seen.finding.redacted.fingerprint for seen in found]
    values = store.held_values(found_values)
    # What was read itself is known better than what others have read.
    known_places = {(value.place, value.field) for value in values}
    values += [value for value in store.confirmed(found_values) if (value.place, value.field) not in known_places]
    known = KnownKeys(inventory, accounts=frozenset(ours), values=values, now=now)
    return [_named(seen, known) for seen in found]


def _named(seen: StoredFinding, known: KnownKeys) -> StoredFinding:
    finding = seen.finding
    fingerprint = finding.redacted.fingerprint
    key, ownership = known.ownership_of(finding.rule.category, fingerprint, finding.handles)
    held = known.held_as(fingerprint)
    return replace(seen, finding=replace(finding, key=key, ownership=ownership, held=held))


def blind_sources(states: Iterable[SourceState]) -> list[BlindSource]:
    """The sources whose last run failed."""
    return [
        BlindSource(
            source=state.source,
            role=SourceRole(state.kind),
            since=state.failing_since,
            error=state.error or "the last reading failed",
            hint=state.hint,
            last_success=state.last_success,
        )
        for state in states
        if state.failing_since is not None
    ]
