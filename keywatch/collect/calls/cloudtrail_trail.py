"""
The trail itself: whether it is logging, and what it records. Files alone do not tell what was never written to them.

Where this cannot be asked, nothing may be concluded from the trail's silence: it may be of writes only, of one region,
or switched off. What it did record is proof all the same; and where IAM says when a key was used, that still decides.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from keywatch.collect.aws import AwsClients, asking
from keywatch.collect.calls.cloudtrail_selectors import unseen
from keywatch.model.errors import SourceError
from keywatch.model.source import Skipped
from keywatch.model.time import to_rfc3339, to_utc

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.type_defs import GetTrailStatusResponseTypeDef, TrailTypeDef

_ARN = re.compile(r"arn:aws[a-z-]*:cloudtrail:([a-z0-9-]+):(\d{12}):trail/([A-Za-z0-9._-]{1,128})")
_CODE = re.compile(r"[A-Za-z0-9.:_-]{1,64}")
_UNASKED = "what the trail records could not be asked: reads, regions or services may be left out"
_HINT = (
    "name it by its ARN in `trail`, ask with the account and region it is in, or say assume_complete = true where it"
    " records all management events of all regions"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailFacts:
    """What is known of the trail that fills a bucket."""

    unseen: tuple[str, ...] = ()
    """As `Coverage.unseen`."""
    account: str | None = None
    """The one account whose calls it records; None: all of an organisation, or that is not known."""
    started: datetime | None = None
    """Before this instant it was not logging, or not there."""
    stopped: datetime | None = None
    """Since when it is not logging; None while it is."""
    delivered: datetime | None = None
    """When it last delivered a log file in its own region."""
    trouble: tuple[Skipped, ...] = ()
    """What a person should be told, in this run."""


ASSUMED = TrailFacts()
"""What holds where a person vouches for the trail."""


class Trail:
    """The trail that delivers to one bucket and prefix."""

    def __init__(self, clients: AwsClients, *, bucket: str, prefix: str, name: str | None = None) -> None:
        """
        Args:
            clients: How AWS is asked: in the region that an ARN names, else in their own.
            bucket: Where it delivers to.
            prefix: What it puts before `AWSLogs/`.
            name: Its name or ARN. None: it is looked for by where it delivers to.
        """  # noqa: D205
        arn = _ARN.fullmatch(name or "")
        self._clients = clients
        self._region = arn[1] if arn else clients.access.region or "us-east-1"
        self._bucket = bucket
        self._prefix = prefix.strip("/")
        self._name = name

    def facts(self) -> TrailFacts:
        """Ask for everything that decides what may be concluded. Never raises `SourceError`: that is a fact as well."""
        what = f"the trail that fills s3://{self._bucket}/{self._prefix}"
        try:
            trails = self._described()
            if not trails:
                why = "no trail that delivers there is shown to us, so what it records is not known"
                return TrailFacts(unseen=(_UNASKED,), trouble=(Skipped(what, why, _HINT),))
            # Several may share a bucket: the one that leaves out least speaks for it.
            return min((self._of(trail) for trail in trails), key=lambda facts: len(facts.unseen))
        except SourceError as error:
            return TrailFacts(unseen=(_UNASKED,), trouble=(Skipped(what, error.message, error.hint),))

    def check(self) -> Iterator[str | Skipped]:
        """As `CallSource.check`: each action that `facts` takes, and what is found to be wrong with the trail."""
        facts = self.facts()
        if not facts.trouble:
            yield "cloudtrail:DescribeTrails, GetTrailStatus, GetEventSelectors"
        yield from facts.trouble
        for clause in facts.unseen if not facts.trouble else ():
            yield Skipped("what the trail records", clause, "widen the trail, or add another that records the rest")

    def _described(self) -> "list[TrailTypeDef]":
        client = self._clients.cloudtrail(self._region)
        with asking(self._clients.who, "cloudtrail:DescribeTrails"):
            answer = client.describe_trails(trailNameList=[self._name]) if self._name else client.describe_trails()
        return [
            trail
            for trail in answer.get("trailList", [])
            if trail.get("S3BucketName") == self._bucket and trail.get("S3KeyPrefix", "").strip("/") == self._prefix
        ]

    def _of(self, trail: "TrailTypeDef") -> TrailFacts:
        client = self._clients.cloudtrail(self._region)
        arn = trail.get("TrailARN", "")
        with asking(self._clients.who, "cloudtrail:GetTrailStatus"):
            status = client.get_trail_status(Name=arn)
        with asking(self._clients.who, "cloudtrail:GetEventSelectors"):
            selectors = client.get_event_selectors(TrailName=arn)
        known = _ARN.fullmatch(arn)
        name = known[3] if known else "the trail"
        missing = [*unseen(selectors.get("EventSelectors", []), selectors.get("AdvancedEventSelectors", []))]
        if not trail.get("IsMultiRegionTrail", False):
            where = known[1] if known else "one region"
            missing.append(f"the trail is of {where} alone: calls in other regions would not be seen")
        if not trail.get("IncludeGlobalServiceEvents", True):
            missing.append("the trail leaves out global services (IAM, STS, CloudFront): calls there would not be seen")
        stopped, trouble = _troubles(name, status)
        missing += [skip.why for skip in trouble]
        return TrailFacts(
            unseen=tuple(missing),
            account=None if trail.get("IsOrganizationTrail", False) or known is None else known[2],
            started=_instant(status.get("StartLoggingTime")),
            stopped=stopped,
            delivered=_instant(status.get("LatestDeliveryTime")),
            trouble=tuple(trouble),
        )


def _troubles(name: str, status: "GetTrailStatusResponseTypeDef") -> tuple[datetime | None, list[Skipped]]:
    """Since when the trail is not logging, and everything that is wrong with it now."""
    if not status.get("IsLogging", False):
        stopped = _instant(status.get("StopLoggingTime"))
        since = f" since {to_rfc3339(stopped)}" if stopped else ""
        hint = f"find out who stopped it; then: aws cloudtrail start-logging --name {name}"
        return stopped, [Skipped(name, f"the trail is not logging{since}", hint)]
    failed = status.get("LatestDeliveryError")
    if not failed:
        return None, []
    code = failed if _CODE.fullmatch(failed) else "an error of S3"
    hint = "check the bucket's policy and its key: AWS keeps trying for a month, then it is lost"
    return None, [Skipped(name, f"the trail could not deliver to its bucket ({code})", hint)]


def _instant(value: object) -> datetime | None:
    return to_utc(value) if isinstance(value, datetime) else None
