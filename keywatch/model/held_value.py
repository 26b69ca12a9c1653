"""Values that a store showed to us once: what is kept of each, and what has become of it since."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from keywatch.model.key import KeyKind
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Fingerprint
from keywatch.model.source import Skipped
from keywatch.model.time import require_utc

OLD_CLIENT_SECRET_LIVES = timedelta(days=7)
"""As long Amazon accepts an LWA client secret after it was replaced.
https://developer-docs.amazon.com/sp-api/docs/rotating-your-apps-lwa-credentials"""


class Validity(StrEnum):
    """What has become of a value in the store it was read from."""

    CURRENT = "current"
    REPLACED = "replaced"
    """Another value stands in its place now: it was rotated."""
    REMOVED = "removed"
    """Nothing stands in its place: it was deleted, or its field was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldValue:
    """One value of one field, as it is kept: no plaintext, nothing that shows it."""

    place: str
    """Store, mount and path, as in a Vault handle: `prod/kv/orders/lwa`."""
    field: str
    """Which of the secret's fields: `client_secret`, `config.private_key`."""
    fingerprint: Fingerprint
    sealed: str = ""
    """As in `KnownSecret`; empty: it is recognised where a rule sees it only."""
    kind: KeyKind = KeyKind.OTHER
    """What the value looks like, where its shape says so."""
    validity: Validity = Validity.CURRENT
    since: datetime | None = None
    """When it was replaced or removed."""

    def __post_init__(self) -> None:
        require_utc(self.since, "since")

    @property
    def known(self) -> KnownSecret | None:
        """What finds it wherever it stands."""
        return KnownSecret(self.fingerprint, self.sealed) if self.sealed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAs:
    """What a finding says of a value that a store holds, or held."""

    place: str
    """With the field: `prod/kv/orders/lwa#client_secret`."""
    validity: Validity
    since: datetime | None = None
    spent: bool = False
    """Whether its issuer is likely not to accept it any more. Nobody tried."""
    more: int = 0
    """Further places that hold, or held, the same value."""

    @property
    def words(self) -> str:
        """Say it to a person, after `ours: `."""
        when = f" on {self.since:%Y-%m-%d}" if self.since else ""
        become = {
            Validity.CURRENT: "",
            Validity.REPLACED: f", already rotated{when}",
            Validity.REMOVED: f", removed{when}",
        }[self.validity]
        more = f" and {self.more} more place{'s' if self.more > 1 else ''}" if self.more else ""
        return f"{self.place}{become}{more}"


def is_spent(validity: Validity, kind: KeyKind, since: datetime | None, now: datetime) -> bool:
    """
    Tell whether a value is likely to be worth nothing any more.

    A client secret lives on for seven days after it was replaced. A new refresh token does not end the one before, and
    what is merely gone from a store may well be in use: both are to be taken for live.
    """
    if validity is not Validity.REPLACED or kind is KeyKind.LWA_REFRESH_TOKEN:
        return False
    if kind is KeyKind.LWA_CLIENT_SECRET:
        return since is not None and now - since >= OLD_CLIENT_SECRET_LIVES
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadValue:
    """One field of one version, as it was read and reduced."""

    field: str
    fingerprint: Fingerprint | None
    """None: it is too short or too common even to be recognised."""
    sealed: str = ""
    kind: KeyKind = KeyKind.OTHER
    refused: str = ""
    """Why it is not looked for wherever it may stand, for a person, after `the value`; empty: it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSecret:
    """What a reading brought of one secret: the versions that were new to us, and the state of all."""

    place: str
    mark: str
    """By which the next reading sees that nothing has changed."""
    current: int
    """The current version, whether or not it can be read."""
    gone: bool = False
    """Whether the current version is deleted or destroyed."""
    times: Mapping[int, datetime] = field(default_factory=dict)
    """When each version was written, of those that are still listed."""
    read: Mapping[int, tuple[ReadValue, ...]] = field(default_factory=dict)
    """By version."""
    anew: bool = False
    """Whether it is another secret than the one known under this name: versions count from one again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedHash:
    """A value that a store has handed out, as its audit log has it: hashed under a salt that only the store knows."""

    digest: str
    """`hmac-sha256:…`, as it stands in the log."""
    place: str
    """As `HeldValue.place`."""
    field: str
    at: datetime
    version: int = 0
    """Of the secret; zero where it has none."""

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueBatch:
    """What one step through a source of values brought. All of it is committed together or not at all."""

    secrets: tuple[ReadSecret, ...] = ()
    seen: tuple[str, ...] = ()
    """Places that are there, changed or not."""
    skipped: tuple[Skipped, ...] = ()
