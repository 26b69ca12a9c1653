"""
A loopback stand-in for the part of Vault's HTTP API that keywatch uses, and a real server where one is installed.

`vault_server()` starts `bao` or `vault` in dev mode if it is on PATH, the stand-in otherwise; `VaultAdmin`, a module of
its own, seeds either over HTTP. The contract tests in `tests/demo` run against both.
https://developer.hashicorp.com/vault/api-docs
"""

import json
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.error import URLError
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import urlopen

from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.demo.vault_engine import Entry, Mount, Policies, Version
from keywatch.demo.vault_rooms import Rooms
from keywatch.model.source import Json

Answer: TypeAlias = tuple[int, dict[str, Json]]
Body: TypeAlias = dict[str, Json]

_CAPABILITY = {"GET": ("read",), "LIST": ("list",), "POST": ("create", "update"), "DELETE": ("delete",)}
_NOT_FOUND: Answer = (404, {"errors": []})
_DENIED: Answer = (403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]})
_DONE: Answer = (204, {})


class VaultServer(LoopbackServer):
    """An in-memory Vault with a root token. The public attributes may be changed while it runs."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.token = "hvs." + secrets.token_hex(12)
        self.now = now
        """The server's clock: seeds written under an earlier one are as old as it says."""
        self.health = 200
        """What sys/health answers with: 429 standby, 472, 473, 501, 503 sealed."""
        self.faults: list[int] = []
        """HTTP status of the next answers, used up one by one."""
        self.redirect: str | None = None
        """Where every request is sent instead."""
        self.requests: list[tuple[str, str]] = []
        """Verb and path of every request, without `/v1/`."""
        self.policies = Policies()
        self.rooms = Rooms(lambda: self.now())  # noqa: PLW0108 - the clock may be changed
        """What lies beside KV."""
        self.mounts: dict[str, Mount] = {}
        self.tokens: dict[str, tuple[str, ...]] = {self.token: ("root",)}
        super().__init__(_handler(self))

    def seal(self) -> None:
        self.health = 503

    def unseal(self) -> None:
        self.health = 200

    def respond(self, verb: str, path: str, namespace: str, token: str, body: Body) -> Answer:  # noqa: PLR0911
        """Answer one request. LIST is a verb of its own, PUT is POST, as in Vault."""
        self.requests.append((verb, path))
        if path == "sys/health":
            sealed = self.health == 503
            standby = self.health in (429, 472, 473)
            return self.health, {
                "initialized": self.health != 501,
                "sealed": sealed,
                "standby": standby,
                "version": "0",
            }
        if self.faults:
            return self.faults.pop(0), {"errors": ["invented fault"]}
        if self.health == 503:
            return 503, {"errors": ["Vault is sealed"]}
        policies = self.tokens.get(token)
        full = f"{namespace.strip('/')}/{path}" if namespace and not path.startswith(("sys/", "auth/")) else path
        if policies is None or not self._may(policies, verb, full):
            return _DENIED
        if (answer := self.rooms.respond(verb, path, body)) is not None:
            return answer
        if path.startswith("sys/"):
            return self._system(verb, path.removeprefix("sys/"), namespace, policies, body)
        if path.startswith("auth/token/"):
            return self._token(verb, path.removeprefix("auth/token/"), token, body)
        return self._secret(verb, full, body)

    def _may(self, policies: tuple[str, ...], verb: str, path: str) -> bool:
        asked = f"{path.rstrip('/')}/" if verb == "LIST" else path
        # Vault looks for rules about the folder with its slash, and then for those without.
        known = verb != "LIST" or self.policies.knows(policies, asked)
        allowed = self.policies.allowed(policies, asked if known else path.rstrip("/"))
        if path == "auth/token/accessors" and "root" not in allowed and "sudo" not in allowed:
            return False
        return "root" in allowed or bool(allowed.intersection(_CAPABILITY.get(verb, ())))

    def _system(self, verb: str, path: str, namespace: str, policies: tuple[str, ...], body: Body) -> Answer:  # noqa: PLR0911
        place = f"{namespace.strip('/')}/" if namespace else ""
        if path in ("mounts", "internal/ui/mounts") and verb == "GET":
            tables: Body = {
                name.removeprefix(place): mount.describe()
                for name, mount in self.mounts.items()
                if name.startswith(place)
            }
            tables |= {name: {"type": kind, "options": None} for name, kind in self.rooms.engines.items()}
            return 200, _wrapped({"secret": tables, "auth": {**self.rooms.auth}} if path != "mounts" else tables)
        if path.startswith("mounts/"):
            name = f"{place}{path.removeprefix('mounts/').strip('/')}/"
            if verb == "DELETE":
                self.mounts.pop(name, None)
                self.rooms.engines.pop(name, None)
                return _DONE
            if name in self.mounts:
                return 400, {"errors": [f"path is already in use at {name}"]}
            options = body.get("options")
            version = options.get("version") if isinstance(options, dict) else None
            self.mounts[name] = Mount(2 if version == "2" else 1)
            return _DONE
        if path.startswith("policies/acl/") and verb == "POST":
            self.policies.write(path.removeprefix("policies/acl/"), str(body.get("policy", "")))
            return _DONE
        if path.startswith("policies/acl"):
            return self._policy(verb, path.removeprefix("policies/acl").strip("/"))
        if path == "capabilities-self" and verb == "POST":
            paths = body.get("paths")
            asked = [str(item) for item in paths] if isinstance(paths, list) else []
            found: Body = {item: [*sorted(self.policies.allowed(policies, item))] for item in asked}
            return 200, _wrapped(found)
        return _unrouted(f"sys/{path}")

    def _policy(self, verb: str, name: str) -> Answer:
        if verb == "LIST":
            return 200, _wrapped({"keys": [*sorted(self.policies.texts)]})
        if verb == "DELETE":
            self.policies.delete(name)
            return _DONE
        found = self.policies.texts.get(name)
        return _NOT_FOUND if found is None else (200, _wrapped({"name": name, "policy": found}))

    def _token(self, verb: str, path: str, token: str, body: Body) -> Answer:
        if path == "lookup-self" and verb == "GET":
            policies: list[Json] = [*self.tokens[token]]
            return 200, _wrapped({"id": token, "policies": policies, "renewable": False, "ttl": 0, "type": "service"})
        if path == "revoke-self" and verb == "POST":
            del self.tokens[token]
            return _DONE
        if path == "create" and verb == "POST":
            asked = body.get("policies")
            names = tuple(str(name) for name in asked) if isinstance(asked, list) else ()
            made = "hvs." + secrets.token_hex(12)
            self.tokens[made] = (*names, "default")
            granted: list[Json] = [*self.tokens[made]]
            accessor = self.rooms.issue(body, granted, lambda: made in self.tokens)
            return 200, {**_wrapped(None), "auth": {"client_token": made, "accessor": accessor, "policies": granted}}
        return _unrouted(f"auth/token/{path}")

    def _secret(self, verb: str, path: str, body: Body) -> Answer:  # noqa: PLR0911
        name = next((name for name in self.mounts if f"{path}/".startswith(name)), None)
        if name is None:
            return _unrouted(path)
        mount, rest = self.mounts[name], path.removeprefix(name.rstrip("/")).lstrip("/")
        if mount.version == 1:
            return self._first(mount, verb, rest, body)
        operation, _, place = rest.partition("/")
        if operation == "metadata":
            return self._metadata(mount, verb, place, body)
        if operation == "data":
            return self._data(mount, verb, place, body)
        if operation == "subkeys" and verb == "GET":
            return self._subkeys(mount, place)
        if operation in ("delete", "undelete", "destroy") and verb == "POST":
            return self._change(mount, operation, place, body)
        return _unrouted(path)

    def _first(self, mount: Mount, verb: str, path: str, body: Body) -> Answer:
        if verb == "LIST":
            return _listing(mount, path)
        if verb == "POST":
            mount.entries[path] = Entry(self.now(), {1: Version(body, self.now())})
            return _DONE
        if verb == "DELETE":
            mount.entries.pop(path, None)
            return _DONE
        entry = mount.entries.get(path)
        return _NOT_FOUND if entry is None else (200, _wrapped(entry.versions[1].values))

    def _metadata(self, mount: Mount, verb: str, path: str, body: Body) -> Answer:
        if verb == "LIST":
            return _listing(mount, path)
        if verb == "DELETE":
            mount.entries.pop(path, None)
            return _DONE
        if verb == "POST":
            custom = body.get("custom_metadata")
            entry = mount.entries.setdefault(path, Entry(self.now()))
            entry.custom = custom if isinstance(custom, dict) else {}
            return _DONE
        found = mount.entries.get(path)
        return _NOT_FOUND if found is None else (200, _wrapped(found.metadata()))

    def _data(self, mount: Mount, verb: str, path: str, body: Body) -> Answer:
        if verb == "POST":
            entry = mount.entries.setdefault(path, Entry(self.now()))
            number = entry.current + 1
            entry.versions[number] = Version(body.get("data"), self.now())
            return 200, _wrapped({"version": number, **entry.versions[number].metadata()})
        found = mount.entries.get(path)
        latest = found.versions.get(found.current) if found else None
        if verb == "DELETE":
            if latest:
                latest.deleted_at = self.now()
            return _DONE
        if found is None or latest is None:
            return _NOT_FOUND
        gone = latest.destroyed or latest.deleted_at is not None
        shown: Body = {"data": None if gone else latest.values}
        return (404 if gone else 200), _wrapped({**shown, "metadata": {"version": found.current, **latest.metadata()}})

    def _subkeys(self, mount: Mount, path: str) -> Answer:
        found = mount.entries.get(path)
        latest = found.versions.get(found.current) if found else None
        if found is None or latest is None or latest.destroyed or latest.deleted_at is not None:
            return _NOT_FOUND
        values = latest.values if isinstance(latest.values, dict) else {}
        return 200, _wrapped({"subkeys": dict.fromkeys(values), "metadata": latest.metadata()})

    def _change(self, mount: Mount, operation: str, path: str, body: Body) -> Answer:
        numbers = body.get("versions")
        entry = mount.entries.get(path)
        for number in numbers if isinstance(numbers, list) and entry is not None else []:
            version = entry.versions.get(int(str(number))) if entry else None
            if version is None:
                continue
            if operation == "destroy":
                version.destroyed, version.values = True, None
            else:
                version.deleted_at = self.now() if operation == "delete" else None
        return _DONE


def _wrapped(data: Json) -> Body:
    return {
        "request_id": "example",
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": data,
        "auth": None,
    }


def _listing(mount: Mount, path: str) -> Answer:
    names = mount.names(f"{path.strip('/')}/" if path.strip("/") else "")
    return (200, _wrapped({"keys": [*names]})) if names else _NOT_FOUND


def _unrouted(path: str) -> Answer:
    return 404, {"errors": [f'no handler for route "{path}". route entry not found.']}


def _handler(server: VaultServer) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def _any(self) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path).removeprefix("/v1/")
            verb = {"PUT": "POST", "HEAD": "GET"}.get(self.command, self.command)
            if parse_qs(parts.query).get("list") == ["true"]:
                verb = "LIST"
            raw = self.body()
            if server.redirect is not None:
                self.send_response(307)
                self.send_header("Location", f"{server.redirect}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            parsed: Json = json.loads(raw) if raw else {}
            status, body = server.respond(
                verb,
                path,
                self.headers.get("X-Vault-Namespace", ""),
                self.headers.get("X-Vault-Token", ""),
                parsed if isinstance(parsed, dict) else {},
            )
            self.answer(status, json.dumps(body).encode() if status != 204 else b"", "application/json")

        do_GET = do_HEAD = do_LIST = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the names are http.server's

    return Handler


@dataclass(frozen=True, slots=True)
class RunningVault:
    """A Vault that answers: the stand-in, or a real one."""

    url: str
    token: str
    program: str
    """`bao`, `vault`, or `stand-in`."""


@contextmanager
def vault_server(*, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[RunningVault]:
    """Run `bao` or `vault` in dev mode on the loopback interface, or the stand-in where neither is there or starts."""
    program = shutil.which("bao") or shutil.which("vault")
    if program is not None:
        with _real(program) as running:
            if running is not None:
                yield running
                return
    with VaultServer(now=now) as server:
        yield RunningVault(server.url, server.token, "stand-in")


@contextmanager
def _real(program: str) -> Iterator[RunningVault | None]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token, url = "demo-" + secrets.token_hex(12), f"http://127.0.0.1:{port}"
    listen = [f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={token}", "-dev-no-store-token"]
    server = subprocess.Popen(
        [program, "server", "-dev", *listen],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        started = _answers(url, server, seconds=15)
        yield RunningVault(url, token, program.rsplit("/", 1)[-1]) if started else None
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(url: str, server: "subprocess.Popen[bytes]", seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"{url}/v1/sys/health", timeout=1):  # noqa: S310 - our own loopback server
                return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False
