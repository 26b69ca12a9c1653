"""
Who gets in to the Vault stand-in, and for how long: logins, the life of tokens, answers that are wrapped.

What it says and with which status is as OpenBao 2.6 says it; the contract tests hold it to that.
https://developer.hashicorp.com/vault/api-docs/auth/approle
https://developer.hashicorp.com/vault/docs/concepts/tokens
https://developer.hashicorp.com/vault/docs/concepts/user-lockout
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from keywatch.demo.aws_signature import caller
from keywatch.model.source import Json
from keywatch.model.time import to_rfc3339

Body: TypeAlias = dict[str, Json]
Answer: TypeAlias = tuple[int, Body]

DENIED: Answer = (403, {"errors": ["permission denied"]})
_DONE: Answer = (204, {})
_NOT_WRAPPED: Answer = (400, {"errors": ["wrapping token is not valid or does not exist"]})
_LONGEST = 32 * 24 * 3600
"""Seconds: what Vault grants where nobody says anything else."""
_FEW = 5
_LOCKED_OUT = timedelta(minutes=15)


@dataclass(slots=True)
class Life:
    """How long one token lives."""

    made: datetime
    first: int
    """Seconds granted when it was made; 0: for ever."""
    ends: datetime | None
    last: datetime | None
    """Beyond which no renewal goes."""
    renewable: bool
    period: int = 0

    def left(self, now: datetime) -> int:
        return max(round((self.ends - now).total_seconds()), 0) if self.ends else 0


@dataclass(slots=True)
class _Wrapped:
    path: str
    answer: Answer
    made: datetime
    ttl: int


@dataclass(slots=True)
class Gate:
    """The way in. The public attributes may be changed while it runs."""

    now: Callable[[], datetime]
    tokens: dict[str, tuple[str, ...]]
    """Policies by token: shared with the server."""
    methods: dict[str, str] = field(default_factory=dict)
    """The type of auth method by mount, without a slash at its end."""
    roles: dict[str, Body] = field(default_factory=dict)
    """By path: `approle/role/x`."""
    role_ids: dict[str, str] = field(default_factory=dict)
    """The role's path by id."""
    secret_ids: dict[str, tuple[str, int]] = field(default_factory=dict)
    """The role's path, and how often it may still be used (-1: always), by secret id."""
    jwts: set[str] = field(default_factory=set)
    """What the cluster would vouch for."""
    aws_keys: dict[str, str] = field(default_factory=dict)
    """Secret access keys by id: whoever signs with them is let in."""
    server_id: str | None = None
    """What must be in the header X-Vault-AWS-IAM-Server-ID, signed."""
    lives: dict[str, Life] = field(default_factory=dict)
    failures: dict[str, list[datetime]] = field(default_factory=dict)
    """Refused logins by role id."""
    wrapped: dict[str, _Wrapped] = field(default_factory=dict)
    thief: bool = False
    """Whether somebody unwraps each thing that has just been looked up."""

    def policies(self, token: str) -> tuple[str, ...] | None:
        """What a token may do. None: it is none, or none any more."""
        life = self.lives.get(token)
        if life is not None and life.ends is not None and life.ends <= self.now():
            self.tokens.pop(token, None)
        return self.tokens.get(token)

    def issue(self, policies: tuple[str, ...], settings: Body) -> Body:
        """Make a token, and return the `auth` of the answer."""
        batch = settings.get("type") == "batch"
        token, now = ("hvb." if batch else "hvs.") + secrets.token_hex(12), self.now()
        period, greatest = _seconds(settings.get("period")), _seconds(settings.get("max_ttl"))
        asked = period or _seconds(settings.get("ttl")) or _LONGEST
        first = period or min(asked, greatest or _LONGEST)
        last = None if period else now + timedelta(seconds=greatest or _LONGEST)
        life = Life(
            now,
            first,
            now + timedelta(seconds=first),
            last,
            settings.get("renewable") is not False and not batch,
            period,
        )
        self.tokens[token] = (*policies, "default") if settings.get("no_default_policy") is not True else policies
        self.lives[token] = life
        return self._auth(token, life)

    def before(self, verb: str, path: str, token: str, body: Body) -> Answer | None:
        """Answer what needs no right. None: it is none of that."""
        if verb != "POST":
            return None
        if path in ("sys/wrapping/lookup", "sys/wrapping/unwrap"):
            return self._wrapping(path.rpartition("/")[2], str(body.get("token") or token))
        mount = path.removeprefix("auth/").removesuffix("/login")
        if not path.startswith("auth/") or not path.endswith("/login"):
            return None
        kind = self.methods.get(mount)
        methods = {"approle": self._approle, "kubernetes": self._kubernetes, "aws": self._aws}
        return methods[kind](mount, body) if kind in methods else DENIED

    def respond(self, verb: str, path: str, token: str, body: Body) -> Answer | None:
        """Answer what an allowed token asks of this part. None: it is not asked of it."""
        if path.startswith("sys/auth/") and verb in ("POST", "DELETE"):
            return _DONE
        if path == "auth/token/renew-self" and verb == "POST":
            return self._renewed(token)
        role, _, action = path.removeprefix("auth/").rpartition("/")
        method = self.methods.get(role.partition("/role/")[0])
        if method == "approle" and role in self.roles and verb in ("GET", "POST"):
            if action == "role-id":
                return 200, _wrapped_data({"role_id": self._role_id(role)})
            if action == "secret-id":
                made: Body = {"secret_id": secrets.token_hex(16), "secret_id_accessor": secrets.token_hex(8)}
                return 200, _wrapped_data(made)
        if "/role/" in path and path.startswith("auth/") and verb == "POST":
            lasting = [_seconds(body.get(f"token_{name}")) for name in ("ttl", "max_ttl")]
            wrong = 0 < lasting[1] < lasting[0]
            return (400, {"errors": ['"token_ttl" must be less than "token_max_ttl"']}) if wrong else _DONE
        return None

    def learn(self, verb: str, path: str, body: Body, answer: Answer) -> None:
        """Take note of what was set up, whoever answered it."""
        status, shown = answer
        data = shown.get("data")
        told = data if isinstance(data, dict) else {}
        if status not in (200, 204) or not path.startswith(("auth/", "sys/auth/")):
            return
        name = path.removeprefix("sys/").removeprefix("auth/").strip("/")
        if path.startswith("sys/auth/") and verb == "POST":
            self.methods[name] = str(body.get("type"))
        elif path.startswith("sys/auth/") and verb == "DELETE":
            self.methods.pop(name, None)
        elif name.endswith("/role-id"):
            self.role_ids[str(told.get("role_id"))] = name.removesuffix("/role-id")
        elif name.endswith("/secret-id") and verb == "POST":
            role = name.removesuffix("/secret-id")
            uses = self.roles.get(role, {}).get("secret_id_num_uses")
            self.secret_ids[str(told.get("secret_id"))] = (role, _seconds(uses) or -1)
        elif verb == "POST" and "/" not in (name.partition("/role/")[2] or "/"):
            self.roles[name] = self.roles.get(name, {}) | body

    def wrap(self, path: str, answer: Answer, ttl: int) -> Answer:
        """Keep an answer back, and give a token that shows it once."""
        token = "hvs." + secrets.token_hex(12)
        self.wrapped[token] = _Wrapped(path, answer, self.now(), ttl)
        info: Body = {"token": token, "ttl": ttl, "creation_time": _go(self.now()), "creation_path": path}
        return 200, {**_wrapped_data(None), "wrap_info": info}

    def look_up(self, token: str) -> Body:
        """What a token says of itself."""
        policies: list[Json] = [*self.tokens[token]]
        life = self.lives.get(token)
        if life is None:
            return {
                "id": token,
                "policies": policies,
                "renewable": False,
                "ttl": 0,
                "creation_ttl": 0,
                "type": "service",
            }
        return {
            "id": token,
            "policies": policies,
            "renewable": life.renewable,
            "ttl": life.left(self.now()),
            "creation_ttl": life.first,
            "explicit_max_ttl": 0,
            "num_uses": 0,
            "type": "batch" if token.startswith("hvb.") else "service",
            **({"period": life.period} if life.period else {}),
        }

    def _renewed(self, token: str) -> Answer:
        life, now = self.lives.get(token), self.now()
        if token.startswith("hvb."):
            return 400, {"errors": ["batch tokens cannot be renewed"]}
        if life is None or life.ends is None or not life.renewable:
            return 400, {"errors": ["lease is not renewable"]}
        wanted = now + timedelta(seconds=life.period or life.first)
        life.ends = min(wanted, life.last) if life.last else wanted
        return 200, {**_wrapped_data(None), "auth": self._auth(token, life)}

    def _auth(self, token: str, life: Life) -> Body:
        return {
            "client_token": token,
            "policies": [*self.tokens[token]],
            "lease_duration": life.left(self.now()),
            "renewable": life.renewable,
            "token_type": "batch" if token.startswith("hvb.") else "service",
            "num_uses": 0,
        }

    def _let_in(self, role: Body) -> Answer:
        named = role.get("token_policies")
        policies = tuple(str(name) for name in named) if isinstance(named, list) else ()
        names = ("ttl", "max_ttl", "period", "no_default_policy", "type")
        settings: Body = {name: role.get(f"token_{name}") for name in names}
        return 200, {**_wrapped_data(None), "auth": self.issue(policies, settings)}

    def _role_id(self, role: str) -> str:
        return next((known for known, path in self.role_ids.items() if path == role), None) or secrets.token_hex(16)

    def _approle(self, mount: str, body: Body) -> Answer:
        role_id, secret_id = str(body.get("role_id")), str(body.get("secret_id"))
        role, now = self.role_ids.get(role_id, ""), self.now()
        recent = [at for at in self.failures.get(role_id, ()) if at > now - _LOCKED_OUT]
        if len(recent) >= _FEW:
            return DENIED
        settings = self.roles.get(role) if role.startswith(f"{mount}/") else None
        of, uses = self.secret_ids.get(secret_id, ("", 0))
        bound = settings is not None and settings.get("bind_secret_id") is not False
        if settings is None or (bound and (of != role or uses == 0)):
            self.failures[role_id] = [*recent, now]
            return 400, {"errors": ["invalid role or secret ID"]}
        if bound and uses > 0:
            self.secret_ids[secret_id] = (of, uses - 1)
        self.failures.pop(role_id, None)
        return self._let_in(settings)

    def _kubernetes(self, mount: str, body: Body) -> Answer:
        role = self.roles.get(f"{mount}/role/{body.get('role')}")
        if role is None:
            return 400, {"errors": [f'invalid role name "{body.get("role")}"']}
        return self._let_in(role) if body.get("jwt") in self.jwts else DENIED

    def _aws(self, mount: str, body: Body) -> Answer:
        role = self.roles.get(f"{mount}/role/{body.get('role')}")
        if role is None:
            return 400, {"errors": [f"entry for role {body.get('role')} not found"]}
        problem = caller(body, self.aws_keys, self.server_id)
        return self._let_in(role) if problem is None else (400, {"errors": [problem]})

    def _wrapping(self, action: str, token: str) -> Answer:
        found = self.wrapped.get(token)
        if found is None or found.made + timedelta(seconds=found.ttl) <= self.now():
            return _NOT_WRAPPED
        if action == "unwrap":
            return self.wrapped.pop(token).answer
        if self.thief:
            del self.wrapped[token]
        shown: Body = {"creation_path": found.path, "creation_ttl": found.ttl, "creation_time": _go(found.made)}
        return 200, _wrapped_data(shown)


def _wrapped_data(data: Json) -> Body:
    return {"request_id": "example", "lease_id": "", "renewable": False, "lease_duration": 0, "data": data}


def _seconds(value: Json) -> int:
    """Read `90`, `"90"`, `"90s"`, `"15m"` or `"1h"`."""
    text = str(value or 0)
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1])
    return int(text[:-1]) * unit if unit else int(text)


def _go(moment: datetime) -> str:
    return to_rfc3339(moment.replace(microsecond=0)).replace("Z", f".{moment.microsecond:06d}789Z")
