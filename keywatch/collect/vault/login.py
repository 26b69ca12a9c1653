"""How keywatch gets a token: what every method promises, and the methods that take a few lines."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from keywatch.collect.vault.door import Door
from keywatch.collect.vault.lease import Lease, looked_up
from keywatch.model.errors import ConfigError, SourceDenied
from keywatch.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

Fetch = Callable[[], Secret]
"""Reads a secret where it is kept, each time anew. Raises ConfigError where it is not there."""


class Login(Protocol):
    """A way to get a token."""

    @property
    def name(self) -> str:
        """What people call it: `AppRole`."""
        ...

    @property
    def managed(self) -> bool:
        """Whether a token's life is watched: renewed while it lasts, and followed by another."""
        ...

    @property
    def locks_out(self) -> bool:
        """Whether Vault locks this login out, for everybody, when it was refused a few times."""
        ...

    def log_in(self, door: Door) -> Lease:
        """
        Get a token.

        Raises:
            LoginRefused: Vault did not take the credentials.
            SourceError: it cannot be asked, or the credentials are not there.
        """
        ...

    def proof(self) -> Secret | None:
        """Credentials that can be compared, to see whether those that were refused have been mended. None: nothing."""
        ...


class Unwatched:
    """A token that is used as it is, for one run."""

    name = "token"
    managed = False
    locks_out = False

    def __init__(self, token: Secret) -> None:
        self._token = token

    def log_in(self, door: Door) -> Lease:  # noqa: ARG002 - it asks for nothing
        return Lease(token=self._token)

    def proof(self) -> Secret | None:
        return self._token


class GivenToken:
    """A token that somebody else makes, as a person or Vault Agent, and puts where it is read anew by each run."""

    name = "token"
    managed = True
    locks_out = False

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def log_in(self, door: Door) -> Lease:
        with kept_elsewhere(door.who):
            token = self._fetch()
        data = door.look_up(token)
        return looked_up(token, data, door.clock()) if data is not None else Lease(token=token)

    def proof(self) -> Secret | None:
        return fetched(self._fetch)


class Kubernetes:
    """The JWT of the pod's service account, which the kubelet replaces every hour: read anew for each login."""

    name = "Kubernetes"
    managed = True
    locks_out = False

    def __init__(self, *, role: str, jwt: Fetch, mount: str = "kubernetes") -> None:
        self._role = role
        self._jwt = jwt
        self._mount = mount

    def log_in(self, door: Door) -> Lease:
        with kept_elsewhere(door.who):
            jwt = self._jwt()
        hint = (
            f"the role `{self._role}` should be bound to this pod's service account and namespace, and Vault be able "
            "to ask the cluster's TokenReview"
        )
        return door.log_in(self.name, self._mount, {"role": self._role, "jwt": text(door.who, jwt)}, hint)

    def proof(self) -> Secret | None:
        return fetched(self._jwt)


@contextmanager
def kept_elsewhere(who: str) -> "Iterator[None]":
    """Tell of a credential that is not where the settings say it is as the source's own trouble."""
    try:
        yield
    except ConfigError as error:
        raise SourceDenied(f"{who}: {error.message}", hint=error.hint) from None


def fetched(fetch: Fetch) -> Secret | None:
    """Read a credential. None: it is not there."""
    try:
        return fetch()
    except ConfigError:
        return None


def text(who: str, secret: Secret) -> str:
    """
    Return a credential as the text that goes into a request; keep it in a local variable.

    Raises:
        SourceDenied: it is none.
    """
    try:
        return secret.reveal().decode("utf-8")
    except UnicodeDecodeError:
        # Its own message would quote the credential.
        raise SourceDenied(f"{who}: a credential for Vault is not text", hint="check where it comes from") from None


_: tuple[type[Login], ...] = (Unwatched, GivenToken, Kubernetes)
