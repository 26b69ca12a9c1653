"""
Following the digests of a bucket: whether every log file that CloudTrail delivered is there, as it was delivered.

A chain without a gap proves more than the files do: that in an hour there was nothing to deliver. What is missing or
altered is told, and its account is covered from there on only. A digest of files that came late (`_backfill`) is no
link of a chain; it is looked at if it is there when its hour is come to.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from keywatch.collect.aws import AwsClients, asking
from keywatch.collect.calls.cloudtrail_bucket import ArchivedFile, Shelf, TrailBucket, UnreadableFile
from keywatch.collect.calls.cloudtrail_digest import (
    SIGNATURE,
    Digest,
    DigestName,
    Link,
    LogFile,
    digest_name,
    read_digest,
    sha256,
    signed,
)
from keywatch.collect.calls.cloudtrail_place import TrailPlace
from keywatch.collect.content.ahead import Ahead
from keywatch.model.errors import SourceError, SourceMalformed
from keywatch.model.source import Skipped
from keywatch.model.time import to_rfc3339

EVERY = timedelta(hours=1)
"""How often digests are looked for: as often as they are written."""
_MOST = 64 << 20
"""Bytes of a digest."""
_AT_ONCE = 8
"""Log files that are fetched, or wait to be compared, at a time."""
_HINT = "find out who can write to the bucket; AWS's own check: aws cloudtrail validate-logs"
_VALIDATION = "aws cloudtrail update-trail --enable-log-file-validation --name TRAIL"


class Trouble(NamedTuple):
    """Something that is not as it was delivered."""

    key: str
    why: str
    at: datetime
    """From when on nothing is wrong any more, as far as this goes."""
    altered: bool = True
    """Whether somebody has to have done it: what is in an archive is only out of reach."""


class DigestChains:
    """All digest chains below a trail's root. Every method raises `SourceError` as `asking` says."""

    def __init__(self, clients: AwsClients, bucket: TrailBucket, *, most: int) -> None:
        """
        Args:
            clients: How AWS is asked; each region has public keys of its own.
            bucket: Where digests and log files are.
            most: Bytes a log file may inflate to.
        """  # noqa: D205
        self._clients = clients
        self._bucket = bucket
        self._most = most
        self._keys: dict[str, dict[str, bytes]] = {}

    def follow(
        self, place: TrailPlace, earliest: datetime, now: datetime, *, accounts: frozenset[str], regions: frozenset[str]
    ) -> Iterator[list[Skipped]]:
        """
        Follow all chains from where `place` says that they were left, and note there how far they are whole.

        Args:
            place: what the cursor carries.
            earliest: how far back the first run looks.
            now: the clock's.
            accounts: only these. Empty: all.
            regions: only these. Empty: all.

        Yields:
            What is wrong, digest by digest: nothing, most of the time.
        """
        try:
            import cryptography  # noqa: F401
        except ImportError:
            hint = "install it: pip install 'keywatch[digests]'"
            raise SourceMalformed(
                f"{self._clients.who}: verify_digests needs the package cryptography", hint=hint
            ) from None
        place.chains = {name: link for name, link in place.chains.items() if link.end >= earliest}
        for shelf in self._bucket.shelves(accounts, regions, "CloudTrail-Digest"):
            yield from self._on(shelf, place, earliest, now)
        place.digested = now

    def check(self) -> Iterator[str | Skipped]:
        """As `CallSource.check`."""
        what = "digests, and cloudtrail:ListPublicKeys"
        try:
            shelves = self._bucket.shelves(frozenset(), frozenset(), "CloudTrail-Digest")
            if not shelves:
                yield Skipped(what, f"there are no digests below {self._bucket.root}", _VALIDATION)
                return
            now = datetime.now(UTC)
            self._public_keys(shelves[0].region, now - EVERY, now)
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
        else:
            yield what

    def _on(self, shelf: Shelf, place: TrailPlace, earliest: datetime, now: datetime) -> Iterator[list[Skipped]]:
        held = [link.end for link in place.chains.values() if link.key.startswith(shelf.prefix)]
        since = min(held, default=earliest)
        # Digests of several trails lie beside each other, and a day's are listed trail by trail.
        there = [(name, key) for key in self._bucket.digests(shelf, since) if (name := digest_name(key)) is not None]
        for name, key in sorted(there, key=lambda one: one[0].end):
            link = place.chains.get(name.chain)
            if name.end < earliest or (link is not None and name.end <= link.end):
                continue
            keys = self._public_keys(shelf.region, since - EVERY, now)
            troubles = list(self._judged(key, name, place, shelf.account, keys))
            for trouble in troubles:
                place.hole(shelf.account, trouble.at)
                if trouble.altered:
                    place.note_altered(f"s3://{self._bucket.bucket}/{trouble.key}: {trouble.why}", now)
            yield [Skipped(f"s3://{self._bucket.bucket}/{one.key}", one.why, _HINT) for one in troubles]

    def _judged(
        self, key: str, name: DigestName, place: TrailPlace, account: str, keys: dict[str, bytes]
    ) -> Iterator[Trouble]:
        try:
            content, metadata = self._bucket.signed_content(key, most=_MOST)
            digest = read_digest(content)
        except ValueError as error:
            yield Trouble(key, f"this digest cannot be read: {error}", name.end)
            return
        link = place.chains.get(name.chain)
        if not name.late:
            yield from self._joined(key, digest, link)
            place.chains[name.chain] = Link(account, key, name.end, sha256(content), metadata.get(SIGNATURE, ""))
        if (digest.bucket, digest.key) != (self._bucket.bucket, key):
            yield Trouble(key, "this digest was moved: it says that it belongs elsewhere", digest.end)
        elif digest.fingerprint not in keys:
            yield Trouble(key, "this digest is signed with a key that AWS does not know", digest.end)
        elif not signed(digest, content, metadata, keys[digest.fingerprint]):
            yield Trouble(key, "this digest was altered: its signature is wrong", digest.end)
        yield from self._compared(digest)

    def _joined(self, key: str, digest: Digest, link: Link | None) -> Iterator[Trouble]:
        if link is None or link.precedes(digest):
            return
        if digest.previous_key is None:
            why = "digests begin anew here: the trail, or its validation, was off since"
            yield Trouble(key, f"{why} {to_rfc3339(link.end)}", digest.start)
        else:
            yield Trouble(key, "the digest before this one is missing or was altered", digest.start)

    def _compared(self, digest: Digest) -> Iterator[Trouble]:
        ahead: Ahead[LogFile, memoryview] = Ahead(
            lambda file: self._bucket.content(file.key, most=self._most),
            lambda file: 1 if file.bucket == self._bucket.bucket else None,
            threads=_AT_ONCE,
            most=_AT_ONCE,
        )
        with closing(ahead.results(iter(digest.log_files))) as results:
            for file, content in results:
                if content is None:
                    yield Trouble(file.key, "this log file lies in another bucket, where nobody looks", digest.end)
                    continue
                try:
                    with self._bucket.borrowed(content.result()) as data:
                        altered = sha256(data) != file.sha256
                except UnreadableFile as error:
                    why = f"this log file cannot be read, which its digest names: {error}"
                    yield Trouble(file.key, why, digest.end, altered=not isinstance(error, ArchivedFile))
                    continue
                if altered:
                    yield Trouble(file.key, "this log file was altered after it was delivered", digest.end)

    def _public_keys(self, region: str, since: datetime, now: datetime) -> dict[str, bytes]:
        """The public keys of a region by their fingerprints, asked for once."""
        if region in self._keys:
            return self._keys[region]
        client = self._clients.cloudtrail(region)
        found: dict[str, bytes] = {}
        token = ""
        while True:
            with asking(self._clients.who, "cloudtrail:ListPublicKeys"):
                answer = (
                    client.list_public_keys(StartTime=since, EndTime=now, NextToken=token)
                    if token
                    else client.list_public_keys(StartTime=since, EndTime=now)
                )
            found |= {key.get("Fingerprint", ""): key.get("Value", b"") for key in answer.get("PublicKeyList", [])}
            before, token = token, answer.get("NextToken", "")
            if token in ("", before):
                break
        self._keys[region] = found
        return found
