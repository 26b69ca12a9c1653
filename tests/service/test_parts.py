"""The daemon's small parts: the lock, systemd's datagrams, health and metrics over HTTP."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from keywatch.model.errors import AlreadyRunning, ConfigError, StoreError
from keywatch.service import systemd
from keywatch.service.lock import StateLock
from keywatch.service.metrics import Metrics
from keywatch.service.web import WebServer

HOLDER = """
import sys
from pathlib import Path
from keywatch.service.lock import StateLock
StateLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_daemon_is_refused_by_name_and_let_in_after_a_kill(tmp_path: Path) -> None:
    """The message names the first one's pid, and `kill -9` leaves no stale lock."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning, match=f"pid {holder.pid}"):
            StateLock(tmp_path).acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with StateLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_state_directory_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    """No traceback: the path and the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Not a directory"):
        StateLock(tmp_path / "file" / "state").acquire()


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_by_one_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, abstract: bool) -> None:
    """Over the socket it names, be that a path or an abstract name."""
    name = f"keywatch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name if abstract else str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name if abstract else str(tmp_path / "notify"))
        assert systemd.notify("READY=1", "STATUS=watching")
        assert manager.recv(100) == b"READY=1\nSTATUS=watching"


def test_without_systemd_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a missing manager nor one that went away is an error."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not systemd.notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not systemd.notify("READY=1")


def test_health_is_what_the_daemon_says_of_itself() -> None:
    """200 while it holds, 503 once it does not; metrics in Prometheus' format."""
    state = {"alive": True, "ready": False}
    server = WebServer("127.0.0.1", 0, metrics=Metrics(), alive=lambda: state["alive"], ready=lambda: state["ready"])
    with server, httpx.Client(base_url=server.url) as client:
        assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 503)
        state["alive"] = False
        assert client.get("/healthz").json() == {"alive": False}
        assert "keywatch_build_info" in client.get("/metrics").text
        assert client.post("/metrics").status_code == 405
        rebound = client.get("/metrics", headers={"Host": "attacker.example"})
        assert rebound.status_code == 400


def test_a_taken_address_is_a_sentence() -> None:
    """The daemon says which address, and what to set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = WebServer("127.0.0.1", port, metrics=Metrics(), alive=lambda: True, ready=lambda: True)
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}") as refused:
            server.start()
    assert refused.value.hint
