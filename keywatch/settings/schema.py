"""
Everything that may stand in `keywatch.toml`, with its default.

Each list of tables names its entries, because a name is what the store, the alerts and `keywatch check` call a source.
"""

from datetime import UTC, date, timedelta, tzinfo
from ipaddress import ip_network
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from keywatch.alerts.sharing import LONGEST
from keywatch.collect.calls.line_pattern import LAYOUTS, LinePattern
from keywatch.collect.content.remote_url import RemoteUrl, looks_remote, parse_remote
from keywatch.collect.inventory.named import NamePattern
from keywatch.model.errors import UsageError
from keywatch.model.key import KeyKind
from keywatch.settings.applications import Application, DeclaredFile, Developer, Seller, together
from keywatch.settings.interval import Interval
from keywatch.settings.notices import ApplicationNoticeQueue
from keywatch.settings.probe import Probe
from keywatch.settings.reference import SecretReference, TokenReference
from keywatch.settings.throttling import Throttling
from keywatch.settings.vault_audit import VaultAudit
from keywatch.settings.vault_inventory import MustBeInVault, NeedToKnow, VaultInventory
from keywatch.settings.vault_login import VaultLogin
from keywatch.settings.vault_values import VaultValues

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""Letters, digits, `_`, `.` and `-`; at most 64."""
Label = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""One line of text for people."""
FilePath = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Of a file or directory, or a glob; `~` is the home directory."""
JournalEntries = tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_][^\x00-\x1f\x7f]*$", max_length=300)], ...]
"""Units and matches. None begins like an option."""
Region = Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$")]
"""Of AWS: `eu-west-1`, `us-gov-west-1`."""
AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
AwsRegion = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,127}$")]
"""Of a database or table: small letters, digits and `_`."""
LogGroup = Annotated[
    str,
    Field(pattern=r"^(arn:aws[a-z-]*:logs:[a-z0-9-]+:[0-9]{12}:log-group:)?[A-Za-z0-9_./#*-]{1,512}(:\*)?$"),
]
"""A log group's name or ARN; `*` stands for anything."""
TrailName = Annotated[
    str, Field(pattern=r"^(arn:aws[a-z-]*:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/)?[A-Za-z0-9._-]{3,128}$")
]
"""A trail's name or ARN."""
QueueUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+/[A-Za-z0-9_-]+$")]
KeptInAws = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:|ssm:[a-z0-9-]+:[0-9]{12}:parameter/).+$"
    ),
]
"""The ARN of a secret or a parameter."""
HygieneKind = Literal["key-old", "spare-key", "sp-api-signer", "rotation-late", "plain-parameter"]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]

_LAST_PORT = 65535


def zone(name: str) -> tzinfo:
    """
    Return the time zone of that name.

    Raises:
        ValueError: this machine knows none.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone that this machine knows: Debian has them in the package tzdata") from None


class _Table(BaseModel):
    """A table of the file: no key that is not known, no value echoed in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Baseline(_Table):
    """Amazon's window, and when to say how much of it is left."""

    window_days: int = Field(default=90, ge=1, le=3650)
    warn_at_days: tuple[int, int, int, int] = (60, 75, 83, 88)
    """Idle days from which a key's level is notice, warning, urgent, critical."""
    never_used_after_days: int = Field(default=7, ge=0)
    """A key that nobody has used is told of when it is this old."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        steps = self.warn_at_days
        if list(steps) != sorted(set(steps)) or steps[0] < 1 or steps[-1] >= self.window_days:
            raise ValueError("warn_at_days should rise, and end before window_days")
        return self


class Deadlines(_Table):
    """How long selling-partner keys live, used or not, and when to say how much of it is left."""

    client_secret_days: int = Field(default=180, ge=1, le=3650)
    authorisation_days: int = Field(default=365, ge=1, le=3650)
    warn_at_days_left: tuple[int, int, int, int] = (60, 30, 14, 5)
    """Days left from which a key's level is notice, warning, urgent, critical."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        steps = self.warn_at_days_left
        if list(steps) != sorted(set(steps), reverse=True) or steps[-1] < 1:
            raise ValueError("warn_at_days_left should fall, and end above 0")
        return self


class PolicySettings(_Table):
    """Amazon's policies: who confirms what no machine can watch, and what is different in this company."""

    owner: str | None = None
    """Who is reminded of what is to be confirmed; None: nobody is."""
    files: tuple[FilePath, ...] = ()
    """Changes to the obligations that come with keywatch, and further ones."""


class SharingAllow(_Table):
    """
    Uses of keys that are as they should be, and not looked at. All that is given must fit.

    `key`, `owner` and `application` say whose keys; the rest says which uses.
    """

    key: tuple[str, ...] = ()
    """Names of keys; `*` stands for anything. Empty: all keys."""
    owner: str | None = None
    application: str | None = None
    networks: tuple[str, ...] = ()
    """As `203.0.113.0/24`. Addresses are known by their /24 (IPv6: /48): what is smaller stands for all of that."""
    providers: tuple[Annotated[int, Field(ge=0, lt=1 << 32)], ...] = ()
    """Numbers of their autonomous systems. Needs `asn_database`."""
    countries: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] = ()
    """Needs `country_database`."""
    agents: tuple[str, ...] = ()
    """Programs as alerts name them; `*` stands for anything: `boto3 on linux*`."""
    principals: tuple[str, ...] = ()

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ip_network(network)
            except ValueError:
                raise ValueError('has one that is not a network, as "203.0.113.0/24" or "2001:db8::/48"') from None
        return networks

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if not (self.networks or self.providers or self.countries or self.agents or self.principals):
            raise ValueError(
                "needs networks, providers, countries, agents or principals: it says which uses are allowed"
            )
        return self


class Sharing(_Table):
    """From how many places, and by how many programs, one key may be used before it is told."""

    window_days: int = Field(default=7, ge=1, le=LONGEST)
    history_days: int = Field(default=14, ge=1, le=365)
    """As long a key must have been watched before a place is called new."""
    most_networks: int = Field(default=8, ge=1)
    """Of those whose provider is not known."""
    most_providers: int = Field(default=2, ge=1)
    most_countries: int = Field(default=2, ge=1)
    most_agents: int = Field(default=2, ge=1)
    most_principals: int = Field(default=2, ge=1)
    asn_database: FilePath | None = None
    """GeoLite2-ASN.mmdb, or another with its fields: which autonomous system a network belongs to."""
    country_database: FilePath | None = None
    """GeoLite2-Country.mmdb, or another with its fields."""
    allow: tuple[SharingAllow, ...] = ()

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        for allowed in self.allow:
            if allowed.providers and self.asn_database is None:
                raise ValueError("allow names providers, which needs asn_database as well")
            if allowed.countries and self.country_database is None:
                raise ValueError("allow names countries, which needs country_database as well")
        return self


class Hygiene(_Table):
    """From when on it is told that keys are kept badly, beside the baseline."""

    rotate_after_days: dict[KeyKind, Annotated[int, Field(ge=1)]] = Field(
        default_factory=lambda: {KeyKind.AWS_ACCESS_KEY: 90}
    )
    """How old a key of each kind may grow; a kind that is not named may grow as old as it likes."""
    two_keys_after_days: int = Field(default=14, ge=0)
    """How long an IAM user may have two active keys."""
    rotation_late_after_days: int = Field(default=2, ge=0)
    """How late a rotation of Secrets Manager may be, or lie half done."""
    sp_api_names: tuple[Label, ...] = ("sp-api", "spapi", "selling-partner", "lwa", "mws")
    """Words in the name of an IAM user or an application that say that its keys were made to sign SP-API requests."""
    excused_users: tuple[Label, ...] = ()
    """IAM users that may have two keys, or look left over."""
    leave_out: tuple[HygieneKind, ...] = ()
    """What is not told at all."""


class Http(_Table):
    """Where health and metrics are served. Loopback unless somebody insists."""

    listen: Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$")] = "127.0.0.1:9470"

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @field_validator("listen")
    @classmethod
    def _port_exists(cls, listen: str) -> str:
        if int(listen.rpartition(":")[2]) > _LAST_PORT:
            raise ValueError(f"has a port above {_LAST_PORT}")
        return listen


class Intake(_Table):
    """`POST /v1/inspect`: whether a text that somebody sent holds a secret. Nothing of it is kept."""

    enabled: bool = False
    authorise: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    """What a seller should do instead of sending a key: how to authorise the application, and where."""


class Slack(_Table):
    """Where alerts go: a bot token (exact, updates its messages) or an incoming webhook (at least once, no updates)."""

    token: SecretReference | None = None
    channel: str | None = None
    """Where an alert goes that no owner claims: `#keys` or a channel id."""
    webhook: SecretReference | None = None
    api_url: HttpUrl = "https://slack.com/api/"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.token is None) == (self.webhook is None):
            raise ValueError("needs either token (with channel) or webhook")
        if self.token is not None and not self.channel:
            raise ValueError('token needs channel as well, as "#keys"')
        return self


class AwsTags(_Table):
    """
    Which tags say whose a key is, and of what is kept in AWS what key it is. Case does not matter.

    Without owner and application IAM's users are not asked for theirs, which is a call less for each.
    """

    owner: str = "owner"
    application: str = "application"
    kind: str = "kind"
    seller: str = "seller"
    region: str = "region"
    client_id: str = "client_id"
    access_key_id: str = "access_key_id"
    developer_account: str = "developer_account"
    """At Amazon, that an application is of."""
    authorised_at: str = "authorised_at"
    """When the key was issued, or its seller authorised the application: `2026-09-01`."""
    expires_at: str = "expires_at"


class AwsName(_Table):
    """What a name says of a secret or parameter that fits it."""

    pattern: Label
    """`*` stands for anything, `{application}`, `{seller}` and so on for a part without a slash that says which."""
    kind: KeyKind | None = None
    key: bool = True
    """false: what fits holds no key."""

    @field_validator("pattern")
    @classmethod
    def _readable(cls, pattern: str) -> str:
        NamePattern(pattern)
        return pattern


class _Members(_Table):
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
    names: tuple[AwsName, ...] = ()
    """The first that fits counts."""
    tags: AwsTags = AwsTags()
    every: Interval = timedelta(hours=1)


class CloudTrail(_Table):
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


class Athena(_Table):
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


class Vault(_Table):
    """A Vault or OpenBao whose KV v2 secrets are inventoried through their metadata."""

    name: Name
    address: HttpUrl
    token: SecretReference | None = None
    """One that somebody else keeps in place; renewed while it can be. Or `login`."""
    login: VaultLogin | None = None
    mounts: tuple[str, ...] = ()
    """Empty: every KV v2 mount there is."""
    inventory: VaultInventory = VaultInventory()
    namespace: str | None = None
    ca_file: FilePath | None = None
    every: Interval = timedelta(hours=1)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.token is None) == (self.login is None):
            raise ValueError("needs either token or login")
        return self


class DeclaredKey(_Table):
    """A key that no system lists: an LWA client secret, a seller's refresh token, an old MWS key."""

    name: Label
    kind: KeyKind
    owner: str | None = None
    application: str | None = None
    seller: str | None = None
    client_id: str | None = None
    access_key_id: str | None = None
    region: str | None = None
    created: date | None = None
    vault: tuple[str, ...] = ()
    """Where Vault holds it, as `vault name/mount/path`."""
    aws: tuple[KeptInAws, ...] = ()
    """Where AWS holds it: the ARNs of secrets and parameters."""
    secret: SecretReference | None = None
    """Lets the scanner find this value wherever it stands, and name the key: read, fingerprinted, sealed, forgotten."""


class RequestLogFields(_Table):
    """Which fields of a JSON line hold what; dots go down into objects."""

    time: str = "time"
    status: str = "status"
    application: str = "application"
    seller: str = "seller"
    client_id: str = "client_id"
    host: str = "host"
    method: str = "method"
    path: str = "path"
    error: str = "error"
    """Of an answer that is an error: its code, its message or its whole body."""


class RequestLog(_Table):
    """
    An application's own log of its SP-API requests, as JSON lines: the proof that a selling-partner key works.

    Exactly one of path and journal.
    """

    name: Name
    path: FilePath | None = None
    """A file or a glob; rotation is followed."""
    journal: JournalEntries | None = None
    """What of the journal it is, as in `[[scan]]`."""
    journal_directory: FilePath | None = None
    scan: bool = False
    """Whether what is read is looked through for leaked secrets as well."""
    owner: str | None = None
    """Who hears of what is found in it, when nothing else says whose it is."""
    application: str | None = None
    """The application all lines are of, where the lines do not say."""
    applications: tuple[str, ...] = ()
    """The applications that write to this log; empty: `application` if that is set, else all there are."""
    assume_sp_api: bool = False
    """Whether lines without a host are calls of production SP-API. If not, such lines prove nothing."""
    fields: RequestLogFields | None = None
    """Of JSON lines; not given: the usual names."""
    format: Literal["json", "nginx", "envoy", "alb", "urllib3", "httpx", "okhttp", "guzzle", "axios", "dotnet"] = "json"
    """What its lines look like: JSON, a proxy's access log, or what an HTTP client logs."""
    pattern: Annotated[str, Field(min_length=1)] | None = None
    """A pattern of its own instead, in RE2's syntax, with the groups time and status, and others named as `fields`."""
    timezone: str = "UTC"
    """Of times that say none, as `Europe/Berlin`."""
    every: Interval = timedelta(minutes=1)

    @model_validator(mode="after")
    def _one_layout(self) -> Self:
        if self.pattern is not None and self.format != "json":
            raise ValueError("has format and pattern: give one of them")
        if self.fields is not None and self.line_pattern is not None:
            raise ValueError("has fields, which are for JSON lines; a pattern names its groups itself")
        return self

    @field_validator("pattern")
    @classmethod
    def _usable(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            LinePattern(pattern).check()
        return pattern

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        zone(name)
        return name

    @property
    def line_pattern(self) -> LinePattern | None:
        """How lines that are no JSON are read."""
        return LinePattern(self.pattern) if self.pattern is not None else LAYOUTS.get(self.format)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.journal is None):
            raise ValueError("needs either path or journal")
        if self.journal_directory is not None and self.journal is None:
            raise ValueError("journal_directory needs journal as well")
        if self.owner is not None and not self.scan:
            raise ValueError("owner needs scan = true: it is told of what is found")
        return self


class Reporter(_Table):
    """A program that reports its own calls, by `POST /v1/calls`."""

    name: Name
    token: SecretReference
    """The bearer token it shows; at least 16 characters."""
    application: str | None = None
    """The application of calls that name none."""
    applications: tuple[str, ...] = ()
    """The only ones it may speak for; empty: `application` if that is set, else all there are."""
    keys: tuple[Label, ...] = ()
    """Names of declared keys, or access key ids, that it speaks for instead of selling-partner keys."""
    silent_after: Interval = timedelta(hours=26)
    """How long it may send nothing, not even that there is nothing."""

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if self.keys and (self.application or self.applications):
            raise ValueError("has keys and applications: make it two reporters, each with its own token")
        return self


class _Remote(_Table):
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


class Bucket(_Table):
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


class CloudWatch(_Table):
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


class Settings(_Table):
    """The whole file."""

    state_dir: FilePath | None = None
    """Default: $STATE_DIRECTORY, else $XDG_STATE_HOME/keywatch, else ~/.local/state/keywatch."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    our_accounts: tuple[AccountId, ...] = ()
    """AWS accounts of the company: an access key of any other account is somebody else's."""
    rules: tuple[FilePath, ...] = ()
    """Rule files beside the packaged ones, in keywatch's, gitleaks' or betterleaks' form."""
    baseline: Baseline = Baseline()
    deadlines: Deadlines = Deadlines()
    policy: PolicySettings = PolicySettings()
    sharing: Sharing = Sharing()
    hygiene: Hygiene = Hygiene()
    throttling: Throttling = Throttling()
    need_to_know: NeedToKnow = NeedToKnow()
    must_be_in_vault: MustBeInVault = MustBeInVault()
    http: Http = Http()
    intake: Intake = Intake()
    slack: Slack | None = None
    channels: dict[str, str] = Field(default_factory=dict)
    """Owner -> Slack channel."""
    aws: tuple[Aws, ...] = ()
    cloudtrail: tuple[CloudTrail, ...] = ()
    lookup_events: tuple[LookupEvents, ...] = ()
    athena: tuple[Athena, ...] = ()
    vault: tuple[Vault, ...] = ()
    vault_values: tuple[VaultValues, ...] = ()
    key: tuple[DeclaredKey, ...] = ()
    developer: tuple[Developer, ...] = ()
    application: tuple[Application, ...] = ()
    seller: tuple[Seller, ...] = ()
    declared_file: tuple[DeclaredFile, ...] = ()
    probe: Probe = Probe()
    request_log: tuple[RequestLog, ...] = ()
    reporter: tuple[Reporter, ...] = ()
    application_notices: tuple[ApplicationNoticeQueue, ...] = ()
    vault_audit: tuple[VaultAudit, ...] = ()
    scan: tuple[Scan, ...] = ()
    bucket: tuple[Bucket, ...] = ()
    cloudwatch: tuple[CloudWatch, ...] = ()

    @field_validator(
        "aws",
        "cloudtrail",
        "lookup_events",
        "athena",
        "vault",
        "vault_values",
        "key",
        "developer",
        "application",
        "declared_file",
        "request_log",
        "reporter",
        "application_notices",
        "vault_audit",
        "scan",
        "bucket",
        "cloudwatch",
    )
    @classmethod
    def _names_differ(cls, tables: tuple[BaseModel, ...]) -> tuple[BaseModel, ...]:
        seen: set[str] = set()
        for table in tables:
            name: str = getattr(table, "name", "")
            if name in seen:
                raise ValueError(f'has two entries named "{name}"; names must differ')
            seen.add(name)
        return tables

    @model_validator(mode="after")
    def _channels_can_be_reached(self) -> Self:
        if self.channels and (self.slack is None or self.slack.token is None):
            raise ValueError("channels needs [slack] with a token: a webhook has one channel, and the console none")
        return self

    @model_validator(mode="after")
    def _values_are_of_a_vault(self) -> Self:
        known = {vault.name for vault in self.vault}
        for values in self.vault_values:
            if values.vault not in known:
                raise ValueError(f'vault_values "{values.name}" is of "{values.vault}", but no [[vault]] has that name')
            if any((values.token, values.login) == (vault.token, vault.login) for vault in self.vault):
                raise ValueError(
                    f'vault_values "{values.name}" needs a token of its own: that of [[vault]] is for names'
                )
        return self

    @model_validator(mode="after")
    def _vaults_are_known(self) -> Self:
        known = {vault.name for vault in self.vault}
        for scan in self.scan:
            if scan.token is not None and scan.token.scheme == "vault":
                vault = scan.token.name.partition("/")[0]
                if vault not in known:
                    raise ValueError(f'the token of scan "{scan.name}" is in "{vault}", but no [[vault]] has that name')
        for log in self.vault_audit:
            if log.device is not None and log.vault not in known:
                raise ValueError(f'vault_audit "{log.name}" has a device, but no [[vault]] is named "{log.vault}"')
            if missing := sorted(set(log.tokens.values()) - {key.name for key in self.key}):
                raise ValueError(f'vault_audit "{log.name}" has tokens of "{missing[0]}", which is no [[key]]')
        for key in self.key:
            for place in key.vault:
                if place.partition("/")[0] not in known:
                    raise ValueError(f'key "{key.name}" is said to be in "{place}", but no [[vault]] has that name')
        return self

    @model_validator(mode="after")
    def _declarations_fit(self) -> Self:
        together(
            self.developer, self.application, self.seller, {vault.name for vault in self.vault}, self.declared_file
        )
        for vault in self.probe.vault_tokens:
            if vault not in {known.name for known in self.vault}:
                raise ValueError(f'[probe] has a token for "{vault}", but no [[vault]] has that name')
        return self
