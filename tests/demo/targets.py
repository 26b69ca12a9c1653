"""
The Vaults that the contract is held against: the stand-in as either program, and a real server where one is given.

`VAULT_ADDR` and `VAULT_TOKEN` name it (`make test-vault`): one that may be written to, as `bao server -dev`. With
`VAULT_UNSEAL_KEY` it is sealed and unsealed as well.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin

# Read at import: the tests' own environment is emptied of everything that could reach something real.
_ADDRESS, _TOKEN = os.environ.get("VAULT_ADDR"), os.environ.get("VAULT_TOKEN")
_UNSEAL_KEY = os.environ.get("VAULT_UNSEAL_KEY")
REAL = ["real"] if _ADDRESS and _TOKEN else []
SEALABLE = REAL if _UNSEAL_KEY else []
STAND_INS = ["stand-in", "stand-in-openbao"]


@dataclass(frozen=True, slots=True)
class Target:
    """A Vault with nothing in it that matters."""

    url: str
    token: str
    openbao: bool
    unseal_key: str | None
    stand_in: VaultServer | None = None


def reached(kind: str) -> Iterator[Target]:
    """Yield one of them, as long as it is needed."""
    if kind == "real":
        url = (_ADDRESS or "").rstrip("/")
        health = VaultAdmin(url, "").ask("GET", "sys/health")
        yield Target(url, _TOKEN or "", "enterprise" not in health, _UNSEAL_KEY)
        return
    with VaultServer() as server:
        server.openbao = kind == "stand-in-openbao"
        yield Target(server.url, server.token, server.openbao, server.unseal_key, server)
