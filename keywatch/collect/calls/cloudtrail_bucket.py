"""
The bucket a CloudTrail trail delivers to: what lies where, and reading it.

`[prefix/]AWSLogs/[o-organisation/]<account>/CloudTrail/<region>/YYYY/MM/DD/<account>_CloudTrail_<region>_<stamp>_<random>.json.gz`
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-find-log-files.html
"""

import heapq
import re
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keywatch.collect.aws import AwsClients, asking, error_code
from keywatch.collect.content.ahead import Ahead
from keywatch.collect.gunzip import Buffers, GzipRefused, gunzip
from keywatch.model.errors import SourceError, SourceMalformed
from keywatch.model.source import Skipped

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ListObjectsV2RequestTypeDef

_ACCOUNT = re.compile(r"(\d{12})/$")
_ORGANISATION = re.compile(r"(o-[a-z0-9]{10,32})/$")
_REGION = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)/$")
_NAME = re.compile(r"\d{12}_CloudTrail_[a-z0-9-]+_(\d{8}T\d{4}Z)_([A-Za-z0-9]{1,64})\.json\.gz")
_PLACE = re.compile(
    r"(?P<shelf>(?:o-[a-z0-9]{10,32}/)?(?P<account>\d{12})/CloudTrail/(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)/)"
    r"\d{4}/\d{2}/\d{2}/[^/]+"
)
"""Of a key below the root, as a notice names it."""
_LISTED = 100_000
"""Keys held in memory at most, over all regions of all accounts."""
_PIECE = 1 << 20
_THREADS = 16
"""Files that are fetched at a time: S3 takes longer to answer than a file takes to read."""
_AT_ONCE, _INFLATED, _LEAST = 48 << 20, 10, 10_000
"""Bytes that are fetched and inflated ahead; what a compressed one comes to, about; and the size of a small file."""


@dataclass(frozen=True, slots=True, order=True)
class Shelf:
    """Where the files of one account and region lie."""

    account: str
    region: str
    prefix: str

    @property
    def name(self) -> str:
        return f"{self.account}/{self.region}"

    def after(self, moment: datetime) -> str:
        """The key after which files delivered from `moment` on are listed: keys sort by delivery."""
        return f"{self.prefix}{moment:%Y/%m/%d}/{self.account}_CloudTrail_{self.region}_{moment:%Y%m%dT%H%MZ}"


@dataclass(frozen=True, slots=True)
class TrailFile:
    """One delivered log file."""

    shelf: Shelf
    key: str
    stamp: datetime
    """When it was delivered, to the minute."""
    token: str
    """What tells it from the other files of its minute."""
    size: int = 0
    """Compressed bytes; 0: nobody said."""


class UnreadableFile(ValueError):
    """One file that cannot be used, while its neighbours can. The text says why, and quotes nothing of it."""


class ArchivedFile(UnreadableFile):
    """It was moved to an archive class, where reading takes hours and costs money."""


class TrailBucket:
    """A trail's bucket. Every method raises `SourceError` as `keywatch.collect.aws.asking` says."""

    def __init__(self, clients: AwsClients, bucket: str, prefix: str) -> None:
        self._who = clients.who
        self._clients = clients
        self.bucket = bucket
        self._buffers = Buffers()
        self._root = f"{prefix.strip('/')}/AWSLogs/" if prefix.strip("/") else "AWSLogs/"

    @property
    def root(self) -> str:
        return f"s3://{self.bucket}/{self._root}"

    def shelves(self, accounts: frozenset[str], regions: frozenset[str], kind: str = "CloudTrail") -> list[Shelf]:
        """
        The accounts and regions there are.

        Args:
            accounts: Only these. Empty: all.
            regions: Only these. Empty: all.
            kind: Of what lies there: log files, or, beside them, `CloudTrail-Digest`.
        """
        places = self._folders(self._root)
        for place in list(places):
            if _ORGANISATION.search(place):
                places += self._folders(place)
        shelves = []
        for place in places:
            account = _ACCOUNT.search(place)
            if account is None or (accounts and account[1] not in accounts):
                continue
            for folder in self._folders(f"{place}{kind}/"):
                region = _REGION.search(folder)
                if region is not None and (not regions or region[1] in regions):
                    shelves.append(Shelf(account[1], region[1], folder))
        return sorted(shelves)

    def filled(self, accounts: frozenset[str], regions: frozenset[str]) -> list[Shelf]:
        """The shelves there are; raises `SourceMalformed` if there are none."""
        shelves = self.shelves(accounts, regions)
        if not shelves:
            hint = "check bucket and prefix, and that the trail is logging; after it was made, wait 15 minutes"
            raise SourceMalformed(f"{self._who}: no CloudTrail files below {self.root}", hint=hint)
        return shelves

    def check(self, accounts: frozenset[str], regions: frozenset[str], since: datetime) -> Iterator[str | Skipped]:
        """As `CallSource.check`: list, and read a byte of a file that was delivered `since`."""
        what = f"s3:ListBucket on {self.root}"
        try:
            shelves = self.filled(accounts, regions)
            yield what
            what = "s3:GetObject (and kms:Decrypt) on a log file"
            file = next(self.files(shelves, lambda _: since), None)
            if file is None:
                yield Skipped(what, f"no file was delivered since {since:%Y-%m-%d}", "check that the trail is logging")
                return
            self.probe(file)
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
        else:
            yield what

    def wanted(self, file: TrailFile, accounts: frozenset[str], regions: frozenset[str]) -> bool:
        """Whether `file` lies on one of the shelves that `shelves` would give."""
        shelf = file.shelf
        return (not accounts or shelf.account in accounts) and (not regions or shelf.region in regions)

    def files(self, shelves: list[Shelf], start: Callable[[Shelf], datetime]) -> Iterator[TrailFile]:
        """
        Yield the files of all `shelves` in the order of their delivery.

        One order over all regions: a session is made in one and used in another, and what has been covered can be
        said after every file.
        """
        page = max(50, min(1000, _LISTED // max(1, len(shelves))))
        return heapq.merge(*(self._on(shelf, start(shelf), page) for shelf in shelves), key=lambda file: file.stamp)

    def contents(
        self, files: Iterator[TrailFile], seen: Callable[[TrailFile], bool], *, most: int
    ) -> Generator[tuple[TrailFile, Future[memoryview] | None], None, None]:
        """
        Yield `files` in their order, each with its content, which is fetched ahead: what `content` returns or raises.

        Args:
            files: as `files` gives them; what they raise is raised when those before were taken.
            seen: whether a file need not be fetched; it comes with None.
            most: bytes one file may inflate to.
        """
        ahead: Ahead[TrailFile, memoryview] = Ahead(
            lambda file: self.content(file.key, most=most),
            lambda file: None if seen(file) else max(file.size, _LEAST) * _INFLATED,
            threads=_THREADS,
            most=_AT_ONCE,
        )
        return ahead.results(files)

    def file(self, key: str, shelf: Shelf | None = None) -> TrailFile | None:
        """The log file that `key` is, on `shelf` if that is known already; None: it is something else."""
        name = _NAME.fullmatch(key.rsplit("/", 1)[-1])
        if shelf is None and key.startswith(self._root) and (place := _PLACE.fullmatch(key[len(self._root) :])):
            shelf = Shelf(place["account"], place["region"], self._root + place["shelf"])
        if name is None or shelf is None:
            return None
        try:
            stamp = datetime.strptime(name[1], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
        except ValueError:
            return None
        return TrailFile(shelf, key, stamp, name[2])

    def digests(self, shelf: Shelf, since: datetime) -> Iterator[str]:
        """Yield the keys of the digest files on `shelf` that were delivered on the day of `since` or later."""
        ask: ListObjectsV2RequestTypeDef = {
            "Bucket": self.bucket,
            "Prefix": shelf.prefix,
            "StartAfter": f"{shelf.prefix}{since:%Y/%m/%d}/",
        }
        for answer in self._pages(ask):
            yield from (item.get("Key", "") for item in answer.get("Contents", []))

    @contextmanager
    def borrowed(self, content: memoryview) -> Iterator[memoryview]:
        """What `content` gave, until its memory is used for another file."""
        try:
            yield content
        finally:
            self._buffers.give(content)

    def content(self, key: str, *, most: int) -> memoryview:
        """
        The inflated content of an object; see `borrowed`.

        Raises:
            UnreadableFile: this one cannot be used.
            SourceError: the bucket cannot be read.
        """
        return self.signed_content(key, most=most)[0]

    def signed_content(self, key: str, *, most: int) -> tuple[memoryview, dict[str, str]]:
        """As `content`, with the object's metadata, in which a digest's signature is."""
        from botocore.exceptions import ClientError

        s3 = self._clients.s3()
        with asking(self._who, "s3:GetObject"):
            try:
                answer = s3.get_object(Bucket=self.bucket, Key=key)
                pieces = answer["Body"].iter_chunks(_PIECE)
                return gunzip(pieces, most=most, buffers=self._buffers), answer.get("Metadata", {})
            except GzipRefused as error:
                raise UnreadableFile(str(error)) from None
            except ClientError as error:
                code = error_code(error)
                if code == "NoSuchKey":
                    raise UnreadableFile("it was removed before it was read") from None
                if code == "InvalidObjectState":
                    raise ArchivedFile("it lies in an archive storage class") from None
                raise

    def probe(self, file: TrailFile) -> None:
        """Read one byte: the right to read, and to decrypt, without the transfer."""
        s3 = self._clients.s3()
        with asking(self._who, "s3:GetObject"):
            s3.get_object(Bucket=self.bucket, Key=file.key, Range="bytes=0-0")["Body"].read()

    def _folders(self, prefix: str) -> list[str]:
        found: list[str] = []
        for page in self._pages({"Bucket": self.bucket, "Prefix": prefix, "Delimiter": "/"}):
            found += [folder.get("Prefix", "") for folder in page.get("CommonPrefixes", [])]
        return found

    def _on(self, shelf: Shelf, start: datetime, page: int) -> Iterator[TrailFile]:
        ask: ListObjectsV2RequestTypeDef = {
            "Bucket": self.bucket,
            "Prefix": shelf.prefix,
            "StartAfter": shelf.after(start),
            "MaxKeys": page,
        }
        for answer in self._pages(ask):
            for item in answer.get("Contents", []):
                file = self.file(item.get("Key", ""), shelf)
                if file is not None:
                    yield replace(file, size=item.get("Size", 0))

    def _pages(self, ask: "ListObjectsV2RequestTypeDef") -> Iterator["ListObjectsV2OutputTypeDef"]:
        s3 = self._clients.s3()
        token = ""
        while True:
            more: ListObjectsV2RequestTypeDef = {**ask, "ContinuationToken": token} if token else ask
            with asking(self._who, "s3:ListBucket"):
                answer = s3.list_objects_v2(**more)
            yield answer
            if not answer.get("IsTruncated"):
                return
            before, token = token, answer.get("NextContinuationToken", "")
            if token in ("", before):
                raise SourceMalformed(f"{self._who}: s3:ListBucket says there is more, but not where")
