"""`keywatch scan` on repositories that lie elsewhere, and on parts of a history."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from keywatch.cli.main import run
from keywatch.demo.text import invented_refresh_token
from tests.content.git_server import Moods, serve
from tests.content.hosting_service import TOKEN, Service
from tests.content.repository import Repository


@dataclass
class Hub:
    """A hosting service, and the repository of somebody who pushes there."""

    url: str
    moods: Moods
    listing: Service
    work: Repository


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, rules_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "cache").symlink_to(rules_cache)
    monkeypatch.setenv("STATE_DIRECTORY", str(state))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A service with one repository, `acme/orders`, out of which a leak was pushed away."""
    work = Repository(tmp_path / "work")
    work.commit({"README": "hello\n"})
    work.git("checkout", "-q", "-b", "side")
    work.commit({"notes.txt": f"token: {invented_refresh_token().reveal().decode()}\n"})
    work.git("checkout", "-q", "main")
    Repository(tmp_path / "served" / "acme" / "orders.git", "--bare")
    work.git("push", "-q", str(tmp_path / "served" / "acme" / "orders.git"), "main", "side")
    listing = Service(repositories=[{"full_name": "acme/orders", "path_with_namespace": "acme/back/orders"}])
    moods = Moods(tmp_path / "served", token=TOKEN, api=listing.answer)
    with serve(moods) as server:
        listing.url = server.url
        yield Hub(server.url, moods, listing, work)


@pytest.mark.parametrize("target", ["URL/acme/orders.git", "github:URL/acme"])
def test_a_remote_target(
    hub: Hub, target: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address, or an organisation, is fetched and scanned; the token is nowhere in what is told."""
    monkeypatch.setenv("FETCH_TOKEN", TOKEN)
    status = run(["scan", "--format", "json", "--token", "env:FETCH_TOKEN", target.replace("URL", hub.url)])
    told = capsys.readouterr()
    assert status == 1
    report = json.loads(told.out)
    assert report["summary"]["targets"] == [f"{hub.url}/acme/orders.git"]
    assert TOKEN not in told.out + told.err


def test_a_remote_that_cannot_be_fetched(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """It is an error and no clean repository; one that was fetched before is scanned as it was."""
    assert run(["scan", f"{hub.url}/acme/orders.git"]) == 2
    assert "asks for a login" in capsys.readouterr().err
    hub.moods.token = ""
    assert run(["scan", f"{hub.url}/acme/orders.git"]) == 1
    hub.moods.token = TOKEN
    capsys.readouterr()
    assert run(["scan", f"{hub.url}/acme/orders.git"]) == 2
    told = capsys.readouterr()
    assert "notes.txt" in told.out
    assert "asks for a login" in told.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["https://ann:" + TOKEN + "@git.example/x"], "must not hold a password", id="password"),
        pytest.param(["--token", TOKEN, "https://git.example/x"], "only a reference to it", id="token"),
        pytest.param(["ext::sh -c true"], "not a way keywatch fetches", id="protocol"),
        pytest.param(["github:"], "names no organisation", id="organisation"),
        pytest.param(["--branch", "x", "--unreachable", "."], "--unreachable asks for more", id="both"),
        pytest.param(["--branch", "x", "--no-git", "."], "--branch needs the history", id="no-git"),
    ],
)
def test_what_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret on the command line, and what contradicts itself; nothing of the secret is repeated."""
    assert run(["scan", *words]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert TOKEN not in told.err


def test_a_branch_alone(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """`--branch` leaves out what it does not reach, and the working tree; several add up, here and elsewhere."""
    hub.moods.token = ""
    for target in (str(hub.work.path), f"{hub.url}/acme/orders.git"):
        assert run(["scan", "--branch", "main", target]) == 0
        assert run(["scan", "--branch", "main", "--branch", "side", target]) == 1
        capsys.readouterr()
        assert run(["scan", "--branch", "missing", target]) == 2
        assert "unknown revision missing" in capsys.readouterr().err


def test_what_nothing_reaches(hub: Hub) -> None:
    """`--unreachable` finds what a deleted branch left in the database."""
    hub.work.git("branch", "-q", "-D", "side")
    assert run(["scan", str(hub.work.path)]) == 0
    assert run(["scan", "--unreachable", str(hub.work.path)]) == 1


def test_submodules(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A submodule that is checked out is a target of its own, with its history; one that is not is named."""
    outer = Repository(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(hub.work.path), "lib")
    outer.commit()
    outer.git("-C", "lib", "fetch", "-q", str(hub.work.path), "side:side")
    assert run(["scan", "--format", "json", str(outer.path)]) == 1
    assert json.loads(capsys.readouterr().out)["summary"]["targets"] == [str(outer.path), f"{outer.path}/lib"]
    outer.git("submodule", "--quiet", "deinit", "--force", "lib")
    assert run(["scan", str(outer.path)]) == 0
    assert "lib: a submodule that is not checked out: not scanned" in capsys.readouterr().err
