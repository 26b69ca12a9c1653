"""
Keys kept in Secrets Manager, known by their metadata alone: no request ever asks for a value.

`ListSecrets` tells everything but two things, which take one more request for a secret, and only where they decide
something: how old the current value is, if the secret was ever changed, and since when a new one waits that a rotation
left behind. `LastAccessedDate` is left alone: to read a secret is not to use the key in it, so it is no call.
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_SecretListEntry.html
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from keywatch.collect.aws import AwsAccess, AwsClients, error_code
from keywatch.collect.inventory.aws_regions import NOBODY, NONSENSE, Page, Regions
from keywatch.collect.inventory.described import Describer, Description
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.key import Handle, HandleSpace, Keeping, Key, KeyKind, KeyStatus, Location, Rotation, SourceId
from keywatch.model.source import KeySource, Skipped
from keywatch.model.time import to_utc

_LIST = "secretsmanager:ListSecrets"
_VERSIONS = "secretsmanager:ListSecretVersionIds"
_PAGE = 100
_CURRENT, _PENDING = "AWSCURRENT", "AWSPENDING"
_UNCHANGED = timedelta(minutes=1)
"""A secret that was last changed so soon after it was made has its first value."""


_Entry: TypeAlias = dict[str, Any]
"""Of ListSecrets."""


class AwsSecrets:
    """
    The secrets of one account that hold keys.

    A refused or unreachable region is a `Skipped`: its keys stay as they were. A replica is its primary, counted once.
    """

    def __init__(
        self,
        name: str,
        access: AwsAccess,
        *,
        account: str | None = None,
        through: AwsClients | None = None,
        regions: tuple[str, ...] = (),
        describer: Describer | None = None,
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            access: How the account is reached.
            account: The account id the credentials must belong to; None: whichever it is.
            through: Whose credentials are our own; see `AwsClients`.
            regions: Which are asked; empty: the one of `access`.
            describer: Which secrets hold keys, and what keys they are.
        """  # noqa: D205
        self._id = SourceId(f"aws-secrets:{name}")
        self._regions = Regions(AwsClients(self._id, access, through=through), account, regions)
        self._describer = describer or Describer()

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        seen: set[str] = set()
        replicas: list[Key] = []
        try:
            for item in self._regions.read("secrets", lambda region: self._region(region, replicas)):
                if isinstance(item, Key):
                    seen.add(item.id)
                yield item
            for replica in replicas:
                # Its primary is in a region that is not asked, or that would not answer.
                if replica.id not in seen:
                    seen.add(replica.id)
                    yield replica
        finally:
            self._regions.clients.close()

    def check(self) -> Iterator[str | Skipped]:
        try:
            yield from self._regions.try_each(self._trials)
        finally:
            self._regions.clients.close()

    def _trials(self, region: str) -> list[tuple[str, Callable[[], object]]]:
        somebody: list[str] = []

        def list_secrets() -> None:
            if first := next(self._listed(region), None):
                somebody.append(first.get("ARN", NOBODY))

        return [
            (_LIST, list_secrets),
            (_VERSIONS, lambda: self._versions(region, somebody[0] if somebody else NOBODY)),
        ]

    def _listed(self, region: str) -> Iterator[_Entry]:
        secrets = self._regions.clients.secrets(region)
        # Without IncludePlannedDeletion a secret that is to be deleted, and can be restored, would seem gone.
        return self._regions.listed(
            _LIST,
            region,
            "SecretList",
            lambda page: secrets.list_secrets(IncludePlannedDeletion=True, MaxResults=_PAGE, **page),
        )

    def _region(self, region: str, replicas: list[Key]) -> Iterator[Key | Skipped]:
        seen: set[str] = set()
        for entry in self._listed(region):
            try:
                arn, name = entry["ARN"], entry["Name"]
                if arn in seen:
                    continue  # the listing is eventually consistent: a page may repeat what the page before had
                seen.add(arn)
                described = self._describer.describe(name, _tags(entry))
                if described is None:
                    continue
                yield from (Skipped(f"tags of {arn}", doubt) for doubt in described.doubts)
                dates = yield from self._dates(entry, described, region)
                key = self._key(entry, described, dates, region)
            except NONSENSE:
                yield Skipped(f"a secret in {region}", "its description is not what AWS documents")
                continue
            if key.locations[0].place == arn:
                yield key
            else:
                replicas.append(key)

    def _key(
        self,
        entry: _Entry,
        described: Description,
        dates: tuple[datetime | None, datetime | None],
        region: str,
    ) -> Key:
        created_at, stuck_since = dates
        primary = _primary(entry["ARN"], entry.get("PrimaryRegion") or region)
        location = Location(self._id, primary)
        rotation = _rotation(entry, stuck_since)
        return Key(
            kind=described.kind,
            handles=(*described.handles, Handle(HandleSpace.AWS_ARN, primary)),
            name=entry["Name"],
            locations=(location,),
            # Until its recovery window ends it can be restored, but nobody can fetch it.
            status=KeyStatus.INACTIVE if entry.get("DeletedDate") else KeyStatus.ACTIVE,
            created_at=described.issued_at or created_at,
            expires_at=described.expires_at,
            owner=described.owner,
            application=described.application,
            account=described.developer_account,
            region=described.region,
            seller=described.seller,
            keeping=(Keeping(location=location, rotation=rotation),) if rotation else (),
        )

    def _dates(
        self, entry: _Entry, described: Description, region: str
    ) -> Generator[Skipped, None, tuple[datetime | None, datetime | None]]:
        """Say when the current value was written, and when one that waits in vain; None each where nobody knows."""
        made, changed = entry.get("CreatedDate"), entry.get("LastChangedDate")
        stuck = _stuck(entry.get("SecretVersionsToStages") or {})
        dated_by_iam = described.kind is KeyKind.AWS_ACCESS_KEY and bool(described.handles)
        first = made is not None and (changed is None or to_utc(changed) - to_utc(made) <= _UNCHANGED)
        if entry.get("DeletedDate") or (not stuck and (first or dated_by_iam)):
            return (to_utc(made) if made is not None and first else None), None
        try:
            written = self._versions(region, entry["ARN"])
        except (SourceDenied, SourceMalformed) as error:
            yield Skipped(f"versions of {entry['ARN']}", error.message, error.hint)
            return None, None
        current = next((at for stages, at in written.values() if _CURRENT in stages), None)
        waiting = [at for version, (_, at) in written.items() if version in stuck and at]
        return current, min(waiting, default=None)

    def _versions(self, region: str, secret: str) -> Mapping[str, tuple[Sequence[str], datetime | None]]:
        """The versions that have a stage, and when each was made. Empty: the secret is gone."""
        from botocore.exceptions import ClientError

        secrets = self._regions.clients.secrets(region)

        def ask(page: Page) -> Mapping[str, Any]:
            try:
                return secrets.list_secret_version_ids(SecretId=secret, **page)
            except ClientError as error:
                if error_code(error) == "ResourceNotFoundException":
                    return {"Versions": []}
                raise

        return {
            version["VersionId"]: (
                version.get("VersionStages") or (),
                to_utc(at) if (at := version.get("CreatedDate")) else None,
            )
            for version in self._regions.listed(_VERSIONS, region, "Versions", ask)
        }


def _tags(entry: _Entry) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in entry.get("Tags") or () if tag.get("Key")}


def _primary(arn: str, region: str) -> str:
    """The ARN that the secret has in `region`: name and random suffix are the same in all of them."""
    parts = arn.split(":")
    parts[3] = region
    return ":".join(parts)


def _stuck(stages: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The versions that wait to become current. One that is both pending and current is a rotation that succeeded."""
    return frozenset(version for version, names in stages.items() if _PENDING in names and _CURRENT not in names)


def _rotation(entry: _Entry, stuck_since: datetime | None) -> Rotation | None:
    if entry.get("DeletedDate"):
        return None
    enabled = bool(entry.get("RotationEnabled"))
    if not enabled and stuck_since is None:
        return None
    rotated, due = entry.get("LastRotatedDate"), entry.get("NextRotationDate")
    return Rotation(
        rotated_at=to_utc(rotated) if rotated else None,
        due_at=(to_utc(due) if due else _due(entry)) if enabled else None,
        stuck_since=stuck_since,
    )


def _due(entry: _Entry) -> datetime | None:
    """When the rules ask for the next rotation, where AWS does not say it itself."""
    days = (entry.get("RotationRules") or {}).get("AutomaticallyAfterDays")
    since = entry.get("LastRotatedDate") or entry.get("CreatedDate")
    return to_utc(since) + timedelta(days=days) if days and since else None


_: type[KeySource] = AwsSecrets
