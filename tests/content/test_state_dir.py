"""The state directory and its pepper: made once, for its owner alone, and never silently replaced."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keywatch.collect.state_dir import load_pepper, state_dir
from keywatch.model.errors import StoreError


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Systemd's directory, else XDG's, else the one below home."""
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_dir() == Path("/home/ann/.local/state/keywatch")
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert state_dir() == Path("/state/keywatch")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/keywatch:/var/lib/other")
    assert state_dir() == Path("/var/lib/keywatch")


def test_a_pepper_is_made_once(tmp_path: Path) -> None:
    """The first use makes it, for its owner alone; every further use reads the same."""
    first = load_pepper(tmp_path / "state", create=True)
    assert load_pepper(tmp_path / "state", create=False).id == first.id
    assert (tmp_path / "state" / "pepper").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["pepper"]


def test_many_at_once_make_one(tmp_path: Path) -> None:
    """Programs that start together end up with one pepper."""
    with ThreadPoolExecutor(8) as pool:
        peppers = list(pool.map(lambda _: load_pepper(tmp_path, create=True).id, range(32)))
    assert len(set(peppers)) == 1


def test_a_lost_pepper_is_not_replaced(tmp_path: Path) -> None:
    """Where fingerprints exist, another pepper would make all of them worthless."""
    with pytest.raises(StoreError, match="pepper is missing"):
        load_pepper(tmp_path, create=False)


@pytest.mark.parametrize(
    ("mode", "content", "reason"),
    [
        pytest.param(0o640, bytes(32), "others than its owner", id="readable-by-others"),
        pytest.param(0o600, bytes(31), "32 bytes expected, 31 found", id="too-short"),
        pytest.param(0o600, bytes(33), "32 bytes expected, more found", id="too-long"),
    ],
)
def test_an_unfit_pepper_is_refused(tmp_path: Path, mode: int, content: bytes, reason: str) -> None:
    """A pepper that others may know, or that is damaged, is not used."""
    path = tmp_path / "pepper"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(StoreError, match=reason):
        load_pepper(tmp_path, create=True)


def test_a_pepper_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`KEYWATCH_PEPPER_FILE` names a pepper kept outside the state directory, which must be there."""
    monkeypatch.setenv("KEYWATCH_PEPPER_FILE", str(tmp_path / "elsewhere"))
    with pytest.raises(StoreError, match="no such file"):
        load_pepper(tmp_path, create=True)
    (tmp_path / "elsewhere").write_bytes(bytes(32))
    (tmp_path / "elsewhere").chmod(0o600)
    assert load_pepper(tmp_path, create=True).id
    assert not (tmp_path / "pepper").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    """A link in the pepper's place could point to something an attacker knows."""
    (tmp_path / "real").write_bytes(bytes(32))
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "pepper").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="symbolic link"):
        load_pepper(tmp_path, create=True)
