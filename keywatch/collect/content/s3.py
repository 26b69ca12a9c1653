"""The objects of an S3 bucket, or of any server that speaks its language: current versions, read when they change."""

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.content.ahead import Ahead
from keywatch.collect.content.s3_bucket import (
    Body,
    Bucket,
    ChangedObject,
    FailingObject,
    Listed,
    UnreadableObject,
    VanishedObject,
    bare,
    unreachable,
)
from keywatch.collect.content.s3_seen import SeenObjects, digest_of
from keywatch.collect.content.text import chunks, stream
from keywatch.collect.content.tree import printable
from keywatch.collect.content.windows import WINDOW
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import ScanError, SourceError, UsageError
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped

if TYPE_CHECKING:
    from concurrent.futures import Future

_URL = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(.*))?", re.DOTALL)
_THREADS = 16
_AHEAD = 24 << 20
"""Bytes that are fetched before they are needed, at most."""
_BYTES = 8 << 20
_CHUNKS = 1000
_PASSED = 10_000
"""Objects after which there is a place to resume from, even if nothing was new in them."""
_FAILING = 5
"""Objects in a row that a server may fail at before it is left alone."""
_VERSIONS = 3
"""Times an object may be replaced while it is read."""
_NAMED = 20
"""Objects that are named for each reason why they cannot be read; the rest is counted."""


def split_url(url: str) -> tuple[str, str]:
    """
    Return bucket and prefix of `s3://bucket/prefix`. The prefix is taken as it stands: nothing in it is decoded.

    Raises:
        UsageError: it is no such URL.
    """
    parts = _URL.fullmatch(url)
    if parts is None:
        raise UsageError(f"{url}: not a bucket's URL", hint="write s3://bucket or s3://bucket/prefix")
    return parts[1], parts[2] or ""


@dataclass(frozen=True, slots=True)
class _Item:
    listed: Listed
    digest: bytes
    known: bool


@dataclass(frozen=True, slots=True)
class _Opened:
    """An object, the first of its content at hand."""

    body: Body
    head: bytes
    rest: Generator[bytes, None, None] | None
    """None: `head` is all of it."""

    def close(self) -> None:
        """Leave the rest."""
        if self.rest is not None:
            self.rest.close()


class S3Objects:
    """Every object whose key begins with a prefix. What was read before, and has the same ETag, is passed over."""

    def __init__(
        self,
        url: str,
        access: AwsAccess,
        id: SourceId | None = None,  # noqa: A002 - the Protocol's word
        *,
        ruleset: str = "",
        memory: Path | None = None,
        requester_pays: bool = False,
        chunks_per_batch: int = _CHUNKS,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """
        Name what to read; nobody is asked yet.

        Args:
            url: `s3://bucket/prefix`.
            access: how it is reached.
            id: the source's name; made from the URL if not given.
            ruleset: hash of what is looked for. A cursor made under another one is void.
            memory: a directory in which to remember what was read. Without it each pass reads everything.
            requester_pays: whether we pay for what we read of other people's buckets.
            chunks_per_batch: chunks after which there is a place to resume from, at the latest.
            wait: sleeps.

        Raises:
            UsageError: that is no bucket's URL.
        """
        name, prefix = split_url(url)
        self.target = printable(url)
        self.id = id or SourceId(self.target)
        self._bucket = Bucket(AwsClients(self.id, access), name, prefix, requester_pays=requester_pays, wait=wait)
        self._ruleset = ruleset
        self._chunks_per_batch = chunks_per_batch
        self._memory = memory / hashlib.sha256(self.id.encode()).hexdigest()[:16] if memory else None

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read what is new or changed since `cursor`, in the order of keys. See `ContentSource.read`."""
        try:
            with closing(SeenObjects(self._memory, cursor, self._ruleset)) as seen:
                yield from _Pass(self._bucket, seen, self.target, self._chunks_per_batch).batches()
        except SourceError as error:
            raise ScanError(error.message, hint=error.hint) from None
        except OSError as error:
            why = error.strerror or type(error).__name__
            hint = "let keywatch write to its state directory, and give it room"
            raise ScanError(f"{self.target}: what was read cannot be remembered: {why}", hint=hint) from None
        finally:
            self._bucket.clients.close()

    def check(self) -> Iterator[str | Skipped]:
        """Try to list the bucket and to read a byte. See `KeySource.check`."""
        try:
            yield from self._tried()
        finally:
            self._bucket.clients.close()

    def _tried(self) -> Iterator[str | Skipped]:
        what = f"s3:ListBucket on {self.target}"
        try:
            listed = self._bucket.listed(page=100)
            first = next(listed, None)
            yield what
            if first is None:
                yield self._nothing()
                return
            # What is called a folder is an empty object, and says nothing of the right to decrypt.
            item = next((item for item, _ in zip(chain([first], listed), range(100), strict=False) if item.size), first)
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
            return
        what = "s3:GetObject (and kms:Decrypt where it is encrypted)"
        if not item.size:
            yield Skipped(what, "the first hundred objects are empty, so it could not be tried")
            return
        try:
            self._bucket.probe(item)
        except UnreadableObject as error:
            yield Skipped(f"{what} on s3://{self._bucket.name}/{item.key}", error.why, error.hint)
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
        else:
            yield what

    def _nothing(self) -> Skipped:
        return nothing(self.target)


def nothing(target: str) -> Skipped:
    """Say that a prefix leads nowhere: a misspelled one must not look clean."""
    return Skipped(target, "no object's key begins like that", "check the spelling of bucket and prefix")


class _Pass:
    """One pass over a bucket."""

    def __init__(self, bucket: Bucket, seen: SeenObjects, target: str, most: int) -> None:
        self._bucket = bucket
        self._seen = seen
        self._target = target
        self._most = most
        self._chunks: list[Chunk] = []
        self._skipped: list[Skipped] = []
        self._size = 0
        self._trouble: Counter[tuple[str, str | None]] = Counter()
        self._failing = 0
        self._passed = 0

    def batches(self) -> Iterator[ContentBatch]:
        begun = not self._seen.after
        ahead = Ahead(self._fetched, self._weight, threads=_THREADS, most=_AHEAD)
        try:
            with closing(ahead.results(self._items())) as results:
                for item, future in results:
                    yield from self._object(item, future)
                    self._passed += 1
                    if self._is_full or self._passed % _PASSED == 0:
                        yield self._batch(self._seen.cursor())
        except SourceError:
            # What was read before the trouble holds, and need not be read again.
            yield self._batch(self._seen.cursor())
            raise
        if begun and not self._passed:
            self._skipped.append(nothing(self._target))
        for (why, hint), count in self._trouble.items():
            if count > _NAMED:
                self._skipped.append(Skipped(f"{self._target}: {count - _NAMED:,} more objects", why, hint))
        yield self._batch(self._seen.finished())

    @property
    def _is_full(self) -> bool:
        return self._size >= _BYTES or len(self._chunks) + len(self._skipped) >= self._most

    def _object(self, item: _Item, future: "Future[_Opened] | None") -> Iterator[ContentBatch]:
        """Gather what is in one object, and note that it has been passed."""
        digest: bytes | None = item.digest
        if future is not None:
            for part in self._content(item.listed, future):
                if part is None or isinstance(part, bytes):
                    digest = part
                    continue
                if self._is_full:
                    yield self._batch(None)  # in the middle of it: no place to resume from
                if isinstance(part, Chunk):
                    self._chunks.append(part)
                    self._size += len(part.data)
                else:
                    self._skipped.append(part)
        self._seen.passed(item.listed.key, digest)

    def _batch(self, cursor: Cursor | None) -> ContentBatch:
        batch = ContentBatch(chunks=tuple(self._chunks), cursor=cursor, skipped=tuple(self._skipped))
        self._chunks, self._skipped, self._size = [], [], 0
        return batch

    def _items(self) -> Iterator[_Item]:
        for listed in self._bucket.listed(self._seen.after):
            digest = digest_of(listed.key, bare(listed.etag), listed.size, listed.stamp)
            # What is called a folder is an empty object: there is nothing to ask for.
            yield _Item(listed, digest, known=not listed.size or self._seen.has(listed.key, digest))

    def _weight(self, item: _Item) -> int | None:
        return None if item.known else min(item.listed.size, WINDOW)

    def _fetched(self, item: _Item) -> _Opened:
        """Ask for an object, and take the first of it. In a thread of its own."""
        try:
            return _opened(Body(self._bucket, item.listed))
        except ChangedObject:
            return self._changed(item.listed)

    def _changed(self, listed: Listed) -> _Opened:
        """Ask for whatever an object is now."""
        for _ in range(_VERSIONS):
            try:
                return _opened(Body(self._bucket, listed, exactly=False))
            except ChangedObject:
                continue
        raise _restless()

    def _content(self, listed: Listed, future: "Future[_Opened]") -> Iterator[Chunk | Skipped | bytes | None]:
        """Yield what is in an object; then the digest of the version that was read, or None: it was not."""
        try:
            opened = future.result()
            for _ in range(_VERSIONS):
                try:
                    yield from _parts(opened, Origin(self._target, listed.key))
                except ChangedObject:
                    opened = self._changed(listed)
                    continue
                self._failing = 0
                yield digest_of(listed.key, bare(opened.body.etag), opened.body.size, listed.stamp)
                return
            opened.close()
            self._skip(listed, _restless())
        except VanishedObject:
            self._failing = 0
        except FailingObject as error:
            self._failing += 1
            if self._failing >= _FAILING:
                raise unreachable(self._bucket.clients.who, error) from None
            self._skip(listed, error)
        except UnreadableObject as error:
            self._failing = 0
            self._skip(listed, error)
        yield None

    def _skip(self, listed: Listed, error: UnreadableObject) -> None:
        self._trouble[error.why, error.hint] += 1
        if self._trouble[error.why, error.hint] <= _NAMED:
            self._skipped.append(Skipped(f"s3://{self._bucket.name}/{listed.key}", error.why, error.hint))


def _restless() -> UnreadableObject:
    return UnreadableObject("it changes faster than it can be read", "it will be tried again next time")


def _parts(opened: _Opened, origin: Origin) -> Iterator[Chunk | Skipped]:
    if opened.rest is None:
        yield from chunks(opened.head, origin)
    else:
        yield from stream(chain([opened.head], opened.rest), origin)


def _opened(body: Body) -> _Opened:
    rest = body.pieces()
    head = bytearray()
    while len(head) < WINDOW:
        piece = next(rest, None)
        if piece is None:
            return _Opened(body, bytes(head), None)
        head += piece
    return _Opened(body, bytes(head), rest)


_: type[ContentSource] = S3Objects
