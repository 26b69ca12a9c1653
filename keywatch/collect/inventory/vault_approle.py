"""
AppRole's secret-ids, known by their accessors: the half of a program's login that is a secret.

The other half, the role's id, is not asked for. Each secret-id is a key of its own; where it is the only one of its
role, it is also known by the name under which the role logs in.
https://developer.hashicorp.com/vault/api-docs/auth/approle#list-secret-id-accessors
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from keywatch.collect.inventory.vault_accessors import Found, instant, looked_up, require_life
from keywatch.collect.inventory.vault_identity import Identities, notes
from keywatch.collect.inventory.vault_mounts import Mount, auth_mounts, unseen
from keywatch.collect.vault import Vault, VaultAccess, VaultSession
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, KeyStatus, Location, SourceId
from keywatch.model.secret import Secret
from keywatch.model.source import KeySource, Skipped


class VaultSecretIds:
    """The secret-ids of every role of every AppRole method."""

    def __init__(
        self,
        name: str,
        access: VaultAccess,
        token: Secret | VaultSession,
        *,
        now: Callable[[], datetime],
        most: int = 100_000,
    ) -> None:
        """
        Args:
            name: The source's name in the settings; the first part of its keys' handles.
            access: How the Vault is reached.
            token: Needs `read` on `sys/auth`; `list` on `auth/approle/role` and `auth/approle/role/+/secret-id`,
                `update` on `auth/approle/role/+/secret-id-accessor/lookup`; for owners `list` and `read` on
                `identity/entity/id`.
            now: The clock, to tell a secret-id that has ended.
            most: Secret-ids of one role before the rest is skipped.
        """  # noqa: D205
        self._id = SourceId(f"vault-secret-ids:{name}")
        self._name = name
        self._access = access
        self._token = token
        self._now = now
        self._most = most

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        vault.require_health()
        lived = vault.token_lives()
        table = auth_mounts(vault)
        people = Identities(vault)
        for mount in table.of_type("approle"):
            try:
                roles = vault.list(f"auth/{mount.path}/role")
            except (SourceDenied, SourceMalformed) as error:
                yield Skipped(f"auth/{mount.path}/role", error.message, error.hint)
                continue
            for role in roles:
                yield from self._role(vault, mount, role, people)
        require_life(vault, self._id, lived=lived)
        if not table.whole:
            yield unseen("sys/auth")

    def check(self) -> Iterator[str | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        try:
            vault.require_health()
            yield "sys/health"
            table = auth_mounts(vault)
        except SourceError as error:
            yield Skipped("sys/auth", error.message, error.hint)
            return
        if table.whole:
            yield "read sys/auth"
        else:
            yield unseen("sys/auth")
        for mount in table.of_type("approle"):
            roles = f"auth/{mount.path}/role"
            for what, ask in (
                (f"list {roles}", lambda roles=roles: vault.list(roles)),
                (f"list {roles}/+/secret-id", lambda roles=roles: self._ids(vault, roles, vault.list(roles))),
            ):
                try:
                    ask()
                    yield what
                except SourceError as error:
                    yield Skipped(what.partition(" ")[2], error.message, error.hint)

    def _ids(self, vault: Vault, roles: str, names: tuple[str, ...]) -> None:
        """Try the first role that there is: of one that is not, AppRole says so, whatever the rights are."""
        for role in names[:1]:
            next(_looked_up(vault, f"{roles}/{role}", most=1), None)

    def _role(self, vault: Vault, mount: Mount, role: str, people: Identities) -> Iterator[Key | Skipped]:
        place = f"auth/{mount.path}/role/{role}"
        if role.strip("/") in ("", ".", ".."):
            yield Skipped(place, "a name that cannot be asked for safely")
            return
        try:
            items = list(_looked_up(vault, place, most=self._most))
        except (SourceDenied, SourceMalformed) as error:
            yield Skipped(f"{place}/secret-id", error.message, error.hint)
            return
        secret_ids = [item for item in items if isinstance(item, Found)]
        only = len(secret_ids) == len(items) == 1
        for item in items:
            yield item if isinstance(item, Skipped) else self._key(item, mount, role, people, only=only)

    def _key(self, found: Found, mount: Mount, role: str, people: Identities, *, only: bool) -> Key:
        fields, meta = found.fields, notes(found.fields, "metadata")
        ends = instant(fields.get("expiration_time"))
        login = Handle(HandleSpace.VAULT_LOGIN, f"{self._name}/auth/{mount.path}/{role}")
        own = Handle(HandleSpace.VAULT_ACCESSOR, f"{self._name}/{found.digest}")
        name = f"{mount.path} {role} secret-id {found.shown}…"
        return Key(
            kind=KeyKind.VAULT_TOKEN,
            handles=(login, own) if only else (own,),
            name=name,
            locations=(Location(self._id, f"auth/{mount.path}/role/{role}/secret-id {found.shown}…"),),
            status=KeyStatus.EXPIRED if ends is not None and ends <= self._now() else KeyStatus.ACTIVE,
            created_at=instant(fields.get("creation_time")),
            owner=meta.get("owner") or people.owner_of_role(mount.accessor, role),
            application=meta.get("application"),
        )


def _looked_up(vault: Vault, role: str, *, most: int) -> Iterator[Found | Skipped]:
    return looked_up(
        lambda: vault.list(f"{role}/secret-id"),
        lambda accessor: vault.post(f"{role}/secret-id-accessor/lookup", {"secret_id_accessor": accessor}),
        most=most,
        what=f"secret-id of {role}",
    )


_: type[KeySource] = VaultSecretIds
