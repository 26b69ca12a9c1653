"""What an audit entry is about, in the inventory's words: which secret was read, who logged in, whose token. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keywatch.collect.calls.vault_audit_entry import KEEPERS, Auth, Request, Response, noted
from keywatch.model.key import Handle, HandleSpace

_DATA = "data/"
_BESIDE = ("metadata/", "delete/", "undelete/", "destroy/", "subkeys/", "detailed-metadata/")
"""Paths of KV v2 that show no value."""
_ROLES = {"static-creds/": "static-roles/", "creds/": "roles/", "sts/": "roles/"}
"""By where the AWS engine gives out keys, where it keeps what they are of."""
_VAGUE = frozenset({"", "token", "approle"})
"""Display names that many have."""
_SHOWN = 8
"""Characters of an entity's id that tell it from others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultNames:
    """Which Vault a log is of, and by what its tokens are known."""

    vault: str
    """The Vault's name in the settings, with which handles of what it holds begin."""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    """Names of Vaults in the settings that are a namespace of this one, by the namespace's path; root's is empty."""
    tokens: Mapping[str, str] = field(default_factory=dict)
    """Names of declared keys, by the display name, role, user or entity of whoever uses them."""
    accessors: Mapping[str, tuple[Handle, ...]] = field(default_factory=dict)
    """What a token is known by, by its accessor as it stands in the log."""
    ignored: frozenset[str] = frozenset()
    """Labels, names and entities of readers that do not count: keywatch itself, a backup."""

    def within(self, namespace: str) -> str:
        """What handles begin with in a namespace, without a slash at the end."""
        path = namespace.strip("/")
        return self.namespaces.get(path) or (f"{self.vault}/{path}" if path else self.vault)

    def secret(self, request: Request, answer: Response | None) -> Handle | None:
        """The secret whose value was read; None: it was not that of a secret."""
        namespace = request.namespace.path if request.namespace else ""
        # A mount is told with its namespace before it, and a path without.
        mount = request.mount_point.removeprefix(namespace)
        path = request.path if request.path.startswith(mount) else request.path.removeprefix(namespace)
        place = None
        if request.mount_type in KEEPERS:
            place = _place(path, mount, answer)
        elif request.mount_type == "aws":
            place = _role(path, mount)
        return Handle(HandleSpace.VAULT, f"{self.within(namespace)}/{place}") if place else None

    def login(self, request: Request, auth: Auth) -> Handle | None:
        """Who logged in, as the auth method names them: `prod/auth/approle/orders`; None: it names nobody."""
        namespace = request.namespace.path if request.namespace else ""
        path = request.path if request.path.startswith("auth/") else request.path.removeprefix(namespace)
        method, found, _ = path.partition("/login")
        name = noted(auth) or _named(auth.display_name or "", method)
        if not found or not method.startswith("auth/") or not name:
            return None
        return Handle(HandleSpace.VAULT_LOGIN, f"{self.within(namespace)}/{method}/{name}")

    def token(self, auth: Auth) -> tuple[Handle, ...]:
        """What the token is known by that somebody uses."""
        found = self.accessors.get(auth.accessor or "", ())
        for name in (auth.display_name, noted(auth), auth.entity_id):
            if name and (key := self.tokens.get(name)):
                return (*found, Handle(HandleSpace.DECLARED, key))
        return found

    def ignores(self, auth: Auth) -> bool:
        """Whether what they read does not count."""
        return not self.ignored.isdisjoint({label(auth), auth.display_name, noted(auth), auth.entity_id})


def label(auth: Auth) -> str:
    """What a person calls them: `approle orders`, `userpass-alice`; of those without a name the entity."""
    shown, name = auth.display_name or "", noted(auth)
    if name and name not in shown:
        return f"{shown} {name}".strip()
    if shown in _VAGUE and auth.entity_id:
        return f"{shown or 'token'} of entity {auth.entity_id[:_SHOWN]}"
    return shown or "a token without a name"


def _place(path: str, mount: str, answer: Response | None) -> str | None:
    if not path.startswith(mount):
        return None
    if not mount:
        # An old version, which does not tell the mount. In KV v2 the value's path does.
        mount, found, _ = path.partition(f"/{_DATA}")
        if not found or mount.startswith(("sys", "auth/", "identity")):
            return None
        mount += "/"
    below = path[len(mount) :]
    if below.startswith(_DATA) and _is_v2(answer):
        return mount + below[len(_DATA) :]
    return None if not below or below.startswith(_BESIDE) or below == "config" else path


def _role(path: str, mount: str) -> str | None:
    """The role of the AWS engine whose key was given out."""
    for gives, role in _ROLES.items():
        if path.startswith(mount + gives):
            return mount + role + path[len(mount + gives) :]
    return None


def _is_v2(answer: Response | None) -> bool:
    """Whether what came is the answer of KV v2: a secret of KV v1 may be named `data/x` as well."""
    data = bytes(answer.data) if answer is not None else b""
    return not data or b'"metadata":{' in data


def _named(display: str, method: str) -> str:
    """Leave out what Vault puts before a name: the mount's path."""
    return display.removeprefix(method.removeprefix("auth/").replace("/", "-")).removeprefix("-")
