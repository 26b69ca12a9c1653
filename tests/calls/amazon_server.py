"""Login with Amazon and SP-API on the loopback interface, as far as a probe asks them."""

import json
from collections.abc import Callable  # noqa: TC003 - read when the class is made
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.model.source import Json  # noqa: TC001 - as Callable

Answer: TypeAlias = "tuple[int, Json | bytes, dict[str, str]]"
"""Status, body, and further headers."""


@dataclass
class Grant:
    """An application and those who authorised it."""

    client_secret: str
    refresh_tokens: set[str] = field(default_factory=set)


class AmazonServer(LoopbackServer):
    """Knows applications, secrets and tokens. What it answers instead may be set while it runs."""

    def __init__(self) -> None:
        self.grants: dict[str, Grant] = {}
        """By client id."""
        self.instead: dict[str, Callable[[], Answer]] = {}
        """By path: what is answered, whatever was asked."""
        self.requests: list[str] = []
        """Verb and path of every request."""
        self.headers: list[dict[str, str]] = []
        self._access: set[str] = set()
        super().__init__(_handler(self))

    def respond(self, verb: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.requests.append(f"{verb} {path}")
        self.headers.append(headers)
        if path in self.instead:
            return self.instead[path]()
        if path == "/auth/o2/token" and verb == "POST":
            return self._token({name: values[0] for name, values in parse_qs(body.decode()).items()})
        if path == "/sellers/v1/marketplaceParticipations" and verb == "GET":
            if headers.get("x-amz-access-token") not in self._access:
                return refusal(403, "Unauthorized")
            return 200, {"payload": [{"marketplace": {"id": "A1PA6795UKMFR9"}}]}, {}
        return refusal(404, "NotFound")

    def _token(self, form: dict[str, str]) -> Answer:
        grant = self.grants.get(form.get("client_id", ""))
        if grant is None or form.get("client_secret") != grant.client_secret:
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}, {}
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") not in grant.refresh_tokens:
            return 400, {"error": "invalid_grant", "error_description": "The request has an invalid grant"}, {}
        access = f"Atza|{len(self.requests):040}"
        self._access.add(access)
        return 200, {"access_token": access, "token_type": "bearer", "expires_in": 3600}, {}


def refusal(status: int, code: str, **headers: str) -> Answer:
    """As SP-API words it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"errors": [{"code": code, "message": "Access to requested resource is denied."}]}, named


def _handler(server: AmazonServer) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def _any(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer, more = server.respond(self.command, urlsplit(self.path).path, headers, self.body())
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        do_GET = do_POST = _any  # noqa: N815 - the names are http.server's

    return Handler
