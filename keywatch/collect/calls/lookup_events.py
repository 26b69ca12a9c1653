"""
CloudTrail's event history, asked key by key: proof of calls for an account without a trail.

Every account has it, in each Region, for 90 days, and for management events alone. That is as long as Amazon's window:
so what was seen is kept, and a first round of questions is the beginning of what is covered.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.calls.cloudtrail import LAG
from keywatch.collect.calls.cloudtrail_record import Record, issued, known_version, moment, outcome, own, signer
from keywatch.collect.calls.cloudtrail_sessions import LIFE, Tracer
from keywatch.collect.calls.lookup_pages import Attribute, Pace, Page, RegionHistory
from keywatch.collect.calls.lookup_place import LookupPlace
from keywatch.collect.iam import NOBODY, IamAccount, User
from keywatch.model.call import Coverage, Evidence, Outcome
from keywatch.model.errors import SourceDenied, SourceError, SourceUnreachable
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped
from keywatch.model.time import to_rfc3339
from keywatch.model.usage import Usage

_AHEAD = timedelta(minutes=5)
_RECENT = timedelta(days=1)
"""A success as new as this need not be made newer by looking into sessions."""
_PAGES = 1000
"""Of one key in one Region in one run, while none of its calls succeeded: 50,000 calls, eight minutes."""
_SESSION_PAGES = 3
_SESSIONS = 5
"""The newest sessions of a key that are looked into, those made by sessions included."""
_BATCH = 10
"""Keys between two commits."""
_KINDS = frozenset({KeyKind.AWS_ACCESS_KEY})
_ROOT = "root"
"""As whom the history names the root user, whose key ids IAM does not tell."""


@dataclass
class _Case:
    """What is found out about one subject."""

    attribute: Attribute
    value: str
    latest: datetime
    """A call after this has not been made yet."""
    tracer: Tracer = field(default_factory=Tracer)
    sessions: dict[str, datetime] = field(default_factory=dict)
    trouble: Counter[str] = field(default_factory=Counter)

    def take(self, page: Page) -> bool:
        """Learn what a page says. Returns whether one of the subject's own calls on it succeeded."""
        self.trouble += self.tracer.collect(page.records, self.latest)
        if page.broken:
            self.trouble["are not CloudTrail records"] += len(page.broken)
        found = False
        for record in page.records:
            if not self._succeeded(record):
                continue
            found = found or self._mine(record)
            session = issued(record)
            if session is not None:
                self.sessions[session] = moment(record)
        return found

    def troubles(self) -> list[Skipped]:
        return [Skipped(f"events of {self.value}", f"{count} {why}") for why, count in self.trouble.items()]

    def _mine(self, record: Record) -> bool:
        key = signer(record) or ""
        return key == self.value if self.attribute == "AccessKeyId" else not key.startswith("ASIA")

    def _succeeded(self, record: Record) -> bool:
        if not known_version(record) or signer(record) is None or own(record):
            return False
        try:
            return outcome(record) is Outcome.SUCCESS and moment(record) <= self.latest
        except ValueError:
            return False


class EventHistory:
    """The event history of one account, asked about each of its access keys in each of its Regions."""

    def __init__(
        self,
        name: str,
        access: AwsAccess,
        *,
        regions: tuple[str, ...],
        now: Callable[[], datetime],
        account: str | None = None,
        through: AwsClients | None = None,
        pages: int = _PAGES,
        stopping: Callable[[], bool] = bool,
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            access: How the account is reached.
            regions: All Regions that the account uses. Keys used in others look idle.
            now: The clock.
            account: Refuse to read any other.
            through: Whose credentials are ours, as in `AwsClients`.
            pages: How many are read of one key in one Region in one run.
            stopping: Whether the daemon is asked to end.
            sleep: Waits so many seconds.
            monotonic: Seconds that only go forward.
        """  # noqa: D205
        self._id = SourceId(f"lookup-events:{name}")
        self._iam = IamAccount(AwsClients(self._id, access, through=through), account)
        # The pace is ours to keep: the client repeats what failed, but not what came too soon many times over.
        clients = AwsClients(self._id, replace(access, attempts=min(access.attempts, 3)), through=through)
        self._histories = [
            RegionHistory(clients, region, pace=Pace(sleep=sleep, monotonic=monotonic), stopping=stopping)
            for region in dict.fromkeys(regions)
        ]
        self._now = now
        self._pages = pages

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return _KINDS

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        account = self._iam.identity().account
        place = LookupPlace(cursor, frozenset(history.region for history in self._histories), self._now())
        subjects, skipped = self._subjects()
        unseen = len(skipped)
        evidence: list[Evidence] = []
        uses: list[Usage] = []
        refused: dict[str, SourceError] = {}
        taken = 0
        try:
            for attribute, value in subjects:
                if place.done(value):
                    continue
                case = _Case(attribute, value, self._now() + _AHEAD)
                try:
                    skipped += self._look(case, place, refused)
                    self._follow(case, place, refused)
                finally:
                    evidence += case.tracer.take(self._id)
                    uses += case.tracer.take_uses(self._id)
                    skipped += case.troubles()
                taken += 1
                if taken % _BATCH == 0:
                    yield self._batch(account, place, evidence, uses, skipped)
                    evidence, uses, skipped = [], [], []
        except SourceError:
            # What was asked before the trouble holds, and need not be asked again.
            yield self._batch(account, place, evidence, uses, skipped)
            raise
        if refused or all(place.done(value) for _, value in subjects):
            place.close(self._now(), LAG, whole=not unseen and not refused)
        yield self._batch(account, place, evidence, uses, skipped)
        if refused:
            raise next(iter(refused.values()))

    def check(self) -> Iterator[str | Skipped]:
        somebody: list[User] = []

        def list_users() -> None:
            somebody.extend(user for user, _ in zip(self._iam.users(), range(1), strict=False))

        def list_keys() -> None:
            self._iam.access_keys(somebody[0] if somebody else User(NOBODY, NOBODY))

        trials: list[tuple[str, Callable[[], object]]] = [
            ("sts:GetCallerIdentity", self._iam.identity),
            ("iam:ListUsers", list_users),
            ("iam:ListAccessKeys", list_keys),
            ("iam:GetAccountSummary", self._iam.root_has_keys),
        ]
        # An id in the documented form that AWS never gave out.
        nobodys = "AKIA" + "KEYWATCHCHECK234"
        trials += [
            (f"cloudtrail:LookupEvents in {history.region}", partial(history.trial, nobodys, self._now()))
            for history in self._histories
        ]
        for what, trial in trials:
            try:
                trial()
            except SourceError as error:
                yield Skipped(what, error.message, error.hint)
                if isinstance(error, SourceUnreachable):
                    return  # nobody answers: asking on would only take as long again
            else:
                yield what

    def _subjects(self) -> tuple[list[tuple[Attribute, str]], list[Skipped]]:
        """Whom to ask about: every access key of the account, and the root user if it has any."""
        found: list[tuple[Attribute, str]] = []
        skipped = []
        for user in self._iam.users():
            try:
                found += [("AccessKeyId", key.id) for key in self._iam.access_keys(user)]
            except SourceDenied as error:
                skipped.append(Skipped(f"access keys of {user.arn}", error.message, error.hint))
        try:
            if self._iam.root_has_keys():
                found.append(("Username", _ROOT))
        except SourceDenied as error:
            skipped.append(Skipped("access keys of the root user", error.message, error.hint))
        return found, skipped

    def _look(self, case: _Case, place: LookupPlace, refused: dict[str, SourceError]) -> Iterator[Skipped]:
        """Ask about the subject in each Region, back to its last success there."""
        for history in self._histories:
            span = place.span(case.value, history.region, self._now())
            if span is None or history.region in refused:
                continue
            try:
                reached = self._back(history, case, span, place)
            except SourceUnreachable:
                raise
            except SourceError as error:
                refused[history.region] = error  # the other Regions can still be asked
                continue
            place.note(case.value, history.region, reached)
            if reached is not None:
                why = f"none of its last {self._pages * 50} calls succeeded; the older ones are read next time"
                yield Skipped(f"calls of {case.value} in {history.region}", why)
        place.finish(case.value)

    def _back(
        self, history: RegionHistory, case: _Case, span: tuple[datetime, datetime], place: LookupPlace
    ) -> datetime | None:
        """Read back to the last success, or the beginning: None. Else to the time that is returned."""
        reached = span[1]
        try:
            for number, page in enumerate(history.pages(case.attribute, case.value, *span), start=1):
                success = _judged(case, page, place)
                reached = min(page.times, default=reached)
                if success or number == self._pages:
                    return None if success else reached
        except SourceError:
            if reached < span[1]:
                place.note(case.value, history.region, reached)
            raise
        return None

    def _follow(self, case: _Case, place: LookupPlace, refused: dict[str, SourceError]) -> None:
        """Look into the newest sessions that the key made, where its own calls are not of today."""
        if case.attribute != "AccessKeyId" or not place.done(case.value):
            return  # the history names the root user for its sessions too
        recent = to_rfc3339(self._now() - _RECENT)
        seen: set[str] = set()
        while len(seen) < _SESSIONS and case.tracer.newer(case.value, Outcome.SUCCESS, recent):
            waiting = {session: at for session, at in case.sessions.items() if session not in seen}
            if not waiting:
                return
            session = max(waiting, key=lambda each: waiting[each])
            seen.add(session)
            for history in self._histories:
                if history.region not in refused:
                    self._look_into(history, case, session, place)

    def _look_into(self, history: RegionHistory, case: _Case, session: str, place: LookupPlace) -> None:
        part = replace(case, attribute="AccessKeyId", value=session)  # shares what is found
        made = case.sessions[session]
        pages = history.pages("AccessKeyId", session, made, made + LIFE)
        for _, page in zip(range(_SESSION_PAGES), pages, strict=False):
            if _judged(part, page, place):
                return

    def _batch(
        self, account: str, place: LookupPlace, evidence: list[Evidence], uses: list[Usage], skipped: list[Skipped]
    ) -> CallBatch:
        coverage = Coverage(
            source=self._id,
            kinds=_KINDS,
            accounts=frozenset({account}),
            data_unseen=True,
            sampled=True,
            since=place.since,
            until=place.until,
        )
        return CallBatch(
            evidence=tuple(evidence),
            uses=tuple(uses),
            cursor=place.cursor(),
            coverage=coverage,
            skipped=tuple(skipped),
        )


def _judged(case: _Case, page: Page, place: LookupPlace) -> bool:
    before = case.trouble.total()
    success = case.take(page)
    if case.trouble.total() > before and page.times:
        place.hole(max(page.times))  # the success that keeps the key alive may be among them
    return success


_: type[CallSource] = EventHistory
