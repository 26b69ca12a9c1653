"""Keys that a person wrote into the configuration: what no system can be asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from keywatch.collect.inventory.handles import handles_of
from keywatch.detect.sealing import sealed
from keywatch.model.errors import KeywatchError
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.known_secret import KnownSecret, Refused
from keywatch.model.secret import Fingerprint, Pepper, Secret
from keywatch.model.source import KeySource, Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredKey:
    """A key as the configuration declares it: its names and whereabouts, never its value."""

    name: str
    """Unique among the declared keys."""
    kind: KeyKind
    place: str
    """Where it is declared: `keywatch.toml:14`."""
    owner: str | None = None
    application: str | None = None
    seller: str | None = None
    account: str | None = None
    region: str | None = None
    client_id: str | None = None
    access_key_id: str | None = None
    created: datetime | None = None
    vault: tuple[str, ...] = ()
    """Where in Vault it is kept: `prod/kv/orders/lwa`, the first part naming a Vault source."""
    aws: tuple[str, ...] = ()
    """Where AWS keeps it: ARNs of secrets and parameters."""
    secret: Callable[[], Secret] | None = field(default=None, repr=False)
    """Reads the value, to fingerprint it. Raises `KeywatchError` or `OSError` where it cannot."""


class DeclaredKeys:
    """The declared keys. A value that cannot be read costs the fingerprint, not the key."""

    def __init__(self, keys: tuple[DeclaredKey, ...], *, pepper: Pepper, name: str = "config") -> None:
        self._id = SourceId(f"declared:{name}")
        self._keys = keys
        self._pepper = pepper

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        for declared in self._keys:
            found = self._value(declared)
            if isinstance(found, Skipped):
                yield found
            yield self._key(declared, found)

    def check(self) -> Iterator[str | Skipped]:
        for declared in self._keys:
            found = self._value(declared)
            if isinstance(found, Skipped):
                yield found
            elif found is not None:
                yield f"value of {declared.name}{_manner(found)}"

    def _key(self, declared: DeclaredKey, value: "_Value | Skipped | None") -> Key:
        own = handles_of(
            declared.kind,
            access_key_id=declared.access_key_id,
            client_id=declared.client_id,
            application=declared.application,
            seller=declared.seller,
        )
        kept = tuple(Handle(HandleSpace.VAULT, path) for path in declared.vault)
        kept += tuple(Handle(HandleSpace.AWS_ARN, arn) for arn in declared.aws)
        return Key(
            kind=declared.kind,
            handles=(*own, Handle(HandleSpace.DECLARED, declared.name), *kept),
            name=declared.name,
            locations=(Location(self._id, declared.place),),
            created_at=declared.created,
            owner=declared.owner,
            application=declared.application,
            account=declared.account,
            region=declared.region,
            seller=declared.seller,
            fingerprints=frozenset({value.fingerprint}) if isinstance(value, _Value) else frozenset(),
            known=frozenset({value.known})
            if isinstance(value, _Value) and isinstance(value.known, KnownSecret)
            else frozenset(),
        )

    def _value(self, declared: DeclaredKey) -> "_Value | Skipped | None":
        if declared.secret is None:
            return None
        what = f"value of {declared.name}"
        try:
            secret = declared.secret()
        except KeywatchError as error:
            return Skipped(what, error.message, error.hint)
        except OSError as error:
            return Skipped(what, f"cannot be read: {error.strerror or type(error).__name__}")
        if len(secret) == 0:
            # An empty value would "leak" in every file there is.
            return Skipped(what, "is empty", "check where the value comes from")
        return _Value(self._pepper.fingerprint(secret), sealed(secret, self._pepper))


@dataclass(frozen=True, slots=True)
class _Value:
    """What is kept of a value."""

    fingerprint: Fingerprint
    known: KnownSecret | Refused


def _manner(value: _Value) -> str:
    """Say how the value will be found, for whoever checks the configuration."""
    refused = value.known
    return f" (it is found where a rule matches it only: it {refused.why})" if isinstance(refused, Refused) else ""


_: type[KeySource] = DeclaredKeys
