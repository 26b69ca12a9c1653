"""`POST /v1/calls`: programs tell which of their calls succeeded. Nothing is answered before it is in the store."""

import asyncio
import hmac
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from http import HTTPStatus

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from keywatch.collect.calls.reported import NotAReport, Received, ReportedCalls
from keywatch.model.errors import KeywatchError, StoreError
from keywatch.service.metrics import Metrics
from keywatch.store import Store

_log = structlog.get_logger(__name__)

LARGEST = 1 << 20
"""Bytes of one report."""
_PATIENCE = 15.0
"""Seconds that a body may take to arrive."""
_SHOWN = 50
"""Rejected calls that an answer lists."""
_JSON = "application/json"
_LINES = frozenset({"application/x-ndjson", "application/jsonl", "application/json-lines"})


class _Refused(Exception):
    """The report is not taken: what the answer says."""

    def __init__(self, status: int, error: str, hint: str) -> None:
        super().__init__(error)
        self.status, self.error, self.hint = status, error, hint


class Reports:
    """Takes reports for all reporters. A token is read anew for each request, so that a new one needs no restart."""

    def __init__(
        self,
        sources: Iterable[ReportedCalls],
        store: Store,
        *,
        now: Callable[[], datetime],
        metrics: Metrics,
        news: Callable[[], None],
    ) -> None:
        """
        Args:
            sources: who may report.
            store: where it is kept.
            now: the clock.
            metrics: count what is reported.
            news: is called when there is something to judge.
        """  # noqa: D205
        self._sources = {source: threading.Lock() for source in sources}
        """With a lock each: reports of one are saved one after the other, as each goes on from the one before."""
        self._store = store
        self._now = now
        self._metrics = metrics
        self._news = news

    @property
    def route(self) -> Route:
        return Route("/v1/calls", self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        try:
            return _yes(await self._receive(request))
        except _Refused as refused:
            return _no(refused)
        except NotAReport as error:
            return _no(_Refused(400, str(error), "the README shows what a report looks like"))
        except TimeoutError:
            return _no(_Refused(408, f"the report did not arrive within {_PATIENCE:.0f} seconds", "send it again"))
        except StoreError as error:
            _log.error("report_not_saved", error=error.message, hint=error.hint)
            return _no(_Refused(503, "keywatch cannot save anything now", "send it again, with the same ids"))
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody

    async def _receive(self, request: Request) -> Received:
        source = await run_in_threadpool(self._whose, request.headers.get("authorization", ""))
        if source is None:
            hint = "send `Authorization: Bearer TOKEN` of a [[reporter]]"
            raise _Refused(401, "no reporter has this token", hint)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _LINES and kind != _JSON:
            hint = f"send {_JSON}, or application/x-ndjson: a call a line"
            raise _Refused(415, "not JSON by its Content-Type", hint)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise _Refused(415, "compressed", "send it as it is")
        return await run_in_threadpool(self._take, source, await _body(request), lines=kind in _LINES)

    def _whose(self, authorization: str) -> ReportedCalls | None:
        scheme, _, shown = authorization.partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            return None
        found = None
        # All are looked at, so that the time it takes does not tell which came near.
        for source in self._sources:
            try:
                token = source.token()
            except KeywatchError as error:
                _log.error("reporter_token_unusable", source=source.id, error=error.message, hint=error.hint)
                continue
            if hmac.compare_digest(token.reveal(), shown.strip().encode("utf-8", "surrogateescape")):
                found = found or source
        return found

    def _take(self, source: ReportedCalls, body: bytes, *, lines: bool) -> Received:
        with self._sources[source]:
            received = source.receive(body, self._store.cursor(source.id), lines=lines)
            self._store.save_calls(source.id, received.batch, self._now())
        for outcome, count in received.outcomes.items():
            self._metrics.reported.labels(source.id, outcome.value).inc(count)
        if received.batch.evidence:
            self._news()
        if received.rejected:
            first = received.rejected[0].why
            _log.warning("calls_rejected", source=source.id, count=len(received.rejected), why=first)
        return received


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async with asyncio.timeout(_PATIENCE):
        async for part in request.stream():
            size += len(part)
            if size > LARGEST:
                raise _Refused(413, f"longer than {LARGEST} bytes", "send several reports")
            parts.append(part)
    return b"".join(parts)


def _yes(received: Received) -> Response:
    rejected = received.rejected
    told = {
        "accepted": received.accepted,
        "ignored": received.ignored,
        "rejected": len(rejected),
        "reasons": [{"index": item.index, "id": item.id, "why": item.why} for item in rejected[:_SHOWN]],
    }
    nothing_good = bool(rejected) and not received.accepted and not received.ignored
    return JSONResponse(told, status_code=422 if nothing_good else 200)


def _no(refused: _Refused) -> Response:
    # What is left of a body that nobody reads is not to be taken for the next request.
    headers = {"Connection": "close"}
    if refused.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    elif refused.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "10"
    return JSONResponse({"error": refused.error, "hint": refused.hint}, status_code=refused.status, headers=headers)
