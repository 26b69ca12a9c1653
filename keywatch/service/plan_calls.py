"""From the settings to the sources of calls: trails, logs, reports, notices, the probe."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from keywatch.alerts.problems import SourceRole
from keywatch.model.key import KeyKind
from keywatch.model.secret import Pepper
from keywatch.service.audit_logs import Surroundings, audit_log
from keywatch.service.declarations import Declarations
from keywatch.service.planned import CONNECTIONS, SELLING_PARTNER, Planned, Source, access_of, lines_of, planned
from keywatch.service.questions import athena_trail, event_history
from keywatch.settings.aws import CloudTrail
from keywatch.settings.notices import ApplicationNoticeQueue
from keywatch.settings.request_log import Reporter, RequestLog
from keywatch.settings.schema import Settings
from keywatch.settings.table import zone
from keywatch.settings.vault_audit import VaultAudit

if TYPE_CHECKING:
    from keywatch.collect.calls.reported import ReportedCalls


_REPORTED_EVERY = timedelta(minutes=1)


_PROBED_EVERY = timedelta(minutes=5)
"""Whose turn it is, the probe knows."""


def calls(
    settings: Settings, declarations: Declarations, pepper: Pepper, attempts: int, now: Callable[[], datetime]
) -> Iterator[Planned]:
    """What is read of calls: trails in buckets, request logs, notices, and what programs report."""
    for trail in settings.cloudtrail:
        kinds = frozenset({KeyKind.AWS_ACCESS_KEY})
        yield planned(
            f"cloudtrail:{trail.name}",
            SourceRole.CALLS,
            trail.every,
            partial(_cloudtrail, trail, attempts, now),
            kinds=kinds,
        )
    for log in settings.request_log:
        yield planned(
            f"request-log:{log.name}",
            SourceRole.CALLS,
            log.every,
            partial(_request_log, log, declarations, pepper, now),
            kinds=SELLING_PARTNER,
            owner=log.owner,
            scanned=log.scan,
        )
    for queue in settings.application_notices:
        read = partial(_application_notices, queue, attempts, now)
        one = planned(f"application-notices:{queue.name}", SourceRole.CALLS, queue.every, read)
        yield replace(one, watches=False)
    for reporter in settings.reporter:
        source = reported(reporter, declarations, now)
        yield planned(source.id, SourceRole.CALLS, _REPORTED_EVERY, partial(_itself, source), kinds=source.kinds)


def probe_planned(settings: Settings, build: Callable[[], Source]) -> Iterator[Planned]:
    """The probe, where it is switched on."""
    if settings.probe.enabled:
        kinds = SELLING_PARTNER if settings.probe.counts_as_use else frozenset()
        one = planned("probe:selling-partner", SourceRole.CALLS, _PROBED_EVERY, build, kinds=kinds)
        yield replace(one, watches=False)  # it makes calls, and sees nobody else's


def audit_logs(logs: Iterable[VaultAudit], around: Surroundings) -> Iterator[Planned]:
    """Vault's audit logs."""
    for log in logs:
        yield planned(
            f"vault-audit:{log.name}",
            SourceRole.CALLS,
            log.interval,
            partial(audit_log, log, around),
            kinds=frozenset({KeyKind.VAULT_TOKEN}),
            owner=log.owner,
            scanned=log.scan,
        )


def _itself(source: Source) -> Source:
    return source


def questions(
    settings: Settings, attempts: int, now: Callable[[], datetime], stopping: Callable[[], bool]
) -> Iterator[Planned]:
    """Sources that prove calls of AWS keys by asking AWS, which takes its time, instead of reading files."""
    kinds = frozenset({KeyKind.AWS_ACCESS_KEY})
    for history in settings.lookup_events:
        look = partial(event_history, history, attempts=attempts, now=now, stopping=stopping)
        one = planned(f"lookup-events:{history.name}", SourceRole.CALLS, history.every, look, kinds=kinds)
        yield replace(one, fleet=history.organisation)
    for trail in settings.athena:
        ask = partial(athena_trail, trail, attempts=attempts, now=now, stopping=stopping)
        yield planned(f"athena:{trail.name}", SourceRole.CALLS, trail.every, ask, kinds=kinds)


def _cloudtrail(trail: CloudTrail, attempts: int, now: Callable[[], datetime]) -> Source:
    from keywatch.collect.calls.cloudtrail import CloudTrailFiles

    access = replace(access_of(trail, attempts), connections=CONNECTIONS)
    return CloudTrailFiles(
        trail.name,
        access,
        bucket=trail.bucket,
        prefix=trail.prefix,
        now=now,
        lookback=timedelta(days=trail.lookback_days),
        accounts=trail.accounts,
        trail=trail.trail,
        assume_complete=trail.assume_complete,
        queue=trail.queue,
        verify_digests=trail.verify_digests,
    )


def _request_log(log: RequestLog, declarations: Declarations, pepper: Pepper, now: Callable[[], datetime]) -> Source:
    from keywatch.collect.calls.request_line import RequestFields, RequestLayout
    from keywatch.collect.calls.request_log import RequestLog as Requests
    from keywatch.collect.content.shared_log import SharedLog

    layout = RequestLayout(
        fields=RequestFields(**log.fields.model_dump()) if log.fields else RequestFields(),
        pattern=log.line_pattern,
        zone=zone(log.timezone),
        application=log.application,
        applications=declarations.named_clients(),
        assume_sp_api=log.assume_sp_api,
    )
    writers = log.applications or ((log.application,) if log.application else ())
    lines = lines_of(log.path, log.journal, log.journal_directory, pepper, overlap=log.scan, whole=False)
    requests = Requests(log.name, lines, now=now, layout=layout, applications=frozenset(writers))
    return SharedLog(requests) if log.scan else requests


def _application_notices(entry: ApplicationNoticeQueue, attempts: int, now: Callable[[], datetime]) -> Source:
    from keywatch.collect.calls.application_notices import ApplicationNotices

    return ApplicationNotices(
        entry.name,
        access_of(entry, attempts),
        entry.queue,
        now=now,
        delete=entry.delete,
        delete_new_secrets=entry.delete_new_secrets,
    )


def reported(reporter: Reporter, declarations: Declarations, now: Callable[[], datetime]) -> "ReportedCalls":
    """Return what reads a reporter's reports."""
    from keywatch.collect.calls.reported import ReportedCalls
    from keywatch.collect.calls.request_line import RequestLayout

    layout = RequestLayout(application=reporter.application, applications=declarations.clients())
    writers = reporter.applications or ((reporter.application,) if reporter.application else ())
    return ReportedCalls(
        reporter.name,
        token=reporter.token.resolve,
        now=now,
        layout=layout,
        applications=frozenset(writers),
        keys=frozenset(reporter.keys),
        silent_after=reporter.silent_after,
    )
