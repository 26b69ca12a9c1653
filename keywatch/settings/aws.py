"""What is read of AWS: accounts and organisations, and CloudTrail in three ways."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from keywatch.settings.described import NamedKey, Notes
from keywatch.settings.interval import Interval
from keywatch.settings.table import (
    AccountId,
    AwsRegion,
    HttpUrl,
    Identifier,
    Name,
    QueueUrl,
    Region,
    Table,
    TrailName,
)


class _Members(Table):
    """A way into an account; or into an organisation, whose every account is read through one role."""

    account: AccountId | None = None
    """Refuse to read any other account; of an organisation: to list it from any other."""
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")] | None = None
    external_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9+=,.@:/_-]{2,1224}$")] | None = None
    """Handed over with every role that is assumed."""
    organisation: bool = False
    """Whether it is the way into an organisation, whose every account is read through `member_role`."""
    member_role: Annotated[str, Field(pattern=r"^/?([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$")] | None = None
    """The role's name in each account, with its path if it has one: `keywatch`, `audit/keywatch`."""
    accounts: tuple[AccountId, ...] = ()
    """Of the organisation; empty: all."""
    exclude: tuple[AccountId, ...] = ()
    accounts_at_once: int = Field(default=8, ge=1, le=32)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.organisation and self.member_role is None:
            raise ValueError("organisation needs member_role: the role to assume in each account")
        if not self.organisation and (self.member_role or self.accounts or self.exclude):
            raise ValueError("member_role, accounts and exclude need organisation = true")
        if self.external_id is not None and not self.organisation and self.role is None:
            raise ValueError("external_id needs role: it is handed over when that is assumed")
        return self


class Aws(_Members):
    """An AWS account whose keys are inventoried, IAM's and those it keeps; or an organisation: all of its accounts."""

    name: Name
    region: str = "us-east-1"
    profile: str | None = None
    endpoint_url: HttpUrl | None = None
    regions: tuple[Region, ...] = ()
    """Where secrets and parameters are looked for; empty: in `region`."""
    secrets: bool = True
    """Whether Secrets Manager is read."""
    parameters: bool = True
    """Whether Parameter Store is read."""
    every_secret: bool = False
    """Whether each secret and encrypted parameter is a key, not only those whose tags or names say so."""
    names: tuple[NamedKey, ...] = ()
    """The first that fits counts."""
    tags: Notes = Notes()
    every: Interval = timedelta(hours=1)


class CloudTrail(Table):
    """CloudTrail's log files in S3: the proof that an AWS key made a successful call."""

    name: Name
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    prefix: str = ""
    accounts: tuple[AccountId, ...] = ()
    """The accounts the trail records; empty: those that its folders name."""
    trail: TrailName | None = None
    """Its name in that region, or its ARN. None: it is looked for by where it delivers to."""
    assume_complete: bool = False
    """Whether it records all management events of all regions, where keywatch may not ask; it is not asked then."""
    queue: QueueUrl | None = None
    """The SQS queue to which new files are announced. None: the bucket is listed by each run."""
    verify_digests: bool = False
    """Whether each file is compared with what CloudTrail signed. Needs the extra `digests`."""
    lookback_days: int = Field(default=95, ge=1, le=3650)
    region: str = "us-east-1"
    profile: str | None = None
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")] | None = None
    endpoint_url: HttpUrl | None = None
    every: Interval = timedelta(minutes=10)


class LookupEvents(_Members):
    """CloudTrail's event history of accounts without a trail: 90 days of management events, two requests a second."""

    name: Name
    regions: Annotated[tuple[AwsRegion, ...], Field(min_length=1)]
    """All that the account uses; global services are in us-east-1. Keys used in others look idle."""
    profile: str | None = None
    endpoint_url: HttpUrl | None = None
    every: Interval = timedelta(hours=6)


class Athena(Table):
    """The files of a trail, asked about through Athena: for organisations that outgrow one machine."""

    name: Name
    database: Identifier
    table: Identifier = "cloudtrail"
    """`keywatch athena NAME --create-table` makes it."""
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9!_.*()/-]{0,200}$")] = ""
    organisation: Annotated[str, Field(pattern=r"^o-[a-z0-9]{10,32}$")] | None = None
    """Of an organisation's trail: it stands in the paths of its files."""
    accounts: Annotated[tuple[AccountId, ...], Field(min_length=1)]
    regions: Annotated[tuple[AwsRegion, ...], Field(min_length=1)]
    """All that the accounts use. Keys used in others look idle."""
    workgroup: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")] = "primary"
    output: Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\x00-\x1f\x7f]*$")] | None = None
    """Where results go; default: where the workgroup says."""
    lookback_days: int = Field(default=95, ge=1, le=3650)
    most_scanned_gb: float = Field(default=500, gt=0)
    """Of one run. Nothing is asked that would read more, and a query that does is stopped."""
    require_cutoff: bool = True
    """Whether the workgroup must have a limit of its own for each query."""
    usd_per_tb: float = Field(default=5, ge=0)
    """Athena's price, for what is told before a first run."""
    region: str = "us-east-1"
    profile: str | None = None
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")] | None = None
    endpoint_url: HttpUrl | None = None
    every: Interval = timedelta(hours=12)
