"""What every test may use: stand-ins for the outside world, and an environment in which nothing real can be reached."""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import structlog


@pytest.fixture(autouse=True)
def _no_ambient_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may be logged in to AWS, Vault or Slack: no test ever sees it."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VAULT_", "BAO_", "SLACK_", "KEYWATCH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "xterm")  # whatever terminal this is run from
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA" + "KEYWATCHTEST" + "2345")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "invented")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def clean_logging() -> Iterator[None]:
    """What a test configures of the log is forgotten when it ends."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hook, loud = threading.excepthook, logging.raiseExceptions
    yield
    threading.excepthook, logging.raiseExceptions = hook, loud
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def _moto() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def aws_url(_moto: str) -> str:
    """AWS as moto's server plays it over HTTP, empty at the start of every test."""
    with urlopen(Request(f"{_moto}/moto-api/reset", method="POST")):  # noqa: S310 - our own loopback server
        return _moto


@pytest.fixture(scope="session")
def rules_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged rules, compiled once: a state directory that gets a copy as `cache` need not compile them again."""
    from keywatch.detect.engine import Detector
    from keywatch.detect.rules import packaged

    directory = tmp_path_factory.mktemp("rules")
    Detector(packaged(directory), cache_dir=directory)
    return directory


@pytest.fixture(scope="module", params=["native", "python"])
def kernel(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the native kernel is in use: each test runs with it, and without."""
    from keywatch.native import SWITCH, library

    native: bool = request.param == "native"
    with pytest.MonkeyPatch.context() as environment:
        if not native:
            environment.setenv(SWITCH, "0")
        library.cache_clear()
        assert native is (library() is not None), "make native"
    yield native
    library.cache_clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that all cores are busy to the end."""
    items.sort(key=lambda item: "whole" not in item.path.parts)
