"""A Vault stand-in that something happens to while it is read."""

from collections.abc import Callable
from datetime import datetime

from keywatch.demo.vault import Answer, Body, VaultServer


class Troubled(VaultServer):
    """A Vault that something happens to after so many more requests."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(now=now)
        self.left: int | None = None
        self.happens: Callable[[], object] = lambda: None
        self.waits: Callable[[], object] = lambda: None
        """What an answer waits for."""

    def respond(self, verb: str, path: str, namespace: str, token: str, body: Body) -> Answer:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                self.happens()
        self.waits()
        return super().respond(verb, path, namespace, token, body)
