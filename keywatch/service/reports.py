"""`POST /v1/calls`: programs tell which of their calls succeeded. Nothing is answered before it is in the store."""

import hmac
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from keywatch.collect.calls.reported import NotAReport, Received, ReportedCalls
from keywatch.model.errors import KeywatchError
from keywatch.service.metrics import Metrics
from keywatch.service.receiving import Refused, body_of, posted
from keywatch.store import Store

_log = structlog.get_logger(__name__)

_SHOWN = 50
"""Rejected calls that an answer lists."""
_JSON = "application/json"
_LINES = frozenset({"application/x-ndjson", "application/jsonl", "application/json-lines"})


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
        return posted("/v1/calls", self._answer)

    async def _answer(self, request: Request) -> Response:
        try:
            return _yes(await self._receive(request))
        except NotAReport as error:
            raise Refused(400, str(error), "the README shows what a report looks like") from None

    async def _receive(self, request: Request) -> Received:
        source = await run_in_threadpool(self._whose, request.headers.get("authorization", ""))
        if source is None:
            hint = "send `Authorization: Bearer TOKEN` of a [[reporter]]"
            raise Refused(401, "no reporter has this token", hint)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _LINES and kind != _JSON:
            hint = f"send {_JSON}, or application/x-ndjson: a call a line"
            raise Refused(415, "not JSON by its Content-Type", hint)
        return await run_in_threadpool(self._take, source, await body_of(request), lines=kind in _LINES)

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
            known = partial(self._store.reported, source.id)
            received = source.receive(body, self._store.cursor(source.id), lines=lines, known=known)
            self._store.save_calls(source.id, received.batch, self._now())
        for outcome, count in received.outcomes.items():
            self._metrics.reported.labels(source.id, outcome.value).inc(count)
        if received.batch.evidence:
            self._news()
        if received.rejected:
            first = received.rejected[0].why
            _log.warning("calls_rejected", source=source.id, count=len(received.rejected), why=first)
        return received


def _yes(received: Received) -> Response:
    rejected = received.rejected
    told = {
        "accepted": received.accepted,
        "ignored": received.ignored,
        "repeated": received.repeated,
        "rejected": len(rejected),
        "reasons": [{"index": item.index, "id": item.id, "why": item.why} for item in rejected[:_SHOWN]],
    }
    nothing_good = bool(rejected) and not (received.accepted or received.ignored or received.repeated)
    return JSONResponse(told, status_code=422 if nothing_good else 200)
