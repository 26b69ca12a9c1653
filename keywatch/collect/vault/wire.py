"""
Requests to one Vault, from any thread.

hvac carries them; its conveniences are switched off, for each of them hurts a daemon: it follows redirects to other
hosts with the token, takes a token or CA from the environment, and puts the secret's path and the answer's body into
its exceptions.
"""

import os
import threading
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote

from keywatch.collect.vault.access import VaultAccess
from keywatch.collect.vault.answer import Answer, BrokenOff, Fields, Unending, whole
from keywatch.collect.vault.refusal import VaultBusy, refusal
from keywatch.model.errors import SourceDenied, SourceMalformed, SourceUnreachable
from keywatch.model.secret import Secret
from keywatch.model.source import Json

if TYPE_CHECKING:
    import requests

__all__ = ["Fields", "Request", "Wire"]

_ATTEMPTS = 4
_PATIENCE = 30.0
"""Seconds that one request may be tried for, waits included."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. The body may hold a secret, and is in no repr."""

    verb: str
    path: str
    body: Json = field(default=None, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """What errors call it."""
        return f"{self.verb} {self.path}"


class Wire:
    """The connections to one Vault, each thread's its own: a requests session may not be shared."""

    def __init__(self, access: VaultAccess) -> None:
        self.access = access
        self._local = threading.local()

    def ask(
        self, who: str, request: Request, token: Secret | None, *, accept: Container[int] = (), tries: int = _ATTEMPTS
    ) -> Answer:
        """
        Ask until there is an answer, as long as that takes no more than half a minute.

        Args:
            who: the source that asks; errors begin with it.
            request: what is asked.
            token: None: nobody's.
            accept: HTTP statuses that the caller understands, beside 200, 204 and 404.
            tries: how often it is asked at most; 1 for what must not happen twice.

        Raises:
            SourceError: it was refused, cannot be had, or makes no sense.
        """
        import stamina

        for attempt in stamina.retry_context(on=again, attempts=tries, wait_initial=0.2, wait_max=2, timeout=_PATIENCE):
            with attempt:
                answer = self.send(who, request, token)
                error = None if answer.status in accept else refusal(who, answer, request.what)
                if error is not None:
                    raise error
                return answer
        raise AssertionError("stamina tries at least once")

    def send(self, who: str, request: Request, token: Secret | None) -> Answer:
        """
        Ask once, and return whatever is answered.

        Raises:
            SourceError: nothing is.
        """
        import requests

        if any(part in (".", "..") for part in request.path.split("/")):
            # The HTTP library would resolve it: a name `../data/x` in a listing must not become a read of data/.
            raise SourceMalformed(f"{who}: a path with `.` or `..` is not asked for")
        try:
            return self._sent(who, request, token)
        except requests.exceptions.SSLError:
            hint = "check the server's certificate, or set `ca_file` to the CA that signed it"
            raise SourceUnreachable(f"{who}: Vault's certificate is not trusted", hint=hint) from None
        except requests.exceptions.Timeout:
            raise VaultBusy(f"{who}: Vault did not answer {request.what} in {self.access.timeout:g} s") from None
        except requests.exceptions.ConnectionError:
            hint = "check the address, the network and whether it runs"
            raise SourceUnreachable(f"{who}: Vault cannot be reached", hint=hint) from None
        except BrokenOff:
            raise VaultBusy(f"{who}: Vault broke off its answer to {request.what}") from None
        except Unending:
            hint = "is this address really Vault's?"
            raise SourceMalformed(f"{who}: the answer to {request.what} has no end", hint=hint) from None
        except (requests.exceptions.RequestException, ValueError):
            raise SourceMalformed(f"{who}: {request.what} cannot be sent", hint="check address and token") from None

    def _sent(self, who: str, request: Request, token: Secret | None) -> Answer:
        adapter = self._adapter(who)
        adapter.token = _header(who, token) if token is not None else None
        try:
            url, query = f"/v1/{quote(request.path)}", dict(request.query)
            return whole(adapter.request(request.verb, url, json=request.body, params=query, stream=True))
        finally:
            adapter.token = None

    def _adapter(self, who: str) -> "_Adapter":
        known: _Adapter | None = getattr(self._local, "adapter", None)
        if known is not None:
            return known
        import requests
        from hvac.adapters import RawAdapter

        ca = self.access.ca
        if ca is not None and not os.access(ca, os.R_OK):
            hint = "correct `ca_file`, and let keywatch's user read the file"
            raise SourceDenied(f"{who}: the CA file {ca} cannot be read", hint=hint)
        session = requests.Session()
        # No proxy, CA or .netrc password from the environment: whom we talk to is the settings' business.
        session.trust_env = False
        session.verify = str(ca) if ca else True
        # Not hvac.Client: it would add a token and a client certificate from the environment.
        adapter = RawAdapter(
            base_uri=self.access.url,
            namespace=self.access.namespace,
            timeout=self.access.timeout,
            allow_redirects=False,
            session=session,
            ignore_exceptions=True,
        )
        self._local.adapter = cast("_Adapter", adapter)
        return self._local.adapter  # type: ignore[no-any-return]


class _Adapter(Protocol):
    """What is used of hvac's adapter; hvac has no types."""

    token: str | None

    def request(self, method: str, url: str, **options: Any) -> "requests.Response": ...  # noqa: ANN401


def again(error: Exception) -> bool | float:
    """Whether to try once more, and after how many seconds where Vault said that."""
    if not isinstance(error, VaultBusy):
        return False
    # OpenBao rounds down to 0 where half a second is left: our own waits are better than that.
    if not error.retry_after:
        return True
    return error.retry_after + 0.5 if error.retry_after < _PATIENCE else False


def _header(who: str, token: Secret) -> str:
    try:
        return token.reveal().decode("ascii")
    except UnicodeDecodeError:
        # Its own message would quote the token.
        raise SourceDenied(f"{who}: the token is not text", hint="check where it comes from") from None
