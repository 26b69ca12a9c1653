"""
Whether something that was found is a value that Vault has handed out, without ever being shown one.

Vault's audit log has HMACs of values, under a salt that only Vault knows and that is lost with the device. Vault tells
the HMAC of whatever it is given: so a candidate can be compared with what the log has seen. It is an oracle, for
whoever may ask it can test guesses; keywatch asks for what was found in public alone, and keeps no answer.
https://developer.hashicorp.com/vault/api-docs/system/audit-hash
"""

import re

from keywatch.collect.vault import Vault
from keywatch.model.errors import SourceMalformed
from keywatch.model.secret import Secret

_HASH = re.compile(r"hmac-sha256:[0-9a-f]{64}")


class VaultOracle:
    """One audit device's hashes. Needs `update` on `sys/audit-hash/<device>`."""

    def __init__(self, vault: Vault, device: str) -> None:
        """
        Args:
            vault: seen through a token that has the right.
            device: the path of the audit device, as `file`.
        """  # noqa: D205
        self._vault = vault
        self._device = device.strip("/")

    def hashed(self, candidate: Secret) -> str | None:
        """
        Return the hash of a candidate as the device logs it; None: it is no text, which no response holds.

        Raises:
            SourceError: Vault refuses, knows no such device, or cannot be asked.
        """
        try:
            text = candidate.reveal().decode("utf-8")
        except UnicodeDecodeError:
            return None
        told = (self._vault.post(f"sys/audit-hash/{self._device}", {"input": text}) or {}).get("hash")
        if not isinstance(told, str) or not _HASH.fullmatch(told):
            hint = "name an audit device that is enabled: `vault audit list`"
            raise SourceMalformed(f"Vault has no hash under its audit device {self._device}", hint=hint)
        return told
