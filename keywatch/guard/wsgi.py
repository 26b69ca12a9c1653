"""
The guard in front of a WSGI application.

https://peps.python.org/pep-3333/
"""

import io
from collections.abc import Callable, Iterable
from typing import Any

from keywatch.guard.answer import REFUSED, Words, accepts, rendered
from keywatch.guard.asgi import LARGEST
from keywatch.guard.inspection import Guard, Inspection

_Environ = dict[str, Any]
_App = Callable[[_Environ, Callable[..., Any]], Iterable[bytes]]


class GuardWSGI:
    """Looks at the body of each request before the application does; see `GuardASGI`."""

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
        """Take what `GuardASGI` takes."""
        self._app = app
        self._guard = guard or Guard()
        self._redact = redact
        self._words = words or Words()
        self._largest = largest
        self._guards = guards
        self._noticed = noticed

    def __call__(self, environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not self._guards(path):
            return self._app(environ, start_response)
        body = self._body(environ)
        if body is None:
            return _answer(start_response, "413 Content Too Large", "text/plain", b"too long to be looked at\n")
        if body and environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
            return _answer(
                start_response, "415 Unsupported Media Type", "text/plain", b"compressed: send it as it is\n"
            )
        if body:
            seen = self._guard.inspect(body, environ.get("CONTENT_TYPE", ""))
            if seen.found:
                self._noticed(path, seen)
            if not accepts(seen, redact=self._redact):
                answer = rendered(seen, self._words, environ.get("HTTP_ACCEPT", ""))
                return _answer(start_response, f"{REFUSED} Unprocessable Content", *answer)
            body = seen.body
        changed = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return self._app({**environ, **changed}, start_response)

    def _body(self, environ: _Environ) -> bytes | None:
        """Return the body; None if there is too much of it. Without a length, a server says whether it ends."""
        stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH") or ""
        if length.isdigit():
            if int(length) > self._largest:
                return None
            data: bytes = stream.read(int(length))
            return data
        if not environ.get("wsgi.input_terminated"):
            return b""
        data = stream.read(self._largest + 1)
        return data if len(data) <= self._largest else None


def _answer(start_response: Callable[..., Any], status: str, kind: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]
