"""
Digest files: each names the log files of an hour with their hashes, is signed, and points to the one before. Pure.

What is signed: the end of its hour as written in it, bucket and key, the SHA-256 of its inflated content, and the
signature of the one before (`null` in the first), a line each. The signature is RSA with SHA-256 (PKCS #1 v1.5), in
hexadecimal in the object's metadata; the public key is PKCS #1 DER, and of the digest's region.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Self

import msgspec

from keywatch.model.source import Json
from keywatch.model.time import parse_rfc3339, to_rfc3339

SIGNATURE, ALGORITHM = "signature", "signature-algorithm"
"""Names in the metadata of a digest's object, without `x-amz-meta-`."""
_RSA = "SHA256withRSA"
_NAME = re.compile(
    r"(?P<chain>(?P<account>\d{12})_CloudTrail-Digest_.{1,200}_(?P<home>[a-z]{2}(?:-[a-z]+)+-\d))"
    r"_(?P<end>\d{8}T\d{6}Z)(?P<late>_backfill)?\.json\.gz"
)


class DigestName(NamedTuple):
    """What the key of a digest file tells."""

    chain: str
    """All digests of one trail, account and region have this in common."""
    end: datetime
    late: bool
    """It names files that came too late for the digest of their hour, and is no link of that chain."""


def digest_name(key: str) -> DigestName | None:
    """Read the key of a digest file; None: it is something else."""
    name = _NAME.fullmatch(key.rpartition("/")[2])
    if name is None:
        return None
    try:
        end = datetime.strptime(name["end"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return DigestName(name["chain"], end, name["late"] is not None)


class LogFile(msgspec.Struct, frozen=True, rename={"bucket": "s3Bucket", "key": "s3Object", "sha256": "hashValue"}):
    """A log file as a digest names it."""

    bucket: str
    key: str
    sha256: str
    """Of its inflated content, in hexadecimal."""


class Digest(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of a digest file."""

    digest_start_time: str
    digest_end_time: str
    bucket: str = msgspec.field(name="digestS3Bucket")
    key: str = msgspec.field(name="digestS3Object")
    fingerprint: str = msgspec.field(name="digestPublicKeyFingerprint")
    log_files: tuple[LogFile, ...]
    previous_key: str | None = msgspec.field(name="previousDigestS3Object", default=None)
    previous_sha256: str | None = msgspec.field(name="previousDigestHashValue", default=None)
    previous_signature: str | None = msgspec.field(name="previousDigestSignature", default=None)

    @property
    def start(self) -> datetime:
        return parse_rfc3339(self.digest_start_time)

    @property
    def end(self) -> datetime:
        return parse_rfc3339(self.digest_end_time)


_decode = msgspec.json.Decoder(Digest).decode


def read_digest(content: bytes | memoryview) -> Digest:
    """
    Read the inflated content of a digest file.

    Raises:
        ValueError: it is not one. The text quotes nothing.
    """
    try:
        digest = _decode(content)
        _ = digest.start, digest.end
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ValueError("it is no digest") from None
    return digest


def signed(digest: Digest, content: bytes | memoryview, metadata: dict[str, str], public_key: bytes) -> bool:
    """
    Say whether a digest is signed by the owner of a key.

    Args:
        digest: as `read_digest` gave it.
        content: what it was read from.
        metadata: of its object.
        public_key: PKCS #1, DER.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if metadata.get(ALGORITHM) != _RSA:
        return False
    before = digest.previous_signature or "null"
    lines = (digest.digest_end_time, f"{digest.bucket}/{digest.key}", sha256(content), before)
    try:
        key = load_der_public_key(public_key)
        if not isinstance(key, RSAPublicKey):
            return False
        key.verify(bytes.fromhex(metadata.get(SIGNATURE, "")), "\n".join(lines).encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def sha256(content: bytes | memoryview) -> str:
    """Of `content`, as digests write it."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Link:
    """The newest digest of a chain that was looked at: what the next one must point to."""

    account: str
    key: str
    end: datetime
    sha256: str
    signature: str

    def precedes(self, digest: Digest) -> bool:
        return (digest.previous_key, digest.previous_sha256, digest.previous_signature) == (
            self.key,
            self.sha256,
            self.signature,
        )

    def to_json(self) -> list[Json]:
        return [self.account, self.key, to_rfc3339(self.end), self.sha256, self.signature]

    @classmethod
    def load(cls, saved: Json) -> Self | None:
        """Take up what `to_json` gave; None: it is something else, and the chain begins anew."""
        match saved:
            case [str(account), str(key), str(end), str(digest), str(signature)]:
                return cls(account, key, parse_rfc3339(end), digest, signature)
        return None
