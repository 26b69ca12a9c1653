"""
The audit devices of the Vault stand-in: that there are some, and what they make of a value.

https://developer.hashicorp.com/vault/api-docs/system/audit-hash
"""

import hmac
import secrets
from typing import TypeAlias

from keywatch.model.source import Json

Body: TypeAlias = dict[str, Json]

_DONE: tuple[int, Body] = (204, {})


class Audits:
    """Devices by name, each with a salt of its own, which is lost with it."""

    def __init__(self) -> None:
        self._salts: dict[str, bytes] = {}

    def respond(self, verb: str, path: str, body: Body) -> tuple[int, Body]:
        """Answer what is asked below `sys/`."""
        device = path.partition("/")[2].strip("/")
        if path == "audit" and verb == "GET":
            return 200, {"data": {f"{name}/": {"type": "file", "path": f"{name}/"} for name in self._salts}}
        if path.startswith("audit-hash/") and verb == "POST" and device in self._salts:
            digest = hmac.digest(self._salts[device], str(body.get("input")).encode(), "sha256").hex()
            return 200, {"data": {"hash": f"hmac-sha256:{digest}"}}
        if path.startswith("audit/") and verb == "POST":
            self._salts[device] = secrets.token_bytes(32)
            return _DONE
        if path.startswith("audit/") and verb == "DELETE":
            self._salts.pop(device, None)
            return _DONE
        return 400, {"errors": [f'unknown audit backend: "{device}/"']}
