"""
The bucket a CloudTrail trail delivers to: what lies where, and reading it.

`[prefix/]AWSLogs/[o-organisation/]<account>/CloudTrail/<region>/YYYY/MM/DD/<account>_CloudTrail_<region>_<stamp>_<random>.json.gz`
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-find-log-files.html
"""

import heapq
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keywatch.collect.aws import AwsClients, asking, error_code
from keywatch.collect.gunzip import GzipRefused, gunzip
from keywatch.model.errors import SourceMalformed

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ListObjectsV2RequestTypeDef

_ACCOUNT = re.compile(r"(\d{12})/$")
_ORGANISATION = re.compile(r"(o-[a-z0-9]{10,32})/$")
_REGION = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)/$")
_NAME = re.compile(r"\d{12}_CloudTrail_[a-z0-9-]+_(\d{8}T\d{4}Z)_([A-Za-z0-9]{1,64})\.json\.gz")
_LISTED = 100_000
"""Keys held in memory at most, over all regions of all accounts."""
_PIECE = 1 << 20


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
    size: int
    """Compressed bytes."""
    stamp: datetime
    """When it was delivered, to the minute."""
    token: str
    """What tells it from the other files of its minute."""


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
        self._root = f"{prefix.strip('/')}/AWSLogs/" if prefix.strip("/") else "AWSLogs/"

    @property
    def root(self) -> str:
        return f"s3://{self.bucket}/{self._root}"

    def shelves(self, accounts: frozenset[str], regions: frozenset[str]) -> list[Shelf]:
        """
        The accounts and regions there are; digests and Insights lie beside them and are no part of this.

        Args:
            accounts: Only these. Empty: all.
            regions: Only these. Empty: all.
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
            for folder in self._folders(f"{place}CloudTrail/"):
                region = _REGION.search(folder)
                if region is not None and (not regions or region[1] in regions):
                    shelves.append(Shelf(account[1], region[1], folder))
        return sorted(shelves)

    def files(self, shelves: list[Shelf], start: Callable[[Shelf], datetime]) -> Iterator[TrailFile]:
        """
        Yield the files of all `shelves` in the order of their delivery.

        One order over all regions: a session is made in one and used in another, and what has been covered can be
        said after every file.
        """
        page = max(50, min(1000, _LISTED // max(1, len(shelves))))
        return heapq.merge(*(self._on(shelf, start(shelf), page) for shelf in shelves), key=lambda file: file.stamp)

    def content(self, file: TrailFile, *, most: int) -> bytes:
        """
        The inflated content of `file`.

        Raises:
            UnreadableFile: this one cannot be used.
            SourceError: the bucket cannot be read.
        """
        from botocore.exceptions import ClientError

        s3 = self._clients.s3()
        with asking(self._who, "s3:GetObject"):
            try:
                answer = s3.get_object(Bucket=self.bucket, Key=file.key)
                return gunzip(answer["Body"].iter_chunks(_PIECE), most=most)
            except GzipRefused as error:
                raise UnreadableFile(str(error)) from None
            except ClientError as error:
                code = error_code(error)
                if code == "NoSuchKey":
                    raise UnreadableFile("it was removed after it was listed") from None
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
                key = item.get("Key", "")
                name = _NAME.fullmatch(key.rsplit("/", 1)[-1])
                if name is not None:
                    stamp = datetime.strptime(name[1], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
                    yield TrailFile(shelf, key, item.get("Size", 0), stamp, name[2])

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
