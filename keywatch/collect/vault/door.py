"""What a login may ask of a Vault before it has a token."""

from collections.abc import Callable

from keywatch.collect.vault.answer import Answer, Fields
from keywatch.collect.vault.lease import Lease, granted
from keywatch.collect.vault.refusal import VaultRefused, refusal, strange
from keywatch.collect.vault.wire import Request, Wire
from keywatch.model.errors import SourceDenied
from keywatch.model.secret import Secret

_REFUSED = (400, 401, 403)


class LoginRefused(SourceDenied):
    """Vault did not take the credentials. Asking again and again would lock the login out, for others too."""


class Door:
    """The way in to one Vault, for one source that wants to be let in."""

    def __init__(self, who: str, wire: Wire, clock: Callable[[], float]) -> None:
        self.who = who
        self._wire = wire
        self.clock = clock

    def log_in(self, method: str, mount: str, body: Fields, hint: str) -> Lease:
        """
        Log in at `auth/<mount>/login`.

        Args:
            method: what errors call it: `AppRole`.
            mount: where it is mounted below `auth/`.
            body: the credentials.
            hint: what to look at when they are not taken.

        Raises:
            LoginRefused: they are not taken.
            SourceError: there is no answer, or none that makes sense.
        """
        request = Request("POST", f"auth/{mount}/login", body)
        answer = self._wire.ask(self.who, request, None, accept=_REFUSED)
        if answer.status in _REFUSED and answer.errors() is not None:
            raise LoginRefused(f"{self.who}: the {method} login at auth/{mount}/ was refused", hint=hint)
        fields = answer.fields()
        auth = fields.get("auth") if fields is not None else None
        if not isinstance(auth, dict):
            raise strange(self.who, request.what)
        lease = granted(auth, self.clock())
        if lease is None:
            hint = "it asks for more than the login, as a second factor, which a program cannot give"
            raise LoginRefused(f"{self.who}: the {method} login at auth/{mount}/ gave no token", hint=hint)
        return lease

    def wrapped_at(self, token: Secret) -> str | None:
        """The path whose answer a wrapping token wraps, which needs no right. None: it wraps nothing (any more)."""
        body: Fields = {"token": token.reveal().decode("utf-8", "replace")}
        data = self._wrapped(Request("POST", "sys/wrapping/lookup", body), None)
        path = (data or {}).get("creation_path")
        return path if isinstance(path, str) else None

    def unwrap(self, token: Secret) -> Fields | None:
        """The `data` that a wrapping token wraps, which it gives once. None: it wraps nothing (any more)."""
        # Once: if the answer is lost, a second try would be told that it is gone, as if somebody else had been there.
        return self._wrapped(Request("POST", "sys/wrapping/unwrap"), token, tries=1)

    def look_up(self, token: Secret) -> Fields | None:
        """What a token says of itself. None: it may not, or is none."""
        try:
            answer = self._wire.ask(self.who, Request("GET", "auth/token/lookup-self"), token)
        except VaultRefused:
            return None
        return self._data(answer)

    def renew(self, token: Secret) -> Lease | None:
        """
        Renew a token. None: Vault would not.

        Raises:
            SourceError: there is no answer.
        """
        answer = self._wire.ask(self.who, Request("POST", "auth/token/renew-self", {}), token, accept=_REFUSED)
        fields = answer.fields()
        auth = fields.get("auth") if fields is not None else None
        return granted(auth if isinstance(auth, dict) else None, self.clock())

    def _wrapped(self, request: Request, token: Secret | None, *, tries: int = 4) -> Fields | None:
        answer = self._wire.ask(self.who, request, token, accept=_REFUSED, tries=tries)
        if answer.status in _REFUSED:
            if answer.errors() is None:
                raise refusal(self.who, answer, request.what) or strange(self.who, request.what)
            return None
        if (data := self._data(answer)) is None:
            raise strange(self.who, request.what)
        return data

    def _data(self, answer: Answer) -> Fields | None:
        data = (answer.fields() or {}).get("data")
        return data if isinstance(data, dict) else None
