"""
The one place that talks to HashiCorp Vault or OpenBao, and that says in keywatch's words what it refused.

hvac carries the requests; its conveniences are switched off, for each of them hurts a daemon: it follows redirects to
other hosts with the token, takes a token or CA from the environment, and puts the secret's path and the answer's body
into its exceptions.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast
from urllib.parse import quote

from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.secret import Secret
from keywatch.model.source import Json

if TYPE_CHECKING:
    import requests

Fields: TypeAlias = dict[str, Json]

_ATTEMPTS = 4
_CAPABILITY = {"GET": "read", "LIST": "list", "POST": "update"}
_BUSY = frozenset({412, 429, 500, 502, 504})
"""Worth a short wait: eventual consistency (412), a rate-limit quota, a node that hands over."""
_STATES = {
    429: "is a standby that does not answer",
    472: "is a disaster-recovery secondary",
    473: "is a performance standby",
    501: "is not initialised",
    503: "is sealed or under maintenance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultAccess:
    """How one Vault is reached."""

    url: str
    """`https://vault.example.com:8200`, without `/v1`."""
    namespace: str | None = None
    ca: Path | None = None
    """A CA bundle to trust instead of the system's."""
    timeout: float = 30
    """Seconds for connecting, and between two reads."""


class VaultBusy(SourceUnreachable):
    """Vault, or the way to it, asks for patience: worth another try within this run."""


class Vault:
    """A Vault seen through one token. Not to be shared between threads: a requests session may not be."""

    def __init__(self, who: str, access: VaultAccess, token: Secret) -> None:
        self._who = who
        self._access = access
        self._token = token
        self._adapter: _Adapter | None = None

    def read(self, path: str) -> Fields | None:
        """The `data` of `GET path`. None: there is nothing (404)."""
        return self._data("GET", path)

    def list(self, path: str) -> tuple[str, ...]:
        """The names below `path`; folders end in a slash. Empty: there is nothing (404)."""
        keys = (self._data("LIST", path) or {}).get("keys", [])
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise SourceMalformed(f"{self._who}: Vault's list of names is not a list of names")
        return tuple(cast("list[str]", keys))

    def post(self, path: str, body: Fields) -> Fields | None:
        """The `data` of `POST path`, for what Vault answers to a question with a body. None: there is nothing (404)."""
        return self._data("POST", path, body)

    def mounted(self, mount: str) -> bool:
        """Whether anything answers at `mount`. Empty and missing are both 404, told apart by the error text alone."""
        response = self._patiently("LIST", f"{mount}/metadata", None)
        return response.status_code != 404 or not _errors(response)  # noqa: PLR2004

    def token_lives(self) -> bool | None:
        """Whether the token is still accepted. None: its policies do not let it ask."""
        try:
            return self.read("auth/token/lookup-self") is not None
        except SourceDenied:
            return None

    def require_health(self) -> None:
        """
        Ask whether Vault is in a state to serve us.

        Raises:
            SourceUnreachable: it is sealed, a standby, not initialised, or does not answer.
        """
        status = self._send("GET", "sys/health", None).status_code
        if status in _STATES:
            raise SourceUnreachable(f"{self._who}: Vault {_STATES[status]}", hint=_state_hint(status))

    def _data(self, verb: str, path: str, body: Json = None) -> Fields | None:
        response = self._patiently(verb, path, body)
        if response.status_code == 404:  # noqa: PLR2004
            return None
        try:
            parsed = response.json()
        except ValueError:
            parsed = None
        data = parsed.get("data") if isinstance(parsed, dict) else None
        if not isinstance(data, dict):
            hint = "is this address really Vault's, without a login page in front of it?"
            raise SourceMalformed(f"{self._who}: the answer to {_public(verb, path)} is not Vault's", hint=hint)
        return data

    def _patiently(self, verb: str, path: str, body: Json) -> "requests.Response":
        import stamina

        for attempt in stamina.retry_context(
            on=VaultBusy, attempts=_ATTEMPTS, wait_initial=0.2, wait_max=2, timeout=30
        ):
            with attempt:
                response = self._send(verb, path, body)
                error = self._refusal(response, _public(verb, path))
                if error is not None:
                    raise error
                return response
        raise AssertionError("stamina tries at least once")

    def _send(self, verb: str, path: str, body: Json) -> "requests.Response":
        import requests

        if any(part in (".", "..") for part in path.split("/")):
            # The HTTP library would resolve it: a name `../data/x` in a listing must not become a read of data/.
            raise SourceMalformed(f"{self._who}: a path with `.` or `..` is not asked for")
        what = _public(verb, path)
        try:
            return self._connection().request(verb, f"/v1/{quote(path)}", json=body)
        except requests.exceptions.SSLError:
            hint = "check the server's certificate, or set `ca` to the CA that signed it"
            raise SourceUnreachable(f"{self._who}: Vault's certificate is not trusted", hint=hint) from None
        except requests.exceptions.Timeout:
            raise VaultBusy(f"{self._who}: Vault did not answer {what} in {self._access.timeout:g} s") from None
        except requests.exceptions.ConnectionError:
            hint = "check the address, the network and whether it runs"
            raise SourceUnreachable(f"{self._who}: Vault cannot be reached", hint=hint) from None
        except (requests.exceptions.RequestException, ValueError):
            raise SourceMalformed(f"{self._who}: {what} cannot be sent", hint="check address and token") from None

    def _connection(self) -> "_Adapter":
        if self._adapter is None:
            import requests
            from hvac.adapters import RawAdapter

            ca = self._access.ca
            if ca is not None and not os.access(ca, os.R_OK):
                hint = "correct `ca`, and let keywatch's user read the file"
                raise SourceDenied(f"{self._who}: the CA file {ca} cannot be read", hint=hint)
            session = requests.Session()
            # No proxy, CA or .netrc password from the environment: whom we talk to is the settings' business.
            session.trust_env = False
            session.verify = str(ca) if ca else True
            # Not hvac.Client: it would add a token and a client certificate from the environment.
            adapter = RawAdapter(
                base_uri=self._access.url,
                token=self._header(),
                namespace=self._access.namespace,
                timeout=self._access.timeout,
                allow_redirects=False,
                session=session,
                ignore_exceptions=True,
            )
            self._adapter = cast("_Adapter", adapter)
        return self._adapter

    def _header(self) -> str:
        try:
            return self._token.reveal().decode("ascii")
        except UnicodeDecodeError:
            # Its own message would quote the token.
            raise SourceDenied(f"{self._who}: the token is not text", hint="check where it comes from") from None

    def _refusal(self, response: "requests.Response", what: str) -> SourceError | None:  # noqa: PLR0911
        status = response.status_code
        if status == 200 or status == 204 or status == 404:  # noqa: PLR1714, PLR2004
            return None
        if status in (401, 403):
            verb, _, path = what.partition(" ")
            hint = f"give the token `{_CAPABILITY[verb]}` on {path} in its policy"
            return SourceDenied(f"{self._who}: {what} was refused", hint=hint)
        if 300 <= status < 400:  # noqa: PLR2004
            hint = "set the address of the active node or of the load balancer: redirects are not followed"
            return SourceUnreachable(f"{self._who}: Vault redirects to another address", hint=hint)
        # Here 429 is a rate-limit quota; only from sys/health does it mean a standby.
        if status in _BUSY:
            return VaultBusy(f"{self._who}: Vault is too busy for {what} (HTTP {status})")
        if status in _STATES:
            return SourceUnreachable(f"{self._who}: Vault {_STATES[status]}", hint=_state_hint(status))
        if status > 500:  # noqa: PLR2004
            return SourceUnreachable(f"{self._who}: Vault failed to answer {what} (HTTP {status})")
        return SourceMalformed(f"{self._who}: Vault answered {what} with HTTP {status}", hint="check the settings")


class _Adapter(Protocol):
    """The one method of hvac's adapter that is used; hvac has no types."""

    def request(self, method: str, url: str, *, json: Json) -> "requests.Response": ...


def _public(verb: str, path: str) -> str:
    return f"{verb} {path}"


def _errors(response: "requests.Response") -> bool:
    try:
        parsed = response.json()
    except ValueError:
        return True
    return bool(parsed.get("errors")) if isinstance(parsed, dict) else True


def _state_hint(status: int) -> str:
    return "unseal it" if status == 503 else "point the address at the active node"  # noqa: PLR2004
