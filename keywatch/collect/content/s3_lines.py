"""
The objects of a bucket as a log: whole lines, each object once, in the order of their keys.

For what a shipper of logs puts there. What is packed is unpacked, and what is replaced is read anew, whole.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.content.ahead import Ahead
from keywatch.collect.content.s3 import nothing, split_url
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
from keywatch.collect.content.text import stream
from keywatch.collect.content.tree import printable
from keywatch.collect.tail_batch import WINDOW, WINDOWS, Lines, Piece, TailBatch
from keywatch.model.content import Origin
from keywatch.model.errors import SourceError, SourceUnreachable
from keywatch.model.key import SourceId
from keywatch.model.source import Cursor, Skipped

if TYPE_CHECKING:
    from concurrent.futures import Future

_THREADS = 8
_AHEAD = 16 << 20
"""Bytes that are fetched before they are needed, at most."""
_FAILING = 5
"""Objects in a row that a server may fail at before it is left alone."""
_PASSED = 10_000
"""Objects after which there is a place to resume from, even if nothing was new in them."""


class BucketLines:
    """Every object whose key begins with a prefix, and that was not read before."""

    def __init__(
        self,
        url: str,
        access: AwsAccess,
        who: SourceId,
        *,
        memory: Path | None,
        now: Callable[[], datetime],
        lookback: timedelta,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """
        Name what to read; nobody is asked yet.

        Args:
            url: `s3://bucket/prefix`.
            access: how it is reached.
            who: the source's name.
            memory: a directory in which to remember what was read. Without it each pass reads everything.
            now: the clock.
            lookback: objects that are older are left out.
            wait: sleeps.

        Raises:
            UsageError: that is no bucket's URL.
        """
        name, prefix = split_url(url)
        self.what = printable(url)
        self._clients = AwsClients(who, access)
        self._bucket = Bucket(self._clients, name, prefix, wait=wait)
        self._memory = memory / hashlib.sha256(who.encode()).hexdigest()[:16] if memory else None
        self._now = now
        self._lookback = lookback

    def check(self) -> Iterator[str | Skipped]:
        """Try to list the bucket and to read a byte. See `KeySource.check`."""
        what = f"s3:ListBucket on {self.what}"
        try:
            first = next(self._bucket.listed(page=1), None)
            yield what
            if first is None:
                yield nothing(self.what)
                return
            what = f"s3:GetObject (and kms:Decrypt where it is encrypted) on s3://{self._bucket.name}/{first.key}"
            if first.size:
                self._bucket.probe(first)
                yield what
        except UnreadableObject as error:
            yield Skipped(what, error.why, error.hint)
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
        finally:
            self._clients.close()

    def read(self, cursor: Cursor) -> Iterator[TailBatch]:
        """Read what is new since `cursor`. See `Lines.read`."""
        try:
            with closing(SeenObjects(self._memory, cursor, "")) as seen:
                yield from _Pass(self._bucket, seen, self.what, self._now() - self._lookback).batches()
        except OSError as error:
            why = error.strerror or type(error).__name__
            hint = "let keywatch write to its state directory, and give it room"
            raise SourceUnreachable(f"{self.what}: what was read cannot be remembered: {why}", hint=hint) from None
        finally:
            self._clients.close()


class _Pass:
    """One pass over the bucket."""

    def __init__(self, bucket: Bucket, seen: SeenObjects, what: str, earliest: datetime) -> None:
        self._bucket = bucket
        self._seen = seen
        self._what = what
        self._earliest = earliest
        self._pieces: list[Piece] = []
        self._size = 0
        self._skipped: list[Skipped] = []
        self._lost: str | None = None
        self._failing = 0

    def batches(self) -> Iterator[TailBatch]:
        begun, passed = not self._seen.after, 0
        ahead = Ahead(
            lambda item: _first(Body(self._bucket, item[0], exactly=False)), self._weight, threads=_THREADS, most=_AHEAD
        )
        try:
            with closing(ahead.results(self._items())) as results:
                for (listed, digest, _), future in results:
                    whole = True
                    if future is not None:
                        whole = False
                        for done in self._object(listed, future):
                            whole = done
                            if self._size >= WINDOWS * WINDOW:
                                # In the middle of an object there is no place to resume from but before it.
                                yield self._batch(self._seen.cursor())
                    self._seen.passed(listed.key, digest if whole else None)
                    passed += 1
                    if self._size >= WINDOWS * WINDOW or passed % _PASSED == 0:
                        yield self._batch(self._seen.cursor())
        except SourceError:
            # What was read before the trouble holds, and need not be read again.
            yield self._batch(self._seen.cursor())
            raise
        if begun and not passed:
            self._skipped.append(nothing(self._what))
        yield self._batch(self._seen.finished())

    def _items(self) -> Iterator[tuple[Listed, bytes, bool]]:
        for listed in self._bucket.listed(self._seen.after):
            digest = digest_of(listed.key, bare(listed.etag), listed.size, listed.stamp)
            # What is called a folder is an empty object.
            known = not listed.size or self._seen.has(listed.key, digest) or self._is_old(listed)
            yield listed, digest, known

    def _is_old(self, listed: Listed) -> bool:
        try:
            at = datetime.fromisoformat(listed.stamp)
        except ValueError:
            return False
        return (at if at.tzinfo else at.replace(tzinfo=UTC)) < self._earliest

    def _weight(self, item: tuple[Listed, bytes, bool]) -> int | None:
        return None if item[2] else min(item[0].size, WINDOW)

    def _object(self, listed: Listed, future: "Future[Iterator[bytes]]") -> Iterator[bool]:
        """Gather the lines of one object. Yields, at each step, whether it has been read to its end."""
        where = f"s3://{self._bucket.name}/{listed.key}"
        try:
            for item in _lines(future.result(), Origin(f"s3://{self._bucket.name}", listed.key)):
                if isinstance(item, Skipped):
                    self._skipped.append(item)
                    self._lost = f"{where} could not be read whole: {item.why}"
                else:
                    self._pieces.append(item)
                    self._size += len(item.data)
                    yield False
            self._failing = 0
            yield True
        except (UnreadableObject, ChangedObject) as error:
            self._failing = self._failing + 1 if isinstance(error, FailingObject) else 0
            why = str(error) or "it changes while it is read"
            self._skipped.append(Skipped(where, why, getattr(error, "hint", None)))
            self._lost = f"{where} could not be read: {why}"
            if isinstance(error, FailingObject) and self._failing >= _FAILING:
                raise unreachable(self._bucket.clients.who, error) from None
            yield isinstance(error, VanishedObject)

    def _batch(self, cursor: Cursor) -> TailBatch:
        batch = TailBatch(pieces=tuple(self._pieces), cursor=cursor, skipped=tuple(self._skipped), lost=self._lost)
        self._pieces, self._skipped, self._size, self._lost = [], [], 0, None
        return batch


def _first(body: Body) -> Iterator[bytes]:
    """Take the first of an object now, in a thread of its own, and the rest when it is asked for."""
    pieces = body.pieces()
    first = next(pieces, b"")
    return chain([first], pieces)


def _lines(content: Iterator[bytes], origin: Origin) -> Iterator[Piece | Skipped]:
    """Cut an object, or what is packed in it, into pieces of whole lines."""
    held, number, current, inside = b"", 1, origin, False
    for chunk in stream(content, origin):
        if isinstance(chunk, Skipped):
            yield chunk
            continue
        if chunk.origin != current:
            if held:
                yield _piece(held, current, number, inside=inside)
            held, number, current, inside = b"", 1, chunk.origin, False
        held += chunk.data[chunk.overlap :]
        while (end := _end(held, inside=inside)) > 0:
            part, held = held[:end], held[end:]
            yield _piece(part, current, number, inside=inside)
            number += part.count(b"\n")
            inside = not part.endswith(b"\n")
    if held:
        yield _piece(held, current, number, inside=inside)


def _end(held: bytes, *, inside: bool) -> int:
    """Where a piece ends: behind the last whole line; of a line that is too long, where it becomes so, or ends."""
    end = (held.find(b"\n", 0, WINDOW) if inside else held.rfind(b"\n", 0, WINDOW)) + 1
    return end if end or len(held) < WINDOW else WINDOW


def _piece(data: bytes, origin: Origin, number: int, *, inside: bool) -> Piece:
    partial = inside or (len(data) >= WINDOW and not data.endswith(b"\n"))
    return Piece(
        path=f"{origin.target}/{printable(origin.path)}",
        data=data,
        first_line=number,
        first_column=2 if inside else 1,
        partial=partial,
    )


_: type[Lines] = BucketLines
