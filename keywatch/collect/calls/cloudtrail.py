"""
CloudTrail files in S3: the proof that an AWS key made a successful call.

Facts this rests on (AWS user guide, "How CloudTrail works"): a file appears about five minutes after the call, its path
says when it was delivered, not when the calls were made; files, and records, may come twice and in no order.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.calls.cloudtrail_bucket import ArchivedFile, TrailBucket, TrailFile, UnreadableFile
from keywatch.collect.calls.cloudtrail_chain import EVERY, DigestChains
from keywatch.collect.calls.cloudtrail_coverage import KINDS, covered
from keywatch.collect.calls.cloudtrail_file import portions
from keywatch.collect.calls.cloudtrail_place import LATE, TrailPlace
from keywatch.collect.calls.cloudtrail_queue import NoticeQueue, told
from keywatch.collect.calls.cloudtrail_trail import ASSUMED, Trail, TrailFacts
from keywatch.model.errors import SourceError
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped
from keywatch.model.time import to_rfc3339

LOOKBACK = timedelta(days=120)
"""How far back the first run reads: the 90-day window, and a margin for late files and late installation."""
LAG = timedelta(minutes=15)
"""How late CloudTrail delivers, ordinarily."""
QUIET = timedelta(days=1)
"""How long the whole trail may deliver nothing before its silence is not believed: keywatch's own inventory calls are
management events, so a trail that works is never quiet for long."""
LISTING = timedelta(hours=6)
"""How often a bucket is listed whose notices come by a queue. A queue does not prove that nothing was missed, so what
is covered ends with the last listing, and a standing rests on no coverage that ended more than a day ago."""
_AHEAD = timedelta(minutes=5)
_RECEIPTS = 1000
"""Messages between two commits, at most."""
_RECEIVED = 100_000
"""Messages of one run, at most: a queue that never ends must not hold up everything else."""


@dataclass
class _Run:
    """What one run has come to."""

    place: TrailPlace
    started: datetime
    earliest: datetime
    facts: TrailFacts
    skipped: list[Skipped] = field(default_factory=list)
    files: int = 0


class CloudTrailFiles:
    """The files of one trail, of an account or an organisation, read in the order of their delivery."""

    def __init__(
        self,
        name: str,
        access: AwsAccess,
        *,
        bucket: str,
        now: Callable[[], datetime],
        prefix: str = "",
        accounts: tuple[str, ...] = (),
        regions: tuple[str, ...] = (),
        lookback: timedelta = LOOKBACK,
        trail: str | None = None,
        assume_complete: bool = False,
        queue: str | None = None,
        queue_wait: int = 5,
        verify_digests: bool = False,
        files_per_batch: int = 200,
        most_inflated: int = 512 << 20,
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            access: How the bucket's account is reached.
            bucket: The trail's bucket.
            now: The clock.
            prefix: What the trail puts before `AWSLogs/`.
            accounts: The accounts to read, which are then covered even where they were silent. Empty: all there are.
            regions: The regions to read. Empty: all there are. With some left out, no key's silence is believed.
            lookback: How far back the first run reads.
            trail: The trail's name or ARN. None: it is looked for by where it delivers to.
            assume_complete: A person's word that the trail records all management events; it is not asked then.
            queue: The URL of the queue to which new files are announced. None: the bucket is listed by each run.
            queue_wait: Seconds to wait for a message.
            verify_digests: Whether every file is compared with what CloudTrail signed.
            files_per_batch: Files between two commits.
            most_inflated: Bytes one file may inflate to.
        """  # noqa: D205
        self._id = SourceId(f"cloudtrail:{name}")
        clients = AwsClients(self._id, access)
        self._bucket = TrailBucket(clients, bucket, prefix)
        self._trail = None if assume_complete else Trail(clients, bucket=bucket, prefix=prefix, name=trail)
        self._queue = NoticeQueue(self._id, access, queue, wait=queue_wait) if queue else None
        self._chains = DigestChains(clients, self._bucket, most=most_inflated) if verify_digests else None
        self._now = now
        self._accounts = frozenset(accounts)
        self._regions = frozenset(regions)
        self._lookback = lookback
        self._files_per_batch = files_per_batch
        self._most_inflated = most_inflated

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return KINDS

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        started = self._now()
        facts = self._trail.facts() if self._trail else ASSUMED
        run = _Run(TrailPlace(cursor), started, started - self._lookback, facts, [*facts.trouble])
        listed = run.place.listed
        due = self._queue is None or listed is None or started - listed >= LISTING
        if due:
            yield from self._listed(run)
        if self._queue is None:
            return
        try:
            yield from self._announced(run, self._queue)
        except SourceError as error:
            # The bucket itself tells what the queue does not.
            run.skipped.append(Skipped(self._queue.url, error.message, error.hint))
            if due:
                yield self._batch(run, None)
            else:
                yield from self._listed(run)

    def check(self) -> Iterator[str | Skipped]:
        yield from self._bucket.check(self._accounts, self._regions, self._now() - self._lookback)
        for part in (self._trail, self._queue, self._chains):
            if part is not None:
                yield from part.check()

    def _listed(self, run: _Run) -> Iterator[CallBatch]:
        """Read what the bucket has, in the order of its delivery."""
        place = run.place
        shelves = self._bucket.filled(self._accounts, self._regions)
        place.accounts = self._accounts & {shelf.account for shelf in shelves}
        run.skipped += [
            Skipped(f"{self._bucket.root} of account {account}", "the trail has no files of it", "correct `accounts`")
            for account in sorted(self._accounts - place.accounts)
        ]
        unsaved = False
        try:
            files = self._bucket.files(shelves, lambda shelf: place.start(shelf, run.earliest))
            with closing(self._bucket.contents(files, place.seen, most=self._most_inflated)) as contents:
                for file, content in contents:
                    if content is None:
                        place.passed(file)
                        continue
                    run.skipped += self._take(file, run, content.result)
                    unsaved = True
                    if run.files % self._files_per_batch == 0:
                        place.tracer.forget(file.stamp)
                        yield self._batch(run, file.stamp - LAG)
                        unsaved = False
        except SourceError:
            # What was read before the trouble holds, and need not be read again.
            if unsaved:
                yield self._batch(run, place.until)
            raise
        place.listed = run.started
        if place.newest is None:
            yield self._batch(run, None)
            return
        place.tracer.forget(run.started)
        quiet = QUIET
        if place.newest + quiet < run.started and not self._chains:
            why = f"nothing was delivered since {to_rfc3339(place.newest)}: later silence proves nothing"
            run.skipped.append(Skipped(self._bucket.root, why, "check that the trail is logging"))
        elif (at := self._missed(run, place.newest)) is not None:
            why = f"the trail delivered at {to_rfc3339(at)}, but the newest file here is of {to_rfc3339(place.newest)}"
            run.skipped.append(Skipped(self._bucket.root, why, "find out who removes files, or who may not list them"))
            quiet = timedelta()
        if self._chains:
            yield from self._verified(run, self._chains)
            yield self._batch(run, run.started - LAG, last=True)
            return
        yield self._batch(run, min(run.started - LAG, place.newest + quiet), last=True)

    def _missed(self, run: _Run, newest: datetime) -> datetime | None:
        """When the trail delivered a file that is not here, by its own account."""
        at = run.facts.delivered
        if at is None or self._accounts or self._regions:
            return None
        return at if newest + LATE < at <= run.started else None

    def _announced(self, run: _Run, queue: NoticeQueue) -> Iterator[CallBatch]:
        """Read what the queue tells of; its messages are deleted when what they led to has been committed."""
        receipts: list[str] = []
        odd: Counter[str] = Counter()
        received, done = 0, run.files
        try:
            while received < _RECEIVED and (messages := queue.receive()):
                received += len(messages)
                receipts += [message.receipt for message in messages if self._read_notice(message.body, run, odd)]
                if run.files - done >= self._files_per_batch or len(receipts) >= _RECEIPTS:
                    yield self._batch(run, None)
                    queue.delete(receipts)
                    receipts, done = [], run.files
        except SourceError:
            if receipts:
                yield self._batch(run, None)
                queue.delete(receipts)
            raise
        hint = (
            "they are left in it: give it a dead-letter queue, and let nobody but the trail or the bucket write to it"
        )
        run.skipped += [Skipped(queue.url, f"{count} of its messages {why}", hint) for why, count in odd.items()]
        run.place.tracer.forget(run.started)
        yield self._batch(run, None)
        queue.delete(receipts)

    def _read_notice(self, body: str, run: _Run, odd: Counter[str]) -> bool:
        """Read the files that a message tells of. Returns whether the message is done with."""
        files, why = told(body, self._bucket)
        for file in files:
            wanted = self._bucket.wanted(file, self._accounts, self._regions) and run.earliest <= file.stamp
            if wanted and not run.place.seen(file):
                content = partial(self._bucket.content, file.key, most=self._most_inflated)
                run.skipped += self._take(file, run, content, listed=False)
        if why is not None:
            odd[why] += 1
        return why is None

    def _verified(self, run: _Run, chains: DigestChains) -> Iterator[CallBatch]:
        digested = run.place.digested
        if digested is not None and run.started - digested < EVERY:
            return
        steps = chains.follow(run.place, run.earliest, run.started, accounts=self._accounts, regions=self._regions)
        for number, troubles in enumerate(steps, 1):
            run.skipped += troubles
            if number % self._files_per_batch == 0:
                yield self._batch(run, run.place.until)

    def _take(
        self, file: TrailFile, run: _Run, content: Callable[[], memoryview], *, listed: bool = True
    ) -> list[Skipped]:
        hint = None
        whys: list[str] = []
        trouble: Counter[str] = Counter()
        latest = self._now() + _AHEAD
        try:
            with self._bucket.borrowed(content()) as data:
                for records, broken in portions(data):
                    trouble += run.place.tracer.collect(records, latest)
                    if broken:
                        trouble["are not CloudTrail records"] += broken
        except (UnreadableFile, ValueError) as error:
            whys.append(str(error))
            if isinstance(error, ArchivedFile):
                hint = "restore it, or choose a shorter lookback"
        whys += [f"{count} of its records {why}" for why, count in trouble.items()]
        run.files += 1
        run.place.mark(file, listed=listed)
        if whys:
            # What cannot be read may have been the success that keeps a key alive.
            run.place.hole(file.shelf.account, file.stamp)
        return [Skipped(f"s3://{self._bucket.bucket}/{file.key}", why, hint) for why in whys]

    def _batch(self, run: _Run, until: datetime | None, last: bool = False) -> CallBatch:
        """
        What was read since the last batch.

        Args:
            run: the run.
            until: everything that was delivered before has been read. None: no more is known than before.
            last: whether the bucket was listed to its end, so that what is left out can be told.
        """
        place = run.place
        coverage, left_out = covered(
            self._id,
            place,
            run.facts,
            until,
            earliest=run.earliest,
            now=run.started,
            regions=self._regions,
            proven=bool(self._chains),
        )
        skipped, run.skipped = run.skipped + (left_out if last else []), []
        evidence = tuple(place.tracer.take(self._id))
        uses = tuple(place.tracer.take_uses(self._id))
        return CallBatch(evidence=evidence, uses=uses, cursor=place.cursor(), coverage=coverage, skipped=tuple(skipped))


_: type[CallSource] = CloudTrailFiles
