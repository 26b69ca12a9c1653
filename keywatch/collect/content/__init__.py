"""Content sources: everything that holds text in which a secret may have leaked."""

import os
from pathlib import Path

from keywatch.model.errors import UsageError
from keywatch.model.source import ContentSource


def open_target(text: str, *, git: bool = True, since: str | None = None, ruleset: str = "") -> ContentSource:
    """
    Return the source that reads what a person typed: `-`, a file, a directory, or a git repository.

    Args:
        text: the target.
        git: whether a repository's history is wanted, or its files alone.
        since: of a repository, leave out what this revision reaches.
        ruleset: see `GitRepository`.

    Raises:
        UsageError: there is nothing of that name, or of a kind that can be scanned.
    """
    if text == "-":
        from keywatch.collect.content.stdin import StandardInput

        return StandardInput()
    path = Path(text)
    if not path.exists():
        raise UsageError(f"{text}: no such file or directory", hint="check the spelling of the target; `-` is stdin")
    if git and is_repository(path):
        from keywatch.collect.content.git import GitRepository

        return GitRepository(path, ruleset=ruleset, since=since)
    if since is not None:
        raise UsageError(f"{text}: --since needs a git repository", hint="name the repository's top directory")
    from keywatch.collect.content.files import Directory

    return Directory(path, ruleset=ruleset)


def is_repository(path: Path) -> bool:
    """Whether `path` is itself the top of a git work tree, or a bare repository."""
    if os.path.lexists(path / ".git"):
        return True
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()
