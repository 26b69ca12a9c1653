"""SIGTERM stops keywatch in time, whatever it is in the middle of. The bounds are wide: what hangs takes minutes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from keywatch.demo.slack import SlackMessage, SlackServer
from keywatch.demo.text import invented_refresh_token

WAIT = 60.0
"""Seconds; the promise is ten, what hangs would hang for minutes."""


@contextmanager
def keywatch(directory: Path, text: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run keywatch as a process of its own on a configuration."""
    config = directory / "keywatch.toml"
    config.write_text(f'state_dir = "{directory}/state"\n[http]\nlisten = "127.0.0.1:0"\n{text}', "utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "keywatch", "run", *arguments, "--config", str(config)],
        env=os.environ | {"HOME": str(directory)},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def asked(silent: socket.socket, process: "subprocess.Popen[str]") -> socket.socket:
    """The connection over which the process asks, once it does; one that ends instead says why."""
    while process.poll() is None:
        with suppress(TimeoutError):
            return silent.accept()[0]
    assert process.stdout is not None
    pytest.fail(process.stdout.read())


@pytest.mark.parametrize(("arguments", "status"), [(("--once",), 2), ((), 0)], ids=["once", "daemon"])
def test_while_aws_does_not_answer(tmp_path: Path, arguments: tuple[str, ...], status: int) -> None:
    """An endpoint that takes connections and says nothing would hold a request for minutes, retries and all."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(1)
        text = f'[[aws]]\nname = "x"\nendpoint_url = "http://127.0.0.1:{silent.getsockname()[1]}"\n'
        with keywatch(tmp_path, text, *arguments) as process:
            with asked(silent, process):
                process.send_signal(signal.SIGTERM)
                assert process.wait(WAIT) == status
            assert process.stdout is not None
            assert "Traceback" not in process.stdout.read()


def test_while_it_delivers(tmp_path: Path) -> None:
    """Messages to one channel leave a second apart; those that still wait when it is stopped leave in the next life."""
    under_way: list[subprocess.Popen[str]] = []

    def stop(_: SlackMessage) -> None:
        while under_way:
            under_way.pop().send_signal(signal.SIGTERM)

    with SlackServer(("#keys",), on_message=stop) as slack:
        (tmp_path / "token").write_text(slack.token, "ascii")
        text = f'[slack]\ntoken = "file:{tmp_path}/token"\nchannel = "#keys"\napi_url = "{slack.api_url}"\n'
        for number in range(4):
            (tmp_path / f"{number}.log").write_text(f"{invented_refresh_token().reveal().decode()}\n", "ascii")
            text += f'[[scan]]\nname = "log-{number}"\nlog = "{tmp_path}/{number}.log"\n'
        with keywatch(tmp_path, text, "--once") as process:
            under_way.append(process)
            assert process.wait(WAIT) == 2
        assert 1 <= len(slack.messages) < 4
        with keywatch(tmp_path, text, "--once") as process:
            assert process.wait(WAIT) == 0
        assert len(slack.messages) == 4
