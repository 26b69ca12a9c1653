"""
A loopback stand-in for the part of Vault's HTTP API that keywatch uses.

`VaultAdmin`, a module of its own, seeds it over HTTP, as it does a real server. The contract tests in `tests/demo` run
against both.
https://developer.hashicorp.com/vault/api-docs
"""

import json
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.demo.vault_audits import Audits
from keywatch.demo.vault_auth import Gate
from keywatch.demo.vault_engine import Entry, Mount, Policies, Version
from keywatch.demo.vault_rooms import Rooms
from keywatch.model.source import Json

Answer: TypeAlias = tuple[int, dict[str, Json]]
Body: TypeAlias = dict[str, Json]

_CAPABILITY = {
    "GET": ("read",),
    "LIST": ("list",),
    "SCAN": ("scan",),
    "POST": ("create", "update"),
    "DELETE": ("delete",),
}
_NOT_FOUND: Answer = (404, {"errors": []})
_DENIED: Answer = (403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]})
_DONE: Answer = (204, {})
_UNSUPPORTED: Answer = (405, {"errors": ["1 error occurred:\n\t* unsupported operation\n\n"]})


class VaultServer(LoopbackServer):
    """An in-memory Vault with a root token. The public attributes may be changed while it runs."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.token = "hvs." + secrets.token_hex(12)
        self.now = now
        """The server's clock: seeds written under an earlier one are as old as it says."""
        self.openbao = False
        """Whether it has what OpenBao has and Vault has not: pages of a LIST, SCAN, `detailed-metadata`."""
        self.health = 200
        """What sys/health answers with: 429 standby, 472, 473, 501, 503 sealed."""
        self.faults: list[int] = []
        """HTTP status of the next answers, used up one by one."""
        self.retry_after: str | None = None
        """What a 429 says of when to come back."""
        self.stalls = 0
        """How many of the next requests get no answer until the server stops."""
        self.lost: list[str] = []
        """Paths whose next request is done, and its answer lost; used up one by one."""
        self.stopped = threading.Event()
        self.redirect: str | None = None
        """Where every request is sent instead."""
        self.requests: list[tuple[str, str]] = []
        """Verb and path of every request, without `/v1/`."""
        self.policies = Policies()
        self.rooms = Rooms(lambda: self.now())  # noqa: PLW0108 - the clock may be changed
        """What lies beside KV."""
        self.mounts: dict[str, Mount] = {}
        self.tokens: dict[str, tuple[str, ...]] = {self.token: ("root",)}
        self.gate = Gate(lambda: self.now(), self.tokens)  # noqa: PLW0108 - the clock may be exchanged
        """Who is let in."""
        self.unseal_key = secrets.token_hex(16)
        self.audit_salts: dict[str, bytes] = {}
        """By audit device: under what it hashes what it logs."""
        self.audits = Audits(self.audit_salts)
        super().__init__(_handler(self))

    def stop(self) -> None:
        self.stopped.set()
        super().stop()

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
            about: Body = {"version": "2.6.2"} if self.openbao else {"version": "1.18.0", "enterprise": False}
            return self.health, {"initialized": self.health != 501, "sealed": sealed, "standby": standby, **about}
        if self.faults:
            return self.faults.pop(0), {"errors": ["invented fault"]}
        if path in ("sys/seal-status", "sys/unseal"):
            return self._sealing(path, body)
        if self.health == 503:
            return 503, {"errors": ["Vault is sealed"]}
        if (answer := self.gate.before(verb, path, token, body)) is not None:
            return answer
        policies = self.gate.policies(token)
        full = f"{namespace.strip('/')}/{path}" if namespace and not path.startswith(("sys/", "auth/")) else path
        if policies is None or not self._may(policies, verb, full):
            return _DENIED
        answer = self._allowed(verb, path, namespace, token, body, policies=policies)
        self.gate.learn(verb, path, body, answer)
        return answer

    def _allowed(
        self, verb: str, path: str, namespace: str, token: str, body: Body, *, policies: tuple[str, ...]
    ) -> Answer:
        if (answer := self.gate.objection(verb, path, body)) is not None:
            return answer
        if (answer := self.rooms.respond(verb, path, body)) is not None:
            return answer
        if (answer := self.gate.respond(verb, path, token, body)) is not None:
            return answer
        full = f"{namespace.strip('/')}/{path}" if namespace and not path.startswith(("sys/", "auth/")) else path
        if path.startswith("sys/"):
            return self._system(verb, path.removeprefix("sys/"), namespace, policies, body)
        if path.startswith("auth/token/"):
            return self._token(verb, path.removeprefix("auth/token/"), token, body)
        return self._secret(verb, full, body)

    def _sealing(self, path: str, body: Body) -> Answer:
        if path == "sys/unseal" and body.get("key") == self.unseal_key:
            self.unseal()
        return 200, {"type": "shamir", "initialized": self.health != 501, "sealed": self.health == 503, "t": 1, "n": 1}

    def _may(self, policies: tuple[str, ...], verb: str, path: str) -> bool:
        asked = self._folder(policies, path.rstrip("/")) if verb in ("LIST", "SCAN") else path
        allowed = self.policies.allowed(policies, asked)
        if path == "auth/token/accessors" and "root" not in allowed and "sudo" not in allowed:
            return False
        return "root" in allowed or bool(allowed.intersection(_CAPABILITY.get(verb, ())))

    def _folder(self, policies: tuple[str, ...], bare: str) -> str:
        """
        Say by the rules of which path a folder is listed: by those for it with or without the slash at its end.

        Rules that name it come first. Of the others Vault takes those for `folder` before those for `folder/`: there, a
        deny on `folder/*` does not keep the folder itself from being listed.
        """
        slashed = f"{bare}/"
        for exactly, paths in ((True, (slashed, bare)), (False, (slashed, bare) if self.openbao else (bare, slashed))):
            for path in paths:
                if self.policies.mention(policies, path, exactly=exactly):
                    return path
        return slashed

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
        return self._operation(verb, path, body)

    def _operation(self, verb: str, path: str, body: Body) -> Answer:
        if path.startswith("namespaces/") and verb in ("POST", "DELETE") and self.openbao:
            return 200, _wrapped({"path": f"{path.removeprefix('namespaces/')}/"})
        if path == "seal" and verb == "POST":
            self.seal()
            return _DONE
        if path == "audit" or path.startswith(("audit/", "audit-hash/")):
            return self.audits.respond(verb, path, body)
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
            return 200, _wrapped(self.gate.look_up(token))
        if path in ("revoke-self", "revoke") and verb == "POST":
            self.tokens.pop(str(body.get("token") or token), None)
            return _DONE
        if path == "create" and verb == "POST":
            asked = body.get("policies")
            names = tuple(str(name) for name in asked) if isinstance(asked, list) else ()
            settings: Body = {**body, "max_ttl": body.get("explicit_max_ttl")}
            auth = self.gate.issue(names, settings)
            made, granted = str(auth["client_token"]), auth["policies"]
            accessor = self.rooms.issue(body, granted if isinstance(granted, list) else [], lambda: made in self.tokens)
            return 200, {**_wrapped(None), "auth": {**auth, "accessor": accessor}}
        return _unrouted(f"auth/token/{path}")

    def _secret(self, verb: str, path: str, body: Body) -> Answer:  # noqa: PLR0911
        name = next((name for name in self.mounts if f"{path}/".startswith(name)), None)
        if name is None:
            return _unrouted(path)
        mount, rest = self.mounts[name], path.removeprefix(name.rstrip("/")).lstrip("/")
        if mount.version == 1:
            return self._first(mount, verb, rest, body)
        operation, _, place = rest.partition("/")
        if verb == "SCAN" or (operation == "detailed-metadata" and verb == "LIST"):
            return self._openbao(mount, verb, operation, place, body)
        if operation == "metadata":
            return self._metadata(mount, verb, place, body)
        if operation == "data":
            return self._data(mount, verb, place, body)
        if operation == "subkeys" and verb == "GET":
            return self._subkeys(mount, place)
        if operation in ("delete", "undelete", "destroy") and verb == "POST":
            return self._change(mount, operation, place, body)
        return _unrouted(path)

    def _listing(self, mount: Mount, path: str, body: Body) -> Answer:
        names = mount.names(f"{path.strip('/')}/" if path.strip("/") else "")
        if self.openbao:
            names = _page(names, body)
        return (200, _wrapped({"keys": [*names]})) if names else _NOT_FOUND

    def _openbao(self, mount: Mount, verb: str, operation: str, path: str, body: Body) -> Answer:
        """Answer what Vault has no word for: a folder with its metadata, and everything below a folder."""
        if not self.openbao or operation not in ("metadata", "detailed-metadata"):
            return _UNSUPPORTED
        folder = f"{path.strip('/')}/" if path.strip("/") else ""
        below = sorted(name.removeprefix(folder) for name in mount.entries if name.startswith(folder))
        names = below if verb == "SCAN" else _page(mount.names(folder), body)
        if not names:
            return _NOT_FOUND if verb == "LIST" else (200, _wrapped({}))
        if operation == "metadata":
            return 200, _wrapped({"keys": [*names]})
        entries = {name: mount.entries.get(folder + name.rstrip("/")) for name in names}
        infos: Body = {name: entry.metadata() if entry else {} for name, entry in entries.items()}
        return 200, _wrapped({"keys": [*names], "key_info": infos})

    def _first(self, mount: Mount, verb: str, path: str, body: Body) -> Answer:
        if verb == "LIST":
            return self._listing(mount, path, body)
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
            return self._listing(mount, path, body)
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
        number = int(str(body.get("version") or (found.current if found else 0)))
        latest = found.versions.get(number) if found else None
        if verb == "DELETE":
            if latest:
                latest.deleted_at = self.now()
            return _DONE
        if found is None or latest is None:
            return _NOT_FOUND
        gone = latest.destroyed or latest.deleted_at is not None
        shown: Body = {"data": None if gone else latest.values}
        return (404 if gone else 200), _wrapped({**shown, "metadata": {"version": number, **latest.metadata()}})

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


def _page(names: list[str], body: Body) -> list[str]:
    """What `after` and `limit` leave of sorted names."""
    after, limit = str(body.get("after", "")), int(str(body.get("limit", 0)))
    rest = [name for name in names if name > after]
    return rest[:limit] if limit > 0 else rest


def _unrouted(path: str) -> Answer:
    return 404, {"errors": [f'no handler for route "{path}". route entry not found.']}


def _handler(server: VaultServer) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def _any(self) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path).removeprefix("/v1/")
            verb = {"PUT": "POST", "HEAD": "GET"}.get(self.command, self.command)
            query: Body = {name: values[0] for name, values in parse_qs(parts.query).items()}
            for word in ("list", "scan"):
                if query.pop(word, None) == "true":
                    verb = word.upper()
            raw = self.body()
            if server.stalls:
                server.stalls -= 1
                server.stopped.wait()
                return
            if server.redirect is not None:
                self.send_response(307)
                self.send_header("Location", f"{server.redirect}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            parsed: Json = json.loads(raw) if raw else None
            status, body = server.respond(
                verb,
                path,
                self.headers.get("X-Vault-Namespace", ""),
                self.headers.get("X-Vault-Token", ""),
                parsed if isinstance(parsed, dict) else query,
            )
            wrap = int(self.headers.get("X-Vault-Wrap-TTL", "0").removesuffix("s"))
            if wrap and status == 200:
                status, body = server.gate.wrap(path, (status, body), wrap)
            if path in server.lost:
                server.lost.remove(path)
                self.close_connection = True
                return
            headers = {"Retry-After": server.retry_after} if status == 429 and server.retry_after is not None else {}
            self.answer(status, json.dumps(body).encode() if status != 204 else b"", "application/json", headers)

        do_GET = do_HEAD = do_LIST = do_SCAN = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the names are http.server's

    return Handler
