"""What a program sends to the daemon: read within bounds, and refused with a sentence."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from keywatch.model.errors import StoreError

_log = structlog.get_logger(__name__)

LARGEST = 1 << 20
"""Bytes of a body."""
_PATIENCE = 15.0
"""Seconds that a body may take to arrive."""


class Refused(Exception):
    """What was sent is not taken: what the answer says."""

    def __init__(self, status: int, error: str, hint: str) -> None:
        super().__init__(error)
        self.status, self.error, self.hint = status, error, hint


def posted(path: str, take: Callable[[Request], Awaitable[Response]]) -> Route:
    """Return the route of `POST path`, whose errors are answered as JSON with what to do."""

    async def answer(request: Request) -> Response:
        try:
            return await take(request)
        except Refused as refused:
            return _no(refused)
        except TimeoutError:
            return _no(Refused(408, f"the body did not arrive within {_PATIENCE:.0f} seconds", "send it again"))
        except StoreError as error:
            _log.error("report_not_saved", error=error.message, hint=error.hint)
            return _no(Refused(503, "keywatch cannot save anything now", "send it again, with the same ids"))
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody

    return Route(path, answer, methods=["POST"])


async def body_of(request: Request) -> bytes:
    """
    Read a request's body.

    Raises:
        Refused: it is compressed, or too long.
        TimeoutError: it does not come.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "compressed", "send it as it is")
    parts, size = [], 0
    async with asyncio.timeout(_PATIENCE):
        async for part in request.stream():
            size += len(part)
            if size > LARGEST:
                raise Refused(413, f"longer than {LARGEST} bytes", "send it in several parts")
            parts.append(part)
    return b"".join(parts)


def _no(refused: Refused) -> Response:
    # What is left of a body that nobody reads is not to be taken for the next request.
    headers = {"Connection": "close"}
    if refused.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    elif refused.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "10"
    return JSONResponse({"error": refused.error, "hint": refused.hint}, status_code=refused.status, headers=headers)
