"""
The guard in front of a WSGI application.

https://peps.python.org/pep-3333/
"""

import io
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from keywatch.guard.gate import Gate, Refusal

_Environ = dict[str, Any]
_App = Callable[[_Environ, Callable[..., Any]], Iterable[bytes]]


class GuardWSGI(Gate[_App]):
    """Looks at the body of each request before the application does; see `Gate`."""

    def __call__(self, environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not self._guards(path):
            return self._app(environ, start_response)
        passed = self._passed(path, self._body(environ), lambda name: _header(environ, name))
        if isinstance(passed, Refusal):
            length = ("Content-Length", str(len(passed.body)))
            status = f"{passed.status} {HTTPStatus(passed.status).phrase}"
            start_response(status, [("Content-Type", passed.content_type), length])
            return [passed.body]
        changed = {"wsgi.input": io.BytesIO(passed), "CONTENT_LENGTH": str(len(passed))}
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


def _header(environ: _Environ, name: str) -> str:
    plain = name.upper().replace("-", "_")
    return str(environ.get("CONTENT_TYPE" if plain == "CONTENT_TYPE" else f"HTTP_{plain}", ""))
