"""
The guard in front of an ASGI application.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from keywatch.guard.answer import REFUSED, Words, accepts, rendered
from keywatch.guard.inspection import Guard, Inspection

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

LARGEST = 10 << 20
"""Bytes of a body that is looked at."""


class GuardASGI:
    """
    Looks at the body of each request before the application does.

    A body with a secret is refused, or goes on without it. One that cannot be looked at (too long, compressed) is
    refused too: a path whose uploads are of another kind is left out by `guards`.
    """

    def __init__(
        self,
        app: _App,
        guard: Guard | None = None,
        *,
        redact: bool = False,
        words: Words | None = None,
        largest: int = LARGEST,
        guards: Callable[[str], bool] = lambda _: True,
        noticed: Callable[[str, Inspection], None] = lambda _path, _seen: None,
    ) -> None:
        """
        Args:
            app: the application.
            guard: what looks; None for one with the packaged rules.
            redact: let a request go on without the secret, where all of it can be taken out, instead of refusing it.
            words: what the sender is told.
            largest: bytes of a body; a longer one is refused with 413.
            guards: tells of a request's path whether it is looked at.
            noticed: is told of each request in which something was found, to count it.
        """  # noqa: D205
        self._app = app
        self._guard = guard or Guard()
        self._redact = redact
        self._words = words or Words()
        self._largest = largest
        self._guards = guards
        self._noticed = noticed

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http" or not self._guards(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        body = await self._body(receive)
        if body is None:
            await _answer(send, 413, "text/plain; charset=utf-8", b"too long to be looked at\n")
            return
        if not body:
            await self._app(scope, _once(body, receive), send)
            return
        if headers.get(b"content-encoding", "identity").lower() != "identity":
            await _answer(send, 415, "text/plain; charset=utf-8", b"compressed: send it as it is\n")
            return
        kind = headers.get(b"content-type", "")
        seen = await asyncio.to_thread(self._guard.inspect, body, kind)
        if seen.found:
            self._noticed(scope["path"], seen)
        if not accepts(seen, redact=self._redact):
            await _answer(send, REFUSED, *rendered(seen, self._words, headers.get(b"accept", "")))
            return
        if seen.body is not body:
            kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"content-length"]
            scope = {**scope, "headers": [*kept, (b"content-length", str(len(seen.body)).encode())]}
        await self._app(scope, _once(seen.body, receive), send)

    async def _body(self, receive: _Receive) -> bytes | None:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b""  # the sender has gone; the application will hear of it
            part = message.get("body", b"")
            size += len(part)
            if size > self._largest:
                return None
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)


def _once(body: bytes, receive: _Receive) -> _Receive:
    """Give the body in one message, then whatever comes after it."""
    given = False

    async def again() -> _Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _answer(send: _Send, status: int, kind: str, body: bytes) -> None:
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
