"""What Athena will read, and what that costs, before it is asked: the sizes of the files, as the bucket lists them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from keywatch.collect.aws import AwsClients, asking
from keywatch.collect.calls.athena_client import gigabytes
from keywatch.collect.calls.cloudtrail_bucket import Shelf, TrailBucket
from keywatch.model.errors import SourceMalformed

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ListObjectsV2RequestTypeDef

USD_PER_TB = 5.0
"""https://aws.amazon.com/athena/pricing/: compressed bytes, in powers of ten."""
_TERABYTE = 10**12
_REQUESTS = 500
"""Listings made at most: a person waits for the answer."""


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
    clients: AwsClients,
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
        for page in _pages(clients, bucket.bucket, shelf, since):
            total += sum(item.get("Size", 0) for item in page.get("Contents", []))
            asked += 1
        counted += 1
    if counted < len(shelves):
        total = total * len(shelves) // counted
    return Cost(total, total / _TERABYTE * usd_per_tb, exact=counted == len(shelves))


def _pages(clients: AwsClients, bucket: str, shelf: Shelf, since: datetime) -> Iterator["ListObjectsV2OutputTypeDef"]:
    s3 = clients.s3()
    # Keys begin with the day of delivery, so that listing may begin in the middle.
    ask: ListObjectsV2RequestTypeDef = {"Bucket": bucket, "Prefix": shelf.prefix, "StartAfter": shelf.after(since)}
    while True:
        with asking(clients.who, "s3:ListBucket"):
            page = s3.list_objects_v2(**ask)
        yield page
        before, token = ask.get("ContinuationToken", ""), page.get("NextContinuationToken", "")
        if not page.get("IsTruncated"):
            return
        if token in ("", before):
            raise SourceMalformed(f"{clients.who}: s3:ListBucket says there is more, but not where")
        ask["ContinuationToken"] = token
