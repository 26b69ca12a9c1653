"""What says of a secret, wherever it is kept, which key it holds: what somebody wrote beside it, and its name."""

from pydantic import field_validator

from keywatch.collect.inventory.named import NamePattern
from keywatch.model.key import KeyKind
from keywatch.settings.table import Label, Table


class Notes(Table):
    """
    Under which names an owner wrote whose a key is, and what it is: tags of AWS, custom metadata of Vault.

    Case does not matter. Without owner and application IAM's users are not asked for theirs: a call less for each.
    """

    owner: str = "owner"
    application: str = "application"
    kind: str = "kind"
    seller: str = "seller"
    region: str = "region"
    client_id: str = "client_id"
    access_key_id: str = "access_key_id"
    """In Vault `key_id` is taken for the same."""
    developer_account: str = "developer_account"
    """At Amazon, that an application is of."""
    authorised_at: str = "authorised_at"
    """When the key was issued, or its seller authorised the application: `2026-09-01`."""
    expires_at: str = "expires_at"


class NamedKey(Table):
    """What the name of a secret or parameter, or the path of a secret in Vault, says of the key in it."""

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
