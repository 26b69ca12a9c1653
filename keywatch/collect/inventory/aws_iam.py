"""
IAM access keys of every user, and of root, in one AWS account.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from keywatch.collect.aws import AwsAccess, AwsClients, Identity
from keywatch.collect.credential_report import ROOT
from keywatch.collect.iam import AccessKey, IamAccount, Shelf, User
from keywatch.model.errors import SourceDenied, SourceError
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, KeyStatus, Location, SourceId
from keywatch.model.source import KeySource, Skipped

_STATUS = {"Active": KeyStatus.ACTIVE, "Inactive": KeyStatus.INACTIVE, "Expired": KeyStatus.EXPIRED}


class AwsIamKeys:
    """
    The access keys of one account.

    One denied user is a `Skipped`. No network, or AWS throttling us for good, ends the walk: what is left would fail
    too, one user at a time.
    """

    def __init__(
        self,
        name: str,
        access: AwsAccess,
        *,
        account: str | None = None,
        through: AwsClients | None = None,
        shelf: Shelf | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        owner_tags: tuple[str, ...] = ("owner",),
        application_tags: tuple[str, ...] = ("application",),
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            access: How the account is reached.
            account: The account id the credentials must belong to; None: whichever it is.
            through: Whose credentials are ours, as in `AwsClients`.
            shelf: Where all keys are left for `IamLastUsed`.
            now: The clock.
            owner_tags: Tags of the IAM user that name who must act, the first one set wins. Case does not matter.
            application_tags: Tags that name the application the key is for. With neither, no tags are asked for.
        """  # noqa: D205
        self._id = SourceId(f"aws-iam:{name}")
        self._iam = IamAccount(AwsClients(self._id, access, through=through), account)
        self._shelf = shelf
        self._now = now
        self._owner_tags = owner_tags
        self._application_tags = application_tags

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        try:
            identity = self._iam.identity()
            began, listed = self._now(), list[AccessKey]()
            whole = True
            seen: set[str] = set()
            for user in self._iam.users():
                # IAM is eventually consistent: a page may repeat a user of the page before.
                if user.arn in seen:
                    continue
                seen.add(user.arn)
                try:
                    keys = self._iam.access_keys(user)
                except SourceDenied as error:
                    whole = False
                    yield Skipped(f"access keys of {user.arn}", error.message, error.hint)
                    continue
                listed += keys
                yield from self._of(user, keys, identity)
            if whole and self._shelf is not None:
                self._shelf.leave(identity.account, tuple(listed), began)
            yield from self._root(identity)
        finally:
            self._iam.close()

    def check(self) -> Iterator[str | Skipped]:
        try:
            yield from self._iam.try_each()
        finally:
            self._iam.close()

    def _of(self, user: User, keys: tuple[AccessKey, ...], identity: Identity) -> Iterator[Key | Skipped]:
        tags: dict[str, str] = {}
        if keys and (self._owner_tags or self._application_tags):
            try:
                tags = self._iam.tags(user)
            except SourceDenied as error:
                yield Skipped(f"tags of {user.arn}", error.message, error.hint)
        for key in keys:
            yield self._key(key, tags, identity)

    def _key(self, key: AccessKey, tags: dict[str, str], identity: Identity) -> Key:
        return Key(
            kind=KeyKind.AWS_ACCESS_KEY,
            handles=(Handle(HandleSpace.AWS_ACCESS_KEY_ID, key.id),),
            name=key.user.name,
            locations=(Location(self._id, key.user.arn),),
            status=_STATUS.get(key.status, KeyStatus.UNKNOWN),
            created_at=key.created_at,
            owner=_first(tags, self._owner_tags),
            application=_first(tags, self._application_tags),
            account=identity.account,
        )

    def _root(self, identity: Identity) -> Iterator[Key | Skipped]:
        try:
            present = self._iam.root_has_keys()
        except SourceError as error:
            yield Skipped(f"root keys of account {identity.account}", error.message, error.hint)
            return
        if not present:
            return
        created_at, status = self._root_details()
        partition = identity.arn.split(":")[1]
        yield Key(
            kind=KeyKind.AWS_ACCESS_KEY,
            handles=(Handle(HandleSpace.AWS_ROOT, identity.account),),
            name=f"root of {identity.account}",
            locations=(Location(self._id, f"arn:{partition}:iam::{identity.account}:root"),),
            status=status,
            created_at=created_at,
            account=identity.account,
        )

    def _root_details(self) -> tuple[datetime | None, KeyStatus]:
        """Since when the root user has keys, and whether one of them works: only the credential report says."""
        try:
            report = self._iam.last_report()
        except SourceError:
            report = None
        slots = report.slots.get(ROOT, ()) if report else ()
        active = any(slot.active for slot in slots) or not slots
        born = min((slot.changed_at for slot in slots if slot.changed_at), default=None)
        return born, KeyStatus.ACTIVE if active else KeyStatus.INACTIVE


def _first(tags: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((tags[name.casefold()] for name in names if tags.get(name.casefold())), None)


_: type[KeySource] = AwsIamKeys
