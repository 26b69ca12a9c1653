"""`[[vault_values]]`: which values of a Vault are read, once each, so that they are found wherever they leak."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from keywatch.collect.inventory.named import NamePattern
from keywatch.settings.interval import Interval
from keywatch.settings.reference import SecretReference
from keywatch.settings.table import Table
from keywatch.settings.vault_login import VaultLogin

ValuePath = Annotated[
    str, Field(pattern=r"^[^/\x00-\x1f\x7f*{}][^\x00-\x1f\x7f{}]*/[^\x00-\x1f\x7f{}]*[^/\x00-\x1f\x7f{}]$")
]
"""Mount and path, in which `*` stands for anything: `kv/orders/*`."""
Excluded = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f{}]+$", max_length=1000)]
"""A path as above, or a field of one: `kv/orders/lwa#note`."""


class VaultValues(Table):
    """The values at some paths of a Vault. They are read by a token of their own, whose policy says so."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    vault: str
    """The name of a `[[vault]]`: where it is, and how it is reached."""
    token: SecretReference | None = None
    """Not the one of the `[[vault]]`, which needs no right to values. Policy: config/vault/known-secrets.hcl."""
    login: VaultLogin | None = None
    """Instead of a token, as in `[[vault]]`; of a role of its own."""
    paths: Annotated[tuple[ValuePath, ...], Field(min_length=1)]
    exclude: tuple[Excluded, ...] = ()
    read_kv1_again: Interval = timedelta(days=1)
    """How often a secret of KV version 1 is read again, which does not tell that it has changed."""
    every: Interval = timedelta(hours=1)

    @property
    def session(self) -> str:
        """Under which its token is kept, apart from that for names."""
        return f"values of {self.name}"

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.token is None) == (self.login is None):
            raise ValueError("needs either token or login")
        return self

    @field_validator("paths")
    @classmethod
    def _of_a_mount(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            NamePattern(path)
            if any(part in (".", "..", "") for part in path.split("/")):
                raise ValueError("has a path with an empty part or with dots: they are not asked for")
        return paths
