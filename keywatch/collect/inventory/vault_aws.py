"""
What Vault's AWS secrets engine makes keys from: its root key, static roles and roles. No key is ever read.

`creds/` makes a key each time that it is read, and `static-creds/` shows one; neither is asked for. The id of the root
key is shown by `config/root`. Of a static role the IAM user is known, whose newest key is the one that Vault keeps:
`keywatch.correlate` finds it where IAM's inventory has it.
https://developer.hashicorp.com/vault/api-docs/secret/aws
"""

from collections.abc import Iterator
from datetime import timedelta

from keywatch.collect.inventory.vault_accessors import require_life, seconds
from keywatch.collect.inventory.vault_identity import text, texts
from keywatch.collect.inventory.vault_mounts import secret_mounts, unseen
from keywatch.collect.vault import Fields, Vault, VaultAccess, VaultSession
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed
from keywatch.model.key import Handle, HandleSpace, Keeping, Key, KeyKind, Location, Rotation, SourceId
from keywatch.model.secret import Secret
from keywatch.model.source import KeySource, Skipped

_ROLES, _STATIC = "roles", "static-roles"
_NOBODY = "keywatch-check"


class VaultAwsKeys:
    """The root keys and roles of the AWS secrets engines of one Vault."""

    def __init__(
        self,
        name: str,
        access: VaultAccess,
        token: Secret | VaultSession,
        *,
        mounts: tuple[str, ...] = (),
        most: int = 100_000,
    ) -> None:
        """
        Args:
            name: The source's name in the settings; the first part of its keys' Vault handles.
            access: How the Vault is reached.
            token: Needs `read` on `aws/config/root`, `list` and `read` on `aws/roles/*` and `aws/static-roles/*`.
            mounts: AWS secrets engines without slashes at their ends. Empty: all there are.
            most: Roles of one engine before the rest is skipped.
        """  # noqa: D205
        self._id = SourceId(f"vault-aws:{name}")
        self._name = name
        self._access = access
        self._token = token
        self._mounts = tuple(mount.strip("/") for mount in mounts)
        self._most = most

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        vault.require_health()
        lived = vault.token_lives()
        mounts, hidden = self._chosen(vault)
        for mount in mounts:
            yield from self._root(vault, mount)
            for kind in (_STATIC, _ROLES):
                yield from self._roles(vault, mount, kind)
        require_life(vault, self._id, lived=lived)
        if hidden:
            yield hidden

    def check(self) -> Iterator[str | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        try:
            vault.require_health()
            yield "sys/health"
            mounts, hidden = self._chosen(vault)
        except SourceError as error:
            yield Skipped("sys/health", error.message, error.hint)
            return
        if hidden:
            yield hidden
        for mount in mounts:
            for what, ask in (
                (f"read {mount}/config/root", lambda mount=mount: vault.read(f"{mount}/config/root")),
                (f"list {mount}/roles", lambda mount=mount: vault.list(f"{mount}/roles")),
                (f"read {mount}/roles/", lambda mount=mount: vault.read(f"{mount}/roles/{_NOBODY}")),
                (f"list {mount}/static-roles", lambda mount=mount: vault.list(f"{mount}/static-roles")),
                (f"read {mount}/static-roles/", lambda mount=mount: vault.read(f"{mount}/static-roles/{_NOBODY}")),
            ):
                try:
                    ask()
                    yield what
                except SourceError as error:
                    yield Skipped(what.partition(" ")[2], error.message, error.hint)

    def _chosen(self, vault: Vault) -> tuple[tuple[str, ...], Skipped | None]:
        if self._mounts:
            return self._mounts, None
        table = secret_mounts(vault)
        mounts = tuple(mount.path for mount in table.of_type("aws"))
        return mounts, None if table.whole else unseen("sys/mounts")

    def _root(self, vault: Vault, mount: str) -> Iterator[Key | Skipped]:
        place = f"{mount}/config/root"
        try:
            found = vault.read(place) or {}
        except (SourceDenied, SourceMalformed) as error:
            yield Skipped(place, error.message, error.hint)
            return
        # Without an id it works with the role of the machine that it runs on, or by workload identity.
        if access_key_id := text(found, "access_key"):
            yield Key(
                kind=KeyKind.AWS_ACCESS_KEY,
                handles=(
                    Handle(HandleSpace.AWS_ACCESS_KEY_ID, access_key_id),
                    Handle(HandleSpace.VAULT, f"{self._name}/{place}"),
                ),
                name=place,
                locations=(Location(self._id, place),),
            )

    def _roles(self, vault: Vault, mount: str, kind: str) -> Iterator[Key | Skipped]:
        try:
            names = vault.list(f"{mount}/{kind}")
        except (SourceDenied, SourceMalformed) as error:
            yield Skipped(f"{mount}/{kind}", error.message, error.hint)
            return
        for name in names[: self._most]:
            place = f"{mount}/{kind}/{name}"
            if name.strip("/") in ("", ".", ".."):
                yield Skipped(place, "a name that cannot be asked for safely")
                continue
            try:
                found = vault.read(place)
            except (SourceDenied, SourceMalformed) as error:
                yield Skipped(place, error.message, error.hint)
                continue
            # None: deleted since it was listed.
            if found is not None:
                yield self._role(place, found)
        if len(names) > self._most:
            yield Skipped(f"{mount}/{kind}", f"more than {self._most} roles")

    def _role(self, place: str, found: Fields) -> Key:
        """
        A place that keys come from.

        It is of kind `other`: which key is behind it now Vault does not say, so nothing may be said of its calls.
        """
        location = Location(self._id, place)
        user = text(found, "username") or None
        every = seconds(found.get("rotation_period"))
        rotation = Rotation(every=timedelta(seconds=every)) if every else None
        made = texts(found, "credential_types") or texts(found, "credential_type")
        return Key(
            kind=KeyKind.OTHER,
            handles=(Handle(HandleSpace.VAULT, f"{self._name}/{place}"),),
            name=place,
            locations=(location,),
            keeping=(Keeping(location=location, rotation=rotation, fields=made, user=user),),
        )


_: type[KeySource] = VaultAwsKeys
