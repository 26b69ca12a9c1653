"""
What IAM remembers of each key's last use: an attempt, for refused requests count too; and silence since then.

The credential report says it of all keys at once, as of the instant it was made. A key is asked about by itself only
where that decides something: the report does not speak of it for certain, or a use since then would change what is said
of the key.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.credential_report import ROOT, CredentialReport, Slot
from keywatch.collect.iam import AccessKey, IamAccount, LastUse, Shelf
from keywatch.model.call import Call, Coverage, Evidence, Outcome, Silence
from keywatch.model.errors import SourceDenied, SourceError
from keywatch.model.key import Handle, HandleSpace, KeyKind, SourceId
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped

GRAIN = timedelta(minutes=15)
"""Of several uses within this time IAM records the first one only."""
LAG = timedelta(hours=4)
"""How late a use may show. AWS says "usually within four hours" of the sibling, last-accessed data."""
STALE = timedelta(hours=8)
"""A report as old as this is not believed: AWS would have made a newer one, were it asked to."""
TRACKED_SINCE = datetime(2015, 4, 22, tzinfo=UTC)
"""IAM knows of no use before this day."""
_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """From when on a key's latest use decides something. Before that the report will do."""

    idle: timedelta = timedelta(days=59)
    """A little before the first warning: a key this idle may have been used just now, which ends the warning."""
    unused: timedelta = timedelta(days=6)
    """A little before a key is told to be of no use: as much later, a key that was never used may have been."""


class IamLastUsed:
    """IAM's last-used dates as a call source. It proves no success, so it covers no kind of key."""

    def __init__(
        self,
        name: str,
        access: AwsAccess,
        *,
        now: Callable[[], datetime],
        account: str | None = None,
        through: AwsClients | None = None,
        shelf: Shelf | None = None,
        fresh: timedelta = timedelta(hours=2),
        interest: Interest | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            access: How the account is reached.
            now: The clock.
            account: The account id the credentials must belong to; None: whichever it is.
            through: Whose credentials are ours, as in `AwsClients`.
            shelf: Where `AwsIamKeys` may have left the account's keys.
            fresh: How old these may be.
            interest: Which keys are worth a call of their own; None for the defaults.
            sleep: Waits for a report that is being made.
        """  # noqa: D205
        self._id = SourceId(f"iam-last-used:{name}")
        self._iam = IamAccount(AwsClients(self._id, access, through=through), account)
        self._now = now
        self._shelf = shelf
        self._fresh = fresh
        self._interest = interest or Interest()
        self._sleep = sleep

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return frozenset()

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:  # noqa: ARG002 - each run asks for every key afresh
        try:
            yield from self._read()
        finally:
            self._iam.close()

    def check(self) -> Iterator[str | Skipped]:
        try:
            yield from self._iam.try_each(last_used=True)
        finally:
            self._iam.close()

    def _read(self) -> Iterator[CallBatch]:
        account = self._iam.identity().account
        now = self._now()
        report, skipped = self._report(now)
        until = (report.generated_at if report else now) - LAG
        coverage = Coverage(
            source=self._id, kinds=frozenset(), accounts=frozenset({account}), since=TRACKED_SINCE, until=until
        )
        evidence: list[Evidence] = list(self._of_root(report, account))
        for item in self._evidence(account, report, now):
            if isinstance(item, Skipped):
                skipped.append(item)
            else:
                evidence.append(item)
            if len(evidence) + len(skipped) >= _BATCH:
                yield CallBatch(evidence=tuple(evidence), cursor={}, coverage=coverage, skipped=tuple(skipped))
                evidence, skipped = [], []
        yield CallBatch(evidence=tuple(evidence), cursor={}, coverage=coverage, skipped=tuple(skipped))

    def _report(self, now: datetime) -> tuple[CredentialReport | None, list[Skipped]]:
        """The credential report if it can be believed, and what is to be said where it cannot."""
        what = "credential report"
        instead = "each key was asked about by itself"
        try:
            report = self._iam.report(now, self._sleep)
        except SourceError as error:
            return None, [Skipped(what, f"{error.message}; {instead}", error.hint)]
        if now - report.generated_at <= STALE:
            return replace(report, generated_at=min(report.generated_at, now)), []  # whoever's clock is wrong
        return None, [
            Skipped(what, f"it is of {report.generated_at:%Y-%m-%d %H:%M} UTC, and no newer one came; {instead}")
        ]

    def _evidence(self, account: str, report: CredentialReport | None, now: datetime) -> Iterator[Evidence | Skipped]:
        for item in self._keys(account, now):
            if isinstance(item, Skipped):
                yield item
                continue
            key, siblings = item
            slot = report and report.slot(
                key.user.name, key.created_at, (other.created_at for other in siblings), active=key.status == "Active"
            )
            if report and slot and not self._decides(key, slot.used_at, now):
                use = LastUse(slot.used_at, slot.service, slot.region)
                yield from testimony(key, use, report.generated_at - LAG, self._id, told=_of(report))
            elif slot is None and report and key.status != "Active":
                continue  # nobody can use it, and it is left over whenever somebody did
            else:
                yield from self._asked(key, now)

    def _keys(self, account: str, now: datetime) -> Iterator[tuple[AccessKey, list[AccessKey]] | Skipped]:
        """Every key, with the other keys of its user."""
        left = self._shelf.take(account, now - self._fresh) if self._shelf else None
        if left is not None:
            users: dict[str, list[AccessKey]] = defaultdict(list)
            for key in left:
                users[key.user.arn].append(key)
            for keys in users.values():
                yield from _beside(keys)
            return
        for user in self._iam.users():
            try:
                yield from _beside(self._iam.access_keys(user))
            except SourceDenied as error:
                yield Skipped(f"access keys of {user.arn}", error.message, error.hint)

    def _asked(self, key: AccessKey, now: datetime) -> Iterator[Evidence | Skipped]:
        try:
            use = self._iam.last_use(key.id)
        except SourceDenied as error:
            yield Skipped(f"last use of {key.id}", error.message, error.hint)
            return
        if use is not None:
            yield from testimony(key, use, now - LAG, self._id, told=None)

    def _decides(self, key: AccessKey, used_at: datetime | None, now: datetime) -> bool:
        """Whether a use since the report was made would change what is said of the key."""
        if key.status != "Active":
            return False
        if used_at is None:
            return now - key.created_at >= self._interest.unused
        return now - used_at >= self._interest.idle

    def _of_root(self, report: CredentialReport | None, account: str) -> Iterator[Evidence]:
        """What is known of the root user's keys, which nobody can ask about by id."""
        slots: tuple[Slot, ...] = report.slots.get(ROOT, ()) if report else ()
        if report is None or not slots:
            return
        handle, until = Handle(HandleSpace.AWS_ROOT, account), report.generated_at - LAG
        used = max(
            (slot for slot in slots if slot.used_at), key=lambda slot: slot.used_at or TRACKED_SINCE, default=None
        )
        born = max(min((slot.changed_at for slot in slots if slot.changed_at), default=TRACKED_SINCE), TRACKED_SINCE)
        if used is None or used.used_at is None:
            yield from _silence(handle, born, until, self._id)
        else:
            action = _action(used.service, used.region, _of(report))
            yield Call(
                handle=handle,
                at=used.used_at,
                outcome=Outcome.ATTEMPT,
                source=self._id,
                action=action,
                principal="root",
            )
            yield from _silence(handle, used.used_at + GRAIN, until, self._id)


def _beside(keys: Iterable[AccessKey]) -> Iterator[tuple[AccessKey, list[AccessKey]]]:
    keys = list(keys)
    for key in keys:
        yield key, [other for other in keys if other.id != key.id]


def testimony(key: AccessKey, use: LastUse, until: datetime, source: SourceId, told: str | None) -> Iterator[Evidence]:
    """
    Say what `use`, read when IAM's data reached `until`, tells of `key`: an attempt, a silence, or both.

    `told` says where it was read, if not of the key itself.
    """
    handle = Handle(HandleSpace.AWS_ACCESS_KEY_ID, key.id)
    silent_since = max(key.created_at, TRACKED_SINCE)
    if use.at is not None:
        yield Call(
            handle=handle,
            at=use.at,
            outcome=Outcome.ATTEMPT,
            source=source,
            action=_action(use.service, use.region, told),
            principal=key.user.arn,
        )
        silent_since = use.at + GRAIN
    yield from _silence(handle, silent_since, until, source)


def _silence(handle: Handle, since: datetime, until: datetime, source: SourceId) -> Iterator[Silence]:
    if since < until:
        yield Silence(handle=handle, since=since, until=until, source=source)


def _action(service: str | None, region: str | None, told: str | None) -> str | None:
    where = "/".join(part for part in (service, region) if part)
    return " ".join(part for part in (where, told) if part) or None


def _of(report: CredentialReport) -> str:
    """The report's age, for whoever reads the evidence."""
    return f"(credential report of {report.generated_at:%Y-%m-%d %H:%M} UTC)"


_: type[CallSource] = IamLastUsed
