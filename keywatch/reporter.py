"""
Tells keywatch which calls succeed, from inside the program that makes them.

Nothing but Python's standard library is needed: this file may also be copied into a program that cannot install
keywatch.

    from keywatch.reporter import Reporter

    reporter = Reporter("http://127.0.0.1:9470", token=os.environ["KEYWATCH_TOKEN"], application="orders")
    session = requests.Session()
    session.hooks["response"].append(reporter.requests_hook)
    with reporter.selling("A2EXAMPLE"):
        session.get("https://sellingpartnerapi-eu.amazon.com/orders/v0/orders", headers=...)

What is told of a call: when, its status, host, method and path (never the query, a header or a body), for whom, and of
a refusal the word that Amazon has for it (`invalid_grant`).
Calls that are alike are counted and told as one, so that a busy minute is a handful of lines. A thread of its own sends
them; the caller never waits for it, and no trouble of it ever reaches the caller: what cannot be sent is kept, and when
there is too much of it, the oldest goes first and the loss is told.
"""

import atexit
import contextlib
import http.client
import json
import logging
import os
import re
import ssl
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Reporter"]

_log = logging.getLogger("keywatch.reporter")

_SP_API = frozenset(f"sellingpartnerapi-{region}.amazon.com" for region in ("na", "eu", "fe"))
_TOKEN_HOST, _TOKEN_PATH = "api.amazon.com", "/auth/o2/token"
_REFUSALS = frozenset({400, 401, 403})
"""Statuses of answers whose body says why."""
_WORD = re.compile(r"[a-z_]{1,40}")
_CODE = re.compile(r"[A-Za-z0-9.]{1,60}")
_SAID = (
    ("access token you provided has expired", "token-expired"),
    ("access token you provided is revoked", "token-revoked"),
    ("not have access to one or more", "data-restricted"),
    ("not have access to some or all", "data-restricted"),
)
"""What SP-API says of a refusal, and the word that is told in its place."""
_BATCH = 500
"""Calls in one request; keywatch takes 1,000."""
_LONGEST = 300.0
"""Seconds between two tries at most, while keywatch cannot be reached."""
_LONGEST_ANSWER = 1 << 16
"""Bytes."""
_OK = 200
_REFUSED = frozenset({400, 413, 415, 422})
"""Answers after which the same batch would be refused again."""

_seller: ContextVar[str | None] = ContextVar("keywatch_seller", default=None)


class Reporter:
    """
    Counts calls, and tells keywatch of them every few seconds. Safe to use from several threads, and after a fork.

    One that has nothing to tell says so once a minute: else keywatch could not tell a quiet program from a dead one.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str],
        *,
        application: str | None = None,
        interval: float = 10.0,
        heartbeat: float = 60.0,
        timeout: float = 5.0,
        most: int = 10_000,
        ca_file: str | None = None,
    ) -> None:
        """
        Args:
            url: Where keywatch listens: `http://127.0.0.1:9470`. Without a path; `https` for any other machine.
            token: The bearer token of this program's `[[reporter]]`, or what fetches it anew for each request.
            application: What calls are for that name none.
            interval: Seconds between two reports.
            heartbeat: Seconds after which it is told that there is nothing to tell.
            timeout: Seconds that keywatch may take for a step of its answer.
            most: Kinds of calls that wait to be told at most.
            ca_file: Certificates to trust instead of the system's.

        Raises:
            ValueError: `url` is not the address of a server.
        """  # noqa: D205
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"not the address of a keywatch: {parts.scheme}://{parts.hostname}{parts.path}")
        self._host, self._port, self._tls = parts.hostname, parts.port, parts.scheme == "https"
        self._ca_file = ca_file
        self._token = token
        self._application = application
        self._interval, self._heartbeat, self._timeout, self._most = interval, heartbeat, timeout, most
        self._forget()
        reference = weakref.WeakMethod(self._forget)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: _call(reference))
        atexit.register(_close, weakref.ref(self))

    def call(
        self,
        *,
        status: int,
        host: str | None = None,
        method: str | None = None,
        path: str | None = None,
        application: str | None = None,
        seller: str | None = None,
        client_id: str | None = None,
        error: str | None = None,
    ) -> None:
        """
        Count a selling-partner call that was answered.

        Args:
            status: The HTTP status of the answer.
            host: Where it went. Only SP-API's production hosts prove anything.
            method: `GET`.
            path: What is behind a `?` is cut off.
            application: None: the reporter's own.
            seller: None: the one of `selling`.
            client_id: The LWA client id, where there is no name of the application.
            error: What Amazon calls it, of an answer that is an error: `invalid_client`.
        """
        self._note(
            {
                "application": application or self._application,
                "seller": seller or _seller.get(),
                "client_id": client_id,
                "host": host,
                "method": method,
                "status": status,
                "error": error,
            },
            # Not part of what makes calls alike: it may hold an order's number.
            {"path": str(path).partition("?")[0].partition("#")[0] if path else None},
        )

    def used(self, key: str, *, succeeded: bool, action: str | None = None, error: str | None = None) -> None:
        """
        Count a use of any other key.

        Args:
            key: its name in keywatch's configuration, or an access key id.
            succeeded: whether the call did.
            action: what was called: `sts:GetCallerIdentity`.
            error: the code of AWS's error, where it did not: `InvalidClientTokenId`.
        """
        outcome = "success" if succeeded else "failure"
        self._note({"key": key, "outcome": outcome, "error": error}, {"action": action})

    @contextmanager
    def selling(self, seller: str) -> Iterator[None]:
        """Say for which seller the calls inside are made, where the hooks cannot know; threads and tasks are apart."""
        before = _seller.set(seller)
        try:
            yield
        finally:
            _seller.reset(before)

    def requests_hook(self, response: Any, *_: Any, **options: Any) -> None:  # noqa: ANN401 - a requests.Response
        """Use as `session.hooks["response"].append(reporter.requests_hook)`."""
        # A body that the caller asked to read piece by piece is left to the caller.
        body = response.content if _explains(response) and not options.get("stream") else None
        with contextlib.suppress(Exception):
            self._answered(response.request.url, response.request.method, response.status_code, body)

    def httpx_hook(self, response: Any) -> None:  # noqa: ANN401 - an httpx.Response
        """Use as `httpx.Client(event_hooks={"response": [reporter.httpx_hook]})`."""
        # Read here as the client would next: what goes wrong is raised as it would be without us.
        body = response.read() if _explains(response) else None
        with contextlib.suppress(Exception):
            self._answered(str(response.request.url), response.request.method, response.status_code, body)

    async def httpx_async_hook(self, response: Any) -> None:  # noqa: ANN401 - an httpx.Response
        """Use as `httpx.AsyncClient(event_hooks={"response": [reporter.httpx_async_hook]})`."""
        body = await response.aread() if _explains(response) else None
        with contextlib.suppress(Exception):
            self._answered(str(response.request.url), response.request.method, response.status_code, body)

    def aiohttp_trace(self) -> Any:  # noqa: ANN401 - an aiohttp.TraceConfig
        """Use as `aiohttp.ClientSession(trace_configs=[reporter.aiohttp_trace()])`."""
        import aiohttp

        async def ended(_session: object, _context: object, told: Any) -> None:  # noqa: ANN401
            with contextlib.suppress(Exception):
                # aiohttp keeps what was read, and gives it to the caller.
                body = await told.response.read() if _explains(told.response) else None
                self._answered(str(told.url), told.method, told.response.status, body)

        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(ended)
        return trace

    def watch(self, client: Any) -> None:  # noqa: ANN401 - a client of boto3 or botocore
        """Count what a boto3 client is answered, as uses of the long-lived access key that signs. Sessions are none."""
        events = client.meta.events
        events.register_last("request-created", self._botocore_signed)
        events.register_last("after-call", self._botocore_answered)

    def flush(self, timeout: float = 5.0) -> bool:
        """Send what there is, and wait. Returns whether nothing is left to be sent, within `timeout` seconds."""
        self._start()
        with self._lock:
            wanted = self._rounds + (2 if self._busy else 1)  # the round under way may have begun without the last call
        self._wake.set()
        with self._lock:
            return self._done.wait_for(lambda: self._rounds >= wanted, timeout) and not self._unsent()

    def close(self, timeout: float = 2.0) -> None:
        """Send what there is, for `timeout` seconds at most, and stop. Called by itself when the program ends."""
        with self._lock:
            idle = self._thread is None and not self._unsent()
        if not idle:
            self.flush(timeout)
        self._closed = True
        self._wake.set()

    def _answered(self, url: str, method: str | None, status: int, body: bytes | None) -> None:
        parts = urlsplit(url)
        if _exchanges(url) or parts.hostname in _SP_API:
            error = _error(body) if body else None
            self.call(status=status, host=parts.hostname, method=method, path=parts.path, error=error)

    def _botocore_signed(self, request: Any, **_: Any) -> None:  # noqa: ANN401
        with contextlib.suppress(Exception):
            signed = request.headers.get("Authorization") or b""
            signed = signed.decode("ascii", "replace") if isinstance(signed, bytes) else signed
            request.context["keywatch_key"] = signed.partition("Credential=")[2].partition("/")[0]

    def _botocore_answered(
        self,
        http_response: Any,  # noqa: ANN401
        model: Any,  # noqa: ANN401
        context: Any,  # noqa: ANN401
        parsed: Any = None,  # noqa: ANN401
        **_: Any,  # noqa: ANN401
    ) -> None:
        with contextlib.suppress(Exception):
            key = context.get("keywatch_key", "")
            if key.startswith("AKIA"):
                action = f"{model.service_model.endpoint_prefix}:{model.name}"
                succeeded = http_response.status_code < 300  # noqa: PLR2004
                code = None if succeeded else _CODE.fullmatch((parsed or {}).get("Error", {}).get("Code", ""))
                self.used(key, succeeded=succeeded, action=action, error=code[0] if code else None)

    def _note(self, alike: dict[str, Any], beside: dict[str, Any]) -> None:
        try:
            identity = tuple(alike.values())
            now = datetime.now(UTC).isoformat()
            with self._lock:
                known = self._fresh.pop(identity, None)  # and in again behind the others: the first is the oldest
                if known is None and len(self._fresh) >= self._most:
                    self._dropped += self._fresh.pop(next(iter(self._fresh)))["count"]
                count = known["count"] + 1 if known else 1
                self._fresh[identity] = {"time": now, **alike, **beside, "count": count}
            self._start()
        except Exception as error:  # noqa: BLE001 - the caller has work to do
            _log.debug("a call was not counted: %s", type(error).__name__)

    def _forget(self) -> None:
        """Begin anew; a child begins so as well, since what waits here is told by its parent."""
        self._lock = threading.Lock()
        self._done = threading.Condition(self._lock)
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._fresh: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._outbox: deque[dict[str, Any]] = deque()
        self._dropped = 0
        self._rounds = 0
        self._busy = False
        self._closed = False
        self._complained = False

    def _start(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=_run, args=(weakref.ref(self), self._wake), name="keywatch-reporter", daemon=True
                )
                self._thread.start()

    def _unsent(self) -> bool:
        return bool(self._fresh or self._outbox or self._dropped)

    def _round(self) -> bool:
        """Send what there is, or a sign of life. Returns whether keywatch has taken it."""
        with self._lock:
            self._busy = True
        try:
            return self._send()
        except Exception as error:  # noqa: BLE001 - a thread that dies tells nothing any more
            self._complain(f"could not be reached ({type(error).__name__})")
            return False
        finally:
            with self._lock:
                self._busy = False
                self._rounds += 1
                self._done.notify_all()

    def _send(self) -> bool:
        sent = named = False
        while True:
            with self._lock:
                if not self._outbox and not named:
                    # Named once and kept until they are taken: a repetition is known by its ids.
                    self._outbox.extend({"id": uuid.uuid4().hex, **call} for call in self._fresh.values())
                    self._fresh.clear()
                    named = True
                batch, dropped = list(self._outbox)[:_BATCH], self._dropped
            if sent and not batch and not dropped:
                return True  # what was counted meanwhile has time until the next round
            calls = [{name: value for name, value in call.items() if value is not None} for call in batch]
            status, why = self._post({"calls": calls, "dropped": dropped})
            if status != _OK and status not in _REFUSED:
                self._complain(f"answers {status}{why}")
                return False
            if status in _REFUSED or why:
                self._complain(f"does not take all that is reported ({status}){why}")
            else:
                self._complained = False
            sent = True
            with self._lock:
                for _ in batch:
                    self._outbox.popleft()
                self._dropped -= dropped

    def _post(self, report: dict[str, Any]) -> tuple[int, str]:
        token = self._token() if callable(self._token) else self._token
        connection: http.client.HTTPConnection
        if self._tls:
            context = ssl.create_default_context(cafile=self._ca_file)
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            # No redirect is followed: the token is for this server alone.
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            connection.request("POST", "/v1/calls", json.dumps(report).encode(), headers)
            answer = connection.getresponse()
            return answer.status, _why(answer.read(_LONGEST_ANSWER))
        finally:
            connection.close()

    def _complain(self, why: str) -> None:
        """Warn once, until it works again: a program's log is not to be filled by its watcher."""
        if not self._complained:
            _log.warning("keywatch at %s:%s %s", self._host, self._port or "", why)
            self._complained = True


def _exchanges(url: str) -> bool:
    parts = urlsplit(url)
    return parts.hostname == _TOKEN_HOST and parts.path == _TOKEN_PATH


def _explains(response: Any) -> bool:  # noqa: ANN401 - a response of any of these clients
    """Whether the body of an answer is worth reading: of Amazon's own refusals alone, which are short."""
    with contextlib.suppress(Exception):
        status = getattr(response, "status_code", None) or response.status
        asked = getattr(response, "request", None) or response.request_info
        url = str(asked.url)
        return status in _REFUSALS and (urlsplit(url).hostname in _SP_API or _exchanges(url))
    return False


def _error(body: bytes) -> str | None:
    """The word for a refusal; never what the body says in its own words."""
    try:
        told = json.loads(body[:_LONGEST_ANSWER])
        if isinstance(told.get("error"), str):
            word = _WORD.fullmatch(told["error"])
            return word[0] if word else None
        text = " ".join(str(part) for error in told["errors"] for part in error.values()).lower()
        return next((word for said, word in _SAID if said in text), None)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None


def _why(answer: bytes) -> str:
    """What keywatch says is wrong, of the first call where it is several; empty if nothing is."""
    try:
        told = json.loads(answer)
        why = told.get("error") or next((item["why"] for item in told.get("reasons", ())), "")
        return f": {str(why)[:200]}" if why else ""
    except (ValueError, AttributeError, KeyError, TypeError):
        return ""


def _run(reference: "weakref.ref[Reporter]", wake: threading.Event) -> None:
    """Send every now and then, as long as somebody holds the reporter."""
    pause, told = 0.0, time.monotonic()
    while True:
        reporter = reference()
        if reporter is None or reporter._closed:  # noqa: SLF001
            return
        wait = max(pause, reporter._interval)  # noqa: SLF001
        del reporter  # so that one that nobody holds can go
        woken = wake.wait(wait)
        wake.clear()
        reporter = reference()
        if reporter is None or reporter._closed:  # noqa: SLF001
            return
        if woken or reporter._unsent() or time.monotonic() - told >= reporter._heartbeat:  # noqa: SLF001
            if reporter._round():  # noqa: SLF001
                told, pause = time.monotonic(), 0.0
            else:
                pause = min(max(pause * 2, reporter._interval), _LONGEST)  # noqa: SLF001


def _call(reference: "weakref.WeakMethod[Callable[[], None]]") -> None:
    method = reference()
    if method is not None:
        method()


def _close(reference: "weakref.ref[Reporter]") -> None:
    reporter = reference()
    if reporter is not None:
        reporter.close()
