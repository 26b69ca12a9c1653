"""Whose secret it is: what was found, compared with the keys we hold. No network, no plaintext."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from keywatch.model.finding import Ownership
from keywatch.model.held_value import HeldAs, HeldValue, Validity, is_spent
from keywatch.model.key import Handle, HandleSpace, Key, KeyId, KeyKind
from keywatch.model.secret import Fingerprint

_PREFIXES = ("AKIA", "ASIA", "ABIA", "ACCA")
_ID_LENGTH = 20
_UNDECODABLE = "IJ"
_ACCOUNT_MASK = 0x7FFFFFFFFF80
_ACCOUNT_SHIFT = 7
_ACCOUNT_LIMIT = 10**12


def aws_account(access_key_id: str) -> str | None:
    """
    Return the twelve-digit account an AWS access key id was issued in; None where the id does not say.

    Ids whose fifth character is I or J are older than the scheme. The account is public, and decoding it calls nobody.
    https://awsteele.com/blog/2020/09/26/aws-access-key-format.html
    """
    body = access_key_id[4:]
    if len(access_key_id) != _ID_LENGTH or access_key_id[:4] not in _PREFIXES or body[0] in _UNDECODABLE:
        return None
    try:
        packed = base64.b32decode(body)
    except ValueError:
        return None
    account = (int.from_bytes(packed[:6], "big") & _ACCOUNT_MASK) >> _ACCOUNT_SHIFT
    return f"{account:012d}" if account < _ACCOUNT_LIMIT else None


class KnownKeys:
    """The keys we hold, arranged so that a finding is told whose it is in constant time."""

    def __init__(
        self,
        keys: Iterable[Key],
        *,
        accounts: frozenset[str] = frozenset(),
        values: Sequence[HeldValue] = (),
        now: datetime | None = None,
    ) -> None:
        """
        Arrange `keys`.

        Args:
            keys: the inventory.
            accounts: every AWS account of ours. Empty: an account proves nothing, in either direction.
            values: what stores hold, or held, that showed it to us.
            now: when that is; an old value may live on for a while.
        """
        self.keys = tuple(sorted(keys, key=lambda key: key.id))
        self.values = tuple(values)
        self._now = now or datetime.now(UTC)
        self._held: dict[Fingerprint, list[HeldValue]] = {}
        for value in self.values:
            self._held.setdefault(value.fingerprint, []).append(value)
        self._by_fingerprint: dict[Fingerprint, Key] = {}
        self._by_handle: dict[Handle, Key] = {}
        self._accounts = accounts
        for key in self.keys:
            for fingerprint in key.fingerprints:
                self._by_fingerprint.setdefault(fingerprint, key)
            for handle in key.handles:
                self._by_handle.setdefault(handle, key)
        applications = [key for key in self.keys if key.kind is KeyKind.LWA_CLIENT_SECRET]
        self._knows_applications = bool(applications) and all(map(_has_client_id, applications))

    def describe(self) -> list[str]:
        """Return what decides whose a finding is, beside fingerprints and names: the accounts, and each key's id."""
        told = hashlib.sha256()
        for value in sorted(self.values, key=lambda value: (value.place, value.field, value.fingerprint)):
            about = (value.place, value.field, value.fingerprint.digest, value.validity.value, str(value.since))
            told.update("\0".join(about).encode("utf-8", "surrogatepass"))
        return [*sorted(self._accounts), *(key.id for key in self.keys), *([told.hexdigest()] if self.values else [])]

    def held_as(self, fingerprint: Fingerprint) -> HeldAs | None:
        """Return which value of which secret it is, where a store has shown it: where it is in use, if anywhere."""
        held = self._held.get(fingerprint)
        if held is None:
            return None
        value = min(held, key=_by_life)
        validity, since = value.validity, value.since
        if fingerprint in self._by_fingerprint:
            validity, since = Validity.CURRENT, None  # somebody declares it to be in use
        key = self._by_handle.get(Handle(HandleSpace.VAULT, value.place))
        kind = value.kind if key is None or value.kind is not KeyKind.OTHER else key.kind
        return HeldAs(
            place=f"{value.place}#{value.field}",
            validity=validity,
            since=since,
            spent=is_spent(validity, kind, since, self._now),
            more=len({(value.place, value.field) for value in held}) - 1,
        )

    def identify(self, fingerprint: Fingerprint, handles: tuple[Handle, ...]) -> tuple[KeyId | None, Ownership]:
        """
        Say which key a secret belongs to, and whose it is.

        An equal fingerprint or a shared handle names the key: it is ours, unless it is a seller's own that we hold.
        Else an access key id decides by its account, provided we know our accounts; and an LWA client id by not being
        one of ours, provided we know the client id of each of our applications. Else nobody knows; for rules of the
        category `seller` the caller then reports FOREIGN (`ownership_of`).
        """
        key = self._by_fingerprint.get(fingerprint)
        if key is None and (held := self._held.get(fingerprint)) is not None:
            places = [Handle(HandleSpace.VAULT, value.place) for value in sorted(held, key=_by_life)]
            key = next((self._by_handle[place] for place in places if place in self._by_handle), None)
            if key is None:
                # A secret that no inventory lists, or lists no longer, is ours all the same.
                return (KeyId(str(places[0])), Ownership.OURS)
        for handle in sorted(handles, key=lambda handle: handle.strength):
            key = key or self._by_handle.get(handle)
        if key is None:
            whose = self._by_account(handles)
            return (None, self._by_application(handles) if whose is Ownership.UNKNOWN else whose)
        return (key.id, self._whose(key))

    def ownership_of(
        self, category: str, fingerprint: Fingerprint, handles: tuple[Handle, ...]
    ) -> tuple[KeyId | None, Ownership]:
        """
        As `identify`, for a finding of a rule of `category`.

        What a `seller` rule finds was sent to us by somebody else: it is a seller's own secret unless we hold the key.
        """
        key, ownership = self.identify(fingerprint, handles)
        if category == "seller" and ownership is Ownership.UNKNOWN:
            ownership = Ownership.FOREIGN
        return (key, ownership)

    def _by_account(self, handles: tuple[Handle, ...]) -> Ownership:
        ids = (handle.value for handle in handles if handle.space is HandleSpace.AWS_ACCESS_KEY_ID)
        accounts = {account for account in map(aws_account, ids) if account is not None}
        if not self._accounts or not accounts:
            return Ownership.UNKNOWN
        return Ownership.OURS if accounts & self._accounts else Ownership.FOREIGN

    def _by_application(self, handles: tuple[Handle, ...]) -> Ownership:
        # One of ours has been found by its handle already.
        others = any(handle.space is HandleSpace.LWA_CLIENT_ID for handle in handles)
        return Ownership.FOREIGN if others and self._knows_applications else Ownership.UNKNOWN

    def _whose(self, key: Key) -> Ownership:
        """
        Tell whose a key of the inventory is: a seller's own secret may have been put where our keys are.

        What a seller gave to our application (a refresh token, an MWS auth token) is ours to keep. The secret of a
        seller's own application is not, nor is an access key of a seller, unless its id is of an account of ours.
        """
        access_key = any(handle.space is HandleSpace.AWS_ACCESS_KEY_ID for handle in key.handles)
        if key.seller is None or not (access_key or key.kind is KeyKind.LWA_CLIENT_SECRET):
            return Ownership.OURS
        return Ownership.OURS if self._by_account(key.handles) is Ownership.OURS else Ownership.FOREIGN


_LIVELIEST = (Validity.CURRENT, Validity.REMOVED, Validity.REPLACED)


def _by_life(value: HeldValue) -> tuple[int, str, str]:
    return (_LIVELIEST.index(value.validity), value.place, value.field)


def _has_client_id(key: Key) -> bool:
    return any(handle.space is HandleSpace.LWA_CLIENT_ID for handle in key.handles)
