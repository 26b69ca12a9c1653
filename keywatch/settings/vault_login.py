"""How keywatch logs in to a Vault: the table `[vault.login]`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from keywatch.settings.reference import Reference, SecretReference
from keywatch.settings.table import Table

MountPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,198}[A-Za-z0-9]$")]
"""Below `auth/`, without slashes at its ends."""
RoleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$")]

_OF = {
    "approle": frozenset({"role_id", "secret_id", "wrapped", "role"}),
    "kubernetes": frozenset({"role", "jwt"}),
    "aws": frozenset({"role", "region", "profile", "assume_role", "server_id", "sts_url"}),
}
_NEEDS = {"approle": "role_id", "kubernetes": "role", "aws": "role"}


class VaultLogin(Table):
    """A login beside a plain token. What belongs to another method is refused."""

    method: Literal["approle", "kubernetes", "aws"]
    mount: MountPath | None = None
    """Where the method is mounted below `auth/`; None: under its own name."""
    role: RoleName | None = None
    """Vault's name of the role; AppRole needs it for a wrapped secret id alone, to know whose it should be."""
    role_id: SecretReference | None = None
    secret_id: SecretReference | None = None
    """None: the role has `bind_secret_id = false`."""
    wrapped: bool = False
    """Whether `secret_id` is a wrapping token, which gives the secret id once."""
    jwt: SecretReference = Reference("file", "/var/run/secrets/kubernetes.io/serviceaccount/token")
    """The service account's; read anew for each login."""
    region: Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$")] = "us-east-1"
    profile: str | None = None
    assume_role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")] | None = None
    """An AWS role to log in as."""
    server_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,200}$")] | None = None
    """Vault's `iam_server_id_header_value`."""
    sts_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    """Vault's `sts_endpoint`, where it is another than the Region's own."""

    @model_validator(mode="after")
    def _of_one_method(self) -> Self:
        foreign = sorted(self.model_fields_set - _OF[self.method] - {"method", "mount"})
        if foreign:
            raise ValueError(f"has {foreign[0]}, which the method {self.method} has no use for")
        if getattr(self, _NEEDS[self.method]) is None:
            raise ValueError(f"the method {self.method} needs {_NEEDS[self.method]}")
        if self.wrapped and self.secret_id is None:
            raise ValueError("wrapped needs secret_id: where the wrapping token is")
        return self

    @property
    def mounted(self) -> str:
        """Where the method is mounted below `auth/`."""
        return self.mount or self.method
