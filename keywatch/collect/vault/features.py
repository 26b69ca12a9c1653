"""What the server at the other end is, and what it can do that others cannot."""

import re
from dataclasses import dataclass
from enum import StrEnum

from keywatch.collect.vault.answer import Fields

_VERSION = re.compile(r"([0-9]{1,4})\.[0-9A-Za-z.+-]{1,60}")
_FIRST_OF_OPENBAO = 2


class Program(StrEnum):
    """Whose API it speaks."""

    VAULT = "HashiCorp Vault"
    OPENBAO = "OpenBao"
    UNKNOWN = "a server that does not say what it is"


@dataclass(frozen=True, slots=True)
class Server:
    """A program and its version."""

    program: Program = Program.UNKNOWN
    version: str = ""

    @property
    def pages(self) -> bool:
        """Whether LIST takes `after` and `limit`. Vault ignores both."""
        return self.program is Program.OPENBAO

    @property
    def scans(self) -> bool:
        """Whether SCAN and `detailed-metadata` may exist; both came later than OpenBao's first version."""
        return self.program is Program.OPENBAO

    def __str__(self) -> str:
        return f"{self.program.value} {self.version}".strip()


def server_of(health: Fields | None) -> Server:
    """
    Tell from an answer of sys/health what gave it.

    Neither names itself. OpenBao counts its versions from 2.0 on; Vault says since 1.16 whether it is the enterprise's.
    """
    version = (health or {}).get("version")
    found = _VERSION.match(version) if isinstance(version, str) else None
    if health is None or found is None:
        return Server()
    newer = int(found[1]) >= _FIRST_OF_OPENBAO
    return Server(Program.OPENBAO if newer and "enterprise" not in health else Program.VAULT, found[0])
