"""What is read of each AWS account: one account's sources, or the same of every account in an organisation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from keywatch.alerts.problems import SourceRole
from keywatch.settings.aws import Aws, LookupEvents
from keywatch.settings.limits import Baseline

if TYPE_CHECKING:
    from keywatch.collect.aws import AwsAccess, AwsClients
    from keywatch.collect.aws_organisation import Accounts
    from keywatch.collect.iam import Shelf
    from keywatch.collect.inventory.described import Describer
    from keywatch.model.source import CallSource, Fleet, KeySource

_DAY = timedelta(days=1)


def _shelf() -> "Shelf":
    from keywatch.collect.iam import Shelf

    return Shelf()


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What the sources of one `[[aws]]` share."""

    entry: Aws
    baseline: Baseline
    attempts: int
    now: Callable[[], datetime]
    shelf: "Shelf" = field(default_factory=_shelf)

    @property
    def access(self) -> "AwsAccess":
        """How the account, or the organisation, is reached."""
        from keywatch.collect.aws import AwsAccess

        entry = self.entry
        return AwsAccess(
            region=entry.region,
            profile=entry.profile,
            role_arn=entry.role,
            external_id=entry.external_id,
            endpoint_url=entry.endpoint_url,
            attempts=self.attempts,
            connections=max(10, entry.accounts_at_once),
            adaptive=True,
        )


@dataclass(frozen=True, slots=True)
class Seat:
    """One account, as a source of its own has to know it."""

    name: str
    """In the source's id: `prod`, or `prod/111122223333` in an organisation."""
    account: str | None
    access: "AwsAccess"
    through: "AwsClients | None" = None


@dataclass(frozen=True, slots=True)
class AccountSource:
    """One kind of source that an account has."""

    kind: str
    role: SourceRole
    build: "Callable[[Seat, Common], KeySource | CallSource]"
    wanted: Callable[[Aws], bool] = lambda _: True
    """Whether it is asked for."""

    def source(self, common: Common) -> "KeySource | CallSource | Fleet":
        """The source of the one account that is configured, or of an organisation's."""
        entry = common.entry
        if not entry.organisation:
            return self.build(Seat(entry.name, entry.account, common.access), common)
        from keywatch.collect.aws_organisation import AwsAccounts

        build = partial(self._member, common)
        return AwsAccounts(self.kind, entry.name, common.access, chosen(entry), build, at_once=entry.accounts_at_once)

    def _member(
        self, common: Common, name: str, account: str, access: "AwsAccess", through: "AwsClients"
    ) -> "KeySource | CallSource":
        return self.build(Seat(name, account, access, through), common)


def chosen(entry: Aws | LookupEvents) -> "Accounts":
    """Which accounts of its organisation an entry asks for, and by which role they are read."""
    from keywatch.collect.aws_organisation import Accounts

    return Accounts(
        member_role=entry.member_role or "",
        only=frozenset(entry.accounts),
        exclude=frozenset(entry.exclude),
        own=entry.account,
    )


def _keys(seat: Seat, common: Common) -> "KeySource":
    from keywatch.collect.inventory.aws_iam import AwsIamKeys

    tags = common.entry.tags
    return AwsIamKeys(
        seat.name,
        seat.access,
        account=seat.account,
        through=seat.through,
        shelf=common.shelf,
        now=common.now,
        owner_tags=tuple(filter(None, [tags.owner])),
        application_tags=tuple(filter(None, [tags.application])),
    )


def _secrets(seat: Seat, common: Common) -> "KeySource":
    from keywatch.collect.inventory.aws_secrets import AwsSecrets

    return AwsSecrets(
        seat.name,
        seat.access,
        account=seat.account,
        through=seat.through,
        regions=common.entry.regions,
        describer=_describer(common.entry),
    )


def _parameters(seat: Seat, common: Common) -> "KeySource":
    from keywatch.collect.inventory.aws_parameters import AwsParameters

    return AwsParameters(
        seat.name,
        seat.access,
        account=seat.account,
        through=seat.through,
        regions=common.entry.regions,
        describer=_describer(common.entry),
    )


def _describer(entry: Aws) -> "Describer":
    from keywatch.collect.inventory.described import Describer, TagNames
    from keywatch.collect.inventory.named import NamePattern

    return Describer(
        tags=TagNames(**entry.tags.model_dump()),
        patterns=[NamePattern(name.pattern, name.kind, name.key) for name in entry.names],
        everything=entry.every_secret,
    )


def _last_used(seat: Seat, common: Common) -> "CallSource":
    from keywatch.collect.calls.iam_last_used import IamLastUsed, Interest

    baseline = common.baseline
    return IamLastUsed(
        seat.name,
        seat.access,
        now=common.now,
        account=seat.account,
        through=seat.through,
        shelf=common.shelf,
        fresh=2 * common.entry.every,
        interest=Interest(
            idle=baseline.warn_at_days[0] * _DAY - _DAY,
            unused=max(baseline.never_used_after_days * _DAY - _DAY, timedelta(0)),
        ),
    )


ACCOUNT_SOURCES = (
    AccountSource("aws-iam", SourceRole.INVENTORY, _keys),
    AccountSource("aws-secrets", SourceRole.INVENTORY, _secrets, lambda entry: entry.secrets),
    AccountSource("aws-parameters", SourceRole.INVENTORY, _parameters, lambda entry: entry.parameters),
    AccountSource("iam-last-used", SourceRole.CALLS, _last_used),
)
"""Whatever is added here is read of a single account and of every account of an organisation alike."""
