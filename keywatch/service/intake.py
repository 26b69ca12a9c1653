"""`POST /v1/inspect`: whether a text that somebody sent holds a secret, and the same without it. Nothing is kept."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from keywatch.guard.answer import Words, told
from keywatch.guard.inspection import Guard
from keywatch.service.metrics import Metrics
from keywatch.service.receiving import body_of, posted

_TEXT = "text/plain; charset=utf-8"


class Intake:
    """Inspects what is posted: a text, or a request's body with its Content-Type."""

    def __init__(self, guard: Guard, words: Words, *, metrics: Metrics) -> None:
        self._guard = guard
        self._words = words
        self._metrics = metrics

    @property
    def route(self) -> Route:
        return posted("/v1/inspect", self._inspect)

    async def _inspect(self, request: Request) -> Response:
        body = await body_of(request)
        kind = request.headers.get("content-type", _TEXT)
        seen = await run_in_threadpool(self._guard.inspect, body, kind)
        self._metrics.inspected.labels(seen.verdict.value).inc()
        # What could not be taken out is not handed back as if it had been.
        return JSONResponse({**told(seen, self._words), "text": seen.text if seen.removed else None})
