"""An Athena that really runs what it is asked, on DuckDB, and takes its time like the real one."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.athena import AthenaTrail
from keywatch.collect.calls.athena_rows import COLUMNS
from tests.aws.server import AwsFault, Caller, FakeAws
from tests.calls.athena_duck import TABLE, Duck, result
from tests.calls.trail_records import ACCOUNT, NOW, Record


class DuckAthena:
    """Workgroup, queries, results and the listing of the trail's bucket; what is public may be changed by a test."""

    def __init__(self, aws: FakeAws, directory: Path) -> None:
        self.aws = aws
        self.duck = Duck(directory)
        self.group: dict[str, Any] = {
            "Name": "keywatch",
            "State": "ENABLED",
            "Configuration": {
                "BytesScannedCutoffPerQuery": 10**9,
                "ResultConfiguration": {"OutputLocation": "s3://results/"},
            },
        }
        self.states = ["QUEUED", "RUNNING", "RUNNING", "SUCCEEDED"]
        """What each query is asked after, from the first time on; the last state stays."""
        self.reason = ""
        self.failures = 0
        """How many queries fail in a way that passes, before the others do as `states` says."""
        self.scanned = 10**6
        self.page = 2
        """Rows of a page of results."""
        self.listed = 1000
        """Files of a page of a listing."""
        self.stuck = False
        """Whether a listing leads back to where it is."""
        self.queries: list[str] = []
        self.stopped: list[str] = []
        self.waits: list[float] = []
        self.now = NOW
        self._keys: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        self._results: dict[str, list[dict[str, Any]]] = {}
        for name in ("GetWorkGroup", "StartQueryExecution", "GetQueryExecution", "GetQueryResults"):
            aws.on("athena", name, getattr(self, f"_{name}"))
        aws.on("athena", "StopQueryExecution", self._StopQueryExecution)
        aws.on("s3", "ListObjectsV2", self._ListObjectsV2)

    def put(self, day: datetime, *records: Record, region: str = "us-east-1", account: str = ACCOUNT) -> None:
        """Deliver records on `day`."""
        self.duck.add(list(records), account=account, region=region, day=day)
        name = f"{account}_CloudTrail_{region}_{day:%Y%m%dT%H%MZ}_{len(self._keys):016d}.json.gz"
        self._keys[f"AWSLogs/{account}/CloudTrail/{region}/{day:%Y/%m/%d}/{name}"] = 10**8

    def source(self, **changes: Any) -> AthenaTrail:  # noqa: ANN401 - any option
        """Return a source that asks here."""
        options: dict[str, Any] = {
            "table": TABLE,
            "accounts": (ACCOUNT,),
            "regions": ("us-east-1",),
            "now": lambda: self.now,
            "workgroup": "keywatch",
            "lookback": timedelta(days=20),
            "sleep": self.waits.append,
        }
        access = AwsAccess(endpoint_url=self.aws.url, attempts=1)
        return AthenaTrail("org", access, **(options | changes))

    def _GetWorkGroup(self, _: dict[str, Any], __: Caller) -> dict[str, Any]:  # noqa: N802 - AWS's names, here and below
        return {"WorkGroup": self.group}

    def _StartQueryExecution(self, params: dict[str, Any], _: Caller) -> dict[str, Any]:  # noqa: N802
        self.queries.append(params["QueryString"])
        return {"QueryExecutionId": str(len(self.queries))}

    def _GetQueryExecution(self, params: dict[str, Any], _: Caller) -> dict[str, Any]:  # noqa: N802
        number = self._asked.get(params["QueryExecutionId"], 0)
        self._asked[params["QueryExecutionId"]] = number + 1
        state = self.states[min(number, len(self.states) - 1)]
        if int(params["QueryExecutionId"]) <= self.failures:
            error = {"AthenaError": {"Retryable": True}}
            return {"QueryExecution": {"Status": {"State": "FAILED", "StateChangeReason": "Slow Down"} | error}}
        status = {"State": state} | ({"StateChangeReason": self.reason} if self.reason else {})
        return {"QueryExecution": {"Status": status, "Statistics": {"DataScannedInBytes": self.scanned}}}

    def _StopQueryExecution(self, params: dict[str, Any], _: Caller) -> dict[str, Any]:  # noqa: N802
        self.stopped.append(params["QueryExecutionId"])
        return {}

    def _GetQueryResults(self, params: dict[str, Any], _: Caller) -> dict[str, Any]:  # noqa: N802
        query = params["QueryExecutionId"]
        if query not in self._results:
            self._results[query] = result(self.duck.ask(self.queries[int(query) - 1]), COLUMNS)
        rows = self._results[query]
        start = int(params.get("NextToken", 0))
        more = {"NextToken": str(start + self.page)} if start + self.page < len(rows) else {}
        return {"ResultSet": {"Rows": rows[start : start + self.page]}} | more

    def _ListObjectsV2(self, params: dict[str, Any], _: Caller) -> dict[str, Any]:  # noqa: N802
        prefix = params.get("Prefix", "")
        keys = sorted(key for key in self._keys if key.startswith(prefix) and key > params.get("StartAfter", ""))
        if params.get("Delimiter"):
            folders = sorted({prefix + key[len(prefix) :].partition("/")[0] + "/" for key in keys})
            return {"IsTruncated": False, "CommonPrefixes": [{"Prefix": folder} for folder in folders]}
        place = int(params.get("ContinuationToken", 0))
        contents = [{"Key": key, "Size": self._keys[key]} for key in keys[place : place + self.listed]]
        if place + self.listed >= len(keys):
            return {"IsTruncated": False, "Contents": contents}
        token = str(place if self.stuck and place else place + self.listed)
        return {"IsTruncated": True, "Contents": contents, "NextContinuationToken": token}


def refused(_: dict[str, Any], __: Caller) -> AwsFault:
    """Answer as AWS does to whom it allows nothing."""
    return AwsFault("AccessDeniedException", "User: arn:aws:iam::111122223333:role/k is not authorized to perform it")
