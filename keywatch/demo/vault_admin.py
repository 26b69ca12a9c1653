"""Seeds a Vault over its own HTTP API, so that the same seeds work in the stand-in and in a real server."""

import json
from collections.abc import Mapping
from urllib.parse import quote
from urllib.request import Request, urlopen

from keywatch.model.source import Json


class VaultAdmin:
    """A Vault seen by somebody who may do everything. Plain `urllib`: hvac is what is under test elsewhere."""

    def __init__(self, url: str, token: str, namespace: str | None = None) -> None:
        self._url = url
        self._headers = {"X-Vault-Token": token} | ({"X-Vault-Namespace": namespace} if namespace else {})

    def mount(self, path: str, version: int = 2) -> None:
        self.ask("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": str(version)}})

    def unmount(self, path: str) -> None:
        self.ask("DELETE", f"sys/mounts/{path}")

    def write(self, mount: str, path: str, values: Mapping[str, Json], custom: Mapping[str, str] | None = None) -> None:
        """Write a new version of a KV v2 secret, and its custom metadata if given."""
        self.ask("POST", f"{mount}/data/{path}", {"data": dict(values)})
        if custom is not None:
            self.describe(mount, path, custom)

    def describe(self, mount: str, path: str, custom: Mapping[str, str]) -> None:
        self.ask("POST", f"{mount}/metadata/{path}", {"custom_metadata": dict(custom)})

    def delete(self, mount: str, path: str) -> None:
        """Delete the current version softly: it can be undeleted."""
        self.ask("DELETE", f"{mount}/data/{path}")

    def destroy(self, mount: str, path: str, *versions: int) -> None:
        self.ask("POST", f"{mount}/destroy/{path}", {"versions": [*versions]})

    def policy(self, name: str, hcl: str) -> None:
        self.ask("POST", f"sys/policies/acl/{name}", {"policy": hcl})

    def new_token(self, *policies: str, **settings: Json) -> str:
        """Make a token that lives for an hour, unless `ttl`, `period` and so on say otherwise."""
        answer = self.ask("POST", "auth/token/create", {"policies": [*policies], "ttl": "1h", **settings})
        return str(answer["auth"]["client_token"])  # type: ignore[call-overload,index]

    def revoke(self, token: str) -> None:
        self.ask("POST", "auth/token/revoke", {"token": token})

    def enable(self, mount: str, method: str) -> None:
        """Mount an auth method."""
        self.ask("POST", f"sys/auth/{mount}", {"type": method})

    def disable(self, mount: str) -> None:
        self.ask("DELETE", f"sys/auth/{mount}")

    def role(self, mount: str, name: str, *policies: str, **settings: Json) -> None:
        """Write a role of an auth method, whose tokens have those policies."""
        self.ask("POST", f"auth/{mount}/role/{name}", {"token_policies": [*policies], **settings})

    def role_id(self, mount: str, role: str) -> str:
        return str(self.ask("GET", f"auth/{mount}/role/{role}/role-id")["data"]["role_id"])  # type: ignore[call-overload,index]

    def secret_id(self, mount: str, role: str) -> str:
        answer = self.ask("POST", f"auth/{mount}/role/{role}/secret-id", {})
        return str(answer["data"]["secret_id"])  # type: ignore[call-overload,index]

    def wrapped_secret_id(self, mount: str, role: str, seconds: int = 300) -> str:
        """A token that gives a secret id once."""
        answer = self.ask("POST", f"auth/{mount}/role/{role}/secret-id", {}, wrap=seconds)
        return str(answer["wrap_info"]["token"])  # type: ignore[call-overload,index]

    def ask(self, verb: str, path: str, body: Json = None, query: str = "", wrap: int = 0) -> dict[str, Json]:
        """
        Send one request; with `wrap`, its answer is wrapped for so many seconds.

        Raises:
            urllib.error.HTTPError: it was refused.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = (
            self._headers | {"Content-Type": "application/json"} | ({"X-Vault-Wrap-TTL": f"{wrap}s"} if wrap else {})
        )
        request = Request(f"{self._url}/v1/{quote(path)}{query}", data=data, headers=headers, method=verb)  # noqa: S310 - given by the caller
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            raw = answer.read()
        parsed = json.loads(raw) if raw else {}
        return parsed if isinstance(parsed, dict) else {}
