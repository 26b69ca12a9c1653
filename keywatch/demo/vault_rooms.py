"""
What of the Vault stand-in lies beside KV: who may log in and how, identities, tokens by accessor, the AWS engine.

Most of it Vault keeps as it was written and shows again, so that a room is a folder of documents with their defaults.
https://developer.hashicorp.com/vault/api-docs
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from keywatch.model.source import Json
from keywatch.model.time import to_rfc3339

Body: TypeAlias = dict[str, Json]
Answer: TypeAlias = tuple[int, Body]

_DONE: Answer = (204, {})
_MISSING: Answer = (404, {"errors": []})
_FOLDERS: dict[str, tuple[str, Body]] = {
    "approle": ("role", {"token_policies": [], "token_no_default_policy": False, "bind_secret_id": True}),
    "kubernetes": ("role", {"token_policies": [], "token_no_default_policy": False}),
    "jwt": ("role", {"token_policies": [], "token_no_default_policy": False}),
    "userpass": ("users", {"token_policies": [], "token_no_default_policy": False}),
}
"""Where a method keeps those whom it lets in, and what Vault adds to what was written."""


@dataclass(slots=True)
class _Token:
    accessor: str
    fields: Body
    alive: Callable[[], bool]


@dataclass(slots=True)
class Rooms:
    """Everything beside KV, by the path that it is read at."""

    now: Callable[[], datetime]
    auth: dict[str, Body] = field(default_factory=lambda: {"token/": _method("token")})
    engines: dict[str, str] = field(default_factory=dict)
    """Mounts that are no KV, and their types."""
    documents: dict[str, Body] = field(default_factory=dict)
    tokens: list[_Token] = field(default_factory=list)
    secret_ids: dict[str, dict[str, Body]] = field(default_factory=dict)
    """By their role's path, by accessor."""
    minted: list[str] = field(default_factory=list)
    """Paths of credentials of AWS that somebody had made."""

    def issue(self, body: Body, policies: list[Json], alive: Callable[[], bool]) -> str:
        """Note a token that was made, and return its accessor."""
        accessor, now = secrets.token_hex(12), self.now()
        lives = _seconds(body.get("ttl"))
        fields: Body = {
            "accessor": accessor,
            "creation_time": int(now.timestamp()),
            "creation_ttl": lives,
            "display_name": f"token-{body['display_name']}" if body.get("display_name") else "token",
            "entity_id": body.get("entity_id", ""),
            "expire_time": _go(now, lives) if lives else None,
            "explicit_max_ttl": 0,
            "id": "",
            "issue_time": _go(now),
            "meta": body.get("meta"),
            "num_uses": 0,
            "orphan": False,
            "path": "auth/token/create",
            "policies": policies,
            "renewable": True,
            "ttl": lives,
            "type": "service",
        }
        if body.get("period"):
            fields["period"] = _seconds(body["period"])
        self.tokens.append(_Token(accessor, fields, alive))
        return accessor

    def respond(self, verb: str, path: str, body: Body) -> Answer | None:  # noqa: PLR0911
        """Answer what is asked of this part; None: it is not asked of it."""
        if path == "sys/auth" and verb == "GET":
            return 200, _wrapped(dict(self.auth))
        if path.startswith("sys/auth/"):
            return self._enable(verb, path.removeprefix("sys/auth/").strip("/") + "/", body)
        if path == "auth/token/accessors" and verb == "LIST":
            return _listed([token.accessor for token in self.tokens if token.alive()])
        if path == "auth/token/lookup-accessor" and verb == "POST":
            return self._lookup(body)
        if path == "auth/token/roles" or path.startswith("auth/token/roles/"):
            return self._documents(verb, path, body)
        if path.startswith("auth/") and not path.startswith("auth/token/"):
            return self._method(verb, path, body)
        if path.startswith("identity/"):
            return self._identity(verb, path, body)
        if path.startswith("sys/mounts/") and verb == "POST" and body.get("type") not in ("kv", None):
            self.engines[path.removeprefix("sys/mounts/").strip("/") + "/"] = str(body["type"])
            return _DONE
        name = next((name for name in self.engines if path.startswith(name)), None)
        return self._engine(verb, path, path.removeprefix(name), body) if name else None

    def _enable(self, verb: str, name: str, body: Body) -> Answer:
        if verb == "DELETE":
            self.auth.pop(name, None)
            for path in [path for path in self.documents if path.startswith(f"auth/{name}")]:
                del self.documents[path]
            return _DONE
        self.auth[name] = _method(str(body.get("type")))
        return _DONE

    def _lookup(self, body: Body) -> Answer:
        found = next((token for token in self.tokens if token.accessor == body.get("accessor")), None)
        if found is None or not found.alive():
            return 400, {"errors": ["invalid accessor"]}
        return 200, _wrapped(found.fields)

    def _method(self, verb: str, path: str, body: Body) -> Answer | None:
        name = next((name for name in self.auth if path.startswith(f"auth/{name}")), None)
        kind = str(self.auth[name].get("type")) if name else ""
        if name is None or kind not in _FOLDERS:
            return None
        folder, defaults = _FOLDERS[kind]
        rest = path.removeprefix(f"auth/{name}")
        if kind == "approle" and rest.count("/") > 1:
            return self._approle(verb, path, body)
        if rest != folder and not rest.startswith(f"{folder}/"):
            return None
        return self._documents(verb, path, body, **defaults)

    def _approle(self, verb: str, path: str, body: Body) -> Answer | None:
        role, _, action = path.rpartition("/")
        if action == "lookup":
            role = role.removesuffix("/secret-id-accessor")
        known = self.secret_ids.setdefault(role, {})
        if role not in self.documents:
            return 404, {"errors": [f"role {role} does not exist"]}
        if action == "role-id" and verb == "GET":
            return 200, _wrapped({"role_id": secrets.token_hex(8)})
        if action == "secret-id" and verb == "LIST":
            return _listed(list(known))
        if action == "secret-id" and verb == "POST":
            accessor = secrets.token_hex(12)
            known[accessor] = self._secret_id(accessor, body)
            return 200, _wrapped({"secret_id": secrets.token_hex(12), "secret_id_accessor": accessor})
        if action == "lookup" and verb == "POST":
            found = known.get(str(body.get("secret_id_accessor")))
            return (200, _wrapped(found)) if found else (404, _wrapped({"error": "failed to find accessor entry"}))
        return None

    def _secret_id(self, accessor: str, body: Body) -> Body:
        lives = _seconds(body.get("ttl"))
        return {
            "cidr_list": [],
            "creation_time": _go(self.now()),
            "expiration_time": _go(self.now(), lives) if lives else "0001-01-01T00:00:00Z",
            "last_updated_time": _go(self.now()),
            "metadata": body.get("metadata") if isinstance(body.get("metadata"), dict) else {},
            "secret_id_accessor": accessor,
            "secret_id_num_uses": 0,
            "secret_id_ttl": lives,
            "token_bound_cidrs": [],
        }

    def _identity(self, verb: str, path: str, body: Body) -> Answer | None:
        for kind in ("entity", "group"):
            if path == f"identity/{kind}" and verb == "POST":
                name = secrets.token_hex(8)
                fixed: Body = {"id": name, "type": body.get("type", "internal")} if kind == "group" else {"id": name}
                self.documents[f"identity/{kind}/id/{name}"] = {"policies": [], "metadata": None, **body, **fixed}
                return 200, _wrapped({"id": name})
            if path == f"identity/{kind}/id" or path.startswith(f"identity/{kind}/id/"):
                answer = self._documents(verb, path, body)
                return self._member(answer) if kind == "entity" and verb == "GET" else answer
        if path == "identity/entity-alias" and verb == "POST":
            entity = self.documents[f"identity/entity/id/{body['canonical_id']}"]
            method = next(entry for entry in self.auth.values() if entry["accessor"] == body["mount_accessor"])
            aliases = entity.setdefault("aliases", [])
            if isinstance(aliases, list):
                aliases.append({"id": secrets.token_hex(8), "metadata": {}, "mount_type": method["type"], **body})
            return 200, _wrapped({"id": "alias"})
        return None

    def _member(self, answer: Answer) -> Answer:
        """An entity says which groups it is in, and which these are in."""
        status, fields = answer
        data = fields.get("data")
        if status != 200 or not isinstance(data, dict):
            return answer
        groups = {path: group for path, group in self.documents.items() if path.startswith("identity/group/id/")}
        mine, last = {str(data["id"])}, set[str]()
        while mine != last:
            last = set(mine)
            for group in groups.values():
                members = [*_texts(group.get("member_entity_ids")), *_texts(group.get("member_group_ids"))]
                if not mine.isdisjoint(members):
                    mine.add(str(group["id"]))
        return 200, _wrapped({"aliases": [], **data, "group_ids": sorted(mine - {str(data["id"])})})  # type: ignore[dict-item]

    def _engine(self, verb: str, path: str, rest: str, body: Body) -> Answer:
        if rest == "config/root" and verb == "GET":
            shown = {name: value for name, value in self.documents.get(path, {}).items() if name != "secret_key"}
            return (200, _wrapped(shown)) if shown else _MISSING
        if rest.startswith(("creds/", "static-creds/", "sts/")):
            self.minted.append(path)
            return 200, _wrapped({"access_key": "invented", "secret_key": "invented"})
        return self._documents(verb, path, body)

    def _documents(self, verb: str, path: str, body: Body, **defaults: Json) -> Answer:
        path = path.rstrip("/")
        if verb == "LIST":
            return _listed(sorted(name.removeprefix(f"{path}/") for name in self.documents if _below(name, path)))
        if verb == "POST":
            hidden = {name: value for name, value in body.items() if name != "password"}
            self.documents[path] = {**defaults, **self.documents.get(path, {}), **_lists(hidden)}
            return _DONE
        if verb == "DELETE":
            self.documents.pop(path, None)
            return _DONE
        found = self.documents.get(path)
        return (200, _wrapped(found)) if found is not None else _MISSING


def _method(kind: str) -> Body:
    return {"type": kind, "accessor": f"auth_{kind}_{secrets.token_hex(4)}", "options": None, "description": ""}


def _below(name: str, folder: str) -> bool:
    return name.startswith(f"{folder}/") and "/" not in name.removeprefix(f"{folder}/")


def _lists(body: Body) -> Body:
    """Policies may be written with commas, and are shown as a list."""
    return {
        name: _texts(value) if name.endswith(("_policies", "_policies_glob")) else value  # type: ignore[misc]
        for name, value in body.items()
    }


def _texts(value: Json) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [str(part) for part in value] if isinstance(value, list) else []


def _listed(names: list[str]) -> Answer:
    return (200, _wrapped({"keys": [*names]})) if names else _MISSING


def _wrapped(data: Json) -> Body:
    return {"request_id": "example", "lease_id": "", "renewable": False, "lease_duration": 0, "data": data}


def _seconds(value: Json) -> int:
    text = str(value or 0)
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]] if text[-1] in "smh" else int(text)


def _go(moment: datetime, later: int = 0) -> str:
    from datetime import timedelta

    moment += timedelta(seconds=later)
    return to_rfc3339(moment.replace(microsecond=0)).replace("Z", f".{moment.microsecond:06d}789Z")
