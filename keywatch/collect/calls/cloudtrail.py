"""
CloudTrail files in S3: the proof that an AWS key made a successful call.

Facts this rests on (AWS user guide, "How CloudTrail works"): a file appears about five minutes after the call, its path
says when it was delivered, not when the calls were made; files, and records, may come twice and in no order.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.calls.cloudtrail_bucket import ArchivedFile, Shelf, TrailBucket, TrailFile, UnreadableFile
from keywatch.collect.calls.cloudtrail_place import TrailPlace
from keywatch.collect.calls.cloudtrail_record import Record, decode, issued, known_version, moment, outcome, own, signer
from keywatch.collect.calls.cloudtrail_sessions import Trace, Tracer
from keywatch.model.call import Coverage, Outcome
from keywatch.model.errors import SourceError, SourceMalformed
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
_AHEAD = timedelta(minutes=5)
_KINDS = frozenset({KeyKind.AWS_ACCESS_KEY})


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
            regions: The regions to read. Empty: all there are. With some left out, keys used there look idle.
            lookback: How far back the first run reads.
            files_per_batch: Files between two commits.
            most_inflated: Bytes one file may inflate to.
        """  # noqa: D205
        self._id = SourceId(f"cloudtrail:{name}")
        self._bucket = TrailBucket(AwsClients(self._id, access), bucket, prefix)
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
        return _KINDS

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        started = self._now()
        earliest = started - self._lookback
        place = TrailPlace(cursor)
        shelves = self._shelves()
        place.accounts = self._accounts & {shelf.account for shelf in shelves}
        skipped = [
            Skipped(f"{self._bucket.root} of account {account}", "the trail has no files of it", "correct `accounts`")
            for account in sorted(self._accounts - place.accounts)
        ]
        count = 0
        try:
            for file in self._bucket.files(shelves, lambda shelf: place.start(shelf, earliest)):
                if place.seen(file):
                    continue
                skipped += self._take(file, place)
                count += 1
                if count % self._files_per_batch == 0:
                    place.tracer.forget(file.stamp)
                    yield self._batch(place, file.stamp - LAG, earliest, skipped)
                    skipped = []
        except SourceError:
            # What was read before the trouble holds, and need not be read again.
            if count % self._files_per_batch and place.newest:
                yield self._batch(place, place.until, earliest, skipped)
            raise
        if place.newest is None:
            yield self._batch(place, None, earliest, skipped)
            return
        place.tracer.forget(started)
        if place.newest + QUIET < started:
            why = f"nothing was delivered since {to_rfc3339(place.newest)}: later silence proves nothing"
            skipped.append(
                Skipped(self._bucket.root, why, "check that the trail is logging: aws cloudtrail get-trail-status")
            )
        yield self._batch(place, min(started - LAG, place.newest + QUIET), earliest, skipped)

    def check(self) -> Iterator[str | Skipped]:
        what = f"s3:ListBucket on {self._bucket.root}"
        try:
            shelves = self._shelves()
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
            return
        yield what
        what = "s3:GetObject (and kms:Decrypt) on a log file"
        earliest = self._now() - self._lookback
        try:
            file = next(self._bucket.files(shelves, lambda _: earliest), None)
            if file is None:
                days = self._lookback.days
                yield Skipped(what, f"no file was delivered in the last {days} days", "check that the trail is logging")
                return
            self._bucket.probe(file)
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
        else:
            yield what

    def _shelves(self) -> list[Shelf]:
        shelves = self._bucket.shelves(self._accounts, self._regions)
        if not shelves:
            hint = "check bucket and prefix, and that the trail is logging; after it was made, wait 15 minutes"
            raise SourceMalformed(f"{self._id}: no CloudTrail files below {self._bucket.root}", hint=hint)
        return shelves

    def _take(self, file: TrailFile, place: TrailPlace) -> Iterator[Skipped]:
        what = f"s3://{self._bucket.bucket}/{file.key}"
        try:
            records, broken = decode(self._bucket.content(file, most=self._most_inflated))
        except ArchivedFile as error:
            place.hole(file)
            yield Skipped(what, str(error), "restore it, or choose a shorter lookback")
            return
        except (UnreadableFile, ValueError) as error:
            place.hole(file)
            yield Skipped(what, str(error))
            return
        trouble = collect(records, place.tracer, self._now() + _AHEAD)
        if broken:
            trouble["are not CloudTrail records"] = broken
        if trouble:
            place.hole(file)  # one of them may have been the success that keeps a key alive
        else:
            place.mark(file)
        for why, count in trouble.items():
            yield Skipped(what, f"{count} of its records {why}")

    def _batch(
        self, place: TrailPlace, until: datetime | None, earliest: datetime, skipped: list[Skipped]
    ) -> CallBatch:
        accounts, since = place.covered(earliest)
        if since is not None and until is not None:
            place.until = max(until, since, place.until or since)
        coverage = Coverage(source=self._id, kinds=_KINDS, accounts=accounts, since=since, until=place.until)
        evidence = tuple(place.tracer.take(self._id))
        return CallBatch(evidence=evidence, cursor=place.cursor(), coverage=coverage, skipped=tuple(skipped))


def collect(records: list[Record], tracer: Tracer, latest: datetime) -> Counter[str]:
    """
    Note in `tracer` what `records` prove, and count by reason the ones that can be right in no way.

    Args:
        records: Of one file.
        tracer: Where evidence and sessions are kept.
        latest: A call after this has not been made yet; it would keep a key alive for ever.
    """
    trouble: Counter[str] = Counter()
    for record in records:
        if not known_version(record):
            trouble["are of an unknown version"] += 1
            continue
        key = signer(record)
        result = outcome(record) if key is not None else None
        if key is None or result is None:
            continue
        session = issued(record) if result is Outcome.SUCCESS else None
        if (session is None and not tracer.newer(key, result, record.event_time)) or own(record):
            continue
        try:
            at = moment(record)
        except ValueError:
            trouble["have no time"] += 1
            continue
        if at > latest:
            trouble["are from the future"] += 1
            continue
        tracer.add(key, result, _trace(record))
        if session is not None:
            tracer.made(session, key, at)
    return trouble


def _trace(record: Record) -> Trace:
    who = record.user_identity
    return Trace(
        time=record.event_time,
        action=f"{record.event_source.removesuffix('.amazonaws.com')}:{record.event_name}",
        principal=who.arn if who else None,
        address=record.source_ip,
        root=who.account_id if who and who.type == "Root" else None,
    )


_: type[CallSource] = CloudTrailFiles
