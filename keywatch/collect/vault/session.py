"""One Vault and keywatch's token for it, shared by all sources of that Vault and for as long as the process lives."""

import time
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock
from typing import Self

from keywatch.collect.vault.access import VaultAccess
from keywatch.collect.vault.answer import Answer
from keywatch.collect.vault.door import Door, LoginRefused
from keywatch.collect.vault.features import Program, Server, server_of
from keywatch.collect.vault.lease import Lease
from keywatch.collect.vault.login import Login, Unwatched
from keywatch.collect.vault.wire import Request, Wire
from keywatch.model.errors import SourceDenied, SourceError, SourceUnreachable
from keywatch.model.secret import Secret
from keywatch.model.source import Skipped

_HEALTH = Request("GET", "sys/health")
_LOCKED_OUT = 16 * 60.0
"""Seconds after a refused login before the next: Vault locks a login out for 15 minutes after 5 refusals, and one a
quarter of an hour never makes them. https://developer.hashicorp.com/vault/docs/concepts/user-lockout"""
_REFUSED = 60.0
"""The same for methods that lock nobody out."""
_DOWN = 15.0
"""Seconds for which it is not tried again to log in to a Vault that did not answer: nine others wait for the first."""
_BLIND = 600.0
"""Seconds between two logins because of a token that may not look itself up, and may be alive."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """A login that did not go well, and until when nobody tries again."""

    error: SourceError
    asked_by: str
    until: float
    proof: Secret | None = None

    def told_to(self, who: str) -> SourceError:
        message = f"{who}: {self.error.message.removeprefix(f'{self.asked_by}: ')}"
        return type(self.error)(message, hint=self.error.hint)


class VaultSession:
    """
    Sees to it that there is a token, and asks with it. May be shared between threads.

    One thread logs in and the others wait for it, so that ten sources of one Vault log in once.
    """

    def __init__(self, access: VaultAccess, login: Login, *, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            access: How the Vault is reached.
            login: How a token is had.
            clock: Seconds of a steady clock.
        """  # noqa: D205
        self._wire = Wire(access)
        self._login = login
        self._clock = clock
        self._lock = Lock()
        self._lease: Lease | None = None
        self._failure: _Failure | None = None
        self._later = 0.0
        """Until then a renewal that failed is not tried again."""
        self._blindly = -_BLIND
        """When a token was last replaced that may have been alive."""
        self._server: Server | None = None

    @classmethod
    def of(cls, access: VaultAccess, token: Secret) -> Self:
        """Return a session that has this token and no other, and lets it live as long as it does."""
        return cls(access, Unwatched(token))

    def ask(self, who: str, request: Request, lease: Lease, *, accept: Container[int] = ()) -> Answer:
        """Ask with our token, as `Wire.ask`."""
        return self._wire.ask(who, request, lease.token, accept=accept)

    def begin(self) -> None:
        """A run of a source begins: a token that somebody has put in the old one's place is taken."""
        with self._lock:
            lease, proof = self._lease, self._login.proof()
            if lease is not None and self._given and proof is not None and proof != lease.token:
                self._lease = None

    def lease(self, who: str) -> Lease:
        """
        Return the token to ask with now, renewed or replaced if it is time.

        Args:
            who: the source that wants it; errors begin with it.

        Raises:
            SourceError: there is none to be had.
        """
        with self._lock:
            lease, now = self._lease, self._clock()
            if lease is None or (lease.over(now) and self._login.managed):
                lease = self._logged_in(who)
            elif lease.due(now) and now >= self._later:
                lease = self._prolonged(who, lease, now)
            self._lease = lease
            return lease

    def revive(self, who: str, lease: Lease) -> bool:
        """
        Vault refused something: if the token is to blame, get another.

        Returns:
            Whether there is another now, with which it is worth asking again.

        Raises:
            SourceError: the token is dead, and there is no other to be had.
        """
        if not self._login.managed:
            return False
        with self._lock:
            if self._lease is not None and self._lease.token != lease.token:
                return True  # somebody else has seen to it
            if self._lives(who, lease):
                return False
            self._lease = None
            self._lease = again = self._logged_in(who)
            if again.token == lease.token and lease.shown:
                hint = "put a new one where `token` says, or let keywatch log in by itself: [vault.login]"
                raise SourceDenied(f"{who}: Vault no longer accepts the token: it was revoked or ran out", hint=hint)
            return again.token != lease.token

    def keep(self, who: str) -> bool:
        """
        Renew the token if it is time; between two runs nobody else does. Nothing is done before the first login.

        Returns:
            Whether it was time.

        Raises:
            SourceError: it could not be renewed, nor be followed by another.
        """
        with self._lock:
            lease, now = self._lease, self._clock()
        if lease is None or not lease.due(now):
            return False
        return self.lease(who).since != lease.since

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

    def check(self, who: str) -> Iterator[str | Skipped]:
        """Say what the server is and whether keywatch gets in; nothing of a token that was simply handed over."""
        if not self._login.managed:
            return
        if (server := self.server(who)).program is not Program.UNKNOWN:
            yield str(server)
        try:
            lease = self.lease(who)
        except SourceError as error:
            yield Skipped(f"{self._login.name} login", error.message, error.hint)
            return
        yield f"{self._login.name} login" if not self._given else "token"
        if self._given and lease.ends and not lease.renewable:
            hours = lease.left(self._clock()) / 3600
            hint = "give keywatch a renewable or periodic token, or let it log in: [vault.login]"
            yield Skipped("token", f"ends in {hours:.0f} hours, and cannot be renewed", hint)

    @property
    def _given(self) -> bool:
        return self._login.name == "token"

    def _prolonged(self, who: str, lease: Lease, now: float) -> Lease:
        """Renew, or log in anew where that does not help. While the old token lasts, a failure is no trouble."""
        try:
            if lease.renewable:
                renewed = Door(who, self._wire, self._clock).renew(lease.token)
                if renewed is not None:
                    lease = lease.renewed(renewed.ttl, renewed.renewable, now)
                    if lease.grows:
                        return lease
            if self._given:
                # Nothing else can be done: whoever gave it will give another.
                return replace(lease, renewable=False)
            return self._logged_in(who)
        except SourceError:
            if lease.over(now):
                raise
            self._later = now + max(lease.left(now) / 4, 1.0)
            return lease

    def _lives(self, who: str, lease: Lease) -> bool:
        """Whether a token that was refused something is still one."""
        if Door(who, self._wire, self._clock).look_up(lease.token) is not None:
            return True
        if lease.shown:
            return False
        now = self._clock()
        if now < self._blindly + _BLIND:
            return True
        self._blindly = now
        return False

    def _logged_in(self, who: str) -> Lease:
        failure, now = self._failure, self._clock()
        if failure is not None and now < failure.until:
            mended = isinstance(failure.error, LoginRefused) and self._login.proof() != failure.proof
            if not mended:
                raise failure.told_to(who)
        door = Door(who, self._wire, self._clock)
        proof = self._login.proof()
        try:
            lease = self._login.log_in(door)
        except LoginRefused as error:
            wait = _LOCKED_OUT if self._login.locks_out else _REFUSED
            self._failure = _Failure(error, who, now + wait, proof)
            raise
        except SourceUnreachable as error:
            self._failure = _Failure(error, who, now + _DOWN)
            raise
        self._failure = None
        if self._login.managed and not self._given:
            # Not being told now is no reason to lose a token that a secret id may have been used up for.
            with suppress(SourceError):
                lease = replace(lease, shown=door.look_up(lease.token) is not None)
        return lease
