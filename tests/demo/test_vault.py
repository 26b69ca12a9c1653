"""The Vault stand-in, and how a real one is preferred to it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.demo.vault_program import vault_server
from keywatch.model.source import Json

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def created(answer: dict[str, Json]) -> object:
    data = answer["data"]
    assert isinstance(data, dict)
    return data["created_time"]


def test_every_request_is_on_record() -> None:
    """A test can see what was asked for, verb and path."""
    with VaultServer() as server:
        admin = VaultAdmin(server.url, server.token)
        admin.mount("kv")
        admin.write("kv", "a", {"value": "x"})
        assert [("POST", "sys/mounts/kv"), ("POST", "kv/data/a")] == server.requests


def test_seeds_may_be_old() -> None:
    """The stand-in's clock is given, so that a secret can be seeded as old as a test needs it."""
    with VaultServer(now=lambda: NOW - timedelta(days=90)) as server:
        admin = VaultAdmin(server.url, server.token)
        admin.mount("kv")
        admin.write("kv", "a", {"value": "x"})
        assert created(admin.ask("GET", "kv/metadata/a")) == "2026-08-25T12:00:00.000000789Z"


def test_it_listens_on_the_loopback_interface_only() -> None:
    """Nobody else on the network can reach the stand-in."""
    with VaultServer() as server:
        assert server.url.startswith("http://127.0.0.1:")


def test_without_a_program_the_stand_in_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With neither `bao` nor `vault` on PATH the demo has a Vault all the same."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with vault_server() as running:
        assert running.program == "stand-in"
        VaultAdmin(running.url, running.token).mount("kv")


def test_a_program_that_does_not_start_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A `bao` that ends at once leaves the demo with the stand-in."""
    program = tmp_path / "bao"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with vault_server() as running:
        assert running.program == "stand-in"
