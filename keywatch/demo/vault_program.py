"""
A Vault that answers: a real server where one is installed, the stand-in otherwise.

`vault_server()` starts `bao` or `vault` in dev mode if it is on PATH; `VaultAdmin`, a module of its own, seeds either
over HTTP.
"""

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.error import URLError
from urllib.request import urlopen

from keywatch.demo.vault import VaultServer


@dataclass(frozen=True, slots=True)
class RunningVault:
    """A Vault that answers: the stand-in, or a real one."""

    url: str
    token: str
    program: str
    """`bao`, `vault`, or `stand-in`."""


@contextmanager
def vault_server(*, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[RunningVault]:
    """Run `bao` or `vault` in dev mode on the loopback interface, or the stand-in where neither is there or starts."""
    program = shutil.which("bao") or shutil.which("vault")
    if program is not None:
        with _real(program) as running:
            if running is not None:
                yield running
                return
    with VaultServer(now=now) as server:
        yield RunningVault(server.url, server.token, "stand-in")


@contextmanager
def _real(program: str) -> Iterator[RunningVault | None]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token, url = "demo-" + secrets.token_hex(12), f"http://127.0.0.1:{port}"
    listen = [f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={token}", "-dev-no-store-token"]
    server = subprocess.Popen(
        [program, "server", "-dev", *listen],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        started = _answers(url, server, seconds=15)
        yield RunningVault(url, token, program.rsplit("/", 1)[-1]) if started else None
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(url: str, server: "subprocess.Popen[bytes]", seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"{url}/v1/sys/health", timeout=1):  # noqa: S310 - our own loopback server
                return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False
