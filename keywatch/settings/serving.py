"""Whom the daemon talks to: its own HTTP server, the intake, Slack."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from keywatch.settings.reference import SecretReference
from keywatch.settings.table import HttpUrl, Table

_LAST_PORT = 65535


class Http(Table):
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


class Intake(Table):
    """`POST /v1/inspect`: whether a text that somebody sent holds a secret. Nothing of it is kept."""

    enabled: bool = False
    authorise: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    """What a seller should do instead of sending a key: how to authorise the application, and where."""


class Slack(Table):
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
