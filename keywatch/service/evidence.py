"""Everything that the store remembers, for the auditor's report."""

from datetime import datetime

from keywatch.report.evidence import Known
from keywatch.service.judging import named
from keywatch.service.obligations import book, stands
from keywatch.service.plan import plan
from keywatch.service.standings import policy, standings
from keywatch.service.state import State
from keywatch.service.vault_watch import VaultWatch
from keywatch.settings.schema import Settings


def known(settings: Settings, state: State, now: datetime) -> Known:
    """Return what is known at `now`; asks no source."""
    store = state.store
    judged = standings(store, policy(settings.baseline, settings.probe), now)
    sources = plan(settings, state.pepper, now=lambda: now)
    keys = [standing.key for standing in judged]
    return Known(
        standings=judged,
        assessments=stands(book(settings.policy).obligations, store, sources=sources, now=now),
        attestations=store.attestations(),
        alerts=store.alerts(),
        findings=named(store.findings(), store, keys, frozenset(settings.our_accounts), now),
        said=store.finding_words(),
        sources=store.sources(),
        coverages=store.coverages(),
        readers=VaultWatch().readers(store, keys),
    )
