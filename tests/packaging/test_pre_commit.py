"""The pre-commit hook refuses a commit that holds a secret, and lets every other one pass."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty git repository."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def hook() -> list[str]:
    """Return the command that pre-commit runs, through this very interpreter."""
    (entry,) = re.findall(r"(?m)^  entry: keywatch (.+)$", (ROOT / ".pre-commit-hooks.yaml").read_text())
    return [sys.executable, "-m", "keywatch", *entry.split()]


def stage(repository: Path, name: str, text: str) -> None:
    """Write a file and make it part of the next commit."""
    (repository / name).write_text(text)
    subprocess.run(["git", "-C", str(repository), "add", name], check=True)


def run_hook(repository: Path) -> subprocess.CompletedProcess[str]:
    """Run the hook as pre-commit does, from the repository's top."""
    here = {**os.environ, "XDG_STATE_HOME": str(repository / ".git" / "state"), "HOME": str(repository / ".git")}
    return subprocess.run(hook(), cwd=repository, env=here, capture_output=True, text=True, check=False)


def test_a_clean_commit_passes(repository: Path) -> None:
    """Where nothing secret is staged the hook says yes, whatever lies in the working tree unstaged."""
    stage(repository, "app.py", "print('hello')\n")
    (repository / "app.py").write_text(f"token = '{token()}'\n")
    done = run_hook(repository)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_commit_with_a_secret_is_refused(repository: Path) -> None:
    """A staged secret stops the commit: its place is shown, its value is not."""
    stage(repository, "app.py", f"first = 1\ntoken = '{token()}'\n")
    (repository / "app.py").unlink()
    done = run_hook(repository)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"app\.py\D+2\b", done.stdout)
    assert token() not in done.stdout + done.stderr


def token() -> str:
    """Return an LWA refresh token that nobody was ever given."""
    return "Atzr" + "|" + "IwEBI" + "ExampleOnly0" * 28
