"""What Athena will read, and what that costs, before it is asked: the sizes of the files, as the bucket lists them."""

from dataclasses import dataclass
from datetime import datetime

from keywatch.collect.calls.athena_client import gigabytes
from keywatch.collect.calls.cloudtrail_bucket import TrailBucket

USD_PER_TB = 5.0
"""https://aws.amazon.com/athena/pricing/: compressed bytes, in powers of ten."""
_TERABYTE = 10**12
_REQUESTS = 500
"""Listings made at most: a person waits for the answer."""
_LISTED = 1000
"""Files named by one listing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes, and what they cost."""

    bytes: int
    usd: float
    exact: bool
    """Whether every file was counted; else folders stand for the others."""

    def __str__(self) -> str:
        about = "" if self.exact else "about "
        return f"{about}{gigabytes(self.bytes)}, {about}{max(self.usd, 0.01):,.2f} USD"


def estimate(
    bucket: TrailBucket,
    accounts: frozenset[str],
    regions: frozenset[str],
    since: datetime,
    *,
    usd_per_tb: float = USD_PER_TB,
    requests: int = _REQUESTS,
) -> Cost:
    """
    Add up the files of `accounts` and `regions` delivered since then.

    Raises:
        SourceError: the bucket cannot be listed.
    """
    # Spread over accounts and regions alike, so that those which are counted may stand for the others.
    shelves = sorted(bucket.shelves(accounts, regions), key=lambda shelf: shelf.name[::-1])
    asked = total = counted = 0
    for shelf in shelves:
        if asked >= requests:
            break
        files = 0
        for file in bucket.files([shelf], lambda _: since):
            total += file.size
            files += 1
        asked += 1 + files // _LISTED
        counted += 1
    if counted < len(shelves):
        total = total * len(shelves) // counted
    return Cost(total, total / _TERABYTE * usd_per_tb, exact=counted == len(shelves))
