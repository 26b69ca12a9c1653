"""Lines of an audit log as OpenBao 2.6.2 writes them: its fields, in its order, and what it leaves out."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLEAR = "plainly" + "-not-hashed-0123"
"""What stands for a secret that is not hashed."""


def hashed(text: str) -> str:
    """As an audit device hashes `text`, under one salt."""
    return f"hmac-sha256:{hashlib.sha256(b'salt' + text.encode()).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class Who:
    """Somebody with a token."""

    display: str = "approle"
    notes: dict[str, str] = field(default_factory=lambda: {"role_name": "orders"})
    entity: str = "6766c6f1-0143-60ac-64f0-546409dca58c"
    token: str = "orders' token"
    address: str = "203.0.113.7"
    raw: bool = False
    """Whether the device hashes nothing."""

    @property
    def auth(self) -> dict[str, object]:
        """What an entry says of them."""
        shown = CLEAR if self.raw else hashed(self.token)
        found: dict[str, object] = {
            "client_token": shown,
            "accessor": accessor(self.token),
            "display_name": self.display,
        }
        found |= {"policies": ["default", "p"]}
        found |= {"metadata": self.notes} if self.notes else {}
        found |= {"entity_id": self.entity} if self.entity else {}
        return found | {"token_type": "service", "token_ttl": 3600}


ORDERS = Who()
ALICE = Who(
    display="userpass-alice",
    notes={"username": "alice"},
    entity="481bc791-cbba-44cc-949d-d73394d82b3c",
    token="alice's token",
    address="198.51.100.9",
)
CI = Who(display="token-ci", notes={}, entity="", token="the token of ci", address="192.0.2.4")
ROOT = Who(display="root", notes={}, entity="", token="root's token")
NOBODY = Who(display="", notes={}, entity="", token="nobody's token")
GRANTED = {"data": {"client_secret": hashed("x"), "created": "2026-01-01T00:00:00Z", "n": 5}}
VERSION = {"created_time": "2026-11-01T16:22:47.16969027Z", "custom_metadata": None, "destroyed": False, "version": 1}
KV2 = GRANTED | {"metadata": VERSION | {"deletion_time": hashed("")}}
GONE = {"http_content_type": hashed("json"), "http_raw_body": hashed("body"), "http_status_code": 404}
"""What KV v2 answers of a version that was deleted."""
DENIED = "1 error occurred:\n\t* permission denied\n\n"


def accessor(token: str) -> str:
    """The accessor of a token as a log has it."""
    return hashed(f"accessor of {token}")


def entry(
    path: str = "kv/data/orders/lwa",
    who: Who | None = ORDERS,
    *,
    ago: timedelta = timedelta(minutes=1),
    sort: str = "response",
    operation: str = "read",
    mount: str = "kv/",
    kind: str = "kv",
    namespace: str = "",
    sent: object = None,
    data: object = None,
    issued: Who | None = None,
    wrapped: bool = False,
    error: str = "",
    **changes: object,
) -> dict[str, object]:
    """One entry."""
    at = NOW - ago
    token = {"client_token": who.auth["client_token"], "client_token_accessor": who.auth["accessor"]} if who else {}
    place = {"mount_point": namespace + mount, "mount_type": kind, "mount_running_version": "v2.0.0+builtin.bao"}
    asked = {
        "id": "9629f4b7-dd4b-5642-1822-67f5dfe08f23",
        "operation": operation,
        **place,
        **token,
        "namespace": {"id": "8bQldW", "path": namespace} if namespace else {"id": "root"},
        "path": path,
        **({} if sent is None else {"data": sent}),
        "remote_address": (who or issued or ORDERS).address,
        "remote_port": 51042,
    }
    shown = (issued or who or NOBODY).auth if who is not NOBODY and (issued or who) else {"token_type": "default"}
    found: dict[str, object] = {
        "time": f"{at:%Y-%m-%dT%H:%M:%S}.201785778Z",
        "type": sort,
        "auth": shown,
        "request": asked,
    }
    if sort == "response":
        found["response"] = {
            **({"auth": issued.auth} if issued else {}),
            **place,
            **({} if data is None else {"data": data}),
            **({"wrap_info": {"ttl": 60, "token": hashed("wrap"), "creation_path": path}} if wrapped else {}),
        }
    return found | ({"error": error} if error else {}) | changes


def read(who: Who = ORDERS, path: str = "kv/data/orders/lwa", **more: object) -> dict[str, object]:
    """Somebody reads a secret of KV v2."""
    return entry(path, who, **{"data": KV2, **more})  # type: ignore[arg-type]


def login(who: Who = ORDERS, path: str = "auth/approle/login", **more: object) -> dict[str, object]:
    """The answer to a login."""
    proof = {"role_id": hashed("role"), "secret_id": hashed("secret")}
    mount = path.partition("login")[0]
    usual: dict[str, object] = {"operation": "update", "mount": mount, "kind": "approle", "sent": proof, "issued": who}
    return entry(path, None, **{**usual, **more})  # type: ignore[arg-type]


def lines(*entries: dict[str, object], before: bytes = b"") -> bytes:
    """What a device writes."""
    return b"".join(before + json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in entries)
