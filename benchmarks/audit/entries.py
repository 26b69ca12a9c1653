"""An audit log as OpenBao 2.6 writes it: requests and responses, fields in its order, 0.9 to 2.5 kB an entry."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
_RUNNING = "v2.0.0+builtin.bao"
_POLICIES = ("default", "orders-read", "reports-read", "ci-deploy", "kv-list")


@dataclass(frozen=True, slots=True)
class Token:
    """Somebody's token, as the log has it."""

    hashed: str
    accessor: str
    display: str
    entity: str
    notes: dict[str, str]
    policies: tuple[str, ...]
    address: str


class AuditLog:
    """
    Makes entries: always the same ones.

    Of ten requests six read a secret, by tokens that live for a day; one is a log-in, whose token reads twice and is
    revoked; the rest renews, looks itself up, lists, writes or is refused.
    """

    def __init__(self, seed: int = 20261127) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - entries, not secrets
        self.secrets = [f"team-{n % 20}/application-{n}/lwa" for n in range(400)]
        self._tokens = [self._token(n) for n in range(300)]
        self._at = BEGIN

    def write(self, path: Path, count: int) -> int:
        """Write a log of `count` entries; return its size."""
        made = self.entries()
        with path.open("wb") as file:
            for _ in range(count):
                file.write(json.dumps(next(made), separators=(",", ":")).encode() + b"\n")
        return path.stat().st_size

    def entries(self) -> Iterator[dict[str, object]]:
        """Yield entries, in the order of their time."""
        dice = self._dice
        while True:
            token = self._tokens[int(len(self._tokens) * dice.random() ** 2)]
            kind = dice.random()
            if kind < 0.6:  # noqa: PLR2004
                yield from self._read(token)
            elif kind < 0.7:  # noqa: PLR2004
                fresh = self._token(dice.randrange(200))
                yield from self._login(fresh)
                yield from self._read(fresh)
                yield from self._read(fresh)
                yield from self._plain(fresh, "update", "auth/token/revoke-self", "auth/token/", "token")
            elif kind < 0.8:  # noqa: PLR2004
                data: dict[str, object] = {
                    "accessor": token.accessor,
                    "creation_time": 1795796567,
                    "id": token.hashed,
                    "ttl": 3600,
                }
                yield from self._plain(token, "read", "auth/token/lookup-self", "auth/token/", "token", data)
            elif kind < 0.9:  # noqa: PLR2004
                keys: dict[str, object] = {"keys": [self._hash() for _ in range(dice.randrange(3, 12))]}
                yield from self._plain(token, "list", "kv/metadata/team-1/", "kv/", "kv", keys)
            else:
                yield from self._refused(token)

    def _read(self, token: Token) -> Iterator[dict[str, object]]:
        path = self.secrets[int(len(self.secrets) * self._dice.random() ** 2)]
        data: dict[str, object] = {
            "data": {"client_id": self._hash(), "client_secret": self._hash(), "refresh_token": self._hash()},
            "metadata": {
                "created_time": "2026-10-01T08:12:47.16969027Z",
                "custom_metadata": {"owner": self._hash(), "application": self._hash()},
                "deletion_time": self._hash(),
                "destroyed": False,
                "version": 3,
            },
        }
        yield from self._plain(token, "read", f"kv/data/{path}", "kv/", "kv", data)

    def _login(self, token: Token) -> Iterator[dict[str, object]]:
        sent: dict[str, object] = {"role_id": self._hash(), "secret_id": self._hash()}
        asked = self._request("update", "auth/approle/login", "auth/approle/", "approle", sent, token, known=False)
        nobody = {"policy_results": {"allowed": True}, "token_type": "default"}
        yield {"time": self._now(), "type": "request", "auth": nobody, "request": asked}
        auth = self._auth(token)
        response = {"auth": auth, **self._mount("auth/approle/", "approle", "auth")}
        yield {"time": self._now(), "type": "response", "auth": auth, "request": asked, "response": response}

    def _refused(self, token: Token) -> Iterator[dict[str, object]]:
        path = self._dice.choice(self.secrets)
        error: dict[str, object] = {"error": self._hash()}
        for entry in self._plain(token, "read", f"kv/data/{path}", "kv/", "kv", error):
            yield entry | {"error": "1 error occurred:\n\t* permission denied\n\n"}

    def _plain(  # noqa: PLR0917 - what an entry consists of
        self, token: Token, operation: str, path: str, mount: str, kind: str, data: dict[str, object] | None = None
    ) -> Iterator[dict[str, object]]:
        auth = self._auth(token)
        asked = self._request(operation, path, mount, kind, None, token)
        yield {"time": self._now(), "type": "request", "auth": auth, "request": asked}
        response = self._mount(mount, kind, "auth" if kind == "token" else "secret") | ({"data": data} if data else {})
        yield {"time": self._now(), "type": "response", "auth": auth, "request": asked, "response": response}

    def _auth(self, token: Token) -> dict[str, object]:
        granted = [{"name": policy, "namespace_id": "root", "type": "acl"} for policy in token.policies[1:2]]
        return {
            "client_token": token.hashed,
            "accessor": token.accessor,
            "display_name": token.display,
            "policies": list(token.policies),
            "token_policies": list(token.policies),
            "policy_results": {"allowed": True, "granting_policies": granted},
            "metadata": token.notes,
            "entity_id": token.entity,
            "token_type": "service",
            "token_ttl": 86400,
            "token_issue_time": "2026-11-01T00:00:00Z",
        }

    def _request(  # noqa: PLR0917 - what a request consists of
        self,
        operation: str,
        path: str,
        mount: str,
        kind: str,
        data: dict[str, object] | None,
        token: Token,
        *,
        known: bool = True,
    ) -> dict[str, object]:
        who = {"client_token": token.hashed, "client_token_accessor": token.accessor} if known else {}
        return {
            "id": self._id(),
            "client_id": token.entity,
            "operation": operation,
            **self._mount(mount, kind, "auth" if mount.startswith("auth/") else "secret"),
            **who,
            "namespace": {"id": "root"},
            "path": path,
            **({"data": data} if data else {}),
            "remote_address": token.address,
            "remote_port": self._dice.randrange(32768, 60999),
        }

    def _mount(self, mount: str, kind: str, sort: str) -> dict[str, object]:
        return {
            "mount_point": mount,
            "mount_type": kind,
            "mount_accessor": f"{kind}_0208f593",
            "mount_running_version": _RUNNING,
            "mount_class": sort,
        }

    def _token(self, number: int) -> Token:
        return Token(
            self._hash(),
            self._hash(),
            "approle",
            f"{number:08x}-0143-60ac-64f0-546409dca58c",
            {"role_name": f"application-{number}"},
            ("default", self._dice.choice(_POLICIES), f"application-{number}"),
            f"10.{number % 4}.{number % 7}.{self._dice.randrange(1, 250)}",
        )

    def _now(self) -> str:
        self._at += timedelta(milliseconds=self._dice.randrange(1, 20))
        return f"{self._at:%Y-%m-%dT%H:%M:%S.%f}{self._dice.randrange(1000):03d}Z"

    def _hash(self) -> str:
        return f"hmac-sha256:{self._dice.getrandbits(256):064x}"

    def _id(self) -> str:
        text = f"{self._dice.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
