"""One Vault and keywatch's token for it, shared by all sources of that Vault."""

import threading
from typing import Self

from keywatch.collect.vault.access import VaultAccess
from keywatch.collect.vault.answer import Answer
from keywatch.collect.vault.features import Server, server_of
from keywatch.collect.vault.wire import Request, Wire
from keywatch.model.errors import SourceError
from keywatch.model.secret import Secret

_HEALTH = Request("GET", "sys/health")


class VaultSession:
    """Asks a Vault with one token, from any thread."""

    def __init__(self, access: VaultAccess, token: Secret) -> None:
        self._wire = Wire(access)
        self._token = token
        self._lock = threading.Lock()
        self._server: Server | None = None

    @classmethod
    def of(cls, access: VaultAccess, token: Secret) -> Self:
        """Return a session that has this token, and no other."""
        return cls(access, token)

    def ask(self, who: str, request: Request, *, accept: tuple[int, ...] = ()) -> Answer:
        """
        Ask with our token, as `Wire.ask`.

        Raises:
            SourceError: it was refused, cannot be had, or makes no sense.
        """
        return self._wire.ask(who, request, self._token, accept=accept)

    def health(self, who: str) -> Answer:
        """Ask how the node is, which needs no token."""
        answer = self._wire.send(who, _HEALTH, None)
        self._server = server_of(answer.fields())
        return answer

    def server(self, who: str) -> Server:
        """What the server is, as it said when it was asked last."""
        if self._server is None:
            try:
                self.health(who)
            except SourceError:
                return Server()
        return self._server or Server()
