"""Putting a keywatch together from its settings: one place knows every part."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from starlette.routing import Route

from keywatch.alerts.outbox import DeliverySummary, deliver
from keywatch.alerts.pacing import Pacer
from keywatch.alerts.problems import Grace, SourceRole
from keywatch.alerts.wrapping_problems import Intercepted
from keywatch.collect.vault.wrappings import NAME as WRAPPINGS
from keywatch.collect.vault.wrappings import Wrappings
from keywatch.detect.engine import Detector
from keywatch.detect.known import KnownKeys
from keywatch.detect.rules import RuleSet, added, packaged
from keywatch.guard import Guard, Words
from keywatch.model.errors import ConfigError
from keywatch.model.finding import Ownership
from keywatch.model.key import Handle
from keywatch.model.secret import Fingerprint
from keywatch.scan.commits import CommitLists
from keywatch.scan.known_file import write_known
from keywatch.scan.scanner import Scanner
from keywatch.service.audit_logs import oracles
from keywatch.service.confirming import Confirming
from keywatch.service.daemon import Daemon, Job
from keywatch.service.declarations import Declarations
from keywatch.service.ending import Ending, attended, stop_signals
from keywatch.service.intake import Intake
from keywatch.service.judging import Judge, Rules, named
from keywatch.service.known_set import KnownSet
from keywatch.service.lock import StateLock
from keywatch.service.metrics import Metrics
from keywatch.service.obligations import book
from keywatch.service.plan import plan
from keywatch.service.plan_calls import reported
from keywatch.service.planned import Planned
from keywatch.service.probing import Foreign
from keywatch.service.reading import Reader
from keywatch.service.receiver import notifier_of, routing_of
from keywatch.service.reports import Reports
from keywatch.service.sharing import KEEP, SharingWatch
from keywatch.service.signals import SignalWatch
from keywatch.service.standings import clocks, known_keys, limits, policy
from keywatch.service.state import State, directory_of, open_state
from keywatch.service.vault_sessions import VaultSessions, logins
from keywatch.service.vault_watch import VaultWatch
from keywatch.service.web import WebServer
from keywatch.settings.schema import Settings

if TYPE_CHECKING:
    from keywatch.model.key import Key

_log = structlog.get_logger(__name__)

_KEEP_TOKENS = timedelta(seconds=30)
"""How often it is looked whether a token of a Vault's is to be renewed, which is so after two thirds of its life."""
_CONFIRM_EVERY = timedelta(minutes=1)
_JUDGE_EVERY = timedelta(seconds=2)
_SEND_EVERY = timedelta(seconds=2)
_SEND_FOR = 60.0
"""Seconds after which the sender takes a breath: a queue that takes hours must not look like a sender that hangs."""
_JUDGE_AT_LEAST = timedelta(minutes=10)
"""A standing ages without anything being read."""
_PATIENCE = timedelta(minutes=10)
"""As long is waited for the inventories before the first judgement: one that hangs must not silence everything."""
_NOT_WAITED_FOR = frozenset({SourceRole.CONTENT, SourceRole.VALUES})
_KEEP_DELIVERED = timedelta(days=400)
"""Sent messages are kept this long, so that they can be updated and looked up."""


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def rule_set(settings: Settings) -> RuleSet:
    """
    Return the packaged rules and the configured ones.

    Raises:
        RuleError: a rule file cannot be used.
    """
    rules = packaged()
    for path in settings.rules:
        rules = added(Path(path).expanduser(), rules)
    return rules


class Keywatch:
    """All the parts, connected."""

    def __init__(self, settings: Settings, state: State, *, now: Callable[[], datetime] = utc_now) -> None:
        """
        Connect the parts. No source and no receiver is contacted.

        Raises:
            KeywatchError: a rule file or a database of networks cannot be used, or Slack's token cannot be read.
        """
        self._settings = settings
        self._state = state
        self._store = state.store
        self._now = now
        self.stopping = threading.Event()
        self.metrics = Metrics()
        rules = rule_set(settings)
        detector = Detector(rules, cache_dir=state.directory / "cache")
        known = KnownSet(state.store, detector, state.pepper, ruleset=rules.hash)
        self._wrappings = Wrappings(state.directory / WRAPPINGS, state.pepper.fingerprint, now)
        self._vaults = VaultSessions(logins(settings), self._wrappings)
        self.sources = plan(
            settings,
            state.pepper,
            now=now,
            looked_for=known.refresh,
            memory=state.directory / "objects",
            stopping=self.stopping.is_set,
            vaults=self._vaults,
            foreign=self._foreign,
            inventoried=lambda: frozenset(handle for seen in state.store.sightings() for handle in seen.key.handles),
        )
        self._confirming = Confirming(state.store, state.pepper, oracles(settings, self._vaults))
        self._scanner = Scanner(
            detector, state.pepper, KnownKeys(()), allowed=CommitLists([rules]), recorder=self._confirming
        )
        self.reader = Reader(state.store, self._scanner, now=now, metrics=self.metrics, stopping=self.stopping)
        self.routing = routing_of(settings)
        self.judge = Judge(state.store, self._rules(), now=now, metrics=self.metrics)
        self.notifier = notifier_of(settings)
        self._pacer = Pacer(sleep=self.stopping.wait)
        self._news = threading.Event()
        self._began = now()
        self._judged: datetime | None = None
        self._left: tuple[tuple[Key, ...], frozenset[str], int] | None = None
        """What of the inventory was left for `keywatch scan`."""

    def _decide(self) -> None:
        """Judge, and leave what `keywatch scan` needs to name a key of ours."""
        self._store.prune_uses(self._now() - KEEP)
        self._store.prune_logged(self._now())
        self.judge.prune()
        self.judge.run()
        keys, (revision, _) = tuple(standing.key for standing in self.judge.judged), self._store.values_stand()
        ours = frozenset(key.aws_account for key in keys if key.aws_account) | frozenset(self._settings.our_accounts)
        if (keys, ours, revision) == self._left:
            return
        values = self._store.held_values() if revision else ()
        try:
            write_known(self._state.directory, keys, ours, pepper_id=self._state.pepper.id, values=values)
            self._left = (keys, ours, revision)
        except OSError as error:
            # No reason to keep silent about what was just decided.
            hint = "`keywatch scan` names keys as they were before"
            _log.error("known_keys_unwritten", error=error.strerror or type(error).__name__, hint=hint)

    def _foreign(self) -> Foreign:
        """Return what knows somebody else's values and names, as the store is now."""
        keys = known_keys(self._store)
        accounts = frozenset(self._settings.our_accounts)
        known = KnownKeys(keys, accounts=accounts | {key.aws_account for key in keys if key.aws_account})
        theirs = {
            seen.finding.redacted.fingerprint
            for seen in named(self._store.findings(), self._store, keys, accounts, self._now())
            if seen.finding.ownership is Ownership.FOREIGN
        }

        def foreign(value: Fingerprint, names: tuple[Handle, ...]) -> bool:
            return value in theirs or known.identify(value, names)[1] is Ownership.FOREIGN

        return foreign

    def close(self) -> None:
        """End the threads that scan."""
        self._scanner.close()

    def once(self) -> bool:
        """
        Do one full cycle, one step after the other: read everything, judge, tell.

        Returns:
            Whether every source was read to its end and every message delivered.
        """
        self._forget_removed()
        went_well = [self.reader.run(source) for source in self.sources if not self.stopping.is_set()]
        went_well.append(self._confirming.ask())
        if self.stopping.is_set():
            return False  # half of what was to be read is no ground for a judgement
        self._decide()
        self.send()
        waiting, _ = self._store.queue_depth(self._now())
        return all(went_well) and not waiting and not self.stopping.is_set()

    def daemon(self) -> tuple[Daemon, WebServer]:
        """The same as a daemon, and the server that shows how it is."""
        self._forget_removed()
        jobs = [self._reading(source) for source in self.sources]
        jobs.append(Job(name="judge", every=_JUDGE_EVERY, run=self._judge_news, pool="judge", recorded=False))
        jobs.append(Job(name="send", every=_SEND_EVERY, run=self._send_a_while, pool="sender", recorded=False))
        jobs += [self._keeping(name) for name in self._vaults.names]
        jobs.append(Job(name="confirm", every=_CONFIRM_EVERY, run=self._confirm, pool="sources", recorded=False))
        daemon = Daemon(jobs, store=self._store, metrics=self.metrics, stopping=self.stopping, now=self._now)
        http = self._settings.http
        web = WebServer(
            http.host,
            http.port,
            metrics=self.metrics,
            alive=daemon.alive,
            ready=lambda: self._judged is not None and daemon.alive(),
            routes=self._routes(),
        )
        return daemon, web

    def _routes(self) -> Iterator[Route]:
        """What programs may send to us; nothing where none is configured to."""
        declarations = Declarations(self._settings, now=self._now)
        reporters = [reported(entry, declarations, self._now) for entry in self._settings.reporter]
        if reporters:
            yield Reports(reporters, self._store, now=self._now, metrics=self.metrics, news=self._news.set).route
        intake = self._settings.intake
        if intake.enabled:
            guard = Guard(cache_dir=self._state.directory / "cache")
            guard.load()
            words = Words(authorise=intake.authorise) if intake.authorise else Words()
            yield Intake(guard, words, metrics=self.metrics).route

    def send(self, until: float = float("inf")) -> bool:
        """
        Deliver what is due.

        Args:
            until: begin no message after this time, as `time.monotonic` tells it.

        Returns:
            Whether nothing went wrong.
        """
        summary = deliver(
            self._store,
            self.notifier,
            self._now,
            routing=self.routing,
            pacer=self._pacer,
            stopping=lambda: self.stopping.is_set() or time.monotonic() > until,
        )
        self._count(summary)
        return summary.refused == summary.postponed == summary.uncertain == 0

    def _send_a_while(self) -> bool:
        return self.send(time.monotonic() + _SEND_FOR)

    def _reading(self, source: Planned) -> Job:
        def run() -> bool:
            try:
                return self.reader.run(source)
            finally:
                self._news.set()

        pool = "scans" if source.scanned else "sources"
        return Job(name=source.id, every=source.every, run=run, pool=pool)

    def _keeping(self, vault: str) -> Job:
        run = partial(self._vaults.keep, vault)
        return Job(name=f"vault-token:{vault}", every=_KEEP_TOKENS, run=run, pool="sources", recorded=False)

    def _confirm(self) -> bool:
        well = self._confirming.ask()
        self._news.set()
        return well

    def _judge_news(self) -> bool:
        """Judge when something was read, and now and then because time passes; first when all inventories are in."""
        now = self._now()
        if self._judged is None and not self._inventories_tried() and now - self._began < _PATIENCE:
            return True
        aged = self._judged is None or not timedelta(0) <= now - self._judged < _JUDGE_AT_LEAST
        if not self._news.is_set() and not aged:
            return True
        self._news.clear()
        try:
            self._decide()
        except BaseException:
            self._news.set()  # it is still to be judged
            raise
        self._judged = now
        self._store.prune_deliveries(now - _KEEP_DELIVERED)
        return True

    def _inventories_tried(self) -> bool:
        """Whether every inventory and call source was read, or failed, once: told too early, a leak has no owner."""
        tried = {state.source for state in self._store.sources() if state.last_success or state.failing_since}
        return all(source.id in tried for source in self.sources if source.role not in _NOT_WAITED_FOR)

    def _forget_removed(self) -> None:
        configured = {source.id for source in self.sources}
        fleets = tuple(f"{source.id}/" for source in self.sources if source.fleet)
        for state in self._store.sources():
            if state.source not in configured and not state.source.startswith(fleets):
                _log.info("source_forgotten", source=state.source)
                self._store.forget_source(state.source, self._now())

    def _count(self, summary: DeliverySummary) -> None:
        for outcome in ("sent", "reconciled", "repeated", "postponed", "refused", "uncertain"):
            self.metrics.deliveries.labels(outcome).inc(getattr(summary, outcome))
        waiting, oldest = self._store.queue_depth(self._now())
        self.metrics.pending.set(waiting)
        self.metrics.oldest.set(oldest.total_seconds() if oldest else 0)

    def _intercepted(self) -> Iterator[Intercepted]:
        """What is suspected of wrapping tokens, of Vaults that are still logged in to with one."""
        for one in self._wrappings.suspicions():
            if one.vault in self._vaults.unwrapping:
                yield Intercepted(one.vault, one.at, one.why)

    def _rules(self) -> Rules:
        settings = self._settings
        return Rules(
            policy=policy(settings.baseline, settings.probe),
            grace=Grace(first_use=timedelta(days=settings.baseline.never_used_after_days)),
            limits=limits(settings.hygiene),
            clocks=clocks(settings.deadlines),
            sp_api_names=settings.hygiene.sp_api_names,
            routing=self.routing,
            sharing=SharingWatch(settings.sharing),
            signals=SignalWatch(settings.throttling),
            vaults=VaultWatch(settings.need_to_know, settings.must_be_in_vault),
            accounts=frozenset(settings.our_accounts),
            owners={source.id: source.owner for source in self.sources if source.owner},
            obligations=book(settings.policy).obligations,
            policy_owner=settings.policy.owner,
            accounts_declared=Declarations(settings, now=self._now).accounts,
            sources=self.sources,
            intercepted=self._intercepted,
        )


def run(settings: Settings, *, once: bool) -> Ending:
    """
    Run keywatch on these settings, as a daemon or for one cycle.

    Raises:
        KeywatchError: it could not start; for one cycle also: it could not go on.
    """
    content = (settings.scan, settings.bucket, settings.cloudwatch)
    proofs = (
        settings.cloudtrail,
        settings.lookup_events,
        settings.athena,
        settings.request_log,
        settings.reporter,
        settings.application_notices,
        settings.vault_audit,
    )
    declared = (settings.key, settings.developer, settings.application, settings.seller, settings.declared_file)
    if not any((settings.aws, settings.vault, *declared, *proofs, *content)):
        raise ConfigError(
            "nothing to watch: no source is configured", hint="`keywatch init` writes a file with them all"
        )
    if settings.slack is None:
        _log.warning("slack_missing", hint="no [slack] is configured: alerts are printed on standard output")
    # To judge ten thousand keys makes a million records, and none is in a cycle: to look for cycles took a third of it.
    gc.set_threshold(50_000, 10, 10)
    with ExitStack() as stack:
        stack.enter_context(StateLock(directory_of(settings)))
        keywatch = Keywatch(settings, stack.enter_context(open_state(settings)))
        if once:
            stack.enter_context(stop_signals(keywatch.stopping))
            ending = attended(keywatch.once, keywatch.stopping)
        else:
            daemon, web = keywatch.daemon()
            ending = daemon.run(web)
        if ending.idle:
            keywatch.close()
        return ending
