"""One source as it is planned, and what its builders share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from keywatch.alerts.problems import SourceRole
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.secret import Pepper
from keywatch.settings.aws import CloudTrail
from keywatch.settings.content import Bucket, CloudWatch
from keywatch.settings.notices import ApplicationNoticeQueue

if TYPE_CHECKING:
    from keywatch.collect.aws import AwsAccess
    from keywatch.collect.tail_batch import Lines
    from keywatch.model.source import AccessSource, CallSource, ContentSource, Fleet, KeySource, ValueSource


Source: TypeAlias = "KeySource | AccessSource | ValueSource | CallSource | ContentSource | Fleet"


SELLING_PARTNER = frozenset({KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN})


CONNECTIONS = 20
"""A few more than the objects of a bucket that are fetched at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One source: it is built anew for each run, so that a rotated token or a mended file is picked up by itself."""

    id: SourceId
    role: SourceRole
    every: timedelta
    build: Callable[[], Source]
    fleet: bool = False
    """Whether it stands for many, each of which has an id below this one's."""
    accounts: frozenset[str] = frozenset()
    """The accounts that it is about; empty: any."""
    kinds: frozenset[KeyKind] = frozenset()
    """For a call source, what it could prove: known even while it cannot be built."""
    owner: str | None = None
    """Who hears of what is found here, when nothing else says whose it is."""
    scanned: bool = False
    """Whether its content is looked through, which may take long."""
    watches: bool = True
    """Whether it sees what its role is there for: a queue of announcements shows neither keys nor calls."""


def planned(
    name: str,
    role: SourceRole,
    every: timedelta,
    build: Callable[[], Source],
    *,
    kinds: frozenset[KeyKind] = frozenset(),
    owner: str | None = None,
    scanned: bool = False,
) -> Planned:
    """A source by its name."""
    return Planned(id=SourceId(name), role=role, every=every, build=build, kinds=kinds, owner=owner, scanned=scanned)


def access_of(account: CloudTrail | Bucket | CloudWatch | ApplicationNoticeQueue, attempts: int) -> "AwsAccess":
    """How AWS is reached for an entry of the settings."""
    from keywatch.collect.aws import AwsAccess

    return AwsAccess(
        region=account.region,
        profile=account.profile,
        role_arn=account.role,
        endpoint_url=account.endpoint_url,
        attempts=attempts,
    )


def lines_of(
    path: str | None,
    journal: tuple[str, ...] | None,
    directory: str | None,
    pepper: Pepper,
    *,
    overlap: bool,
    whole: bool,
) -> "Lines":
    """Return a log to be read on: files, or the journal."""
    from keywatch.collect.content.windows import OVERLAP
    from keywatch.collect.journal import Journal
    from keywatch.collect.tail import Follower

    repeated = OVERLAP if overlap else 0
    if journal is None:
        return Follower(str(Path(path or "").expanduser()), pepper, overlap=repeated)
    place = str(Path(directory).expanduser()) if directory else None
    return Journal(journal, directory=place, overlap=repeated, whole=whole)
