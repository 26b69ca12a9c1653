"""Keys: the credentials a company holds, one per credential however many places hold it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Fingerprint
from keywatch.model.time import require_utc

SourceId = NewType("SourceId", str)
"""Names one configured source, as `aws-iam:prod` or `request-log:orders`: stable across restarts."""

KeyId = NewType("KeyId", str)
"""Names one Key: its strongest handle, written `space:value`."""


class KeyKind(StrEnum):
    """What a credential is, which decides what can prove that it was used."""

    AWS_ACCESS_KEY = "aws-access-key"
    LWA_CLIENT_SECRET = "lwa-client-secret"  # noqa: S105 - the name of a kind
    LWA_REFRESH_TOKEN = "lwa-refresh-token"  # noqa: S105 - the name of a kind
    MWS_KEY = "mws-key"
    VAULT_TOKEN = "vault-token"  # noqa: S105 - the name of a kind
    OTHER = "other"


class KeyStatus(StrEnum):
    """Whether the issuer would accept the credential today."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class HandleSpace(StrEnum):
    """The naming schemes by which the outside world refers to a key, strongest first."""

    AWS_ACCESS_KEY_ID = "aws-access-key-id"
    AWS_ROOT = "aws-root"
    """The root user of the account in the value. Its key ids cannot be listed."""
    LWA_CLIENT_ID = "lwa-client-id"
    AUTHORISATION = "authorisation"
    """One seller's authorisation of one application: `application/seller-id`."""
    APPLICATION = "application"
    DECLARED = "declared"
    """The name the key has in keywatch's configuration."""
    VAULT = "vault"
    """Source alias and path of a KV secret: `prod/kv/orders/lwa`."""
    VAULT_LOGIN = "vault-login"
    """Source alias, auth method and name of what logs in to Vault: `prod/auth/approle/orders`."""
    VAULT_ACCESSOR = "vault-accessor"
    """Source alias and digest of the accessor of a token or secret-id, which is not kept itself: it can revoke."""
    AWS_ARN = "aws-arn"
    """The ARN of a Secrets Manager secret (a replica's is its primary's) or of an SSM parameter."""


_STRENGTH = {space: rank for rank, space in enumerate(HandleSpace)}


@dataclass(frozen=True, slots=True)
class Handle:
    """One public name of a key. Two sightings that share a handle are sightings of one Key."""

    space: HandleSpace
    value: str

    def __str__(self) -> str:
        return f"{self.space.value}:{self.value}"

    @property
    def strength(self) -> tuple[int, str]:
        """Sorts the handle that identifies a credential best to the front."""
        return (_STRENGTH[self.space], self.value)


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place that holds a key."""

    source: SourceId
    place: str
    """In the source's own words: `arn:aws:iam::111122223333:user/orders`, `kv/orders/lwa`, `keywatch.toml:14`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How a place rotates by itself what it keeps."""

    rotated_at: datetime | None = None
    """When it last succeeded; None: never."""
    due_at: datetime | None = None
    """When it should succeed next; None: never, or nobody says."""
    stuck_since: datetime | None = None
    """When a new value was laid ready that has not become the current one; None: none waits."""

    def __post_init__(self) -> None:
        require_utc(self.rotated_at, "rotated_at")
        require_utc(self.due_at, "due_at")
        require_utc(self.stuck_since, "stuck_since")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How one place keeps a key, where it says more than that it has it."""

    location: Location
    clear: bool = False
    """Whether the place keeps the value unencrypted: an SSM parameter of type `String`."""
    rotation: Rotation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A credential the company holds, or one source's sighting of it; `keywatch.correlate` makes one of many."""

    kind: KeyKind
    handles: tuple[Handle, ...]
    """At least one."""
    name: str
    """What a person calls it. Not unique, not secret."""
    locations: tuple[Location, ...]
    status: KeyStatus = KeyStatus.ACTIVE
    created_at: datetime | None = None
    """When the issuer made it; None where no source says."""
    owner: str | None = None
    """Who must act: an e-mail address, a team or a Slack channel."""
    application: str | None = None
    account: str | None = None
    """AWS account id, or the developer account a selling-partner key belongs to."""
    region: str | None = None
    seller: str | None = None
    fingerprints: frozenset[Fingerprint] = frozenset()
    """Of the values it has now, where we were allowed to know them."""
    keeping: tuple[Keeping, ...] = ()
    """At most one a location."""
    known: frozenset[KnownSecret] = frozenset()
    """What finds those values again wherever they stand; a value too short or too common for that has none."""

    def __post_init__(self) -> None:
        if not self.handles:
            raise ValueError(f"key {self.name!r} has no handle")
        require_utc(self.created_at, "created_at")

    @property
    def id(self) -> KeyId:
        """The strongest handle, as text. Stable as long as any source that knows that handle is in the inventory."""
        return KeyId(str(min(self.handles, key=lambda handle: handle.strength)))
