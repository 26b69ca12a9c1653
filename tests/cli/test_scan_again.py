"""A repository that was scanned before is read on from there, and the report is the same as that of a fresh scan."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from keywatch.cli.main import run


def token(number: int) -> str:
    return "amzn1.oa2-cs.v1." + hashlib.sha256(b"EXAMPLE %d" % number).hexdigest()


def git(path: Path, *arguments: str) -> str:
    people = {f"GIT_{role}_{name}": "a" for role in ("AUTHOR", "COMMITTER") for name in ("NAME", "EMAIL")}
    environment = {**os.environ, **people, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", *arguments], cwd=path, env=environment, check=True, capture_output=True
    ).stdout.decode()


def commit(path: Path, **files: str) -> None:
    for name, text in files.items():
        (path / name).write_text(text)
    git(path, "add", "-A")
    git(path, "commit", "-qm", "change")


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, rules_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    commit(path, config=f"secret = {token(1)}\n", other=f"secret = {token(2)}\n")
    return path


def scan(path: Path, *options: str) -> dict[str, Any]:
    out = path.parent / "report.json"
    run(["scan", str(path), "--format", "json", "--output", str(out), "--no-progress", *options])
    report: dict[str, Any] = json.loads(out.read_text())
    return report


def memories(path: Path) -> list[Path]:
    return list((path.parent / "state" / "scans").iterdir())


def check(path: Path, *, read: bool) -> None:
    """Scan again, and compare with a scan that knows nothing."""
    again = scan(path)
    fresh = scan(path, "--fresh")
    assert again["findings"] == fresh["findings"]
    assert (again["summary"]["bytes"] > 0) is read
    assert fresh["summary"]["bytes"] > 0


def test_nothing_new_is_read_and_all_is_told(repository: Path) -> None:
    first = scan(repository)
    assert len(first["findings"]) == 2
    check(repository, read=False)
    assert scan(repository)["findings"] == first["findings"]


def test_only_what_is_new_is_read(repository: Path) -> None:
    scan(repository)
    commit(repository, third=f"secret = {token(3)}\n")
    again = scan(repository)
    assert len(again["findings"]) == 3
    assert again["summary"]["bytes"] == len(f"secret = {token(3)}\n")
    check(repository, read=False)


def test_what_was_removed_is_history(repository: Path) -> None:
    """A secret that was deleted from the tree is told as before, and no longer as present."""
    scan(repository)
    (repository / "config").unlink()
    commit(repository)
    check(repository, read=False)
    assert {place["present"] for one in scan(repository)["findings"] for place in one["places"]} == {True, False}


def test_what_was_taken_out_of_history_is_gone(repository: Path) -> None:
    """After a rewritten history only what some ref still reaches is told."""
    scan(repository)
    commit(repository, third=f"secret = {token(3)}\n")
    scan(repository)
    git(repository, "reset", "-q", "--hard", "HEAD~1")
    check(repository, read=False)
    git(repository, "reflog", "expire", "--expire=now", "--all")
    git(repository, "gc", "-q", "--prune=now")
    check(repository, read=False)
    assert len(scan(repository)["findings"]) == 2


def test_the_working_tree_is_looked_at_anew(repository: Path) -> None:
    (repository / "draft").write_text(f"secret = {token(4)}\n")
    assert len(scan(repository)["findings"]) == 3
    check(repository, read=False)
    (repository / "draft").write_text(f"secret = {token(5)}\n")
    check(repository, read=True)
    (repository / "draft").unlink()
    check(repository, read=False)
    assert len(scan(repository)["findings"]) == 2


def test_other_rules_have_no_memory(repository: Path, tmp_path: Path) -> None:
    scan(repository)
    (tmp_path / "rules.toml").write_text('[[rules]]\nid = "mine"\nregex = "secret = amzn1[.a-z0-9-]{20}"\n')
    assert scan(repository, "--rules", str(tmp_path / "rules.toml"))["summary"]["bytes"] > 0


@pytest.mark.parametrize("body", [b"", b"{}", b'{"cursor": {}, "findings": [{}], "skipped": []}', b"[", b"\xff" * 100])
def test_a_damaged_memory_is_none(body: bytes, repository: Path) -> None:
    first = scan(repository)
    (memory,) = memories(repository)
    memory.write_bytes(body)
    assert scan(repository)["findings"] == first["findings"]
    assert memory.read_bytes() != body


def test_a_memory_others_could_write_is_none(repository: Path) -> None:
    scan(repository)
    (memory,) = memories(repository)
    memory.chmod(0o666)
    assert scan(repository)["summary"]["bytes"] > 0


def test_another_repository_in_its_place(repository: Path) -> None:
    """Nothing of a repository that lay there before is told."""
    scan(repository)
    shutil.rmtree(repository)
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    commit(repository, config=f"secret = {token(9)}\n")
    assert len(scan(repository)["findings"]) == 1
    check(repository, read=False)
    assert len(scan(repository)["findings"]) == 1


def test_what_could_not_be_read_is_said_again(repository: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:config").strip()
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (repository / "config").unlink()
    for _ in range(2):
        assert not scan(repository)["summary"]["complete"]


def test_nothing_is_remembered_of_a_part(repository: Path) -> None:
    scan(repository, "--since", "HEAD")
    assert scan(repository)["summary"]["bytes"] > 0


def test_the_memory_holds_no_secret(repository: Path) -> None:
    scan(repository)
    (memory,) = memories(repository)
    assert token(1).encode() not in memory.read_bytes()
    assert memory.stat().st_mode & 0o777 == 0o600
