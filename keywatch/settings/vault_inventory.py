"""What of a Vault is inventoried beside the names and metadata of KV v2, and who may read what is in it."""

from typing import Annotated, Literal

from pydantic import Field

from keywatch.model.key import KeyKind
from keywatch.settings.described import NamedKey, Notes
from keywatch.settings.table import Table

_Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Mount = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x1f\x7f/][^\x00-\x1f\x7f]*$")]


class VaultPath(NamedKey):
    """A path with its mount: `kv/sellers/{application}/{seller}`."""

    pattern: _Text


class VaultInventory(Table):
    """What of a Vault is read, each with a policy of its own in `config/vault/`."""

    also: tuple[Literal["kv1", "tokens", "secret-ids", "aws", "access"], ...] = ()
    """Beside KV v2: the names of KV v1, tokens, AppRole's secret-ids, the AWS secrets engine, who may read what."""
    kv1_mounts: tuple[_Mount, ...] = ()
    """Empty: every KV v1 mount there is."""
    aws_mounts: tuple[_Mount, ...] = ()
    """Empty: every AWS secrets engine there is."""
    subkeys: bool = False
    """Whether KV v2 is asked for the names of each secret's fields, without their values."""
    every_secret: bool = True
    """Whether each secret is a key, not only those whose metadata, path or fields say so."""
    paths: tuple[VaultPath, ...] = ()
    """The first that fits counts."""
    metadata: Notes = Notes()
    token_days: int = Field(default=7, ge=0)
    """Tokens that cannot live so long are no keys that anybody keeps, and left out."""
    most_secrets: int = Field(default=100_000, ge=1)
    """Of one run, as of tokens and secret-ids; what is beyond is said."""
    most_depth: int = Field(default=20, ge=1)
    """Folders below each other."""


class NeedToKnow(Table):
    """How many may read a key's value before it is told."""

    most_readers: int = Field(default=5, ge=1)
    kinds: tuple[KeyKind, ...] = (
        KeyKind.AWS_ACCESS_KEY,
        KeyKind.LWA_CLIENT_SECRET,
        KeyKind.LWA_REFRESH_TOKEN,
        KeyKind.MWS_KEY,
    )
    """Of which keys it is told."""
    excused: tuple[_Text, ...] = ()
    """Readers that do not count, as alerts name them; `*` stands for anything: `approle orders`, `group admins`."""


class MustBeInVault(Table):
    """Keys that Vault should hold. All that is given must fit; with nothing given, none must."""

    kinds: tuple[KeyKind, ...] = ()
    applications: tuple[_Text, ...] = ()
    """`*` stands for anything."""
    except_keys: tuple[_Text, ...] = ()
    """Names of keys that may be elsewhere; `*` stands for anything."""
