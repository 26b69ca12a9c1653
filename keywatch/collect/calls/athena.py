"""
CloudTrail through Athena: for organisations whose files are more than one machine wants to read, and a first 90 days.

One query reads what the files prove, in AWS and in parallel, and answers with a row a key. It says what the reader of
files says of the same records (`cloudtrail.py`). https://docs.aws.amazon.com/athena/latest/ug/cloudtrail-logs.html
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import structlog

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.calls.athena_client import GIGABYTE, LIMIT_HINT, Athena, gigabytes
from keywatch.collect.calls.athena_cost import USD_PER_TB, Cost, estimate
from keywatch.collect.calls.athena_place import AthenaPlace
from keywatch.collect.calls.athena_rows import COLUMNS, Answer, understand
from keywatch.collect.calls.athena_sql import TrailTable
from keywatch.collect.calls.cloudtrail import LAG, QUIET
from keywatch.collect.calls.cloudtrail_bucket import TrailBucket
from keywatch.model.call import Coverage
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped
from keywatch.model.time import to_rfc3339

LOOKBACK = timedelta(days=95)
"""How far back the first run asks: the 90-day window, and a margin for late files and late installation."""
MOST_SCANNED = 500 * GIGABYTE
_AHEAD = timedelta(minutes=5)
_KINDS = frozenset({KeyKind.AWS_ACCESS_KEY})
_NO_DAY = date(2013, 11, 13)
"""The day CloudTrail was announced. No trail has files of it: a query for it tries everything, and reads nothing."""

_log = structlog.get_logger(__name__)


class AthenaTrail:
    """The files of one trail, asked about through Athena."""

    def __init__(
        self,
        name: str,
        access: AwsAccess,
        *,
        table: TrailTable,
        accounts: tuple[str, ...],
        regions: tuple[str, ...],
        now: Callable[[], datetime],
        workgroup: str = "primary",
        output: str | None = None,
        lookback: timedelta = LOOKBACK,
        most_scanned: int = MOST_SCANNED,
        require_cutoff: bool = True,
        usd_per_tb: float = USD_PER_TB,
        stopping: Callable[[], bool] = bool,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            access: How the account is reached in which Athena runs.
            table: The table over the trail's bucket.
            accounts: The accounts to ask about, which are then covered even where they were silent.
            regions: The regions to ask about. Keys used in others look idle.
            now: The clock.
            workgroup: Where queries run.
            output: `s3://...`, where Athena leaves results; None: where the workgroup says.
            lookback: How far back the first run asks.
            most_scanned: Bytes that the queries of one run may read.
            require_cutoff: Whether the workgroup must have a limit of its own.
            usd_per_tb: Athena's price.
            stopping: Whether the daemon is asked to end.
            sleep: Waits so many seconds.
        """  # noqa: D205
        self._id = SourceId(f"athena:{name}")
        self._clients = AwsClients(self._id, access)
        self._athena = Athena(
            self._clients, workgroup=workgroup, most_scanned=most_scanned, output=output, stopping=stopping, sleep=sleep
        )
        self._bucket = TrailBucket(self._clients, table.bucket, table.prefix)
        self.table = table
        self._accounts = frozenset(accounts)
        self._regions = frozenset(regions)
        self._now = now
        self._workgroup = workgroup
        self._lookback = lookback
        self._most_scanned = most_scanned
        self._require_cutoff = require_cutoff
        self._usd_per_tb = usd_per_tb

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return _KINDS

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        started = self._now()
        cutoff = self._cutoff()
        place = AthenaPlace(cursor, self._accounts | self._regions | {self.table.root})
        steps = place.steps(started.date(), self._lookback)
        if place.cold:
            self._afford(self._cost(started), cutoff, len(steps))
        for first, last in steps:
            answer = self._ask(first, last)
            place.note(first, last, answer.accounts)
            skipped = _troubles(answer)
            if last < started.date():
                yield self._batch(place, answer, _midnight(last + timedelta(days=1)), skipped)
            else:
                yield self._batch(place, answer, started - LAG, skipped + self._missing(place, started))

    def check(self) -> Iterator[str | Skipped]:
        what = f"athena:GetWorkGroup on {self._workgroup}"
        cutoff = None
        try:
            cutoff = self._cutoff()
            yield f"{what}: a query may read {gigabytes(cutoff)}" if cutoff else what
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
        what = f"athena:StartQueryExecution, GetQueryExecution and GetQueryResults on {self.table.name}"
        try:
            self._ask(_NO_DAY, _NO_DAY)
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
        else:
            yield what
        what = f"s3:ListBucket on {self._bucket.root}"
        try:
            cost = self._cost(self._now())
            yield f"{what}: a first run reads {cost}"
            self._afford(cost, cutoff, len(AthenaPlace({}, frozenset()).steps(self._now().date(), self._lookback)))
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)

    def create(self) -> None:
        """
        Make the table, unless it is there.

        Raises:
            SourceError: Athena refuses.
        """
        self._athena.run(self.table.statement())

    def _cutoff(self) -> int | None:
        cutoff = self._athena.cutoff()
        if cutoff is None and self._require_cutoff:
            raise SourceDenied(
                f"{self._id}: the workgroup {self._workgroup} lets a query read without limit",
                hint="set its limit of data per query (BytesScannedCutoffPerQuery), or require_cutoff = false",
            )
        return cutoff

    def _cost(self, now: datetime) -> Cost:
        since = now - self._lookback
        price = self._usd_per_tb
        return estimate(self._clients, self._bucket, self._accounts, self._regions, since, usd_per_tb=price)

    def _afford(self, cost: Cost, cutoff: int | None, queries: int) -> None:
        allowed = min(self._most_scanned, cutoff * queries if cutoff else self._most_scanned)
        if cost.bytes > allowed:
            told = f"a first run would read {cost}, and {gigabytes(allowed)} are allowed"
            raise SourceDenied(f"{self._id}: {told}", hint=LIMIT_HINT)
        _log.info("backfill_begins", source=self._id, bytes=cost.bytes, what=f"{queries} queries, {cost}")

    def _ask(self, first: date, last: date) -> Answer:
        now = self._now()
        sql = self.table.calls(self._accounts, self._regions, first, last, latest=now + _AHEAD)
        return understand(self._athena.rows(sql, COLUMNS), self._id, now)

    def _missing(self, place: AthenaPlace, started: datetime) -> list[Skipped]:
        """Say what a person should look after, now that all was asked."""
        if not self._accounts & place.accounts:
            hint = "check bucket, prefix, organisation, accounts and regions, and that the trail is logging"
            raise SourceMalformed(f"{self._id}: the trail has no records below {self.table.root}", hint=hint)
        skipped = [
            Skipped(f"account {account}", "the trail has no records of it", "correct `accounts`")
            for account in sorted(self._accounts - place.accounts)
        ]
        if place.newest is not None and place.newest + QUIET < started:
            why = f"nothing was delivered since {to_rfc3339(place.newest)}: later silence proves nothing"
            hint = "check that the trail is logging: aws cloudtrail get-trail-status"
            skipped.append(Skipped(self.table.root, why, hint))
        return skipped

    def _batch(self, place: AthenaPlace, answer: Answer, reached: datetime, skipped: list[Skipped]) -> CallBatch:
        since = place.since()
        if since is not None and place.newest is not None:
            reached = min(reached, place.newest + QUIET)
            place.until = max(reached, place.until or reached)
            since = min(since, place.until)
        coverage = Coverage(
            source=self._id,
            kinds=_KINDS,
            accounts=self._accounts & place.accounts,
            data_unseen=True,
            sampled=True,
            since=since if place.until else None,
            until=place.until,
        )
        return CallBatch(
            evidence=answer.calls,
            uses=answer.uses,
            cursor=place.cursor(),
            coverage=coverage,
            skipped=tuple(skipped),
        )


def _troubles(answer: Answer) -> list[Skipped]:
    return [
        Skipped(f"account {account}", f"{count} of its records {why}")
        for account, seen in sorted(answer.accounts.items())
        for why, count in seen.trouble.items()
    ]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


_: type[CallSource] = AthenaTrail
