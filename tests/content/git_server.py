"""A loopback server that speaks git's smart HTTP through `git http-backend`, with its moods."""

import base64
import json
import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

from keywatch.demo.loopback import LoopbackServer, QuietHandler


@dataclass
class Moods:
    """What the server asks for, and what it does to those who ask. Tests change it while it runs."""

    root: Path
    token: str = ""
    """Empty: whoever asks is served."""
    redirect: str = ""
    """Sends whoever is let in to this address instead, with the path it had."""
    cut_after: int = -1
    """Bytes of a pack that are sent before the connection breaks; -1: all."""
    silent: bool = False
    """Takes the request and never answers."""
    status: int = 0
    """Answers every request with this."""
    api: Callable[[str, str | None], tuple[int, dict[str, str], object]] | None = None
    """Answers what is asked below /api/."""
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization of each request."""
    released: threading.Event = field(default_factory=threading.Event)


def serve(moods: Moods) -> LoopbackServer:
    """Return the server, not started."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - http.server's name
            _handle(self, b"", moods)

        def do_POST(self) -> None:  # noqa: N802 - http.server's name
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.body()
            _handle(self, body, moods)

    return LoopbackServer(Handler)


def _handle(request: QuietHandler, body: bytes, moods: Moods) -> None:
    if moods.api is not None and request.path.startswith("/api/"):
        status, headers, told = moods.api(request.path, request.headers.get("Authorization"))
        _answer(request, status, headers, json.dumps(told).encode())
        return
    moods.seen.append((request.path, request.headers.get("Authorization", "")))
    if moods.silent:
        moods.released.wait(30)
        request.close_connection = True
        return
    if moods.status:
        request.answer(moods.status, b"remote: as you wish", "text/plain")
    elif moods.token and moods.token not in _shown(request):
        _answer(request, 401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
    elif moods.redirect:
        _answer(request, 302, {"Location": moods.redirect + request.path}, b"")
    else:
        _backend(request, body, moods)


def _answer(request: QuietHandler, status: int, headers: dict[str, str], content: bytes) -> None:
    request.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(content))}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content)


def _shown(request: BaseHTTPRequestHandler) -> str:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return base64.b64decode(value).decode().partition(":")[2] if kind == "Basic" else value


def _backend(request: QuietHandler, body: bytes, moods: Moods) -> None:
    parts = urlsplit(request.path)
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(moods.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": os.devnull,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    lines = [line.split(": ", 1) for line in head.decode().splitlines()]
    status = next((int(value.split()[0]) for name, value in lines if name == "Status"), 200)
    request.send_response(status)
    for name, value in lines:
        if name != "Status":
            request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if moods.cut_after >= 0 and request.command == "POST":
        request.wfile.write(content[: moods.cut_after])
        request.wfile.flush()
        request.connection.close()
        request.close_connection = True
        return
    request.wfile.write(content)
