"""Sources that prove calls of AWS keys by asking AWS, where others read files: built here, of their settings."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from keywatch.service.accounts import chosen
from keywatch.settings.aws import Athena, LookupEvents

if TYPE_CHECKING:
    from keywatch.collect.aws import AwsAccess, AwsClients
    from keywatch.collect.aws_organisation import AwsAccounts
    from keywatch.collect.calls.athena import AthenaTrail
    from keywatch.collect.calls.lookup_events import EventHistory

_IMPATIENT = 2


def event_history(
    history: LookupEvents, *, attempts: int, now: Callable[[], datetime], stopping: Callable[[], bool]
) -> "EventHistory | AwsAccounts":
    """Return the source that a `[[lookup_events]]` describes: an account's, or that of each in an organisation."""
    from keywatch.collect.calls.lookup_events import EventHistory

    access = replace(
        _access(history, history.regions[0], attempts),
        external_id=history.external_id,
        connections=max(10, history.accounts_at_once),
    )

    def member(name: str, account: str | None, access: "AwsAccess", through: "AwsClients | None") -> "EventHistory":
        return EventHistory(
            name, access, regions=history.regions, now=now, account=account, through=through, stopping=stopping
        )

    if not history.organisation:
        return member(history.name, history.account, access, None)
    from keywatch.collect.aws_organisation import AwsAccounts

    at_once = history.accounts_at_once
    return AwsAccounts("lookup-events", history.name, access, chosen(history), member, at_once=at_once)


def athena_trail(
    trail: Athena, *, attempts: int = _IMPATIENT, now: Callable[[], datetime], stopping: Callable[[], bool] = bool
) -> "AthenaTrail":
    """Return the source that an `[[athena]]` describes."""
    from keywatch.collect.calls.athena import AthenaTrail
    from keywatch.collect.calls.athena_client import GIGABYTE
    from keywatch.collect.calls.athena_sql import TrailTable

    table = TrailTable(
        database=trail.database,
        table=trail.table,
        bucket=trail.bucket,
        prefix=trail.prefix,
        organisation=trail.organisation,
    )
    return AthenaTrail(
        trail.name,
        _access(trail, trail.region, attempts),
        table=table,
        accounts=trail.accounts,
        regions=trail.regions,
        now=now,
        workgroup=trail.workgroup,
        output=trail.output,
        lookback=timedelta(days=trail.lookback_days),
        most_scanned=int(trail.most_scanned_gb * GIGABYTE),
        require_cutoff=trail.require_cutoff,
        usd_per_tb=trail.usd_per_tb,
        stopping=stopping,
    )


def _access(entry: LookupEvents | Athena, region: str, attempts: int) -> "AwsAccess":
    from keywatch.collect.aws import AwsAccess

    return AwsAccess(
        region=region,
        profile=entry.profile,
        role_arn=entry.role,
        endpoint_url=entry.endpoint_url,
        attempts=attempts,
    )
