"""From the settings to sessions: each Vault is logged in to once, whoever reads from it."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import structlog

from keywatch.model.errors import SourceError
from keywatch.settings.keys import Vault
from keywatch.settings.schema import Settings
from keywatch.settings.vault_login import VaultLogin

if TYPE_CHECKING:
    from keywatch.collect.vault import VaultAccess, VaultSession
    from keywatch.collect.vault.login import Login
    from keywatch.collect.vault.wrappings import Wrappings

_log = structlog.get_logger(__name__)


def logins(settings: Settings) -> Iterator[Vault]:
    """Yield each Vault as it is logged in to: for names, and apart from that for values."""
    vaults = {vault.name: vault for vault in settings.vault}
    yield from settings.vault
    for entry in settings.vault_values:
        # Another token for the same Vault, under a name that no [[vault]] can have.
        yield vaults[entry.vault].model_copy(update={"name": entry.session, "token": entry.token, "login": entry.login})


class VaultSessions:
    """The configured Vaults. Made once for a process, and shared between its threads."""

    def __init__(
        self,
        entries: Iterable[Vault],
        wrappings: "Wrappings | None" = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            entries: what a person configured.
            wrappings: remembers which wrapping tokens were used up; None: none is used up.
            clock: seconds of a steady clock, by which tokens live.
        """  # noqa: D205
        self._entries = {entry.name: entry for entry in entries}
        self._wrappings = wrappings
        self._clock = clock
        self._lock = Lock()
        self._sessions: dict[str, VaultSession] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    @property
    def unwrapping(self) -> frozenset[str]:
        """The Vaults that are logged in to with a wrapped secret id."""
        return frozenset(
            name for name, entry in self._entries.items() if entry.login is not None and entry.login.wrapped
        )

    def access(self, name: str) -> "VaultAccess":
        """How that Vault is reached."""
        from keywatch.collect.vault import VaultAccess

        entry = self._entries[name]
        ca = Path(entry.ca_file).expanduser() if entry.ca_file else None
        return VaultAccess(url=entry.address.rstrip("/"), namespace=entry.namespace, ca=ca)

    def session(self, name: str) -> "VaultSession":
        """The one session with that Vault. Nothing is asked of it here."""
        from keywatch.collect.vault import VaultSession

        with self._lock:
            if name not in self._sessions:
                login = self._login(self._entries[name])
                self._sessions[name] = VaultSession(self.access(name), login, clock=self._clock)
            return self._sessions[name]

    def keep(self, name: str) -> bool:
        """
        Renew the token of that Vault if it is time: a source that reads once an hour would find a short one dead.

        Returns:
            Whether it went well; what did not, the next source that reads from this Vault will tell as its own.
        """
        with self._lock:
            session = self._sessions.get(name)
        if session is None:
            return True
        who = f"vault {name}"
        try:
            if session.keep(who):
                _log.info("vault_token_renewed", source=who)
        except SourceError as error:
            _log.warning("vault_token_not_renewed", source=who, error=error.message, hint=error.hint)
            return False
        return True

    def _login(self, entry: Vault) -> "Login":
        from keywatch.collect.vault.login import GivenToken, Kubernetes

        login = entry.login
        if login is None:
            if entry.token is None:
                raise AssertionError("the settings ask for one of the two")
            return GivenToken(entry.token.resolve)
        if login.method == "kubernetes":
            return Kubernetes(role=login.role or "", jwt=login.jwt.resolve, mount=login.mounted)
        return self._approle(entry.name, login) if login.method == "approle" else _aws(login)

    def _approle(self, name: str, login: VaultLogin) -> "Login":
        from keywatch.collect.vault.approle import AppRole, PlainSecretId, SecretId, WrappedSecretId

        if login.role_id is None:
            raise AssertionError("the settings ask for it")
        secret_id: SecretId | None = None
        if login.secret_id is not None:
            fetch = login.secret_id.resolve
            secret_id = (
                WrappedSecretId(fetch, self._wrappings, vault=name, mount=login.mounted, role=login.role)
                if login.wrapped
                else PlainSecretId(fetch)
            )
        return AppRole(role_id=login.role_id.resolve, secret_id=secret_id, mount=login.mounted)


def _aws(login: VaultLogin) -> "Login":
    from keywatch.collect.aws import AwsAccess
    from keywatch.collect.vault.aws_login import AwsIam

    access = AwsAccess(region=login.region, profile=login.profile, role_arn=login.assume_role)
    return AwsIam(
        role=login.role or "", mount=login.mounted, access=access, server_id=login.server_id, sts_url=login.sts_url
    )
