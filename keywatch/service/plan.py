"""From the settings to the sources: what is read, what for, and how often. Nothing is connected to here."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from keywatch.alerts.problems import SourceRole
from keywatch.model.key import Handle, KeyKind, SourceId
from keywatch.model.secret import Pepper
from keywatch.service.accounts import ACCOUNT_SOURCES, Common
from keywatch.service.audit_logs import Surroundings, audit_log
from keywatch.service.declarations import WHERE, Declarations, file_of, tables
from keywatch.service.probing import Foreign, probe_of
from keywatch.service.questions import athena_trail, event_history
from keywatch.service.remotes import CLONES, Remotes
from keywatch.service.state import directory_of
from keywatch.service.vault_sessions import VaultSessions, logins
from keywatch.service.vaults import VAULT_SOURCES, Door
from keywatch.settings.applications import DeclaredFile
from keywatch.settings.aws import CloudTrail
from keywatch.settings.content import Bucket, CloudWatch, Scan
from keywatch.settings.keys import DeclaredKey
from keywatch.settings.notices import ApplicationNoticeQueue
from keywatch.settings.request_log import Reporter, RequestLog
from keywatch.settings.schema import Settings
from keywatch.settings.table import zone
from keywatch.settings.vault_audit import VaultAudit
from keywatch.settings.vault_values import VaultValues

if TYPE_CHECKING:
    from keywatch.collect.aws import AwsAccess
    from keywatch.collect.calls.reported import ReportedCalls
    from keywatch.collect.tail_batch import Lines
    from keywatch.model.source import AccessSource, CallSource, ContentSource, Fleet, KeySource, ValueSource

Source: TypeAlias = "KeySource | AccessSource | ValueSource | CallSource | ContentSource | Fleet"

_DECLARED_EVERY = timedelta(minutes=5)
_REPORTED_EVERY = timedelta(minutes=1)
_PROBED_EVERY = timedelta(minutes=5)
"""Whose turn it is, the probe knows."""
_PERSISTENT, _PATIENT, _IMPATIENT = 15, 10, 2
"""Tries of one request to AWS. Where three in ten are refused, one of ten thousand would fail ten times in a row, every
sixteenth run, and take an account with it; fifteen times, once in a year."""
_CONNECTIONS = 20
"""A few more than the objects of a bucket that are fetched at once."""
SELLING_PARTNER = frozenset({KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One source: it is built anew for each run, so that a rotated token or a mended file is picked up by itself."""

    id: SourceId
    role: SourceRole
    every: timedelta
    build: Callable[[], Source]
    fleet: bool = False
    """Whether it stands for many, each of which has an id below this one's."""
    accounts: frozenset[str] = frozenset()
    """The accounts that it is about; empty: any."""
    kinds: frozenset[KeyKind] = frozenset()
    """For a call source, what it could prove: known even while it cannot be built."""
    owner: str | None = None
    """Who hears of what is found here, when nothing else says whose it is."""
    scanned: bool = False
    """Whether its content is looked through, which may take long."""
    watches: bool = True
    """Whether it sees what its role is there for: a queue of announcements shows neither keys nor calls."""


def plan(
    settings: Settings,
    pepper: Pepper,
    *,
    now: Callable[[], datetime],
    looked_for: Callable[[], str] = str,
    memory: Path | None = None,
    patient: bool = True,
    stopping: Callable[[], bool] = bool,
    vaults: VaultSessions | None = None,
    foreign: Callable[[], Foreign] = lambda: lambda _value, _names: False,
    inventoried: Callable[[], frozenset[Handle]] = frozenset,
) -> tuple[Planned, ...]:
    """
    Return every configured source; inventories first, then values, then calls, then content.

    Args:
        settings: what a person configured.
        pepper: fingerprints declared keys.
        now: the clock.
        looked_for: is asked before content is read: a hash of all that is looked for. Content is read anew when it
            changes.
        memory: a directory for what is too much for a cursor; None: nothing of the kind is remembered.
        patient: whether AWS may take its time; a person who waits for an answer would rather have it now.
        stopping: whether the daemon is asked to end, so that a long fetch is given up.
        vaults: the sessions with the Vaults; None: new ones, which use up no wrapped secret id.
        foreign: returns what knows somebody else's values, which are never tried.
        inventoried: is asked before an audit log is read: what the keys of the inventory are known by.
    """
    vaults = vaults or VaultSessions(logins(settings))
    attempts = _PATIENT if patient else _IMPATIENT
    persistent = _PERSISTENT if patient else _IMPATIENT
    declarations = Declarations(settings, now=now)
    probe = partial(
        probe_of, settings, declarations, vaults, pepper, now=now, stopping=stopping, foreign=foreign, attempts=attempts
    )
    accounts = [Common(entry=aws, baseline=settings.baseline, attempts=persistent, now=now) for aws in settings.aws]
    remotes = Remotes(clones=partial(_clones, settings), vaults=vaults, stopping=stopping, patient=patient)
    return (
        *_accounts(accounts, SourceRole.INVENTORY),
        *_inventories(settings, pepper, vaults, now),
        *_values(settings, pepper, vaults, now),
        *_accounts(accounts, SourceRole.CALLS),
        *_calls(settings, declarations, pepper, attempts, now),
        *_probe(settings, probe),
        *_questions(settings, attempts, now, stopping),
        *_audit_logs(
            settings.vault_audit,
            Surroundings(
                vaults=settings.vault,
                sessions=vaults,
                now=now,
                attempts=attempts,
                lines=lambda log: _lines(
                    log.path, log.journal, log.journal_directory, pepper, overlap=log.scan, whole=False
                ),
                memory=memory,
                inventoried=inventoried,
            ),
        ),
        *(_content(entry, pepper, looked_for, remotes) for entry in settings.scan),
        *(_declared_content(entry, looked_for) for entry in settings.declared_file if entry.scan),
        *(_bucket(entry, attempts, looked_for, memory) for entry in settings.bucket),
        *(_cloudwatch(entry, attempts, now) for entry in settings.cloudwatch),
    )


def _accounts(accounts: Iterable[Common], role: SourceRole) -> Iterator[Planned]:
    for common in accounts:
        for kind in ACCOUNT_SOURCES:
            if kind.role is role and kind.wanted(common.entry):
                planned = _planned(
                    f"{kind.kind}:{common.entry.name}", role, common.entry.every, partial(kind.source, common)
                )
                yield replace(planned, fleet=common.entry.organisation)


def _inventories(
    settings: Settings, pepper: Pepper, vaults: VaultSessions, now: Callable[[], datetime]
) -> Iterator[Planned]:
    for vault in settings.vault:
        for kind in VAULT_SOURCES:
            if kind.wanted(vault):
                opened = partial(kind.build, Door(vault, vaults, now))
                yield _planned(f"{kind.kind}:{vault.name}", kind.role, vault.every, opened)
    if settings.key:
        declared = partial(_declared_keys, settings.key, pepper)
        yield _planned("declared:config", SourceRole.INVENTORY, _DECLARED_EVERY, declared)
    if settings.developer or settings.application or settings.seller:
        build = partial(_declared_tables, settings)
        yield _planned("declared:applications", SourceRole.INVENTORY, _DECLARED_EVERY, build)
    for entry in settings.declared_file:
        build = partial(_declared_file, entry, settings, now)
        yield _planned(f"declared-file:{entry.name}", SourceRole.INVENTORY, entry.every, build)


def _values(
    settings: Settings, pepper: Pepper, vaults: VaultSessions, now: Callable[[], datetime]
) -> Iterator[Planned]:
    for entry in settings.vault_values:
        read = partial(_vault_values, entry, vaults, pepper, now)
        yield _planned(f"vault-values:{entry.name}", SourceRole.VALUES, entry.every, read)


def _calls(
    settings: Settings, declarations: Declarations, pepper: Pepper, attempts: int, now: Callable[[], datetime]
) -> Iterator[Planned]:
    for trail in settings.cloudtrail:
        kinds = frozenset({KeyKind.AWS_ACCESS_KEY})
        yield _planned(
            f"cloudtrail:{trail.name}",
            SourceRole.CALLS,
            trail.every,
            partial(_cloudtrail, trail, attempts, now),
            kinds=kinds,
        )
    for log in settings.request_log:
        yield _planned(
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
        planned = _planned(f"application-notices:{queue.name}", SourceRole.CALLS, queue.every, read)
        yield replace(planned, watches=False)
    for reporter in settings.reporter:
        source = reported(reporter, declarations, now)
        yield _planned(source.id, SourceRole.CALLS, _REPORTED_EVERY, partial(_itself, source), kinds=source.kinds)


def _probe(settings: Settings, build: Callable[[], Source]) -> Iterator[Planned]:
    if settings.probe.enabled:
        kinds = SELLING_PARTNER if settings.probe.counts_as_use else frozenset()
        planned = _planned("probe:selling-partner", SourceRole.CALLS, _PROBED_EVERY, build, kinds=kinds)
        yield replace(planned, watches=False)  # it makes calls, and sees nobody else's


def _audit_logs(logs: Iterable[VaultAudit], around: Surroundings) -> Iterator[Planned]:
    for log in logs:
        yield _planned(
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


def _questions(
    settings: Settings, attempts: int, now: Callable[[], datetime], stopping: Callable[[], bool]
) -> Iterator[Planned]:
    """Sources that prove calls of AWS keys by asking AWS, which takes its time, instead of reading files."""
    kinds = frozenset({KeyKind.AWS_ACCESS_KEY})
    for history in settings.lookup_events:
        look = partial(event_history, history, attempts=attempts, now=now, stopping=stopping)
        planned = _planned(f"lookup-events:{history.name}", SourceRole.CALLS, history.every, look, kinds=kinds)
        yield replace(planned, fleet=history.organisation)
    for trail in settings.athena:
        ask = partial(athena_trail, trail, attempts=attempts, now=now, stopping=stopping)
        yield _planned(f"athena:{trail.name}", SourceRole.CALLS, trail.every, ask, kinds=kinds)


def _planned(
    name: str,
    role: SourceRole,
    every: timedelta,
    build: Callable[[], Source],
    *,
    kinds: frozenset[KeyKind] = frozenset(),
    owner: str | None = None,
    scanned: bool = False,
) -> Planned:
    return Planned(id=SourceId(name), role=role, every=every, build=build, kinds=kinds, owner=owner, scanned=scanned)


def _access(account: CloudTrail | Bucket | CloudWatch | ApplicationNoticeQueue, attempts: int) -> "AwsAccess":
    from keywatch.collect.aws import AwsAccess

    return AwsAccess(
        region=account.region,
        profile=account.profile,
        role_arn=account.role,
        endpoint_url=account.endpoint_url,
        attempts=attempts,
    )


def _vault_values(entry: VaultValues, vaults: VaultSessions, pepper: Pepper, now: Callable[[], datetime]) -> Source:
    from keywatch.collect.inventory.vault_values import VaultValues as Values
    from keywatch.collect.inventory.vault_values import Wanted

    wanted = Wanted(paths=entry.paths, exclude=entry.exclude, again=entry.read_kv1_again)
    access, session = vaults.access(entry.vault), vaults.session(entry.session)
    return Values(entry.name, entry.vault, access, session, wanted=wanted, pepper=pepper, now=now)


def _declared_keys(keys: tuple[DeclaredKey, ...], pepper: Pepper) -> Source:
    from keywatch.collect.inventory.declared import DeclaredKey as Declared
    from keywatch.collect.inventory.declared import DeclaredKeys

    return DeclaredKeys(
        tuple(
            Declared(
                name=key.name,
                kind=key.kind,
                owner=key.owner,
                application=key.application,
                seller=key.seller,
                client_id=key.client_id,
                access_key_id=key.access_key_id,
                region=key.region,
                place=f"keywatch.toml [[key]] {key.name}",
                created=datetime.combine(key.created, time(), tzinfo=UTC) if key.created else None,
                vault=key.vault,
                aws=key.aws,
                secret=key.secret.resolve if key.secret else None,
            )
            for key in keys
        ),
        pepper=pepper,
    )


def _declared_tables(settings: Settings) -> Source:
    from keywatch.collect.inventory.declared_applications import DeclaredApplications, DeclaredTables

    return DeclaredApplications(SourceId("declared:applications"), DeclaredTables(tables(settings)), where=WHERE)


def _declared_file(entry: DeclaredFile, settings: Settings, now: Callable[[], datetime]) -> Source:
    from keywatch.collect.inventory.declared_applications import DeclaredApplications

    file = file_of(entry, settings, now)
    return DeclaredApplications(SourceId(f"declared-file:{entry.name}"), file, where=file.path.name)


def _declared_content(entry: DeclaredFile, looked_for: Callable[[], str]) -> Planned:
    """Look for what somebody pasted into a file of declarations, where it is refused: it has leaked all the same."""
    source = SourceId(f"declared-content:{entry.name}")

    def build() -> Source:
        from keywatch.collect.content.files import Directory

        # The file itself, where its name is a link: whoever configures it may point it elsewhere.
        return Directory(Path(entry.file).expanduser().resolve(), source, ruleset=looked_for())

    return _planned(source, SourceRole.CONTENT, entry.every, build, scanned=True)


def _cloudtrail(trail: CloudTrail, attempts: int, now: Callable[[], datetime]) -> Source:
    from keywatch.collect.calls.cloudtrail import CloudTrailFiles

    access = replace(_access(trail, attempts), connections=_CONNECTIONS)
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
    lines = _lines(log.path, log.journal, log.journal_directory, pepper, overlap=log.scan, whole=False)
    requests = Requests(log.name, lines, now=now, layout=layout, applications=frozenset(writers))
    return SharedLog(requests) if log.scan else requests


def _application_notices(entry: ApplicationNoticeQueue, attempts: int, now: Callable[[], datetime]) -> Source:
    from keywatch.collect.calls.application_notices import ApplicationNotices

    return ApplicationNotices(
        entry.name,
        _access(entry, attempts),
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


def _lines(
    path: str | None,
    journal: tuple[str, ...] | None,
    directory: str | None,
    pepper: Pepper,
    *,
    overlap: bool,
    whole: bool,
) -> "Lines":
    """Return a log to be read on: files, or the journal."""
    from keywatch.collect.content.windows import OVERLAP
    from keywatch.collect.journal import Journal
    from keywatch.collect.tail import Follower

    repeated = OVERLAP if overlap else 0
    if journal is None:
        return Follower(str(Path(path or "").expanduser()), pepper, overlap=repeated)
    place = str(Path(directory).expanduser()) if directory else None
    return Journal(journal, directory=place, overlap=repeated, whole=whole)


def _clones(settings: Settings) -> Path:
    return directory_of(settings) / CLONES


def _content(entry: Scan, pepper: Pepper, looked_for: Callable[[], str], remotes: Remotes) -> Planned:
    kinds = {
        "git": entry.git,
        "github": entry.github,
        "gitlab": entry.gitlab,
        "files": entry.directory,
        "journal": entry.journal,
    }
    kind = next((kind for kind, target in kinds.items() if target is not None), "log")
    source = SourceId(f"{kind}:{entry.name}")
    build = partial(_content_source, entry, source, pepper, looked_for, remotes)
    planned = _planned(source, SourceRole.CONTENT, entry.interval, build, owner=entry.owner, scanned=True)
    return replace(planned, fleet=kind in ("github", "gitlab"))


def _content_source(
    entry: Scan, source: SourceId, pepper: Pepper, looked_for: Callable[[], str], remotes: Remotes
) -> Source:
    ruleset = looked_for()
    if entry.github is not None or entry.gitlab is not None:
        return remotes.fleet(entry, source, ruleset)
    if (url := entry.remote) is not None:
        return remotes.repository(entry, url, source, ruleset)
    if entry.git is not None:
        from keywatch.collect.content.git import GitRepository

        return GitRepository(Path(entry.git).expanduser(), source, ruleset=ruleset)
    if entry.directory is not None:
        from keywatch.collect.content.files import Directory

        return Directory(Path(entry.directory).expanduser(), source, ruleset=ruleset)
    from keywatch.collect.content.tail import FollowedLog

    return FollowedLog(
        _lines(entry.log, entry.journal, entry.journal_directory, pepper, overlap=True, whole=True), source
    )


def _bucket(entry: Bucket, attempts: int, looked_for: Callable[[], str], memory: Path | None) -> Planned:
    source = SourceId(f"s3:{entry.name}")

    def build() -> Source:
        from keywatch.collect.content.s3 import S3Objects

        access = replace(
            _access(entry, attempts),
            addressing=entry.addressing,
            anonymous=entry.anonymous,
            adaptive=True,
            connections=_CONNECTIONS,
        )
        return S3Objects(
            entry.url,
            access,
            source,
            ruleset=looked_for(),
            memory=memory,
            requester_pays=entry.requester_pays,
        )

    return _planned(source, SourceRole.CONTENT, entry.every, build, owner=entry.owner)


def _cloudwatch(entry: CloudWatch, attempts: int, now: Callable[[], datetime]) -> Planned:
    source = SourceId(f"cloudwatch:{entry.name}")

    def build() -> Source:
        from keywatch.collect.content.cloudwatch import LogGroups

        access = replace(_access(entry, attempts), adaptive=True)
        return LogGroups(entry.groups, access, source, now=now, lookback=entry.lookback, overlap=entry.overlap)

    return _planned(source, SourceRole.CONTENT, entry.every, build, owner=entry.owner)
