"""
What IAM remembers of each key's last use: an attempt, for refused requests count too; and silence since then.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.iam import AccessKey, IamAccount, LastUse
from keywatch.model.call import Call, Coverage, Evidence, Outcome, Silence
from keywatch.model.errors import SourceDenied
from keywatch.model.key import Handle, HandleSpace, KeyKind, SourceId
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped

GRAIN = timedelta(minutes=15)
"""Of several uses within this time IAM records the first one only."""
LAG = timedelta(hours=4)
"""How late a use may show. AWS says "usually within four hours" of the sibling, last-accessed data."""
TRACKED_SINCE = datetime(2015, 4, 22, tzinfo=UTC)
"""IAM knows of no use before this day."""
_BATCH = 200


class IamLastUsed:
    """IAM's last-used dates as a call source. It proves no success, so it covers no kind of key."""

    def __init__(
        self, name: str, access: AwsAccess, *, now: Callable[[], datetime], account: str | None = None
    ) -> None:
        self._id = SourceId(f"iam-last-used:{name}")
        self._iam = IamAccount(AwsClients(self._id, access), account)
        self._now = now

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return frozenset()

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:  # noqa: ARG002 - each run asks for every key afresh
        account = self._iam.identity().account
        until = self._now() - LAG
        coverage = Coverage(
            source=self._id, kinds=frozenset(), accounts=frozenset({account}), since=TRACKED_SINCE, until=until
        )
        evidence: list[Evidence] = []
        skipped: list[Skipped] = []
        for item in self._evidence(until):
            if isinstance(item, Skipped):
                skipped.append(item)
            else:
                evidence.append(item)
            if len(evidence) + len(skipped) >= _BATCH:
                yield CallBatch(evidence=tuple(evidence), cursor={}, coverage=coverage, skipped=tuple(skipped))
                evidence, skipped = [], []
        yield CallBatch(evidence=tuple(evidence), cursor={}, coverage=coverage, skipped=tuple(skipped))

    def check(self) -> Iterator[str | Skipped]:
        yield from self._iam.try_each(last_used=True)

    def _evidence(self, until: datetime) -> Iterator[Evidence | Skipped]:
        for user in self._iam.users():
            try:
                keys = self._iam.access_keys(user)
            except SourceDenied as error:
                yield Skipped(f"access keys of {user.arn}", error.message, error.hint)
                continue
            for key in keys:
                try:
                    use = self._iam.last_use(key.id)
                except SourceDenied as error:
                    yield Skipped(f"last use of {key.id}", error.message, error.hint)
                    continue
                if use is not None:
                    yield from testimony(key, use, until, self._id)


def testimony(key: AccessKey, use: LastUse, until: datetime, source: SourceId) -> Iterator[Evidence]:
    """Say what `use`, read when IAM's data reached `until`, tells of `key`: an attempt, a silence, or both."""
    handle = Handle(HandleSpace.AWS_ACCESS_KEY_ID, key.id)
    silent_since = max(key.created_at, TRACKED_SINCE)
    if use.at is not None:
        action = "/".join(part for part in (use.service, use.region) if part) or None
        yield Call(
            handle=handle, at=use.at, outcome=Outcome.ATTEMPT, source=source, action=action, principal=key.user.arn
        )
        silent_since = use.at + GRAIN
    if silent_since < until:
        yield Silence(handle=handle, since=silent_since, until=until, source=source)


_: type[CallSource] = IamLastUsed
