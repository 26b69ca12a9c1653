"""From the settings to what is looked through for secrets: repositories, directories, logs, buckets, log groups."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from keywatch.alerts.problems import SourceRole
from keywatch.model.key import SourceId
from keywatch.model.secret import Pepper
from keywatch.service.planned import CONNECTIONS, Planned, Source, access_of, lines_of, planned
from keywatch.service.remotes import CLONES, Remotes
from keywatch.service.state import directory_of
from keywatch.settings.applications import DeclaredFile
from keywatch.settings.content import Bucket, CloudWatch, Scan
from keywatch.settings.schema import Settings


def clones(settings: Settings) -> Path:
    """Where clones of repositories are kept that lie elsewhere."""
    return directory_of(settings) / CLONES


def content(entry: Scan, pepper: Pepper, looked_for: Callable[[], str], remotes: Remotes) -> Planned:
    """A `[[scan]]`."""
    kinds = {
        "git": entry.git,
        "github": entry.github,
        "gitlab": entry.gitlab,
        "files": entry.directory,
        "journal": entry.journal,
    }
    kind = next((kind for kind, target in kinds.items() if target is not None), "log")
    source = SourceId(f"{kind}:{entry.name}")
    build = partial(_content_source, entry, source, pepper, looked_for, remotes)
    one = planned(source, SourceRole.CONTENT, entry.interval, build, owner=entry.owner, scanned=True)
    return replace(one, fleet=kind in ("github", "gitlab"))


def _content_source(
    entry: Scan, source: SourceId, pepper: Pepper, looked_for: Callable[[], str], remotes: Remotes
) -> Source:
    ruleset = looked_for()
    if entry.github is not None or entry.gitlab is not None:
        return remotes.fleet(entry, source, ruleset)
    if (url := entry.remote) is not None:
        return remotes.repository(entry, url, source, ruleset)
    if entry.git is not None:
        from keywatch.collect.content.git import GitRepository

        return GitRepository(Path(entry.git).expanduser(), source, ruleset=ruleset)
    if entry.directory is not None:
        from keywatch.collect.content.files import Directory

        return Directory(Path(entry.directory).expanduser(), source, ruleset=ruleset)
    from keywatch.collect.content.tail import FollowedLog

    return FollowedLog(
        lines_of(entry.log, entry.journal, entry.journal_directory, pepper, overlap=True, whole=True), source
    )


def declared_content(entry: DeclaredFile, looked_for: Callable[[], str]) -> Planned:
    """Look for what somebody pasted into a file of declarations, where it is refused: it has leaked all the same."""
    source = SourceId(f"declared-content:{entry.name}")

    def build() -> Source:
        from keywatch.collect.content.files import Directory

        # The file itself, where its name is a link: whoever configures it may point it elsewhere.
        return Directory(Path(entry.file).expanduser().resolve(), source, ruleset=looked_for())

    return planned(source, SourceRole.CONTENT, entry.every, build, scanned=True)


def bucket(entry: Bucket, attempts: int, looked_for: Callable[[], str], memory: Path | None) -> Planned:
    """A `[[bucket]]`."""
    source = SourceId(f"s3:{entry.name}")

    def build() -> Source:
        from keywatch.collect.content.s3 import S3Objects

        access = replace(
            access_of(entry, attempts),
            addressing=entry.addressing,
            anonymous=entry.anonymous,
            adaptive=True,
            connections=CONNECTIONS,
        )
        return S3Objects(
            entry.url,
            access,
            source,
            ruleset=looked_for(),
            memory=memory,
            requester_pays=entry.requester_pays,
        )

    return planned(source, SourceRole.CONTENT, entry.every, build, owner=entry.owner)


def log_groups(entry: CloudWatch, attempts: int, now: Callable[[], datetime]) -> Planned:
    """A `[[cloudwatch]]`."""
    source = SourceId(f"cloudwatch:{entry.name}")

    def build() -> Source:
        from keywatch.collect.content.cloudwatch import LogGroups

        access = replace(access_of(entry, attempts), adaptive=True)
        return LogGroups(entry.groups, access, source, now=now, lookback=entry.lookback, overlap=entry.overlap)

    return planned(source, SourceRole.CONTENT, entry.every, build, owner=entry.owner)
