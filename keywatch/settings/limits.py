"""From when on something is told: the baseline, deadlines, sharing, hygiene, and what the policies ask of people."""

from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from keywatch.alerts.sharing import LONGEST
from keywatch.model.key import KeyKind
from keywatch.settings.table import FilePath, Label, Table

HygieneKind = Literal["key-old", "spare-key", "sp-api-signer", "rotation-late", "plain-parameter"]


class Baseline(Table):
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


class Deadlines(Table):
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


class PolicySettings(Table):
    """Amazon's policies: who confirms what no machine can watch, and what is different in this company."""

    owner: str | None = None
    """Who is reminded of what is to be confirmed; None: nobody is."""
    files: tuple[FilePath, ...] = ()
    """Changes to the obligations that come with keywatch, and further ones."""


class SharingAllow(Table):
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


class Sharing(Table):
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


class Hygiene(Table):
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
