"""`[[vault_audit]]`: an audit log of Vault or OpenBao, and where it is."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from keywatch.settings.interval import Interval
from keywatch.settings.table import Table

_Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
_File = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]


class VaultAudit(Table):
    """
    What an audit device of one Vault, or of all its nodes, writes: who read which secret, which logins still work.

    Exactly one of path, journal and s3.
    """

    name: _Name
    vault: _Name
    """The `[[vault]]` it is of, whose secrets it tells of; any name where that is not inventoried."""
    path: _File | None = None
    """A file or a glob, of a file device or of what a socket device feeds; rotation is followed."""
    journal: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_][^\x00-\x1f\x7f]*$", max_length=300)], ...] | None = None
    """What of the journal it is, as in `[[scan]]`: of a device that writes to stdout or syslog."""
    journal_directory: _File | None = None
    s3: Annotated[str, Field(pattern=r"^s3://[A-Za-z0-9][A-Za-z0-9._-]{1,254}(/[^\x00-\x1f\x7f]*)?$")] | None = None
    """`s3://bucket/prefix` to which a shipper of logs writes."""
    lookback_days: int = Field(default=95, ge=1, le=3650)
    """Of a bucket: older objects are left out."""
    region: str = "us-east-1"
    profile: str | None = None
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")] | None = None
    endpoint_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    device: _Text | None = None
    """The audit device's path, as `file`: then tokens of the inventory are known by their accessors."""
    confirm: bool = False
    """Whether what scans find is compared with the values that Vault handed out, by their hashes. Needs `device`."""
    tokens: dict[_Text, _Text] = Field(default_factory=dict)
    """Names of declared keys by the display name, role, user or entity that a token has in the log."""
    ignore: tuple[_Text, ...] = ()
    """Readers that do not count, as alerts name them, or by display name, role, user or entity: keywatch itself."""
    may_be_clear: tuple[_Text, ...] = ()
    """Fields of secrets that may stand in the log as they are."""
    every_node: bool = False
    """Whether it is what all nodes of the Vault write. If not, that a token is not in it proves nothing."""
    scan: bool = False
    """Whether what is read is looked through for leaked secrets as well; not of a bucket, which is a `[[bucket]]`."""
    owner: str | None = None
    """Who hears of what is found in it, when nothing else says whose it is."""
    every: Interval | None = None
    """Default: a minute, of a bucket ten."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.path, self.journal, self.s3)) != 1:
            raise ValueError("needs exactly one of path, journal and s3")
        if self.journal_directory is not None and self.journal is None:
            raise ValueError("journal_directory needs journal as well")
        if self.s3 is None and (self.profile or self.role or self.endpoint_url):
            raise ValueError("profile, role and endpoint_url need s3: they say how a bucket is reached")
        if self.scan and self.s3 is not None:
            raise ValueError("scan is for files and the journal: make a [[bucket]] of it as well")
        if self.confirm and self.device is None:
            raise ValueError("confirm needs device: the audit device under whose salt Vault hashes")
        if self.owner is not None and not self.scan:
            raise ValueError("owner needs scan = true: it is told of what is found")
        return self

    @property
    def interval(self) -> timedelta:
        """How often it is read."""
        return self.every or (timedelta(minutes=1) if self.s3 is None else timedelta(minutes=10))
