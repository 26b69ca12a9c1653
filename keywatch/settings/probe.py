"""Whether our own keys are tried now and then, and how."""

from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from keywatch.settings.interval import Interval
from keywatch.settings.reference import SecretReference
from keywatch.settings.table import Table

_SHORTEST = timedelta(hours=1)


class Probe(Table):
    """
    A token exchange and one harmless request for each authorisation that is declared with its store.

    It shows that a key would work, which is not that anybody uses it.
    """

    enabled: bool = False
    every: Interval = timedelta(days=1)
    """How often one authorisation is tried, about."""
    counts_as_use: bool = False
    """Whether one that was accepted is a successful call, and starts the 90 days anew."""
    applications: tuple[str, ...] = ()
    """The only ones; empty: all that are declared."""
    vault_tokens: dict[str, SecretReference] = Field(default_factory=dict)
    """By the name of a [[vault]]: a token that may read these values. Default: that one's own, which should not."""
    profile: str | None = None
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")] | None = None
    """To assume for reading from Secrets Manager: config/aws/probe-policy.json."""
    endpoint_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    """Of Secrets Manager, where it is not AWS's."""
    proxy: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    """Through which Amazon is reached; what the environment says of proxies is not followed."""
    base_url: str | None = None
    """For tests: where tokens and requests are sent instead of Amazon's hosts. Loopback, or https."""

    @field_validator("base_url")
    @classmethod
    def _safe(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            if parts.username or parts.password or not parts.hostname or parts.query or parts.fragment:
                raise ValueError("should be an address alone, as https://127.0.0.1:8443")
            if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
                raise ValueError("should be https, or http on this machine: keys are sent there")
        return url

    @model_validator(mode="after")
    def _rarely(self) -> Self:
        if self.every < _SHORTEST:
            raise ValueError("every should be an hour at least: a probe costs a seller's quota")
        return self


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
