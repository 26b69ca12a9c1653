"""Whom a Vault lets in, and with which policies: roles and users of its auth methods, token roles, identities."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from keywatch.collect.inventory.vault_identity import Entity, Group, text, texts
from keywatch.collect.inventory.vault_mounts import Mount
from keywatch.collect.vault import Fields, Vault
from keywatch.model.access import Holder
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.source import Skipped

_DEFAULT = "default"
_USERS = frozenset({"userpass", "ldap", "radius", "okta"})
"""Methods whose aliases are the names of their users."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """Where a method keeps those whom it lets in."""

    listed: str
    read: str
    word: str = ""
    """Between the mount's name and theirs."""


_METHODS: Mapping[str, tuple[_Folder, ...]] = {
    "approle": (_Folder("role", "role"),),
    "aws": (_Folder("roles", "role"),),
    "azure": (_Folder("role", "role"),),
    "cert": (_Folder("certs", "certs"),),
    "gcp": (_Folder("roles", "role"),),
    "jwt": (_Folder("role", "role"),),
    "kerberos": (_Folder("groups", "groups", "group "),),
    "kubernetes": (_Folder("role", "role"),),
    "ldap": (_Folder("users", "users"), _Folder("groups", "groups", "group ")),
    "oidc": (_Folder("role", "role"),),
    "okta": (_Folder("users", "users"), _Folder("groups", "groups", "group ")),
    "radius": (_Folder("users", "users"),),
    "token": (),
    "userpass": (_Folder("users", "users"),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One role or user of one auth method."""

    name: str
    """As alerts name it: `approle orders`."""
    method: str
    accessor: str | None
    """Of the method's mount."""
    who: str
    """Its name within the method."""
    ways: tuple[tuple[str, ...], ...]
    countless: str | None = None


def logins_of(vault: Vault, mount: Mount, *, most: int, counted: bool = True) -> Iterator[Login | Skipped]:
    """
    Yield whom one auth method lets in.

    Args:
        vault: where it is mounted.
        mount: the method.
        most: of each kind, before the rest is skipped.
        counted: whether it is said that some were skipped.

    Raises:
        SourceError: they may not be listed.
    """
    if mount.type not in _METHODS:
        yield Skipped(f"auth/{mount.path}/", f"how methods of type {mount.type} give policies is not known to keywatch")
        return
    for folder in _METHODS[mount.type]:
        names = vault.list(f"auth/{mount.path}/{folder.listed}")
        for name in names[:most]:
            place = f"auth/{mount.path}/{folder.read}/{name}"
            if name.strip("/") in ("", ".", ".."):
                yield Skipped(place, "a name that cannot be asked for safely")
                continue
            try:
                found = vault.read(place)
            except (SourceDenied, SourceMalformed) as error:
                yield Skipped(place, error.message, error.hint)
                continue
            if found is not None:
                yield _login(mount, folder, name, found)
        if counted and len(names) > most:
            yield Skipped(f"auth/{mount.path}/{folder.listed}", f"more than {most} of them")


def token_roles(vault: Vault, policies: Iterable[str], *, most: int) -> Iterator[Login | Skipped]:
    """
    Yield the roles by which tokens are made, with each policy that a token of theirs may have.

    A token may have any of the allowed ones. Several together read nothing that not one of them reads alone: what
    decides is one pattern, and some policy that has it allows it.

    Raises:
        SourceError: they may not be listed.
    """
    names = vault.list("auth/token/roles")
    known = sorted(policies)
    for name in names[:most]:
        place = f"auth/token/roles/{name}"
        try:
            found = vault.read(place) or {}
        except (SourceDenied, SourceMalformed) as error:
            yield Skipped(place, error.message, error.hint)
            continue
        globs = texts(found, "allowed_policies_glob")
        allowed = {*texts(found, "allowed_policies"), *_fitting(known, globs)}
        denied = {*texts(found, "disallowed_policies"), *_fitting(known, texts(found, "disallowed_policies_glob"))}
        # With none it gives what the token has that asks, and lets nobody read who could not before.
        if ways := tuple((policy,) for policy in sorted(allowed - denied)):
            yield Login(name=f"token role {name}", method="token", accessor=None, who=name, ways=ways)
    if len(names) > most:
        yield Skipped("auth/token/roles", f"more than {most} of them")


def holders_of(
    logins: Sequence[Login],
    entities: Sequence[Entity],
    groups: Sequence[Group],
    own: Callable[[str, Entity | None], str],
) -> tuple[Holder, ...]:
    """
    Bring logins together with the identities behind them: who has two logins is one.

    Args:
        logins: roles and users.
        entities: with their aliases.
        groups: of these.
        own: a policy as it is for an entity.
    """
    by_alias = {(login.accessor, _alias_of(login)): login for login in logins}
    given = {group.id: group.policies for group in groups}
    taken: set[str] = set()
    holders: list[Holder] = []
    for entity in entities:
        theirs = [by_alias[key] for key in _keys(entity) if key in by_alias]
        taken |= {login.name for login in theirs}
        policies = (*entity.policies, *(policy for group in entity.groups for policy in given.get(group, ())))
        # Where its login is of another kind, its own policies are counted here and those of the login there.
        ways = [way for login in theirs for way in login.ways] or ([(_DEFAULT,)] if policies else [])
        if entity.disabled or not ways:
            continue
        named = theirs[0].name if len(theirs) == 1 else f"entity {entity.called or entity.id}"
        mine = (tuple(own(policy, entity) for policy in dict.fromkeys((*way, *policies))) for way in ways)
        holders.append(Holder(name=named, ways=tuple(mine), countless=next(filter(None, map(_many, theirs)), None)))
    for login in logins:
        if login.name not in taken:
            ways_of_all = tuple(tuple(own(policy, None) for policy in way) for way in login.ways)
            holders.append(Holder(name=login.name, ways=ways_of_all, countless=login.countless))
    for group in groups:
        if group.external and group.policies:
            way = (_DEFAULT, *(own(policy, None) for policy in group.policies))
            holders.append(Holder(name=f"group {group.name}", ways=(way,), countless="whoever logs in as one of them"))
    return tuple(sorted(holders, key=lambda holder: holder.name))


def _many(login: Login) -> str | None:
    return login.countless


def _keys(entity: Entity) -> Iterator[tuple[str | None, str]]:
    for alias in entity.aliases:
        if alias.type == "approle" and alias.role:
            yield alias.accessor, f"approle:{alias.role}"
        elif alias.type in _USERS:
            yield alias.accessor, f"user:{alias.name}"


def _alias_of(login: Login) -> str:
    if login.method == "approle":
        return f"approle:{login.who}"
    return f"user:{login.who}" if login.method in _USERS and " group " not in login.name else f"{login.name}:"


def _login(mount: Mount, folder: _Folder, name: str, found: Fields) -> Login:
    policies = texts(found, "token_policies") or texts(found, "policies")
    if found.get("token_no_default_policy") is not True:
        policies = (*policies, _DEFAULT)
    return Login(
        name=f"{mount.path} {folder.word}{name}",
        method=mount.type,
        accessor=mount.accessor,
        who=name,
        ways=(tuple(dict.fromkeys(policies)),),
        countless="whoever is in that group" if folder.word else _countless(mount.type, found),
    )


def _countless(method: str, found: Fields) -> str | None:
    """Who comes in by a role, where the role does not say who that is."""
    if method == "kubernetes":
        names = texts(found, "bound_service_account_names")
        namespaces = texts(found, "bound_service_account_namespaces")
        if any("*" in name for name in names):
            everywhere = any("*" in namespace for namespace in namespaces)
            return "any service account" if everywhere else f"any service account of {', '.join(namespaces[:3])}"
        return "service accounts of any namespace" if any("*" in namespace for namespace in namespaces) else None
    if method in ("jwt", "oidc") and not text(found, "bound_subject") and not found.get("bound_claims"):
        return "anybody for whom its issuer vouches"
    return None


def _fitting(names: Iterable[str], globs: Iterable[str]) -> set[str]:
    patterns = list(globs)
    return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}
