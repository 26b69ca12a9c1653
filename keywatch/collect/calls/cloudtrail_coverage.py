"""What a trail's files cover: whose calls, from when to when, and what of them it would not have seen. Pure."""

from datetime import datetime, timedelta

from keywatch.collect.calls.cloudtrail_place import TrailPlace
from keywatch.collect.calls.cloudtrail_trail import TrailFacts
from keywatch.model.call import Coverage
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.source import Skipped

KINDS = frozenset({KeyKind.AWS_ACCESS_KEY})
_BLINK = timedelta(minutes=15)
"""A trail that was switched off for less is taken to have been on: that is how exact last-used dates are, too."""


def covered(
    source: SourceId,
    place: TrailPlace,
    facts: TrailFacts,
    until: datetime | None,
    *,
    earliest: datetime,
    now: datetime,
    regions: frozenset[str],
    proven: bool,
) -> tuple[Coverage, list[Skipped]]:
    """
    Say what is covered, and which accounts are not though their files are there.

    Args:
        source: whose coverage it is.
        place: how far the bucket has been read; it is told of `until`.
        facts: what the trail records.
        until: everything that was delivered before has been read. None: no more is known than before.
        earliest: how far back the first run reads.
        now: when the run began.
        regions: the ones that are read. Empty: all.
        proven: whether only that counts which a chain of digests proves.
    """
    accounts, since = place.covered(earliest)
    if since is not None and until is not None:
        place.until = max(until, since, place.until or since)
    end = place.until
    if since is not None and facts.started is not None and facts.started > since + _BLINK:
        since = facts.started
    if end is not None and facts.stopped is not None:
        end = min(end, facts.stopped)
    kept, left_out = accounts, list[Skipped]()
    if facts.account is not None:
        kept &= {facts.account}
        left_out += _told(
            accounts - kept, "another trail delivers its files, of which nothing is known", "an entry each"
        )
    if proven:
        chained = {link.account for link in place.chains.values()}
        left_out += _told(kept - chained, "there are no digests of it", "switch on log file validation")
        kept &= chained
        end = min((end or earliest, *(link.end for link in place.chains.values()))) if place.chains else None
    unseen = facts.unseen
    if regions:
        unseen = (*unseen, f"only {', '.join(sorted(regions))} is read: calls in other regions would not be seen")
    if accounts and not kept:
        since = None  # an empty set would mean every account
    coverage = Coverage(
        source=source,
        kinds=KINDS,
        accounts=kept,
        unseen=unseen,
        data_unseen=True,
        altered=place.altered(now),
        since=since,
        until=end,
    )
    return coverage, left_out


def _told(accounts: frozenset[str], why: str, hint: str) -> list[Skipped]:
    return [Skipped(f"account {account}", why, hint) for account in sorted(accounts)]
