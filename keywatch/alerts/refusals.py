"""
Which credentials Amazon refuses now, from what calls were answered. Pure.

A refusal holds until the credential is seen to work. A token that was exchanged shows that at once. A call that
succeeds shows it only an hour later, as long as access tokens live: until then it may have been made with an older one.

Two programs may share an application, and one of them have an old secret: refusals and successes then take turns, for
as long as it lasts. So what came back once is over only when an hour has brought no refusal.
https://developer-docs.amazon.com/sp-api/docs/connecting-to-the-selling-partner-api
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from keywatch.alerts.subject import Subject, Subjects
from keywatch.model.alert import AlertId, ProblemKind
from keywatch.model.answer import ENDED_BY, Answer, Answered, Streak
from keywatch.model.call import Coverage
from keywatch.model.key import Handle, Key, SourceId

TOKEN_LIVES = timedelta(hours=1)
_QUIET = timedelta(days=1)
"""After so long without a refusal, what another source saw succeed counts as well; after a single one, at once."""
_FORGOTTEN = timedelta(days=7)
"""After so long without a refusal nobody uses the credential any more, whether or not it works."""
_DENIED_CALLS, _DENIED_FOR = 5, timedelta(minutes=10)
"""A 403 may be one operation's. When nothing else has come for so many calls and so long, it is the credential's."""

_BY_SELLER = (
    Answer.INVALID_GRANT,
    Answer.UNAUTHORIZED_CLIENT,
    Answer.REVOKED,
    Answer.NOT_EXCHANGED,
    Answer.DENIED,
)
"""What is told of a seller, the plainest first."""
_BY_APPLICATION = (Answer.INVALID_CLIENT, Answer.DENIED)
_ONES = (Answer.INVALID_GRANT, Answer.UNAUTHORIZED_CLIENT, Answer.REVOKED, Answer.NOT_EXCHANGED)
"""What concerns some seller of an application, where nobody says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A credential that is refused."""

    kind: ProblemKind
    subject: Subject
    answer: Answer
    streaks: Mapping[SourceId, Streak]
    """Of each source that sees it."""

    @property
    def id(self) -> AlertId:
        return AlertId(f"{self.kind.value}:{self.subject.handle}")


def refusals(
    answers: Iterable[Answered], keys: Iterable[Key], coverages: Iterable[Coverage], *, came_back: Collection[AlertId]
) -> tuple[list[Refusal], frozenset[AlertId]]:
    """
    Return what is refused now, and the alerts that must stay as they are because nothing can be said of them.

    Args:
        answers: what each source knows of the credentials that were ever refused.
        keys: the inventory.
        coverages: how far each call source has read.
        came_back: alerts that were over before, and are not now.
    """
    subjects = Subjects(keys)
    seen = {coverage.source: coverage for coverage in coverages}
    groups: dict[Handle, list[Answered]] = defaultdict(list)
    named: dict[Handle, Subject] = {}
    for one in answers:
        subject = subjects.of(one.handle)
        known = named.setdefault(subject.handle, subject)
        if known.key is None:
            named[subject.handle] = subject
        groups[subject.handle].append(one)
    found = [
        refusal
        for handle, told in groups.items()
        for refusal in _of_one(named[handle], _Evidence(told, seen, came_back))
    ]
    # While a whole application is refused, nothing can be said of its sellers.
    down = {one.subject.application for one in found if one.kind is ProblemKind.APPLICATION_REFUSED}
    hidden = frozenset(
        AlertId(f"{ProblemKind.SELLER_REFUSED.value}:{handle}")
        for handle, subject in named.items()
        if subject.application in down
    )
    return [one for one in found if one.id not in hidden], hidden


def _of_one(subject: Subject, evidence: "_Evidence") -> Iterator[Refusal]:
    tests: Mapping[ProblemKind, tuple[Answer, ...]] = {
        ProblemKind.SELLER_REFUSED: _BY_SELLER if subject.seller is not None else _ONES,
        ProblemKind.APPLICATION_REFUSED: () if subject.seller is not None else _BY_APPLICATION,
        ProblemKind.CALLS_DENIED: (Answer.RESTRICTED,),
    }
    if subject.is_access_key:
        tests = {ProblemKind.KEY_REFUSED: (Answer.INVALID_KEY,)}
    for kind, wanted in tests.items():
        for answer in wanted:
            id_ = AlertId(f"{kind.value}:{subject.handle}")
            some = subject.seller is None and kind is ProblemKind.SELLER_REFUSED
            if streaks := evidence.holds(answer, id_, of_some=some):
                yield Refusal(kind=kind, subject=subject, answer=answer, streaks=streaks)
                break


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What is known of one subject's answers."""

    told: list[Answered]
    """By each source, under each of its names."""
    seen: Mapping[SourceId, Coverage]
    came_back: Collection[AlertId]

    def holds(self, answer: Answer, alert: AlertId, *, of_some: bool) -> dict[SourceId, Streak]:
        """The streaks of `answer` that are not over; `of_some`: of sellers that nobody names."""
        found: dict[SourceId, Streak] = {}
        for one in self.told:
            streak = one.streaks.get(answer)
            if streak is not None and not self._over(one, answer, streak, alert, of_some=of_some):
                found[one.source] = streak.joined(found[one.source]) if one.source in found else streak
        return found

    def _over(self, one: Answered, answer: Answer, streak: Streak, alert: AlertId, *, of_some: bool) -> bool:
        quiet = self._quiet(one.source, streak)
        if of_some or answer not in ENDED_BY:
            return quiet >= _QUIET  # other sellers' successes say nothing of this one
        if answer is Answer.DENIED:
            few = streak.calls < _DENIED_CALLS or streak.last - streak.since < _DENIED_FOR
            return few or self._works(answer, streak, self.told) or quiet >= _FORGOTTEN
        if alert in self.came_back and quiet < TOKEN_LIVES:
            return False
        mine = [other for other in self.told if other.source == one.source]
        return (
            self._works(answer, streak, mine)
            or ((quiet >= _QUIET or streak.calls == 1) and self._works(answer, streak, self.told))
            or quiet >= _FORGOTTEN
        )

    def _works(self, answer: Answer, streak: Streak, told: Iterable[Answered]) -> bool:
        """Whether the credential was seen to work after it was refused."""
        ended = ENDED_BY[answer]
        needed = {ended: streak.last, Answer.ACCEPTED: streak.last + TOKEN_LIVES * (ended is Answer.EXCHANGED)}
        return any(
            (success := one.streaks.get(kind)) is not None and success.last > after
            for one in told
            for kind, after in needed.items()
        )

    def _quiet(self, source: SourceId, streak: Streak) -> timedelta:
        """How long the source has been looking since it saw the last refusal."""
        coverage = self.seen.get(source)
        until = coverage.until if coverage is not None else None
        return max(timedelta(0), until - streak.last) if until is not None else timedelta(0)
