"""`keywatch demo`: the real daemon, run against the seeded world, with Slack's messages in this terminal."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from keywatch.demo.slack import SlackMessage, render
from keywatch.demo.text import invented
from keywatch.demo.world import World, world
from keywatch.model.errors import KeywatchError

_FIRST_CYCLE = 120.0
"""Seconds after which a first cycle that is not through counts as failed."""
_STOP = 12.0
"""Seconds the daemon is given to stop; it promises ten."""


def show(directory: Path, *, once: bool) -> bool:
    """
    Build the world below `directory`, run the daemon in it, and print what it tells.

    Args:
        directory: empty.
        once: stop after one full cycle; else go on until Ctrl-C.

    Returns:
        Whether all went well.
    """
    lock = threading.Lock()

    def told(message: SlackMessage) -> None:
        with lock:
            print("\n" + render(message), end="", flush=True)

    print("building a small company on this machine (no cloud account, nothing leaves it) ...", flush=True)
    with world(directory, on_message=told) as demo:
        _introduce(demo)
        if once:
            went_well = _keywatch(demo, "run", "--once").returncode == 0
            _inventory(demo)
            return went_well
        with _daemon(demo) as process:
            _await_first_cycle(demo, process)
            _inventory(demo)
            print("\nkeywatch goes on watching. Ctrl-C stops it.", flush=True)
            return _watch(demo, process)


def _introduce(demo: World) -> None:
    print(f"  AWS           {demo.cloud.url} (moto): IAM users, a secret, and CloudTrail's files in S3")
    print(f"  Vault         {demo.vault.url} ({demo.vault.program})")
    print(f"  Slack         {demo.slack.url} (stand-in); its messages appear here")
    print(f"  repository    {demo.directory}/orders-sync")
    print(f"  logs          {demo.directory}/helpdesk, {demo.directory}/app")
    print(f"  configuration {demo.config}")
    print(f"  daemon's log  {demo.directory}/daemon.log\n")
    print("starting the daemon: it reads everything once, then tells ...", flush=True)


def _inventory(demo: World) -> None:
    print("\n$ keywatch keys", flush=True)
    _keywatch(demo, "keys", show=True)


def _keywatch(demo: World, *arguments: str, show: bool = False) -> subprocess.CompletedProcess[bytes]:
    with (demo.directory / "daemon.log").open("ab") as log:
        return subprocess.run(
            [sys.executable, "-P", "-m", "keywatch", *arguments, "--config", str(demo.config)],
            env=demo.environment,
            stdin=subprocess.DEVNULL,
            stdout=None if show else log,
            stderr=log,
            check=False,
        )


@contextmanager
def _daemon(demo: World) -> Iterator["subprocess.Popen[bytes]"]:
    with (demo.directory / "daemon.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "keywatch", "run", "--config", str(demo.config)],
            env=demo.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_first_cycle(demo: World, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _FIRST_CYCLE
    while time.monotonic() < deadline and process.poll() is None:
        if _settled(demo):
            return
        time.sleep(0.2)
    log = f"{demo.directory}/daemon.log"
    raise KeywatchError("the daemon did not get through its first cycle", hint=f"it says why in {log}")


def _settled(demo: World) -> bool:
    """Whether every source was read, as the daemon's metrics say, and every problem it holds was told."""
    try:
        with urlopen(f"{demo.web}/metrics", timeout=2) as answer:  # noqa: S310 - our own loopback server
            metrics = answer.read().decode("utf-8")
    except (URLError, OSError):
        return False
    read = metrics.count("keywatch_source_up{")
    return read == demo.sources and len(demo.slack.messages) >= demo.problems


def _watch(demo: World, process: "subprocess.Popen[bytes]") -> bool:
    """Let life go on until somebody presses Ctrl-C: a ticket now and then, a rotation, a key that is used again."""
    began, told = time.monotonic(), 0
    chapters = _chapters(demo)
    try:
        while process.poll() is None:
            time.sleep(0.5)
            if time.monotonic() - began > 10 * (told + 1):
                told += 1
                next(chapters)
    except KeyboardInterrupt:
        print("\nstopping ...", flush=True)
        return True
    return False


def _chapters(demo: World) -> Iterator[None]:
    """What happens every ten seconds."""
    demo.desk.write(datetime.now(UTC), f"my MWS secret key is {invented(40)} is that what you need?")
    yield
    demo.cloud.call("reports-export", datetime.now(UTC) - timedelta(minutes=20))
    yield
    while True:
        demo.desk.rotate()
        demo.desk.write(datetime.now(UTC), "all is well, thank you")
        yield
