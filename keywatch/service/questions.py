"""Sources that prove calls of AWS keys by asking AWS, where others read files: built here, of their settings."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from keywatch.settings.schema import Athena, LookupEvents

if TYPE_CHECKING:
    from keywatch.collect.aws import AwsAccess
    from keywatch.collect.calls.athena import AthenaTrail
    from keywatch.collect.calls.lookup_events import EventHistory

_IMPATIENT = 2


def event_history(
    history: LookupEvents, *, attempts: int, now: Callable[[], datetime], stopping: Callable[[], bool]
) -> "EventHistory":
    """Return the source that a `[[lookup_events]]` describes."""
    from keywatch.collect.calls.lookup_events import EventHistory

    return EventHistory(
        history.name,
        _access(history, history.regions[0], attempts),
        regions=history.regions,
        now=now,
        account=history.account,
        stopping=stopping,
    )


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
