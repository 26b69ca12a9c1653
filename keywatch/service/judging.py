"""From what is known to what is told: standings and findings become problems, problems alerts, alerts messages."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from keywatch.alerts.deadline_problems import endings
from keywatch.alerts.developer_problems import several_accounts
from keywatch.alerts.grouping import deliveries
from keywatch.alerts.held import Limits
from keywatch.alerts.hygiene import hygiene
from keywatch.alerts.lifecycle import Decisions, decide
from keywatch.alerts.log_problems import log_problems
from keywatch.alerts.policy_problems import reminders
from keywatch.alerts.problems import BlindSource, Grace, SourceRole, inhibited, problems
from keywatch.alerts.routing import Routing
from keywatch.alerts.trail_problems import trail_problems
from keywatch.alerts.wrapping_problems import Intercepted, wrapping_problems
from keywatch.baseline import Policy
from keywatch.collect.inventory.declared_rows import Application, Developer
from keywatch.deadlines import Clocks
from keywatch.detect.known import KnownKeys
from keywatch.model.alert import Alert, Problem, Transition
from keywatch.model.finding import FindingState
from keywatch.model.key import Key, SourceId
from keywatch.model.standing import Standing
from keywatch.policy import Obligation
from keywatch.service.metrics import Metrics
from keywatch.service.obligations import stands
from keywatch.service.planned import Planned
from keywatch.service.sharing import SharingWatch
from keywatch.service.signals import SignalWatch
from keywatch.service.standings import held
from keywatch.service.vault_watch import VaultWatch
from keywatch.store import SourceState, Store, StoredFinding

_log = structlog.get_logger(__name__)

_SET_BACK = timedelta(days=2)
"""By so much a clock may be set back, and what was told by it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a person configured about judging and telling."""

    policy: Policy
    grace: Grace
    routing: Routing
    sharing: SharingWatch
    signals: SignalWatch
    vaults: VaultWatch = field(default_factory=VaultWatch)
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
    accounts_declared: Callable[[], Iterable[Developer | Application]] = tuple
    """Developer accounts and applications, as they are declared now."""
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
        self.judged: tuple[Standing, ...] = ()
        """The standings that the last run was based on."""

    def run(self) -> Decisions:
        """Take one decision; alerts and the messages about them are committed together."""
        alerts = self._store.alerts()
        now = steady(self._now(), alerts)
        keys_held = held(self._store, self._rules.policy, now, self._rules.sp_api_names)
        judged = self.judged = tuple(one.standing for one in keys_held)
        keys = (standing.key for standing in judged)
        told = named(open_findings(self._store), self._store, keys, self._rules.accounts, now)
        found = {seen.finding.id: seen for seen in told}
        wrong = problems(judged, found.values(), blind_sources(self._store.sources()), now=now, grace=self._rules.grace)
        untidy, undecided = hygiene(keys_held, now=now, limits=self._rules.limits)
        ending, unshown = endings(keys_held, now=now, clocks=self._rules.clocks, notices=self._store.secret_notices())
        sources = [planned.id for planned in self._rules.sources]
        reading, unsaid = self._rules.vaults.problems(self._store, keys_held, sources)
        wrong = [self._owned(problem, found) for problem in (*wrong, *untidy, *ending, *reading)]
        wrong += self._rules.sharing.problems(self._store, judged, now)
        held_keys = [standing.key for standing in judged]
        wrong += several_accounts(held_keys, self._rules.accounts_declared(), self._rules.policy_owner)
        wrong += wrapping_problems(self._rules.intercepted())
        coverages = self._store.coverages()
        wrong += [*trail_problems(coverages), *log_problems(coverages)]
        signalled, unsure = self._rules.signals.problems(self._store, held_keys, alerts, now)
        wrong += signalled
        wrong += self._reminders(wrong, now)
        kept = inhibited(judged) | undecided | unshown | unsaid | unsure
        decisions = decide(wrong, alerts, now=now, inhibited=kept)
        over = any(change.transition is Transition.RESOLVED for change in decisions.changes)
        told_alone = self._store.told_alone() if over else ()  # all that was ever sent is looked through for it
        messages = deliveries(decisions, self._rules.routing, now=now, told_alone=told_alone)
        self._store.apply(decisions, messages, now)
        self._show(judged, found.values(), decisions, alerts)
        return decisions

    def prune(self) -> None:
        """Forget what decides nothing any more."""
        self._rules.signals.prune(self._store, self._now())

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

    def _show(
        self,
        judged: Iterable[Standing],
        found: Iterable[StoredFinding],
        decisions: Decisions,
        alerts: Iterable[Alert],
    ) -> None:
        self._metrics.show_standings(judged)
        self._metrics.show_findings(seen.finding.severity.value for seen in found)
        changed = {change.alert.id: change.alert for change in decisions.changes}
        self._metrics.show_alerts({**{alert.id: alert for alert in alerts}, **changed}.values())
        if decisions.changes:
            told = [change.transition for change in decisions.changes]
            _log.info(
                "alerts_decided",
                fired=told.count(Transition.FIRED),
                changed=told.count(Transition.CHANGED),
                resolved=told.count(Transition.RESOLVED),
                regressed=told.count(Transition.REGRESSED),
            )


def steady(clock: datetime, alerts: Iterable[Alert]) -> datetime:
    """
    Return the instant as of which is judged: what the clock says, but not earlier than the latest news.

    Where a clock is set back, what was told since would else be taken back, and told again when it comes round. One
    that is set back by more than two days was wrong before, and what it led to is taken back.
    """
    latest = max((alert.changed_at for alert in alerts), default=clock)
    return latest if clock < latest <= clock + _SET_BACK else clock


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
    ours = accounts | {key.aws_account for key in inventory if key.aws_account}
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
