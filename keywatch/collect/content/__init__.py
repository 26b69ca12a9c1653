"""Content sources: everything that holds text in which a secret may have leaked."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.model.errors import UsageError
from keywatch.model.source import ContentSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from keywatch.model.secret import Secret

_TRIES = 6
"""Of one request to a bucket: somebody is waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitWishes:
    """What of a repository is wanted, and how one that lies elsewhere is reached."""

    since: str | None = None
    branches: tuple[str, ...] = ()
    unreachable: bool = False
    requests: bool = False
    token: "Callable[[], Secret] | None" = None

    @property
    def asked(self) -> str:
        """The options by which something is wished for that only a repository has; empty: there are none."""
        options = {
            "--since": self.since,
            "--branch": self.branches,
            "--unreachable": self.unreachable,
            "--pull-requests": self.requests,
        }
        return " and ".join(name for name, value in options.items() if value)


def open_target(
    text: str, *, git: bool = True, wishes: GitWishes | None = None, ruleset: str = "", gitignore: bool = False
) -> ContentSource:
    """
    Return the source that reads what a person typed: `-`, `s3://…`, an address, a file, a directory or a repository.

    Args:
        text: the target.
        git: whether a repository's history is wanted, or its files alone.
        wishes: of a repository.
        ruleset: see `GitRepository`.
        gitignore: see `Directory`.

    Raises:
        UsageError: there is nothing of that name, or of a kind that can be scanned.
    """
    if text == "-":
        from keywatch.collect.content.stdin import StandardInput

        return StandardInput()
    wishes = wishes or GitWishes()
    if text.startswith("s3://"):
        return _bucket(text, wishes, ruleset)
    if "://" in text or "::" in text or "@" in text:
        from keywatch.collect.content.remote_url import looks_remote

        if looks_remote(text) and not os.path.lexists(text):
            return _remote(text, wishes, ruleset)
    path = Path(text)
    if not path.exists():
        raise UsageError(f"{text}: no such file or directory", hint="check the spelling of the target; `-` is stdin")
    if git and is_repository(path):
        from keywatch.collect.content.git import GitRepository

        return GitRepository(
            path, ruleset=ruleset, since=wishes.since, branches=wishes.branches, unreachable=wishes.unreachable
        )
    if wishes.asked:
        raise UsageError(f"{text}: {wishes.asked} needs a git repository", hint="name the repository's top directory")
    from keywatch.collect.content.files import Directory

    return Directory(path, ruleset=ruleset, gitignore=gitignore)


def _bucket(url: str, wishes: GitWishes, ruleset: str) -> ContentSource:
    if wishes.asked:
        raise UsageError(f"{url}: {wishes.asked} needs a git repository", hint="leave it out for a bucket")
    from keywatch.collect.aws import AwsAccess
    from keywatch.collect.content.s3 import S3Objects

    # Everything as the aws command would have it: credentials, region, endpoint. A public bucket needs no credentials.
    access = AwsAccess(region=None, anonymous=None, adaptive=True, connections=20, attempts=_TRIES)
    return S3Objects(url, access, ruleset=ruleset)


def _remote(text: str, wishes: GitWishes, ruleset: str) -> ContentSource:
    from keywatch.collect.content.git_transfer import Access
    from keywatch.collect.content.remote import RemoteRepository
    from keywatch.collect.content.remote_url import parse_remote
    from keywatch.collect.state_dir import state_dir

    return RemoteRepository(
        parse_remote(text),
        state_dir() / "clones",
        access=Access(token=wishes.token),
        requests=wishes.requests,
        ruleset=ruleset,
        since=wishes.since,
        branches=wishes.branches,
        unreachable=wishes.unreachable,
    )


def is_repository(path: Path) -> bool:
    """Whether `path` is itself the top of a git work tree, or a bare repository."""
    if os.path.lexists(path / ".git"):
        return True
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()
