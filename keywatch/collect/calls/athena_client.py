"""
One query of Athena, from its start to its last row: bounded in bytes and in time, and stopped when nobody waits for it.

https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
"""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from keywatch.collect.aws import AwsClients, asking
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable

if TYPE_CHECKING:
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef, RowTypeDef, StartQueryExecutionInputTypeDef

Row: TypeAlias = dict[str, str | None]

DEADLINE = timedelta(minutes=30)
"""Athena's own limit for a query, unless it was raised."""
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 2.0
_TRIES, _BREATH = 3, 2.0
"""Of one query, and seconds between them."""
_PAGE = 1000
_SAID = 300
_ABOUT_DATA = ("HIVE_BAD_DATA", "HIVE_CURSOR_ERROR", "INVALID_CAST_ARGUMENT", "INVALID_FUNCTION_ARGUMENT")
"""Reasons that quote what they stumbled over."""
GIGABYTE = 10**9


class TryAgain(SourceUnreachable):
    """Athena failed for a reason that passes."""


class Athena:
    """A workgroup in which queries are run. Every method raises `SourceError` as `keywatch.collect.aws.asking` says."""

    def __init__(
        self,
        clients: AwsClients,
        *,
        workgroup: str,
        most_scanned: int,
        output: str | None = None,
        deadline: timedelta = DEADLINE,
        stopping: Callable[[], bool] = bool,
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            clients: How AWS is reached.
            workgroup: Where queries run.
            most_scanned: Bytes after which the queries are stopped, taken together.
            output: `s3://...`, where Athena leaves results; None: where the workgroup says.
            deadline: After this long a query is stopped.
            stopping: Whether the daemon is asked to end.
            sleep: Waits so many seconds.
            monotonic: Seconds that only go forward.
        """  # noqa: D205
        self._who = clients.who
        self._clients = clients
        self._workgroup = workgroup
        self._most_scanned = most_scanned
        self._output = output
        self._deadline = deadline
        self._stopping = stopping
        self._sleep = sleep
        self._monotonic = monotonic
        self.scanned = 0
        """Bytes that all queries have read so far, as Athena counts them."""

    def cutoff(self) -> int | None:
        """
        How many bytes the workgroup lets one query read. None: as many as it likes.

        Raises:
            SourceMalformed: there is no such workgroup, or it is switched off, or results would have no place.
        """
        athena = self._clients.athena()
        with asking(self._who, "athena:GetWorkGroup"):
            group = athena.get_work_group(WorkGroup=self._workgroup)["WorkGroup"]
        if group.get("State", "ENABLED") != "ENABLED":
            raise SourceMalformed(f"{self._who}: the Athena workgroup {self._workgroup} is disabled", hint="enable it")
        config = group.get("Configuration", {})
        has_place = config.get("ResultConfiguration", {}).get("OutputLocation") or config.get(
            "ManagedQueryResultsConfiguration", {}
        ).get("Enabled")
        if not self._output and not has_place:
            hint = 'set output = "s3://bucket/folder/", or a location for results in the workgroup'
            raise SourceMalformed(f"{self._who}: Athena has no place for its results", hint=hint)
        return config.get("BytesScannedCutoffPerQuery") or None

    def run(self, sql: str) -> None:
        """Run a statement that answers nothing."""
        self._finish(self._start(sql))

    def rows(self, sql: str, columns: tuple[str, ...]) -> Iterator[Row]:
        """Run a query and yield its rows, a page at a time; `columns` is what it was asked for."""
        query = self._answered(sql)
        first = True
        for row in self._pages(query):
            values = [cell.get("VarCharValue") for cell in row.get("Data", [])]
            if first and values != list(columns):
                raise SourceMalformed(f"{self._who}: Athena answers with other columns than it was asked for")
            if not first:
                if len(values) != len(columns):
                    raise SourceMalformed(f"{self._who}: Athena answers with a row of {len(values)} columns")
                yield dict(zip(columns, values, strict=True))
            first = False

    def _answered(self, sql: str) -> str:
        """Run a query to its end, once more where Athena says that it may go better, and return its id."""
        for _ in range(_TRIES - 1):
            query = self._start(sql)
            try:
                self._finish(query)
            except TryAgain:
                self._sleep(_BREATH)
            else:
                return query
        query = self._start(sql)
        self._finish(query)
        return query

    def _start(self, sql: str) -> str:
        athena = self._clients.athena()
        ask: StartQueryExecutionInputTypeDef = {"QueryString": sql, "WorkGroup": self._workgroup}
        if self._output:
            ask["ResultConfiguration"] = {"OutputLocation": self._output}
        with asking(self._who, "athena:StartQueryExecution"):
            return athena.start_query_execution(**ask)["QueryExecutionId"]

    def _finish(self, query: str) -> None:
        """Wait for the end of `query`. Whatever keeps us from waiting, it is not left running."""
        try:
            self._wait(query)
        except BaseException:
            self._stop(query)
            raise

    def _wait(self, query: str) -> None:
        end = self._monotonic() + self._deadline.total_seconds()
        wait = _FIRST_WAIT
        athena = self._clients.athena()
        while True:
            with asking(self._who, "athena:GetQueryExecution"):
                execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
            if self._ended(execution):
                self.scanned += scanned
                return
            if self.scanned + scanned > self._most_scanned:
                read = gigabytes(self.scanned + scanned)
                raise SourceDenied(f"{self._who}: Athena's query was stopped after {read}", hint=LIMIT_HINT)
            if self._stopping():
                raise SourceUnreachable(f"{self._who}: the query was stopped, as keywatch is stopping")
            if self._monotonic() >= end:
                minutes = int(self._deadline.total_seconds() // 60)
                hint = "name fewer accounts and regions in one [[athena]]"
                raise SourceUnreachable(f"{self._who}: no answer from Athena after {minutes} minutes", hint=hint)
            self._sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT)

    def _ended(self, execution: "QueryExecutionTypeDef") -> bool:
        status = execution.get("Status", {})
        state = status.get("State", "")
        if state == "SUCCEEDED":
            return True
        if state in ("QUEUED", "RUNNING"):
            return False
        said = cleaned(status.get("StateChangeReason", ""))
        if state == "CANCELLED":
            limit = "limit" in said.lower()
            hint = LIMIT_HINT if limit else "somebody stopped it; it will be tried again next time"
            raise SourceDenied(f"{self._who}: Athena's query was cancelled: {said}", hint=hint)
        if state == "FAILED" and status.get("AthenaError", {}).get("Retryable"):
            raise TryAgain(f"{self._who}: Athena's query failed: {said}", hint="it will be tried again next time")
        if state == "FAILED":
            raise SourceMalformed(f"{self._who}: Athena's query failed: {said}", hint=_hint(said))
        raise SourceMalformed(f"{self._who}: a query of Athena is in a state it does not document")

    def _stop(self, query: str) -> None:
        # The reason for stopping is what is told; that it has ended already is the ordinary case.
        try:
            athena = self._clients.athena()
            with asking(self._who, "athena:StopQueryExecution"):
                athena.stop_query_execution(QueryExecutionId=query)
        except SourceError:
            pass

    def _pages(self, query: str) -> Iterator["RowTypeDef"]:
        athena = self._clients.athena()
        token = ""
        while True:
            with asking(self._who, "athena:GetQueryResults"):
                answer = (
                    athena.get_query_results(QueryExecutionId=query, MaxResults=_PAGE, NextToken=token)
                    if token
                    else athena.get_query_results(QueryExecutionId=query, MaxResults=_PAGE)
                )
                rows = answer["ResultSet"].get("Rows", [])
            yield from rows
            before, token = token, answer.get("NextToken", "")
            if not token:
                return
            if token == before:
                raise SourceMalformed(f"{self._who}: athena:GetQueryResults says there is more, but not where")


LIMIT_HINT = "raise most_scanned_gb and the workgroup's limit, or name fewer accounts, regions or lookback_days"


def gigabytes(count: int) -> str:
    """Write a number of bytes for a person, as AWS's bill does: in powers of ten."""
    return f"{count / GIGABYTE:,.1f} GB" if count >= GIGABYTE // 10 else f"{count / 10**6:,.1f} MB"


def cleaned(reason: str) -> str:
    """What Athena said of a query's end, fit to be told: one line, bounded, without the data it may quote."""
    text = " ".join("".join(char if char.isprintable() else " " for char in reason[: 4 * _SAID]).split())
    if text.startswith(_ABOUT_DATA):
        where = re.search(r"s3://[A-Za-z0-9./_-]{1,300}", text)
        text = text.split(":")[0].split(" ")[0] + (f" in {where[0]}" if where else "")
    return text[:_SAID] or "it gives no reason"


def _hint(said: str) -> str:
    if "TABLE_NOT_FOUND" in said or "does not exist" in said or "SCHEMA_NOT_FOUND" in said:
        return "create the table: keywatch athena NAME --create-table"
    if "COLUMN_NOT_FOUND" in said or "cannot be resolved" in said:
        return "the table is not the one keywatch makes: choose another name for it in the settings, and create that"
    if "denied" in said.lower() or "not authorized" in said.lower() or "403" in said:
        return "allow glue:GetTable, s3:ListBucket and s3:GetObject on the trail, s3:PutObject where results go"
    return "run the same query in Athena's console: it tells more"
