"""One run of one source: read it, save what it brought step by step, and record how it went."""

import threading
from collections.abc import Callable, Container, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from keywatch.alerts.problems import SourceRole
from keywatch.collect.content.attribution import Vouches
from keywatch.model.call import Coverage
from keywatch.model.errors import KeywatchError, SourceError, StoreError
from keywatch.model.finding import FindingState, Place
from keywatch.model.key import Key, SourceId
from keywatch.model.source import (
    AccessSource,
    CallSource,
    ContentSource,
    Cursor,
    Fleet,
    KeySource,
    Member,
    Muster,
    Skipped,
    SourceReport,
    ValueSource,
)
from keywatch.scan.scanner import Scanner
from keywatch.service.metrics import Metrics
from keywatch.service.planned import Planned, Source
from keywatch.service.transitions import tell
from keywatch.store import Store

_log = structlog.get_logger(__name__)
_NAMED = 20
"""Skipped items of one run that are logged by name; the rest is in the count."""
_TARGET = "target"
"""In the cursor of a content source: what was read up to there."""


class Stopped(Exception):
    """The daemon is stopping: the run ends after what it has saved, and is taken up there next time."""


@dataclass
class _Run:
    """What one run has brought so far."""

    items: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    failed: int = 0
    """Members of a fleet that could not be read: that is their own trouble, and a cycle did not go well."""
    ended: datetime | None = None
    """When an inventory was complete: the `last_seen` of all that it showed."""


class Reader:
    """Runs sources into the store. One run of a source at a time; runs of several sources may be under way at once."""

    def __init__(
        self,
        store: Store,
        scanner: Scanner,
        *,
        now: Callable[[], datetime],
        metrics: Metrics,
        stopping: threading.Event | None = None,
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._now = now
        self._metrics = metrics
        self._stopping = stopping or threading.Event()

    def run(self, planned: Planned) -> bool:
        """Run one source from where its last run ended. Returns whether it, and all its members, could be read."""
        run = _Run()
        self._store.source_started(planned.id, planned.role.value, self._now())
        try:
            self._read(planned, planned.build(), run)
        except StoreError:
            raise  # nothing can be recorded
        except Exception as error:  # noqa: BLE001 - a defect in one source must not end the others
            if isinstance(error, Stopped) or self._stopping.is_set():
                # Ctrl-C reaches a git of ours too: what fails now says nothing of the source.
                _log.info("source_interrupted", source=planned.id, items=run.items)
            else:
                self._failed(planned, _explained(planned, error))
            return False
        self._succeeded(planned.id, run)
        return not run.failed

    def _read(self, planned: Planned, source: Source, run: _Run) -> None:
        if isinstance(source, Fleet):
            self._fleet(planned, source, run)
        elif isinstance(source, KeySource):
            self._inventory(source, run)
        elif isinstance(source, AccessSource):
            self._access(source, run)
        elif isinstance(source, ValueSource):
            self._values(source, run)
        elif isinstance(source, CallSource):
            self._calls(source, run)
        else:
            self._content(planned, source, run)

    def _fleet(self, planned: Planned, fleet: Fleet, run: _Run) -> None:
        """Run each member as a source of its own, some at a time; say which are no longer there."""
        muster = fleet.muster()
        run.skipped += muster.skipped
        run.items = len(muster.members)
        with ThreadPoolExecutor(fleet.at_once, thread_name_prefix=fleet.id) as pool:
            runs = [pool.submit(self._member, planned, member) for member in muster.members]
            try:
                run.failed = sum(not under_way.result() for under_way in as_completed(runs))
            finally:
                pool.shutdown(cancel_futures=True)
        self._go_on()
        there = {member.id for member in muster.members}
        for state in self._store.sources():
            if state.source.startswith(f"{fleet.id}/") and state.source not in there:
                self._absent(replace(planned, id=state.source, fleet=False), fleet, muster)

    def _member(self, planned: Planned, member: Member) -> bool:
        if self._stopping.is_set():
            return False
        return self.run(replace(planned, id=member.id, build=member.build, fleet=False, accounts=member.accounts))

    def _absent(self, member: Planned, fleet: Fleet, muster: Muster) -> None:
        """Say of one that was a member before what it is now."""
        if (why := muster.resting.get(member.id)) is not None:
            if member.role is SourceRole.INVENTORY:
                self._failed(member, why)
        elif member.id in muster.unwanted or fleet.excludes(member.id):
            _log.info("source_forgotten", source=member.id, reason="it is not asked for any more")
            self._store.forget_source(member.id, self._now())
        elif (why := fleet.lost(member.id)) is not None:
            self._failed(member, why)
        elif member.role is SourceRole.INVENTORY:
            self._gone_with(member.id)
        else:
            self._store.forget_source(member.id, self._now())

    def _gone_with(self, member: SourceId) -> None:
        """What a member held is gone with it, which is known as surely as if it had shown that it holds nothing."""
        now = self._now()
        tell(member, self._store.save_inventory(member, [], complete=True, now=now))
        self._succeeded(member, _Run(ended=now))

    def _inventory(self, source: KeySource, run: _Run) -> None:
        found: list[Key] = []
        try:
            for item in source.keys():  # noqa: SIM118 - not a mapping
                self._go_on()
                if isinstance(item, Skipped):
                    run.skipped.append(item)
                else:
                    found.append(item)
        except SourceError:
            tell(source.id, self._store.save_inventory(source.id, found, complete=False, now=self._now()))
            raise
        run.items, run.ended = len(found), self._now()
        # One refused user is enough not to call any missing key gone.
        changes = self._store.save_inventory(source.id, found, complete=not run.skipped, now=run.ended)
        tell(source.id, changes)

    def _access(self, source: AccessSource, run: _Run) -> None:
        access = source.grants()
        self._store.save_access(source.id, access, self._now())
        run.items = len(access.holders)
        run.skipped += access.unread

    def _values(self, source: ValueSource, run: _Run) -> None:
        seen: set[str] = set()
        read = 0
        for batch in source.values(self._store.value_marks(source.id, source.manner)):
            self._store.save_values(source.id, batch, self._now())
            seen.update(batch.seen)
            read += sum(len(secret.read) for secret in batch.secrets)
            run.skipped += batch.skipped
            self._go_on()
        run.items, run.ended = len(seen), self._now()
        self._store.end_values(source.id, seen, source.covers, complete=not run.skipped, now=run.ended)
        _, refused = self._store.count_values(source.id)
        hint = "`keywatch check` names the values that are too short or too common to be looked for"
        _log.info("values_read", source=source.id, items=read, skipped=refused, hint=hint if refused else None)

    def _calls(self, source: CallSource, run: _Run) -> None:
        for batch in source.read(self._store.cursor(source.id)):
            self._store.save_calls(source.id, batch, self._now())
            run.items += len(batch.evidence)
            run.skipped += batch.skipped
            self._go_on()

    def _content(self, planned: Planned, source: ContentSource, run: _Run) -> None:
        before = self._begin(planned, source)
        vouches = isinstance(source, Vouches)
        after = before
        seen: set[str] = set()
        for step in self._scanner.scan(source, before):
            after = after if step.cursor is None else {**step.cursor, _TARGET: source.target}
            # Where something can be gone, the place to resume from is saved last of all: a run that is cut short before
            # it has looked for that would else not look again until something changes.
            cursor = None if vouches or step.cursor is None else after
            self._store.save_findings(source.id, step.findings, cursor, self._now(), calls=step.calls)
            run.items += len(step.calls.evidence) if step.calls else 0
            self._metrics.scanned.labels(source.id).inc(step.bytes)
            seen.update(finding.id for finding in step.findings)
            run.skipped += step.skipped
            self._go_on()
        run.items += len(seen)
        if isinstance(source, Vouches) and after != before:
            self._resolve(source, source.gone, seen)
            self._store.save_findings(source.id, (), after, self._now())

    def _begin(self, planned: Planned, source: ContentSource) -> Cursor:
        """Return where to resume from. A source that was pointed elsewhere is another one: the old is forgotten."""
        cursor = self._store.cursor(source.id)
        if planned.role is SourceRole.CALLS or cursor.get(_TARGET, source.target) == source.target:
            return cursor  # what proves calls is not forgotten because its file was moved
        _log.info("source_forgotten", source=source.id, reason="it has another target now")
        self._store.forget_source(source.id, self._now())
        self._store.source_started(planned.id, planned.role.value, self._now())
        return {}

    def _resolve(
        self, source: ContentSource, gone: Callable[[Iterable[Place]], Container[Place]], seen: Container[str]
    ) -> None:
        """
        Resolve what `source` can show to be gone, and has not just `seen`.

        A log shows nothing of the kind: what was written stays written, until a person says that it was dealt with.
        """
        findings = self._store.findings(FindingState.OPEN, FindingState.ACKNOWLEDGED)
        known = [item.finding for item in findings if source.id in item.sources and item.finding.id not in seen]
        mine = {finding.id: [p for p in finding.places if p.target == source.target] for finding in known}
        lost = gone(place for places in mine.values() for place in places)
        over = [name for name, places in mine.items() if places and all(place in lost for place in places)]
        self._store.resolve_findings(source.id, over, self._now())

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _succeeded(self, source: SourceId, run: _Run) -> None:
        now = run.ended or self._now()
        self._store.source_succeeded(SourceReport(source=source, items=run.items, skipped=tuple(run.skipped)), now)
        self._metrics.source_up.labels(source).set(1)
        self._metrics.source_success.labels(source).set(now.timestamp())
        self._metrics.skipped.labels(source).inc(len(run.skipped))
        for item in run.skipped[:_NAMED]:
            _log.warning("item_skipped", source=source, what=item.what, why=item.why, hint=item.hint)
        _log.info("source_read", source=source, items=run.items, skipped=len(run.skipped))

    def _failed(self, planned: Planned, error: KeywatchError) -> None:
        self._store.source_failed(planned.id, error, self._now())
        self._metrics.source_up.labels(planned.id).set(0)
        _log.error("source_failed", source=planned.id, error=error.message, hint=error.hint)
        if planned.role is SourceRole.CALLS:
            self._store.save_coverage(self._blinded(planned, error))

    def _blinded(self, planned: Planned, error: KeywatchError) -> Coverage:
        """What the source covered until now, marked so that nothing is concluded from its silence any more."""
        known = next((coverage for coverage in self._store.coverages() if coverage.source == planned.id), None)
        covered = known or Coverage(
            source=planned.id, kinds=planned.kinds, accounts=planned.accounts, since=None, until=None
        )
        return replace(covered, blind=error.message)


def _explained(planned: Planned, error: Exception) -> KeywatchError:
    """What went wrong, fit to be told: an error that is none of ours is named by its type alone."""
    if isinstance(error, KeywatchError):
        return error
    _log.error("source_crashed", source=planned.id, exc_info=error)
    hint = "this is a defect in keywatch: please report it"
    return SourceError(f"{planned.id}: unexpected {type(error).__name__}", hint=hint)
