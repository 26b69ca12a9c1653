"""How one Vault is reached."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultAccess:
    """How one Vault is reached."""

    url: str
    """`https://vault.example.com:8200`, without `/v1`."""
    namespace: str | None = None
    ca: Path | None = None
    """A CA bundle to trust instead of the system's."""
    timeout: float = 30
    """Seconds for connecting, and between two reads."""
