"""An account with users, keys and an event history, which minds its pace; time passes only where somebody sleeps."""

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.lookup_events import EventHistory
from tests.aws.server import AwsFault, Caller, FakeAws
from tests.calls.trail_records import ACCOUNT, KEYS, NOW, REGIONS, Record


class HistoryServer:
    """IAM, STS and LookupEvents; what is public may be changed by a test."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self.now = NOW
        self.clock = 0.0
        self.users: dict[str, list[str]] = {"orders": [KEYS[0]]}
        self.root_keys = 0
        self.strict = True
        """Whether requests that come too soon are refused."""
        self.busy = 0
        """How many requests are refused whatever their pace, as others ask too."""
        self.expiring = False
        """Whether the second page of a listing comes too late to be asked for, each first time."""
        self.asked: list[tuple[str, str, datetime, datetime]] = []
        """Region, value, start and end of each listing, further pages not counted."""
        self.pages = 0
        self._events: dict[str, list[tuple[datetime, str, dict[str, Any]]]] = defaultdict(list)
        self._last: dict[str, float] = {}
        whoami = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/k", "UserId": "AIDA" + "K" * 17}
        aws.on("sts", "GetCallerIdentity", lambda _, __: whoami)
        aws.on("iam", "ListUsers", lambda _, __: {"Users": [_user(name) for name in self.users], "IsTruncated": False})
        aws.on("iam", "ListAccessKeys", self._list_access_keys)
        aws.on("iam", "GetAccountSummary", self._summary)
        aws.on("cloudtrail", "LookupEvents", self._lookup_events)

    def add(self, *records: Record | str, region: str = REGIONS[0], at: datetime | None = None) -> None:
        """Let something have happened; a text stands for an event that holds no record, at `at`."""
        for record in records:
            if isinstance(record, str):
                self._events[region].append((at or NOW, KEYS[0], {"CloudTrailEvent": record}))
                continue
            who = record["userIdentity"]
            moment = at or datetime.fromisoformat(record["eventTime"])
            value = "root" if who["type"] == "Root" else who["accessKeyId"]
            self._events[region].append((moment, value, {"CloudTrailEvent": json.dumps(record)}))

    def source(self, **changes: Any) -> EventHistory:  # noqa: ANN401 - any option
        """Return a source that asks here."""
        options: dict[str, Any] = {
            "regions": REGIONS,
            "now": lambda: self.now,
            "sleep": self._sleep,
            "monotonic": lambda: self.clock,
        }
        return EventHistory("shop", AwsAccess(endpoint_url=self.aws.url, attempts=1), **(options | changes))

    def _sleep(self, seconds: float) -> None:
        self.clock += seconds

    def _summary(self, _: dict[str, Any], __: Caller) -> dict[str, Any]:
        return {"SummaryMap": {"AccountAccessKeysPresent": self.root_keys}}

    def _list_access_keys(self, params: dict[str, Any], _: Caller) -> dict[str, Any]:
        keys = [
            {"UserName": params["UserName"], "AccessKeyId": key, "Status": "Active", "CreateDate": NOW}
            for key in self.users[params["UserName"]]
        ]
        return {"AccessKeyMetadata": keys, "IsTruncated": False}

    def _lookup_events(self, params: dict[str, Any], caller: Caller) -> dict[str, Any] | AwsFault:
        last, self._last[caller.region] = self._last.get(caller.region), self.clock
        if self.busy or (self.strict and last is not None and self.clock - last < 0.5 - 1e-9):
            self.busy = max(self.busy - 1, 0)
            return AwsFault("ThrottlingException", "Rate exceeded")
        if self.expiring and "NextToken" in params:
            self.expiring = False
            return AwsFault("InvalidNextTokenException", "Invalid or expired token")
        [attribute] = params["LookupAttributes"]
        start, end = params["StartTime"], params["EndTime"]
        found = [
            {"EventId": str(number), "EventTime": at, **event}
            for number, (at, value, event) in enumerate(self._events[caller.region])
            if start <= at <= end and value == attribute["AttributeValue"]
        ]
        found.sort(key=lambda event: event["EventTime"], reverse=True)
        place = int(params.get("NextToken", 0))
        if not place:
            self.asked.append((caller.region, attribute["AttributeValue"], start, end))
        self.pages += 1
        more = {"NextToken": str(place + 50)} if place + 50 < len(found) else {}
        return {"Events": found[place : place + 50]} | more


def _user(name: str) -> dict[str, Any]:
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    return {"Path": "/", "UserName": name, "UserId": "AIDA" + "A" * 17, "Arn": arn, "CreateDate": NOW}
