"""
The one place that talks to HashiCorp Vault or OpenBao, and that says in keywatch's words what it refused.

A `VaultSession` is one Vault and keywatch's token for it, shared by all sources of that Vault; a `Vault` is one
source's view through it, for one run.
"""

from keywatch.collect.vault.access import VaultAccess
from keywatch.collect.vault.client import Vault
from keywatch.collect.vault.session import VaultSession
from keywatch.collect.vault.wire import Fields

__all__ = ["Fields", "Vault", "VaultAccess", "VaultSession"]
