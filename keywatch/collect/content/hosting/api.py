"""
A hosting service's REST API, read page by page: patient with its limits, and true to one host.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api and
https://docs.gitlab.com/api/rest/#pagination say what the answers' headers mean.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode, urljoin, urlsplit

from keywatch.model.errors import SourceDenied, SourceMalformed, SourceUnreachable
from keywatch.model.secret import Secret
from keywatch.model.source import Json

if TYPE_CHECKING:
    import requests

Fields: TypeAlias = dict[str, Json]

_LARGEST = 32 << 20
"""Bytes of one answer."""
_PAGES = 2000
_TRIES = 5
_REDIRECTS = 5
_TIMEOUT = 30
"""Seconds for connecting, and between two reads."""
_SECONDARY = 60.0
"""Seconds to wait where a service asks for patience and does not say how much."""
_BUSY = frozenset({500, 502, 503, 504})
_MOVED = frozenset({301, 302, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a service may make us wait."""

    total: float = 900
    """Seconds, over all waits of one listing."""
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: Json
    next: str | None


class Api:
    """One service seen through one token. Not to be shared between threads."""

    def __init__(
        self,
        who: str,
        base: str,
        token: Callable[[], Secret] | None,
        *,
        headers: Mapping[str, str],
        ca: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._who = who
        self._base = base
        self._token = token
        self._headers = dict(headers)
        self._ca = ca
        self._patience = patience or Patience()
        self._left = self._patience.total
        self._session: requests.Session | None = None
        self._secret: Secret | None = None

    def get(self, path: str, **query: str) -> Answer:
        """
        Ask for one thing; 404 is an answer.

        Raises:
            SourceDenied: the token is not accepted, or may not see this.
            SourceUnreachable: no answer, or one that asks for more patience than there is.
            SourceMalformed: an answer that is none of this service's.
        """
        return self._get(f"{self._base}{path}" + (f"?{urlencode(query)}" if query else ""))

    def pages(self, path: str, **query: str) -> Iterator[tuple[Answer, list[Fields]]]:
        """
        Yield the pages of a list, following `Link: <…>; rel="next"`. A 404 is yielded as an answer without entries.

        Raises:
            SourceError: as `get`.
        """
        answer = self.get(path, **query)
        asked = set()
        for _ in range(_PAGES):
            entries = answer.body if answer.status != 404 else []  # noqa: PLR2004
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise SourceMalformed(f"{self._who}: the answer to {path} is no list", hint="check `base_url`")
            yield answer, [entry for entry in entries if isinstance(entry, dict)]
            if answer.next is None:
                return
            if answer.next in asked:
                break
            asked.add(answer.next)
            answer = self._get(answer.next)
        raise SourceMalformed(f"{self._who}: the pages of {path} have no end")

    def _get(self, url: str) -> Answer:
        for _ in range(_REDIRECTS):
            answer, location = self._patiently(url)
            if location is None:
                return answer
            url = self._ours(urljoin(url, location))
        raise SourceMalformed(f"{self._who}: redirects in a circle")

    def _ours(self, url: str) -> str:
        """Refuse to carry the token to another host, and off https."""
        given, base = urlsplit(url), urlsplit(self._base)
        if (given.scheme, given.netloc) != (base.scheme, base.netloc):
            hint = "set `base_url` to the address that it has now"
            raise SourceMalformed(f"{self._who}: leads to another host, where the token is not shown", hint=hint)
        return url

    def _patiently(self, url: str) -> tuple[Answer, str | None]:
        wait = 1.0
        for attempt in range(_TRIES):
            answer, location = self._send(url)
            if answer.status in (403, 429):
                pause = self._asked_to_wait(answer, attempt)
                if pause is None:
                    raise self._denied(answer)
            elif answer.status in _BUSY:
                pause, wait = wait, wait * 2
            elif answer.status == 401:  # noqa: PLR2004
                raise self._denied(answer)
            elif answer.status in (200, 404) or location is not None:
                return answer, location
            else:
                raise SourceMalformed(f"{self._who}: answered with HTTP {answer.status}", hint="check `base_url`")
            if pause > self._left:
                hint = f"it asks to wait {pause:.0f} s; the next run tries again"
                raise SourceUnreachable(f"{self._who}: limits the rate of requests, or is down", hint=hint)
            self._left -= pause
            self._patience.sleep(pause)
        raise SourceUnreachable(f"{self._who}: did not answer after {_TRIES} tries", hint="the next run tries again")

    def _asked_to_wait(self, answer: Answer, attempt: int) -> float | None:
        """Return for how long the service wants to be left alone; None: it refuses for another reason."""
        headers = answer.headers
        if (after := _number(headers.get("retry-after"))) is not None:
            return max(1.0, after)
        for remaining, reset in (
            ("x-ratelimit-remaining", "x-ratelimit-reset"),
            ("ratelimit-remaining", "ratelimit-reset"),
        ):
            if headers.get(remaining) == "0" and (when := _number(headers.get(reset))) is not None:
                # A second more: their clock and ours differ.
                return max(1.0, when - self._patience.now() + 1)
        said = answer.body.get("message") if isinstance(answer.body, dict) else None
        limited = isinstance(said, str) and "rate limit" in said.lower()
        return _SECONDARY * 2**attempt if limited or answer.status == 429 else None  # noqa: PLR2004

    def _denied(self, answer: Answer) -> SourceDenied:
        if answer.headers.get("x-github-sso", "").startswith("required"):
            hint = "authorise the token for the organisation's single sign-on, in the token's settings"
            return SourceDenied(f"{self._who}: the token is not authorised for single sign-on", hint=hint)
        if answer.status == 401:  # noqa: PLR2004
            return SourceDenied(f"{self._who}: the token is not accepted: wrong, expired or revoked", hint="renew it")
        needs = "Metadata: read and Contents: read (GitHub), read_api and read_repository (GitLab)"
        return SourceDenied(f"{self._who}: the token may not list this", hint=f"it needs {needs}")

    def _send(self, url: str) -> tuple[Answer, str | None]:
        import requests

        session, authorised = self._connection(), self._authorised()
        try:
            # One deadline between two reads does not bound a server that drips; the size bounds that.
            with session.get(url, headers=authorised, timeout=_TIMEOUT, allow_redirects=False, stream=True) as response:
                body = response.raw.read(_LARGEST + 1, decode_content=True)
                headers = {name.lower(): value for name, value in response.headers.items()}
                location = headers.get("location") if response.status_code in _MOVED else None
                link = response.links.get("next", {}).get("url")
        except requests.exceptions.SSLError:
            hint = "name the CA that signed its certificate: `ca_file`"
            raise SourceUnreachable(f"{self._who}: its certificate is not trusted", hint=hint) from None
        except (requests.exceptions.RequestException, OSError) as error:
            late = isinstance(error, requests.exceptions.Timeout)
            why = f"did not answer in {_TIMEOUT} s" if late else "cannot be reached"
            raise SourceUnreachable(f"{self._who}: {why}", hint="check the address and the network") from None
        except Exception as error:  # noqa: BLE001 - urllib3's own, from reading the body; its text may quote anything
            why = f"{self._who}: broke its answer off ({type(error).__name__})"
            raise SourceUnreachable(why, hint="the next run tries again") from None
        if len(body) > _LARGEST:
            raise SourceMalformed(f"{self._who}: an answer is larger than {_LARGEST >> 20} MiB")
        try:
            parsed: Json = json.loads(body) if body else None
        except (ValueError, RecursionError):
            parsed = None
        following = self._ours(urljoin(url, link)) if link else None
        return Answer(response.status_code, headers, parsed, following), location

    def _authorised(self) -> dict[str, str]:
        if self._token is None:
            return self._headers
        try:
            if self._secret is None:
                self._secret = self._token()
            return self._headers | {"Authorization": "Bearer " + self._secret.reveal().decode("ascii")}
        except UnicodeDecodeError:
            # Its own message would quote the token.
            raise SourceDenied(f"{self._who}: the token is not text", hint="check where it comes from") from None

    def _connection(self) -> "requests.Session":
        if self._session is None:
            import requests

            if self._ca is not None and not os.access(self._ca, os.R_OK):
                hint = "correct `ca_file`, and let keywatch's user read it"
                raise SourceDenied(f"{self._who}: the CA file {self._ca} cannot be read", hint=hint)
            self._session = requests.Session()
            # No proxy, CA or .netrc password from the environment: whom we talk to is the settings' business.
            self._session.trust_env = False
            self._session.verify = str(self._ca) if self._ca else True
        return self._session


def _number(text: str | None) -> float | None:
    """Return a header's number. A date, which Retry-After may be by its RFC, neither service sends."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
