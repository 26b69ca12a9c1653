"""
Keys kept in Systems Manager's Parameter Store, known by their metadata alone: no request ever asks for a value.

A parameter of type `String` is not encrypted: whoever may read parameters reads it, and its history. So one whose name
says that it is a secret is in the inventory, whatever it is a secret of.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html
"""

from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeAlias

from keywatch.collect.aws import AwsAccess, AwsClients, error_code
from keywatch.collect.inventory.aws_regions import NOBODY, NONSENSE, Regions
from keywatch.collect.inventory.described import Describer, Description
from keywatch.collect.inventory.name_words import says_secret
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.key import Handle, HandleSpace, Keeping, Key, KeyKind, Location, SourceId
from keywatch.model.source import KeySource, Skipped
from keywatch.model.time import to_utc

_DESCRIBE = "ssm:DescribeParameters"
_TAGS = "ssm:ListTagsForResource"
_PAGE = 50
_ENCRYPTED = "SecureString"
_SOME_SECRET = Description(kind=KeyKind.OTHER, handles=(), owner=None, application=None, region=None, seller=None)


_Entry: TypeAlias = dict[str, Any]
"""Of DescribeParameters."""


class AwsParameters:
    """
    The parameters of one account that hold keys, and those that hold any secret in the clear.

    The listing has no tags, so these take a request for each parameter that may hold a key: the encrypted ones, and
    those whose name is a secret's. A refused or unreachable region is a `Skipped`: its keys stay as they were.
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
        """As `AwsSecrets`."""
        self._id = SourceId(f"aws-parameters:{name}")
        self._regions = Regions(AwsClients(self._id, access, through=through), account, regions)
        self._describer = describer or Describer()

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        try:
            yield from self._regions.read("parameters", self._region)
        finally:
            self._regions.clients.close()

    def check(self) -> Iterator[str | Skipped]:
        try:
            yield from self._regions.try_each(self._trials)
        finally:
            self._regions.clients.close()

    def _trials(self, region: str) -> list[tuple[str, Callable[[], object]]]:
        somebody: list[str] = []

        def describe() -> None:
            if first := next(self._listed(region), None):
                somebody.append(first.get("Name", NOBODY))

        return [
            (_DESCRIBE, describe),
            (_TAGS, lambda: self._tags(region, somebody[0] if somebody else NOBODY)),
        ]

    def _listed(self, region: str) -> Iterator[_Entry]:
        parameters = self._regions.clients.parameters(region)
        return self._regions.listed(
            _DESCRIBE, region, "Parameters", lambda page: parameters.describe_parameters(MaxResults=_PAGE, **page)
        )

    def _region(self, region: str) -> Iterator[Key | Skipped]:
        seen: set[str] = set()
        for entry in self._listed(region):
            try:
                name, encrypted = entry["Name"], entry.get("Type") == _ENCRYPTED
                if name in seen:
                    continue
                seen.add(name)
                if not encrypted and not self._is_secret(name):
                    continue
                tags = yield from self._told(region, name)
                described = self._describer.describe(name, tags, sealed=encrypted)
                if not encrypted:
                    described = described or _SOME_SECRET
                if described is not None:
                    yield from (Skipped(f"tags of {name} in {region}", doubt) for doubt in described.doubts)
                    yield self._key(entry, described, region, clear=not encrypted)
            except NONSENSE:
                yield Skipped(f"a parameter in {region}", "its description is not what AWS documents")

    def _is_secret(self, name: str) -> bool:
        """Whether a plain setting is said to be a secret. Most are none, and that one is about SP-API says nothing."""
        said = self._describer.pattern_says(name)
        return says_secret(name) if said is None else said

    def _told(self, region: str, name: str) -> Generator[Skipped, None, dict[str, str]]:
        try:
            return self._tags(region, name)
        except (SourceDenied, SourceMalformed) as error:
            yield Skipped(f"tags of {name} in {region}", error.message, error.hint)
            return {}

    def _tags(self, region: str, name: str) -> dict[str, str]:
        """The tags of a parameter; none where it was deleted since it was listed."""
        from botocore.exceptions import ClientError

        parameters = self._regions.clients.parameters(region)
        with self._regions.asking(_TAGS, region):
            try:
                answer = parameters.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)
            except ClientError as error:
                if error_code(error) == "InvalidResourceId":
                    return {}
                raise
            return {tag["Key"]: tag.get("Value", "") for tag in answer["TagList"]}

    def _key(self, entry: _Entry, described: Description, region: str, *, clear: bool) -> Key:
        arn = entry.get("ARN") or self._arn(region, entry["Name"])
        location, changed = Location(self._id, arn), entry.get("LastModifiedDate")
        return Key(
            kind=described.kind,
            handles=(*described.handles, Handle(HandleSpace.AWS_ARN, arn)),
            name=entry["Name"],
            locations=(location,),
            # Of value or description: the value is at least as old.
            created_at=described.issued_at or (to_utc(changed) if changed else None),
            expires_at=described.expires_at,
            owner=described.owner,
            application=described.application,
            account=described.developer_account,
            region=described.region,
            seller=described.seller,
            keeping=(Keeping(location=location, clear=True),) if clear else (),
        )

    def _arn(self, region: str, name: str) -> str:
        identity = self._regions.identity
        return f"arn:{identity.arn.split(':')[1]}:ssm:{region}:{identity.account}:parameter/{name.lstrip('/')}"


_: type[KeySource] = AwsParameters
