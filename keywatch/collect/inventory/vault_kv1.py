"""
Keys kept in Vault's KV v1, known by their names alone: there, to read anything of a secret is to read its value.

Only `LIST` is ever asked for. A name says that something is there, and by a pattern or its words what that is; when it
was written nobody can know.
https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v1
"""

from collections.abc import Iterator

from keywatch.collect.inventory.described import Describer
from keywatch.collect.inventory.vault_mounts import require, secret_mounts, unseen
from keywatch.collect.inventory.vault_walk import Bounds, Leaf, Walk
from keywatch.collect.vault import Vault, VaultAccess, VaultSession
from keywatch.model.errors import SourceError
from keywatch.model.key import Handle, HandleSpace, Key, Location, SourceId
from keywatch.model.secret import Secret
from keywatch.model.source import KeySource, Skipped


class VaultKv1Keys:
    """Every secret below the given mounts, by its name."""

    def __init__(
        self,
        name: str,
        access: VaultAccess,
        token: Secret | VaultSession,
        *,
        mounts: tuple[str, ...] = (),
        describer: Describer | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        """
        Args:
            name: The source's name in the settings; the first part of its keys' Vault handles.
            access: How the Vault is reached.
            token: Needs `list` on `<mount>/*`, and no more.
            mounts: KV v1 mounts without slashes at their ends. Empty: all there are.
            describer: What paths say of a key.
            bounds: How far a run goes.
        """  # noqa: D205
        self._id = SourceId(f"vault-kv1:{name}")
        self._name = name
        self._access = access
        self._token = token
        self._mounts = tuple(mount.strip("/") for mount in mounts)
        self._describer = describer or Describer(everything=True)
        self._bounds = bounds or Bounds()

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        walk = Walk(self._id, Vault(self._id, self._access, self._token), self._bounds)
        walk.begin()
        mounts, hidden = self._chosen(walk.vault)
        for mount in mounts:
            for leaf in walk.leaves(mount, f"{mount}/"):
                found = leaf if isinstance(leaf, Skipped) else self._key(leaf)
                if found is not None:
                    yield found
        walk.end()
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
            try:
                require(vault, self._id, mount)
                vault.list(f"{mount}/")
                yield f"list {mount}/"
            except SourceError as error:
                yield Skipped(f"{mount}/", error.message, error.hint)

    def _chosen(self, vault: Vault) -> tuple[tuple[str, ...], Skipped | None]:
        """The mounts to be read, and what may be missing from them. That there is none is no error."""
        if self._mounts:
            return self._mounts, None
        table = secret_mounts(vault)
        return table.kv(1), None if table.whole else unseen("sys/mounts")

    def _key(self, leaf: Leaf) -> Key | None:
        described = self._describer.describe(leaf.place, {})
        if described is None:
            return None
        return Key(
            kind=described.kind,
            handles=(*described.handles, Handle(HandleSpace.VAULT, f"{self._name}/{leaf.place}")),
            name=leaf.place,
            locations=(Location(self._id, leaf.place),),
            owner=described.owner,
            application=described.application,
            region=described.region,
            seller=described.seller,
        )


_: type[KeySource] = VaultKv1Keys
