"""The daemon's HTTP server: `/healthz`, `/readyz`, `/metrics`, and the routes it is given. On loopback."""

import errno
import socket
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from keywatch.model.errors import ConfigError
from keywatch.service.metrics import Metrics

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""What a browser on this machine may call us."""

_MOST = 100
"""Requests at once. More are answered with 503."""


class WebServer:
    """Serves health and metrics from a thread of its own, so that a busy scan does not make the daemon look dead."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        metrics: Metrics,
        alive: Callable[[], bool],
        ready: Callable[[], bool],
        routes: Iterable[Route] = (),
    ) -> None:
        self._host, self._port = host, port
        self._metrics, self._alive, self._ready = metrics, alive, ready
        self._routes = tuple(routes)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, once started; port 0 in the settings becomes the port that was free."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> None:
        """
        Bind the address and serve.

        Raises:
            ConfigError: the address is taken or not ours.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
            listener.listen()  # from here on nobody is refused, though the server is still starting
        except OSError as error:
            listener.close()
            taken = "another program has it: " if error.errno == errno.EADDRINUSE else ""
            hint = f"{taken}set [http] listen to a free address of this machine"
            raise ConfigError(f"cannot listen on {self.url}: {error.strerror}", hint=hint) from None
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app(), log_config=None, access_log=False, lifespan="off", server_header=False, limit_concurrency=_MOST
        )
        self._server = uvicorn.Server(config)
        run = self._server.run
        self._thread = threading.Thread(target=lambda: run(sockets=[listener]), name="web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer what is under way, and stop; a second at most."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=1)
            self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _app(self) -> Starlette:
        # A page on the internet can make a browser ask a loopback address; it cannot make it send a loopback Host. An
        # address that others are meant to reach is known to them by names that nobody has told us.
        hosts = [*_LOOPBACK, self._host] if _is_loopback(self._host) else ["*"]
        return Starlette(
            routes=[
                Route("/healthz", self._answer("alive", self._alive)),
                Route("/readyz", self._answer("ready", self._ready)),
                Route("/metrics", self._show_metrics),
                *self._routes,
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
        )

    def _answer(self, name: str, holds: Callable[[], bool]) -> Callable[[Request], Response]:
        def answer(_request: Request) -> Response:
            good = holds()
            return JSONResponse({name: good}, status_code=200 if good else 503)

        return answer

    def _show_metrics(self, _request: Request) -> Response:
        return Response(self._metrics.render(), media_type=self._metrics.CONTENT_TYPE)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
