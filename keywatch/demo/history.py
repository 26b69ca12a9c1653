"""The demo's git repository: a past in which somebody committed a key, and somebody else deleted the file again."""

import os
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

from keywatch.demo.cloud import CloudKey


def make_repository(path: Path, leaked: CloudKey, now: datetime) -> None:
    """
    Make a repository whose history holds an AWS key pair in a file that is there no more.

    Raises:
        OSError: git is not installed.
        subprocess.CalledProcessError: git failed.
    """
    path.mkdir(parents=True)
    _git(path, now, "init", "-q", "-b", "main")
    (path / "README.md").write_text("# orders-sync\n\nFetches orders for our sellers.\n", "utf-8")
    _commit(path, "Dana Example", "Begin orders-sync", now - timedelta(days=210))
    (path / "deploy").mkdir()
    (path / "deploy" / "ci.env").write_text(
        f"AWS_ACCESS_KEY_ID={leaked.id}\nAWS_SECRET_ACCESS_KEY={leaked.secret.reveal().decode()}\n", "utf-8"
    )
    _commit(path, "Dana Example", "Deploy from CI", now - timedelta(days=180))
    (path / "deploy" / "ci.env").unlink()
    (path / "deploy" / "README.md").write_text("Keys come from the vault.\n", "utf-8")
    _commit(path, "Robin Example", "Take the key out again", now - timedelta(days=179))


def _commit(path: Path, author: str, message: str, at: datetime) -> None:
    _git(path, at, "add", "-A", author=author)
    _git(path, at, "commit", "-q", "-m", message, author=author)


def _git(path: Path, at: datetime, *arguments: str, author: str = "Demo") -> None:
    person = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (
            ("NAME", author),
            ("EMAIL", "demo@example.invalid"),
            ("DATE", at.isoformat()),
        )
    }
    nothing = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *arguments], cwd=path, env={**os.environ, **person, **nothing}, check=True)
