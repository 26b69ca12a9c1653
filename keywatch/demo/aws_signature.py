"""
Whether a request was signed by an AWS key that is known, as STS would find out.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from keywatch.model.source import Json

_AUTHORISATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,"
    r" SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_SERVER_ID = "x-vault-aws-iam-server-id"


def caller(body: Mapping[str, Json], keys: Mapping[str, str], server_id: str | None) -> str | None:
    """
    Say what is wrong with a login of Vault's AWS method. None: a known key signed it.

    Args:
        body: of the login.
        keys: secret access keys by id.
        server_id: what must be signed along with it.
    """
    url, text = _decoded(body.get("iam_request_url")), _decoded(body.get("iam_request_body"))
    try:
        given = json.loads(_decoded(body.get("iam_request_headers")))
    except ValueError:
        return "error unmarshalling iam_request_headers"
    headers = {name.lower(): str(value) for name, value in given.items()}
    said = _AUTHORISATION.fullmatch(headers.get("authorization", ""))
    if said is None or body.get("iam_http_request_method") != "POST" or "Action=GetCallerIdentity" not in text:
        return "not a signed GetCallerIdentity"
    signed = said["headers"].split(";")
    if server_id is not None and (_SERVER_ID not in signed or headers.get(_SERVER_ID) != server_id):
        return "error validating X-Vault-AWS-IAM-Server-ID header"
    secret = keys.get(said["key"])
    if secret is None or "host" not in signed or headers.get("host") != urlsplit(url).netloc:
        return "error making upstream request: received error code 403"
    canonical = "\n".join(
        (
            "POST",
            urlsplit(url).path or "/",
            urlsplit(url).query,
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed),
            "",
            said["headers"],
            _sha256(text),
        )
    )
    scope = f"{said['day']}/{said['region']}/{said['service']}/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", headers.get("x-amz-date", ""), scope, _sha256(canonical)))
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    right = hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), said["signature"])
    return None if right else "error making upstream request: received error code 403"


def _decoded(text: Json) -> str:
    try:
        return base64.b64decode(str(text), validate=True).decode()
    except ValueError:
        return ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
