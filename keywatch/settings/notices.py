"""The tables of `keywatch.toml` about what Amazon announces of applications."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from keywatch.settings.interval import Interval
from keywatch.settings.table import Table


class ApplicationNoticeQueue(Table):
    """An SQS queue in which SP-API announces that a client secret ends, or that there is a new one."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    queue: Annotated[str, Field(pattern=r"^https?://[^\s]+/[A-Za-z0-9_-]+$")]
    delete: bool = True
    """Whether it is keywatch's own queue, from which messages are deleted that were read; else all are put back."""
    delete_new_secrets: bool = False
    """Whether those are deleted as well that bring a new secret: nobody else gets it from this queue then."""
    region: str = "us-east-1"
    """Where the URL does not say."""
    profile: str | None = None
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")] | None = None
    endpoint_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    every: Interval = timedelta(minutes=15)

    @model_validator(mode="after")
    def _deletes_something(self) -> Self:
        if self.delete_new_secrets and not self.delete:
            raise ValueError("delete_new_secrets needs delete = true")
        return self
