"""Where secrets may leak: repositories, directories, logs, buckets, log groups."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from keywatch.collect.content.remote_url import RemoteUrl, looks_remote, parse_remote
from keywatch.model.errors import UsageError
from keywatch.settings.interval import Interval
from keywatch.settings.reference import TokenReference
from keywatch.settings.table import FilePath, HttpUrl, JournalEntries, Label, LogGroup, Name, Table


class _Remote(Table):
    """How repositories are reached that lie elsewhere, and which of an organisation's are read."""

    base_url: HttpUrl | None = None
    """Of GitHub Enterprise or a GitLab of one's own; default: github.com, gitlab.com."""
    token: TokenReference | None = None
    username: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")] = "x-access-token"
    """Beside the token; GitHub and GitLab take any."""
    ca_file: FilePath | None = None
    ssh_key: FilePath | None = None
    known_hosts: FilePath | None = None
    new_host_keys: Literal["refuse", "accept"] = "refuse"
    include: tuple[str, ...] = ()
    """Patterns of names of an organisation's repositories: `orders-*`, `acme/orders-*`. Empty: all."""
    exclude: tuple[str, ...] = ()
    archived: bool = True
    forks: bool = False
    wikis: bool = False
    pull_requests: bool = False
    """Whether pull and merge requests are read too; strangers may open them."""
    largest_gb: int = Field(default=50, ge=1)
    """Of what one fetch brings."""

    @field_validator("base_url")
    @classmethod
    def _over_https(cls, url: str | None) -> str | None:
        if url is not None:
            try:
                parse_remote(f"{url.rstrip('/')}/x")
            except UsageError:
                raise ValueError("should be an https:// address without a password: a token is sent there") from None
        return url


class Scan(_Remote):
    """Something in which a secret may have leaked. Exactly one of git, github, gitlab, directory, log and journal."""

    name: Name
    git: FilePath | None = None
    """A repository: its whole history, and its working tree. A path, or the address of one that lies elsewhere."""
    github: Label | None = None
    """An organisation or user: all repositories it has."""
    gitlab: Label | None = None
    """A group, with its subgroups, or a user."""
    directory: FilePath | None = None
    log: FilePath | None = None
    """A file or a glob; followed."""
    journal: JournalEntries | None = None
    """Units, as `orders.service`, and matches, as `SYSLOG_IDENTIFIER=orders`; empty: everything in the journal."""
    journal_directory: FilePath | None = None
    """Where the journal's files are, if they are not this machine's own."""
    owner: str | None = None
    every: Interval | None = None
    """Default: a minute for a log and the journal, an hour for the rest."""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        targets = (self.git, self.github, self.gitlab, self.directory, self.log, self.journal)
        if sum(target is not None for target in targets) != 1:
            raise ValueError("needs exactly one of git, github, gitlab, directory, log and journal")
        if self.journal_directory is not None and self.journal is None:
            raise ValueError("journal_directory needs journal as well")
        return self

    @field_validator("git")
    @classmethod
    def _address(cls, git: str | None) -> str | None:
        if git is not None and looks_remote(git):
            try:
                parse_remote(git)
            except UsageError as error:
                raise ValueError(error.message) from None
        return git

    @property
    def remote(self) -> RemoteUrl | None:
        """The address in `git`; None where it is a path, or nothing."""
        return parse_remote(self.git) if self.git is not None and looks_remote(self.git) else None

    @property
    def interval(self) -> timedelta:
        followed = self.log is not None or self.journal is not None
        return self.every or (timedelta(minutes=1) if followed else timedelta(hours=1))


class Bucket(Table):
    """The objects of an S3 bucket, or of any server that speaks its language, in which a secret may have leaked."""

    name: Name
    url: Annotated[str, Field(pattern=r"^s3://[A-Za-z0-9][A-Za-z0-9._-]{1,254}(/[^\x00-\x1f\x7f]*)?$")]
    """`s3://bucket/prefix`: every key that begins like that."""
    region: str = "us-east-1"
    """Where AWS is asked first; a bucket elsewhere is found."""
    profile: str | None = None
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")] | None = None
    endpoint_url: HttpUrl | None = None
    """Another server than AWS."""
    addressing: Literal["auto", "path", "virtual"] = "auto"
    """Where the bucket's name stands in a request. `auto`: AWS as it prefers it, in the path for any other server."""
    anonymous: bool = False
    """Ask without credentials: a public bucket."""
    requester_pays: bool = False
    owner: str | None = None
    every: Interval = timedelta(hours=1)


class CloudWatch(Table):
    """CloudWatch log groups in which a secret may have leaked."""

    name: Name
    groups: Annotated[tuple[LogGroup, ...], Field(min_length=1)]
    """Names or ARNs, in which `*` stands for anything."""
    region: str = "us-east-1"
    profile: str | None = None
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")] | None = None
    endpoint_url: HttpUrl | None = None
    lookback: Interval = timedelta(days=1)
    """How far back a group is read when it is read first."""
    overlap: Interval = timedelta(minutes=10)
    """How late an event may arrive and still be seen: as much is asked for again each time."""
    owner: str | None = None
    every: Interval = timedelta(minutes=1)

    @model_validator(mode="after")
    def _arns_are_of_the_region(self) -> Self:
        for group in self.groups:
            if group.startswith("arn:") and group.split(":")[3] != self.region:
                raise ValueError(f'has a log group of another region than "{self.region}": make it an entry of its own')
        return self
