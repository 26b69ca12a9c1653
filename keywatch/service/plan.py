"""From the settings to the sources: what is read, what for, and how often. Nothing is connected to here."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from keywatch.alerts.problems import SourceRole
from keywatch.model.key import Handle
from keywatch.model.secret import Pepper
from keywatch.service.accounts import Common
from keywatch.service.audit_logs import Surroundings
from keywatch.service.declarations import Declarations
from keywatch.service.plan_calls import audit_logs, calls, probe_planned, questions
from keywatch.service.plan_content import bucket, clones, content, declared_content, log_groups
from keywatch.service.plan_keys import accounts_planned, inventories, values
from keywatch.service.planned import Planned, lines_of
from keywatch.service.probing import Foreign, probe_of
from keywatch.service.remotes import Remotes
from keywatch.service.vault_sessions import VaultSessions, logins
from keywatch.settings.schema import Settings

_PERSISTENT, _PATIENT, _IMPATIENT = 15, 10, 2
"""Tries of one request to AWS. Where three in ten are refused, one of ten thousand would fail ten times in a row, every
sixteenth run, and take an account with it; fifteen times, once in a year."""


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
    remotes = Remotes(clones=partial(clones, settings), vaults=vaults, stopping=stopping, patient=patient)
    return (
        *accounts_planned(accounts, SourceRole.INVENTORY),
        *inventories(settings, pepper, vaults, now),
        *values(settings, pepper, vaults, now),
        *accounts_planned(accounts, SourceRole.CALLS),
        *calls(settings, declarations, pepper, attempts, now),
        *probe_planned(settings, probe),
        *questions(settings, attempts, now, stopping),
        *audit_logs(
            settings.vault_audit,
            Surroundings(
                vaults=settings.vault,
                sessions=vaults,
                now=now,
                attempts=attempts,
                lines=lambda log: lines_of(
                    log.path, log.journal, log.journal_directory, pepper, overlap=log.scan, whole=False
                ),
                memory=memory,
                inventoried=inventoried,
            ),
        ),
        *(content(entry, pepper, looked_for, remotes) for entry in settings.scan),
        *(declared_content(entry, looked_for) for entry in settings.declared_file if entry.scan),
        *(bucket(entry, attempts, looked_for, memory) for entry in settings.bucket),
        *(log_groups(entry, attempts, now) for entry in settings.cloudwatch),
    )
