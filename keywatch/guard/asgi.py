"""
The guard in front of an ASGI application.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from keywatch.guard.gate import Gate, Refusal

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

_OF_THE_BODY = frozenset({b"content-length", b"transfer-encoding"})


class _Gone(Exception):
    """The sender left before all had come."""


class GuardASGI(Gate[_App]):
    """Looks at the body of each request before the application does; see `Gate`."""

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http" or not self._guards(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        try:
            body = await self._body(receive)
        except _Gone:
            return  # half a request is none
        passed = await asyncio.to_thread(self._passed, scope["path"], body, lambda name: headers.get(name.encode(), ""))
        if isinstance(passed, Refusal):
            await _answer(send, passed)
            return
        if passed is not body:
            kept = [(name, value) for name, value in scope["headers"] if name.lower() not in _OF_THE_BODY]
            scope = {**scope, "headers": [*kept, (b"content-length", str(len(passed)).encode())]}
        await self._app(scope, _once(passed, receive), send)

    async def _body(self, receive: _Receive) -> bytes | None:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise _Gone
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


async def _answer(send: _Send, refusal: Refusal) -> None:
    headers = [
        (b"content-type", refusal.content_type.encode()),
        (b"content-length", str(len(refusal.body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})
