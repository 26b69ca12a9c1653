"""Content sources: everything that holds text in which a secret may have leaked."""

import os
from pathlib import Path

from keywatch.model.errors import UsageError
from keywatch.model.source import ContentSource

_TRIES = 6
"""Of one request to a bucket: somebody is waiting."""


def open_target(
    text: str, *, git: bool = True, since: str | None = None, ruleset: str = "", gitignore: bool = False
) -> ContentSource:
    """
    Return the source that reads what a person typed: `-`, `s3://…`, a file, a directory, or a git repository.

    Args:
        text: the target.
        git: whether a repository's history is wanted, or its files alone.
        since: of a repository, leave out what this revision reaches.
        ruleset: see `GitRepository`.
        gitignore: see `Directory`.

    Raises:
        UsageError: there is nothing of that name, or of a kind that can be scanned.
    """
    if text == "-":
        from keywatch.collect.content.stdin import StandardInput

        return StandardInput()
    if text.startswith("s3://"):
        return _bucket(text, since, ruleset)
    path = Path(text)
    if not path.exists():
        raise UsageError(f"{text}: no such file or directory", hint="check the spelling of the target; `-` is stdin")
    if git and is_repository(path):
        from keywatch.collect.content.git import GitRepository

        return GitRepository(path, ruleset=ruleset, since=since)
    if since is not None:
        raise UsageError(f"{text}: --since needs a git repository", hint="name the repository's top directory")
    from keywatch.collect.content.files import Directory

    return Directory(path, ruleset=ruleset, gitignore=gitignore)


def _bucket(url: str, since: str | None, ruleset: str) -> ContentSource:
    if since is not None:
        raise UsageError(f"{url}: --since needs a git repository", hint="leave it out for a bucket")
    from keywatch.collect.aws import AwsAccess
    from keywatch.collect.content.s3 import S3Objects

    # Everything as the aws command would have it: credentials, region, endpoint. A public bucket needs no credentials.
    access = AwsAccess(region=None, anonymous=None, adaptive=True, connections=20, attempts=_TRIES)
    return S3Objects(url, access, ruleset=ruleset)


def is_repository(path: Path) -> bool:
    """Whether `path` is itself the top of a git work tree, or a bare repository."""
    if os.path.lexists(path / ".git"):
        return True
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()
