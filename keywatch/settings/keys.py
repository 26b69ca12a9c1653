"""Where keys are: Vaults, and those that no system lists."""

from datetime import date, timedelta
from typing import Self

from pydantic import model_validator

from keywatch.model.key import KeyKind
from keywatch.settings.interval import Interval
from keywatch.settings.reference import SecretReference
from keywatch.settings.table import FilePath, HttpUrl, KeptInAws, Label, Name, Table
from keywatch.settings.vault_inventory import VaultInventory
from keywatch.settings.vault_login import VaultLogin


class Vault(Table):
    """A Vault or OpenBao whose KV v2 secrets are inventoried through their metadata."""

    name: Name
    address: HttpUrl
    token: SecretReference | None = None
    """One that somebody else keeps in place; renewed while it can be. Or `login`."""
    login: VaultLogin | None = None
    mounts: tuple[str, ...] = ()
    """Empty: every KV v2 mount there is."""
    inventory: VaultInventory = VaultInventory()
    namespace: str | None = None
    ca_file: FilePath | None = None
    every: Interval = timedelta(hours=1)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.token is None) == (self.login is None):
            raise ValueError("needs either token or login")
        return self


class DeclaredKey(Table):
    """A key that no system lists: an LWA client secret, a seller's refresh token, an old MWS key."""

    name: Label
    kind: KeyKind
    owner: str | None = None
    application: str | None = None
    seller: str | None = None
    client_id: str | None = None
    access_key_id: str | None = None
    region: str | None = None
    created: date | None = None
    vault: tuple[str, ...] = ()
    """Where Vault holds it, as `vault name/mount/path`."""
    aws: tuple[KeptInAws, ...] = ()
    """Where AWS holds it: the ARNs of secrets and parameters."""
    secret: SecretReference | None = None
    """Lets the scanner find this value wherever it stands, and name the key: read, fingerprinted, sealed, forgotten."""
