"""
AppRole: a role id, and a secret id that is given as it is or wrapped.

A wrapped one is handed over as a token that gives the secret id once. If it does not, somebody else may have had it.
https://developer.hashicorp.com/vault/docs/auth/approle
https://developer.hashicorp.com/vault/docs/concepts/response-wrapping#response-wrapping-token-validation
"""

import re
from contextlib import suppress
from typing import Protocol

from keywatch.collect.vault.door import Door
from keywatch.collect.vault.lease import Lease
from keywatch.collect.vault.login import Fetch, Login, fetched, kept_elsewhere, text
from keywatch.collect.vault.wrappings import Wrappings
from keywatch.model.errors import SourceDenied
from keywatch.model.secret import Secret

_MINT = "deliver a new one: `vault write -wrap-ttl=10m -f auth/{mount}/role/{role}/secret-id`"
_REVOKE = "find out who unwrapped it (the audit log has it under its accessor), revoke that secret id, and then "


class SecretId(Protocol):
    """Where a secret id comes from."""

    def secret(self, door: Door) -> Secret:
        """
        Return it.

        Raises:
            SourceError: it cannot be had.
        """
        ...

    def proof(self) -> Secret | None:
        """What can be compared, as in `Login.proof`."""
        ...


class PlainSecretId:
    """A secret id that lies in a file, a systemd credential or the environment, and is read anew for each login."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def secret(self, door: Door) -> Secret:
        with kept_elsewhere(door.who):
            return self._fetch()

    def proof(self) -> Secret | None:
        return fetched(self._fetch)


class WrappedSecretId:
    """
    A secret id behind a wrapping token, unwrapped once and then kept in memory for as long as the process lives.

    Who may not use it up (`keywatch check`) has no `wrappings`, and is refused.
    """

    def __init__(
        self, fetch: Fetch, wrappings: Wrappings | None, *, vault: str, mount: str = "approle", role: str | None = None
    ) -> None:
        self._fetch = fetch
        self._wrappings = wrappings
        self._vault = vault
        self._mint = _MINT.format(mount=mount, role=role or "ROLE")
        name = re.escape(role) if role else "[^/]+"
        self._made_at = re.compile(rf"auth/{re.escape(mount)}/role/{name}/(custom-)?secret-id")
        self._had: tuple[Secret, Secret] | None = None
        """The wrapping token that was used up last, and what it gave."""

    def secret(self, door: Door) -> Secret:
        token = fetched(self._fetch)
        if self._had is not None and (token is None or token == self._had[0]):
            return self._had[1]
        if token is None:
            with kept_elsewhere(door.who):
                token = self._fetch()
        secret = self._unwrapped(door, token)
        self._had = token, secret
        return secret

    def proof(self) -> Secret | None:
        return fetched(self._fetch)

    def _unwrapped(self, door: Door, token: Secret) -> Secret:
        path, wrappings = door.wrapped_at(token), self._wrappings
        if wrappings is None:
            wraps = "can be used once, and is left for the daemon" if path else "wraps nothing (any more)"
            hint = "what is behind it cannot be tried: see the daemon's log"
            raise SourceDenied(f"{door.who}: the wrapping token of the secret id {wraps}", hint=hint)
        if path is None:
            raise self._spent(door, token, wrappings)
        if self._made_at.fullmatch(path) is None:
            # It is left alone: what it wraps is not meant for us, or meant to deceive us.
            raise self._alarm(door, token, wrappings, "it does not wrap a secret id of this AppRole")
        # First written down, then used up: if we are killed in between, it still wraps, and may be used.
        try:
            wrappings.take(self._vault, token)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            hint = "let keywatch write to its state directory: the wrapping token was left as it is"
            raise SourceDenied(
                f"{door.who}: that a secret id is unwrapped cannot be noted: {reason}", hint=hint
            ) from None
        secret = (door.unwrap(token) or {}).get("secret_id")
        if not isinstance(secret, str) or not secret:
            raise self._alarm(door, token, wrappings, "it was unwrapped in the moment before we did")
        with suppress(OSError):
            wrappings.settle(self._vault)
        return Secret(secret.encode())

    def _spent(self, door: Door, token: Secret, wrappings: Wrappings) -> SourceDenied:
        taken = wrappings.taken(self._vault, token)
        if taken is None:
            return self._alarm(door, token, wrappings, "it wraps nothing: it was unwrapped before, or ran out")
        when = f"{taken:%Y-%m-%d %H:%M} UTC"
        message = f"{door.who}: keywatch itself unwrapped this secret id on {when}, and has forgotten it since"
        return SourceDenied(message, hint=self._mint)

    def _alarm(self, door: Door, token: Secret, wrappings: Wrappings, why: str) -> SourceDenied:
        # Where it cannot be noted, it is told with the source all the same.
        with suppress(OSError):
            wrappings.suspect(self._vault, token, why)
        message = f"{door.who}: the wrapping token of the secret id cannot be trusted: {why}"
        return SourceDenied(message, hint=_REVOKE + self._mint)


class AppRole:
    """Log in with a role id, and a secret id unless the role asks for none."""

    name = "AppRole"
    managed = True
    locks_out = True

    def __init__(self, *, role_id: Fetch, secret_id: SecretId | None, mount: str = "approle") -> None:
        self._role_id = role_id
        self._secret_id = secret_id
        self._mount = mount

    def log_in(self, door: Door) -> Lease:
        with kept_elsewhere(door.who):
            role_id = self._role_id()
        secret_id = self._secret_id.secret(door) if self._secret_id is not None else None
        body = {"role_id": text(door.who, role_id)}
        if secret_id is not None:
            body["secret_id"] = text(door.who, secret_id)
        hint = (
            "check role id, secret id (it may have run out or been used up) and `mount`. After 5 refusals Vault locks "
            "the role out for 15 minutes, so keywatch waits as long, unless the credentials change"
        )
        return door.log_in(self.name, self._mount, {**body}, hint)

    def proof(self) -> Secret | None:
        role_id = fetched(self._role_id)
        secret_id = self._secret_id.proof() if self._secret_id is not None else None
        return Secret(b"\0".join(part.reveal() if part is not None else b"" for part in (role_id, secret_id)))


_: type[Login] = AppRole
__: tuple[type[SecretId], ...] = (PlainSecretId, WrappedSecretId)
