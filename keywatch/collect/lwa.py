"""
The one place that shows our keys to Amazon: it exchanges a refresh token, and makes one harmless request.

Hosts are fixed; redirects are not followed, and what the environment says of proxies is not either, as whoever answers
gets a secret. An answer says something of a key only if it has the form of Amazon's: a captive portal says nothing.
https://developer-docs.amazon.com/sp-api/docs/connecting-to-the-selling-partner-api
https://developer-docs.amazon.com/sp-api/reference/getmarketplaceparticipations
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from keywatch import __version__
from keywatch.model.errors import SourceMalformed, SourceUnreachable
from keywatch.model.secret import Secret
from keywatch.model.source import Json

if TYPE_CHECKING:
    import requests

TOKEN_HOST = "https://api.amazon.com"  # noqa: S105 - a host
API_HOSTS: Mapping[str, str] = {
    region: f"https://sellingpartnerapi-{region}.amazon.com" for region in ("na", "eu", "fe")
}
TOKEN_PATH = "/auth/o2/token"  # noqa: S105 - a path
API_PATH = "/sellers/v1/marketplaceParticipations"
"""Reads in which marketplaces the seller sells: no buyer's data and no contact, for every seller's authorisation."""

_AGENT = f"keywatch/{__version__} (Language=Python)"
_LARGEST = 256 * 1024
"""Bytes of an answer."""
_CONNECT, _READ, _WHOLE = 10.0, 30.0, 60.0
"""Seconds."""
_ERRORS = frozenset(
    {"invalid_client", "invalid_grant", "unauthorized_client", "invalid_request", "invalid_scope", "access_denied"}
)
"""What Login with Amazon calls a refusal that waiting does not mend."""
_OK, _BAD, _FORBIDDEN, _TOO_MANY, _DOWN = 200, 400, 403, 429, 500


@dataclass(frozen=True, slots=True)
class Reply:
    """What Amazon said. `accepted`, or an `error` it has a name for, or else throttled."""

    status: int
    error: str = ""
    """Amazon's word for it, from a list: `invalid_grant`; of SP-API a code as `Unauthorized`."""
    said: str = field(default="", repr=False)
    """The whole of a refusal, as text: to be looked at, not to be kept."""
    token: Secret | None = None
    retry_after: float | None = None
    """Seconds."""

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004

    @property
    def throttled(self) -> bool:
        return self.status == _TOO_MANY


class Amazon:
    """Login with Amazon and SP-API, for one run. Not to be shared between threads."""

    def __init__(self, *, base_url: str | None = None, proxy: str | None = None) -> None:
        """
        Args:
            base_url: Where everything is sent instead, in tests.
            proxy: Through which Amazon is reached.
        """  # noqa: D205
        self._base_url = base_url.rstrip("/") if base_url else None
        self._proxy = proxy
        self._session: requests.Session | None = None

    def exchange(self, client_id: str, client_secret: Secret, refresh_token: Secret) -> Reply:
        """
        Exchange a refresh token for an access token.

        Raises:
            SourceUnreachable: Amazon does not answer, or not now.
            SourceMalformed: whoever answers is not Amazon.
        """
        form = {
            "grant_type": b"refresh_token",
            "refresh_token": refresh_token.reveal(),
            "client_id": client_id.encode(),
            "client_secret": client_secret.reveal(),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
        url = f"{self._base_url or TOKEN_HOST}{TOKEN_PATH}"
        status, answer, wait = self._ask("POST", url, headers, urlencode(form).encode())
        if status == _OK:
            token = answer.get("access_token")
            if not isinstance(token, str) or not token:
                raise SourceMalformed("the answer to a token exchange holds no token")
            return Reply(status, token=Secret(token.encode("utf-8", "surrogatepass")))
        error = answer.get("error")
        if status == _TOO_MANY:
            return Reply(status, retry_after=wait)
        if not isinstance(error, str) or error not in _ERRORS:
            raise SourceMalformed(f"a token exchange was answered with HTTP {status}, and not as Amazon does")
        return Reply(status, error, said=error)

    def participations(self, region: str, access_token: Secret) -> Reply:
        """
        Ask in which marketplaces a seller sells.

        Raises:
            SourceUnreachable: Amazon does not answer, or not now.
            SourceMalformed: whoever answers is not Amazon.
        """
        url = f"{self._base_url or API_HOSTS[region]}{API_PATH}"
        token = access_token.reveal().decode("utf-8", "surrogatepass")
        if not (token.isascii() and token.isprintable()):
            raise SourceMalformed("the access token is not text")
        status, answer, wait = self._ask("GET", url, {"x-amz-access-token": token}, None)
        if status == _OK and isinstance(answer.get("payload"), list):
            return Reply(status)
        if status == _TOO_MANY:
            return Reply(status, retry_after=wait)
        errors = answer.get("errors")
        if not isinstance(errors, list) or status < _BAD:
            raise SourceMalformed(f"{API_PATH} was answered with HTTP {status}, and not as SP-API does")
        return Reply(status, _code(errors), said=json.dumps(errors))

    def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            self._session.close()

    def _ask(
        self, verb: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, dict[str, Json], float | None]:
        import requests

        host = url.partition("//")[2].partition("/")[0]
        try:
            response = self._made().request(
                verb,
                url,
                data=body,
                headers={"Accept": "application/json", "User-Agent": _AGENT, **headers},
                timeout=(_CONNECT, _READ),
                allow_redirects=False,
                stream=True,
            )
            with response:
                content = _content(response)
        # Their texts may quote a request. Nothing of them is passed on.
        except requests.exceptions.SSLError:
            raise SourceUnreachable(f"{host}: its certificate is not trusted", hint="is there a proxy?") from None
        except requests.exceptions.Timeout:
            raise SourceUnreachable(f"{host} did not answer in time") from None
        except (requests.exceptions.RequestException, ValueError, OSError):
            hint = "check the network and `[probe] proxy`"
            raise SourceUnreachable(f"{host} cannot be reached", hint=hint) from None
        if response.status_code >= _DOWN:
            raise SourceUnreachable(f"{host} failed to answer (HTTP {response.status_code})")
        wait = _seconds(response.headers.get("Retry-After"))
        if response.status_code == _TOO_MANY:
            return _TOO_MANY, {}, wait
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise SourceMalformed(f"{host} answered HTTP {response.status_code}, and not as Amazon does")
        return response.status_code, parsed, wait

    def _made(self) -> "requests.Session":
        if self._session is None:
            import requests

            session = requests.Session()
            # No proxy, .netrc or CA of the environment: whom we show keys to is the settings' business.
            session.trust_env = False
            if self._proxy:
                session.proxies = {"http": self._proxy, "https": self._proxy}
            self._session = session
        return self._session


def _content(response: "requests.Response") -> bytes:
    """Read an answer of bounded size in bounded time, however slowly it comes."""
    parts, size, until = [], 0, time.monotonic() + _WHOLE
    for part in response.iter_content(16 * 1024):
        parts.append(part)
        size += len(part)
        if size > _LARGEST or time.monotonic() > until:
            raise OSError("an answer without end")
    return b"".join(parts)


def _code(errors: list[Json]) -> str:
    first = errors[0] if errors else None
    code = first.get("code") if isinstance(first, dict) else None
    return code if isinstance(code, str) and code.isascii() and code.isalnum() and len(code) <= 40 else ""  # noqa: PLR2004


def _seconds(text: str | None) -> float | None:
    """Read a `Retry-After`: at most a day of it."""
    return min(float(text), 86_400.0) if text and text.isascii() and text.isdigit() and len(text) < 9 else None  # noqa: PLR2004
