"""A bucket behind any S3 API: its objects page by page, and their content as it comes, whatever breaks on the way."""

import re
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

from keywatch.collect.aws import AwsClients, asking, error_code
from keywatch.model.errors import SourceMalformed, SourceUnreachable

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from botocore.response import StreamingBody
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef, ListObjectsV2OutputTypeDef, ListObjectsV2RequestTypeDef

_PIECE = 1 << 20
_RESUMED = 5
"""Times a broken transfer is taken up again without anything having come."""
_EACH = 16 << 20
"""Bytes for which it may be taken up once more than that: a large object meets more trouble."""
_ANSWERED_WRONG = frozenset({"NoSuchKey", "404", "NotFound"})
_SERVER = 500
_CONTENT_RANGE = re.compile(r"bytes (\d+)-")


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as the listing has it: in a bucket with versions, the current one."""

    key: str
    etag: str
    size: int
    stamp: str
    """When it was last modified, as the server has it."""


class UnreadableObject(ValueError):
    """One object that cannot be read, while its neighbours can. The text says why, and quotes nothing of it."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


class FailingObject(UnreadableObject):
    """The server fails at it: one alone is a damaged object, several in a row are a damaged server."""


class VanishedObject(UnreadableObject):
    """It was removed after it was listed."""


class ChangedObject(ValueError):
    """It was replaced while it was being read: what came so far is of the version before."""


class _BrokenTransfer(Exception):
    """The connection broke while content came."""


class Bucket:
    """A bucket, or what of it begins with a prefix. Troubles are told as `keywatch.collect.aws.asking` does."""

    def __init__(
        self,
        clients: AwsClients,
        bucket: str,
        prefix: str,
        *,
        requester_pays: bool = False,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self.name = bucket
        self.prefix = prefix
        self.wait = wait
        self.clients = clients
        self._requester_pays = requester_pays

    def listed(self, after: str = "", *, page: int = 1000) -> Iterator[Listed]:
        """
        Yield the objects in the order of their keys, from behind the key `after`; a page in memory at a time.

        Raises:
            SourceError: the bucket cannot be listed, or not in that order.
        """
        last = after.encode("utf-8", "surrogatepass")
        for answer in self._pages(after, page):
            for item in answer.get("Contents", []):
                key = item.get("Key", "")
                here = key.encode("utf-8", "surrogatepass")
                if here <= last:
                    if not after and not last:
                        continue  # an empty name
                    hint = "directory buckets and the like cannot be read on from where they were left"
                    raise SourceMalformed(f"{self.clients.who}: its keys are not listed in their order", hint=hint)
                last = here
                modified = item.get("LastModified")
                stamp = modified.isoformat() if modified else ""
                yield Listed(key, item.get("ETag", ""), item.get("Size", 0), stamp)

    def probe(self, item: Listed) -> None:
        """
        Read one byte: the right to read, and to decrypt, without the transfer.

        Raises:
            UnreadableObject: this object cannot be read.
            SourceError: none can.
        """
        self.get({"Key": item.key, "Range": "bytes=0-0"})

    def get(self, ask: "Wanted") -> "Answer":
        """
        Ask for (a part of) an object.

        Raises:
            ChangedObject: it is not the version that was asked for.
            UnreadableObject: this object cannot be read.
            SourceError: none can.
        """
        from botocore.exceptions import ClientError

        request: GetObjectRequestTypeDef = {"Bucket": self.name, "Key": ask["Key"]}
        if "IfMatch" in ask:
            request["IfMatch"] = ask["IfMatch"]
        if "Range" in ask:
            request["Range"] = ask["Range"]
        if self._requester_pays:
            request["RequestPayer"] = "requester"
        s3 = self.clients.s3()
        with asking(self.clients.who, "s3:GetObject"):
            try:
                answer = s3.get_object(**request)
            except ClientError as error:
                # Kept in no variable: with its traceback it would hold on to itself, and to the connections in there.
                raise _refusal(error) or error from None
        where = _CONTENT_RANGE.match(answer.get("ContentRange", ""))
        start = int(where[1]) if where else 0
        return Answer(answer["Body"], answer.get("ETag", ""), start, answer.get("ContentLength", 0))

    def _pages(self, after: str, page: int) -> Iterator["ListObjectsV2OutputTypeDef"]:
        from botocore.exceptions import ClientError

        s3, who = self.clients.s3(), self.clients.who
        ask: ListObjectsV2RequestTypeDef = {"Bucket": self.name, "Prefix": self.prefix, "MaxKeys": page}
        if self._requester_pays:
            ask["RequestPayer"] = "requester"
        if after:
            ask["StartAfter"] = after
        token = ""
        while True:
            more: ListObjectsV2RequestTypeDef = {**ask, "ContinuationToken": token} if token else ask
            with asking(who, f"s3:ListBucket on bucket {self.name}"):
                try:
                    answer = s3.list_objects_v2(**more)
                except ClientError as error:
                    if error_code(error) == "NoSuchBucket":
                        hint = "check the bucket's name, and the endpoint that is asked"
                        raise SourceMalformed(f"{who}: there is no bucket {self.name}", hint=hint) from None
                    raise
            yield answer
            if not answer.get("IsTruncated"):
                return
            before, token = token, answer.get("NextContinuationToken", "")
            if token in ("", before):
                raise SourceMalformed(f"{who}: s3:ListBucket says there is more, but not where")


class Wanted(TypedDict):
    """What to ask for."""

    Key: str
    IfMatch: NotRequired[str]
    """The version's ETag."""
    Range: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a request for content."""

    body: "StreamingBody"
    etag: str
    start: int
    """Bytes of the object before the first one in `body`."""
    length: int

    def read(self, most: int) -> bytes:
        """
        Return what comes next; nothing at the end.

        Raises:
            _BrokenTransfer: the connection broke, or ended too early.
        """
        try:
            return self.body.read(most)
        except Exception:  # noqa: BLE001 - of botocore's, urllib3's and the system's, whichever let it pass
            raise _BrokenTransfer from None


class Body:
    """The content of one version of an object, piece by piece. A transfer that breaks is taken up where it broke."""

    def __init__(self, bucket: Bucket, item: Listed, *, exactly: bool = True) -> None:
        """
        Ask for nothing yet.

        Args:
            bucket: where it is.
            item: the object.
            exactly: whether it must still be the version that was listed.
        """
        self._bucket = bucket
        self._item = item
        self.etag = item.etag if exactly else ""
        """Of the version that is read."""
        self.size = item.size
        """Of that version, in bytes."""
        self._position = 0
        self._answer: Answer | None = None

    def pieces(self) -> Generator[bytes, None, None]:
        """
        Yield the content, a megabyte at most at a time.

        Raises:
            ChangedObject: it has been replaced.
            UnreadableObject: it cannot be read (further).
            SourceError: nothing can.
        """
        idle = broken = 0
        try:
            while True:
                try:
                    piece = self._opened().read(_PIECE)
                except _BrokenTransfer:
                    if self._answer is not None and self._position == self.size:
                        return  # all of it had come
                    self._close()
                    idle, broken = idle + 1, broken + 1
                    if idle > _RESUMED or broken > _RESUMED + self._position // _EACH:
                        raise FailingObject("the transfer broke off again and again") from None
                    self._bucket.wait(min(8.0, 0.1 * 2**idle))
                    continue
                if not piece:
                    return
                idle = 0
                self._position += len(piece)
                yield piece
        finally:
            self._close()

    def _opened(self) -> Answer:
        if self._answer is None:
            ask: Wanted = {"Key": self._item.key}
            if self.etag:
                ask["IfMatch"] = self.etag
            if self._position:
                ask["Range"] = f"bytes={self._position}-"
            self._answer = answer = self._bucket.get(ask)
            if self.etag and answer.etag and bare(answer.etag) != bare(self.etag):
                raise ChangedObject
            if not self._position:
                self.etag = answer.etag or self.etag
                self.size = answer.length
            self._skip(answer)
        return self._answer

    def _skip(self, answer: Answer) -> None:
        """Pass over what has come already, where the server does not know how to begin in the middle."""
        ahead = self._position - answer.start
        while ahead > 0 and (piece := answer.read(min(_PIECE, ahead))):
            ahead -= len(piece)
        if ahead:
            raise ChangedObject  # it is shorter now, or begins too late

    def _close(self) -> None:
        if self._answer is not None:
            self._answer.body.close()
            self._answer = None


def bare(etag: str) -> str:
    """Return an ETag without what only some answers put around it."""
    return etag.removeprefix("W/").strip('"')


def _refusal(error: "ClientError") -> Exception | None:  # noqa: PLR0911 - one for each reason
    """Return why this object alone is not given out; None where none would be."""
    code = error_code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in {"PreconditionFailed", "412", "InvalidRange", "416"}:
        return ChangedObject()
    if code in _ANSWERED_WRONG:
        return VanishedObject("it was removed after it was listed")
    if code == "InvalidObjectState":
        return UnreadableObject("it lies in an archive storage class", "restore it, or leave it out by the prefix")
    if code.startswith("KMS"):
        return UnreadableObject(f"its KMS key cannot be used ({code})", "enable the key, or leave the object out")
    if code in {"AccessDenied", "AllAccessDisabled", "403"}:
        if "kms:" in str(error.response.get("Error", {}).get("Message", "")):
            return UnreadableObject("kms:Decrypt was refused", "allow kms:Decrypt on its key to keywatch's identity")
        return UnreadableObject("s3:GetObject was refused", "allow s3:GetObject on it, and kms:Decrypt on its key")
    if code in {"InvalidRequest", "InvalidArgument", "MethodNotAllowed", "400", "405"}:
        return UnreadableObject(f"it is not given out like that ({code})", "encrypted with a customer's key (SSE-C)?")
    if status >= _SERVER and code not in {"SlowDown", "RequestLimitExceeded", "Throttling", "503"}:
        return FailingObject(f"the server fails to give it out ({code or status})")
    return None


def unreachable(who: str, error: FailingObject) -> SourceUnreachable:
    """Return what is wrong with the bucket when one object after the other fails."""
    return SourceUnreachable(f"{who}: one object after the other could not be read: {error.why}")
