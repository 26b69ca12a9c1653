"""A bucket to which CloudTrail delivers log files, and digests that it signs. For tests."""

import gzip
import hashlib
import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.cloudtrail import CloudTrailFiles
from tests.aws.server import AwsFault, FakeAws
from tests.calls.trail import ACCOUNT, HOUR, NOW, record

FINGERPRINT = "0123456789abcdef" * 2


@cache
def signing_key(number: int = 0) -> RSAPrivateKey:
    """A key of CloudTrail's. Small ones are made faster, and nothing here depends on it."""
    return generate_private_key(65537, 2048 if number == 0 else 1024 + 8 * number)


def public(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


class SignedBucket(FakeAws):
    """Objects and public keys, over HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.keys = {FINGERPRINT: public(signing_key())}
        self.now = NOW + HOUR / 4  # so late that all that was delivered until NOW is taken to be there
        self.last: dict[str, str | None] = {"key": None, "hash": None, "signature": None}
        self.count = 0
        self.on("s3", "ListObjectsV2", self._list)
        self.on("s3", "GetObject", self._get)
        self.on("cloudtrail", "ListPublicKeys", self._public_keys)

    def source(self, **changes: Any) -> CloudTrailFiles:  # noqa: ANN401 - whatever the source takes
        options: dict[str, Any] = {"bucket": "trail", "assume_complete": True, "verify_digests": True}
        access = AwsAccess(endpoint_url=self.url, attempts=1)
        return CloudTrailFiles("org", access, now=lambda: self.now, **(options | changes))

    def log(self, delivered: datetime, *, region: str = "us-east-1") -> str:
        """Deliver a log file with one successful call."""
        self.count += 1
        name = f"{ACCOUNT}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{self.count:016d}.json.gz"
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/{region}/{delivered:%Y/%m/%d}/{name}"
        self.write(key, json.dumps({"Records": [record(delivered - timedelta(minutes=5))]}).encode())
        return key

    def write(self, key: str, content: bytes, metadata: dict[str, str] | None = None) -> None:
        self.objects[key] = gzip.compress(content, mtime=0), metadata or {}

    def digest(self, end: datetime, *logs: str, starting: bool = False, late: bool = False, **changes: object) -> str:
        """Deliver the digest of the hour before `end`, signed, and chained to the last one."""
        if starting:
            self.last = {"key": None, "hash": None, "signature": None}
        region = str(changes.pop("region", "us-east-1"))
        suffix = "_backfill" if late else ""
        name = f"{ACCOUNT}_CloudTrail-Digest_{region}_audit_us-east-1_{end:%Y%m%dT%H%M%SZ}{suffix}.json.gz"
        key = f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{region}/{end:%Y/%m/%d}/{name}"
        signer = changes.pop("signer", signing_key())
        fields: dict[str, object] = {
            "awsAccountId": ACCOUNT,
            "digestStartTime": f"{end - HOUR:%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": "trail",
            "digestS3Object": key,
            "digestPublicKeyFingerprint": FINGERPRINT,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "previousDigestS3Bucket": "trail" if self.last["key"] else None,
            "previousDigestS3Object": self.last["key"],
            "previousDigestHashValue": self.last["hash"],
            "previousDigestHashAlgorithm": "SHA-256",
            "previousDigestSignature": self.last["signature"],
            "logFiles": [self._named(log) for log in logs],
        }
        content = json.dumps(fields | changes).encode()
        hashed = hashlib.sha256(content).hexdigest()
        text = f"{fields['digestEndTime']}\ntrail/{key}\n{hashed}\n{self.last['signature'] or 'null'}"
        assert isinstance(signer, RSAPrivateKey)
        signature = signer.sign(text.encode(), PKCS1v15(), SHA256()).hex()
        self.write(key, content, {"signature": signature, "signature-algorithm": "SHA256withRSA"})
        if not late:
            self.last = {"key": key, "hash": hashed, "signature": signature}
        return key

    def hours(self, count: int, *, until: datetime = NOW) -> list[str]:
        """Deliver `count` hours, each a log file and its digest, the last of which ends at `until`; the logs' keys."""
        logs = []
        for back in range(count - 1, -1, -1):
            end = until - back * HOUR
            logs.append(self.log(end - HOUR / 2))
            self.digest(end, logs[-1])
        return logs

    def _named(self, log: str) -> dict[str, object]:
        content = gzip.decompress(self.objects[log][0]) if log in self.objects else b""
        return {"s3Bucket": "trail", "s3Object": log, "hashValue": hashlib.sha256(content).hexdigest()}

    def _list(self, params: dict[str, Any], _: object) -> dict[str, Any]:
        prefix, after = params.get("Prefix", ""), params.get("StartAfter", "")
        keys = [key for key in sorted(self.objects) if key.startswith(prefix) and key > after]
        if "Delimiter" in params:
            folders = sorted({prefix + key.removeprefix(prefix).split("/")[0] + "/" for key in keys})
            return {"IsTruncated": False, "CommonPrefixes": [{"Prefix": folder} for folder in folders]}
        return {"IsTruncated": False, "Contents": [{"Key": key, "Size": 1} for key in keys]}

    def _get(self, params: dict[str, Any], _: object) -> dict[str, Any]:
        if params["Key"] not in self.objects:
            raise AwsFault("NoSuchKey", status=404)
        body, metadata = self.objects[params["Key"]]
        return {"Body": body, "Metadata": metadata}

    def _public_keys(self, params: dict[str, Any], _: object) -> dict[str, Any]:
        """A page a key."""
        number = int(params.get("NextToken", "0"))
        fingerprint = list(self.keys)[number]
        page: dict[str, Any] = {"PublicKeyList": [{"Fingerprint": fingerprint, "Value": self.keys[fingerprint]}]}
        return page | ({"NextToken": str(number + 1)} if number + 1 < len(self.keys) else {})
