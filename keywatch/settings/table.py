"""What tables of `keywatch.toml` are made of: the table itself, and the words that may stand in several of them."""

from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field

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

HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


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


class Table(BaseModel):
    """A table of the file: no key that is not known, no value echoed in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
