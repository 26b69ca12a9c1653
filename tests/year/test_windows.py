"""
Both sides of every window, to the second and to the microsecond: on a leap day and where clocks are set, too.

Each window is a row: what begins it, how long it is, and what is said just before its end, at it, and just after.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.alerts.deadline_problems import endings
from keywatch.alerts.held import Held, Limits
from keywatch.alerts.hygiene import hygiene
from keywatch.alerts.policy_problems import reminders
from keywatch.alerts.problems import BlindSource, Grace, SourceRole, problems
from keywatch.baseline import Policy, judge
from keywatch.deadlines import Clocks
from keywatch.model.alert import ProblemKind
from keywatch.model.call import Call, Coverage, Evidence, Outcome, Silence
from keywatch.model.key import Handle, HandleSpace, Keeping, Key, KeyKind, Location, Rotation, SourceId
from keywatch.model.standing import Level
from keywatch.policy import Attestation, Duty, Obligation, assess
from tests.alerts.builders import DAY, IAM, SECOND, key, standing

TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
TRAIL, LAST_USED = SourceId("cloudtrail:prod"), SourceId("iam-last-used:prod")
HANDLE = Handle(HandleSpace.AWS_ACCESS_KEY_ID, "ID-ORDERS")
STARTS = (
    datetime(2028, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2028, 3, 12, 7, tzinfo=UTC),  # two in the morning is three in New York
    datetime(2028, 11, 5, 6, tzinfo=UTC),  # and two is one
    datetime(2027, 12, 31, tzinfo=UTC),
)


def of(kind: KeyKind = KeyKind.AWS_ACCESS_KEY, *, born: datetime | None) -> Key:
    return replace(key(kind=kind, created_at=born), handles=(HANDLE,), locations=(Location(IAM, USER),))


USER = "arn:aws:iam::111122223333:user/orders"


def call(at: datetime, outcome: Outcome = Outcome.SUCCESS) -> Call:
    return Call(handle=HANDLE, at=at, outcome=outcome, source=TRAIL)


def seen(since: datetime, until: datetime, **more: object) -> Coverage:
    return Coverage(source=TRAIL, kinds=frozenset(KeyKind), since=since, until=until, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Standings:
    """What is known of one key, as far as the baseline asks."""

    start: datetime
    now: datetime

    def said(
        self, *evidence: Evidence, coverages: tuple[Coverage, ...] | None = None, born: datetime | None = None
    ) -> str:
        """Basis and level of an AWS key."""
        watched = (seen(self.start - 400 * DAY, self.now + DAY),) if coverages is None else coverages
        aws = of(born=born or self.start - 300 * DAY)
        found = judge(aws, evidence, watched, now=self.now, policy=Policy())
        return f"{found.basis.value} {found.level.value}"


def used(start: datetime, now: datetime) -> str:
    return Standings(start, now).said(call(start))


def never_used(start: datetime, now: datetime) -> str:
    return Standings(start, now).said(born=start)


def kind_of_alert(start: datetime, now: datetime) -> str:
    """What is told of a key without any call."""
    judged = judge(of(born=start), [], [seen(start - DAY, now)], now=now)
    return " ".join(problem.kind.value for problem in problems([judged], [], [], now=now, grace=Grace()))


def attempt_explained(start: datetime, now: datetime) -> str:
    """A use seen by IAM after a success that is no longer young: `now` is when it was."""
    judged_at = start + 70 * DAY
    return Standings(start, judged_at).said(call(start), call(now, Outcome.ATTEMPT)).split()[0]


def data_unseen(start: datetime, now: datetime) -> str:
    """A trail that sees no calls for data, and nobody else's word, since the last success."""
    blind = seen(start - 400 * DAY, now, data_unseen=True)
    return Standings(start, now).said(call(start), coverages=(blind,)).split()[0]


def word_of_iam(start: datetime, now: datetime) -> str:
    """The same for an old success, where IAM's word ends at `start`; the use it knows of is that success."""
    success = start - 80 * DAY
    silence = Silence(handle=HANDLE, since=success + 15 * MINUTE, until=start, source=LAST_USED)
    blind = seen(start - 400 * DAY, now, data_unseen=True)
    hole = seen(start - 400 * DAY, start - 10 * DAY)
    judged = judge(of(born=start - 300 * DAY), [call(success), silence], [blind, hole], now=now)
    return judged.basis.value


def read_until(start: datetime, now: datetime) -> str:
    """The source was read up to `start`."""
    coverages = (seen(start - 400 * DAY, start),)
    return Standings(start, now).said(call(start - 5 * DAY), coverages=coverages).split()[0]


def read_since(start: datetime, now: datetime) -> str:
    """A key that was made at `start`, and a source that saw nothing before `now`."""
    judged_at = start + 5 * DAY
    return Standings(start, judged_at).said(born=start, coverages=(seen(now, judged_at),)).split()[0]


def hole_between(start: datetime, now: datetime) -> str:
    """One source ended at `start`, the next began at `now`."""
    judged_at = start + 20 * DAY
    coverages = (seen(start - 400 * DAY, start), seen(now, judged_at))
    return Standings(start, judged_at).said(call(start - 5 * DAY), coverages=coverages).split()[0]


def since_before_the_window(start: datetime, now: datetime) -> str:
    """A key that lapsed long ago, and a source that began at `start`: only a window back has to be covered."""
    coverages = (seen(start, now),)
    return Standings(start, now).said(call(start - 9 * DAY), coverages=coverages).split()[0]


def call_before_the_key(start: datetime, now: datetime) -> str:
    """A success at `start` under this name, and a key that was issued at `now`."""
    return Standings(start, now).said(call(start), born=now).split()[0]


def ends(kind: KeyKind) -> Callable[[datetime, datetime], str]:
    def stage(start: datetime, now: datetime) -> str:
        one = Held(standing=standing(Level.GOOD, of=of(kind, born=start)))
        return " ".join(problem.stage for problem in endings([one], now=now, clocks=Clocks())[0])

    return stage


def untidy(kind: ProblemKind, *made: Callable[[datetime], Key]) -> Callable[[datetime, datetime], str]:
    def stage(start: datetime, now: datetime) -> str:
        held = [Held(standing=standing(Level.GOOD, of=make(start))) for make in made]
        found, _ = hygiene(held, now=now, limits=Limits())
        return " ".join(problem.stage or "told" for problem in found if problem.kind is kind)

    return stage


def a_second(start: datetime) -> Key:
    other = Handle(HandleSpace.AWS_ACCESS_KEY_ID, "ID-SECOND")
    return replace(of(born=start), handles=(other,))


def rotated(date: str) -> Callable[[datetime], Key]:
    def made(start: datetime) -> Key:
        one = of(KeyKind.OTHER, born=start)
        rotation = Rotation(due_at=start) if date == "due_at" else Rotation(stuck_since=start)
        return replace(one, keeping=(Keeping(location=one.locations[0], rotation=rotation),))

    return made


def signer(start: datetime, now: datetime) -> str:
    """A user left over from SP-API's signatures, of whom IAM's word reaches to `start`."""
    last = Call(
        handle=HANDLE,
        at=datetime(2023, 10, 1, tzinfo=UTC),
        outcome=Outcome.ATTEMPT,
        source=LAST_USED,
        action="execute-api",
    )
    one = Held(standing=standing(Level.GOOD, of=of(born=start)), last_use=last, watched_until=start)
    found, undecided = hygiene([one], now=now, limits=Limits())
    name = f"{ProblemKind.SP_API_SIGNER.value}:{USER}"
    return "told" if name in {problem.id for problem in found} else "left as it is" if name in undecided else ""


def blind(start: datetime, now: datetime) -> str:
    """A source that has been failing since `start`, where a person allows for two hours."""
    source = BlindSource(source=TRAIL, role=SourceRole.CALLS, since=start, error="down")
    found = problems([], [], [source], now=now, grace=Grace(blindness=timedelta(hours=2)))
    return found[0].stage if found else ""


def confirmed(start: datetime, now: datetime) -> str:
    """An obligation that a person confirmed at `start`, for ninety days."""
    item = Obligation(
        id="honesty",
        title="We are honest.",
        duty=Duty(policy="aup", edition="of the tests", link="https://example.com"),
        confirmed_every=90 * DAY,
        question="Are we?",
    )
    word = Attestation(obligation="honesty", by="Ann", at=start)
    rows = assess([item], problems=(), attestations=[word], read=(), blind={}, now=now)
    assert [problem.stage for problem in reminders(rows, "ann")] in ([], [rows[0].word.value])
    return rows[0].word.value


AWS = [
    ("good", "notice", 60),
    ("notice", "warning", 75),
    ("warning", "urgent", 83),
    ("urgent", "critical", 88),
]
LEFT = [("", "notice", 60), ("notice", "warning", 30), ("warning", "urgent", 14), ("urgent", "critical", 5)]
SECRET, TOKEN = KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN


@dataclass(frozen=True)
class Window:
    """A row: what is seen by `look(start, now)` around `start + length`."""

    name: str
    look: Callable[[datetime, datetime], str]
    length: timedelta
    before: str
    after: str
    ends_after: bool = False
    """Whether the last instant still belongs to what is before."""


WINDOWS = [
    *(Window(f"idle for {n} days", used, n * DAY, f"proven {a}", f"proven {b}") for a, b, n in AWS),
    Window("idle for 90 days", used, 90 * DAY, "proven critical", "proven lapsed", ends_after=True),
    *(Window(f"never used for {n} days", never_used, n * DAY, f"never {a}", f"never {b}") for a, b, n in AWS),
    Window("never used for 90 days", never_used, 90 * DAY, "never critical", "never lapsed", ends_after=True),
    Window("grace before the first call", kind_of_alert, 7 * DAY, "", "key-never-used"),
    Window("an attempt a record explains", attempt_explained, 15 * MINUTE, "proven", "attempt-only", ends_after=True),
    Window("young enough for no doubt of data", data_unseen, 60 * DAY, "proven", "unknown"),
    Window("IAM's word is new", word_of_iam, DAY, "proven", "unknown", ends_after=True),
    Window("a source behind the present", read_until, DAY, "proven", "unknown", ends_after=True),
    Window("a source that began after the key", read_since, 15 * MINUTE, "never", "unknown", ends_after=True),
    Window("a hole between two sources", hole_between, 15 * MINUTE, "proven", "unknown", ends_after=True),
    Window("covered for a whole window", since_before_the_window, 90 * DAY - 15 * MINUTE, "unknown", "proven"),
    Window("a call of the key before", call_before_the_key, 90 * DAY, "proven", "never", ends_after=True),
    *(Window(f"secret, {n} days left", ends(SECRET), (180 - n) * DAY, a, b) for a, b, n in LEFT),
    Window("secret, at its end", ends(SECRET), 180 * DAY, "critical", "lapsed"),
    *(Window(f"authorisation, {n} days left", ends(TOKEN), (365 - n) * DAY, a, b) for a, b, n in LEFT),
    Window("authorisation, at its end", ends(TOKEN), 365 * DAY, "critical", "lapsed"),
    Window(
        "an AWS key grows old",
        untidy(ProblemKind.KEY_OLD, lambda start: of(born=start)),
        90 * DAY,
        "",
        "old",
        ends_after=True,
    ),
    Window(
        "an AWS key grows very old",
        untidy(ProblemKind.KEY_OLD, lambda start: of(born=start)),
        180 * DAY,
        "old",
        "very old",
        ends_after=True,
    ),
    Window(
        "two keys for a replacement",
        untidy(ProblemKind.SPARE_KEY, lambda start: of(born=start - DAY), a_second),
        14 * DAY,
        "",
        "told",
        ends_after=True,
    ),
    Window(
        "a rotation is overdue",
        untidy(ProblemKind.ROTATION_LATE, rotated("due_at")),
        2 * DAY,
        "",
        "overdue",
        ends_after=True,
    ),
    Window(
        "a rotation lies half done",
        untidy(ProblemKind.ROTATION_LATE, rotated("stuck_since")),
        2 * DAY,
        "",
        "failed",
        ends_after=True,
    ),
    Window("IAM's word of a signer", signer, 2 * DAY, "told", "left as it is", ends_after=True),
    Window("a source may fail for a while", blind, timedelta(hours=2), "", "blind"),
    Window("a word is asked for anew", confirmed, 76 * DAY, "holds", "lapses"),
    Window("a word lapses", confirmed, 90 * DAY, "lapses", "lapsed"),
]


@pytest.mark.parametrize("start", STARTS, ids=lambda start: f"{start:%Y-%m-%d}")
@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
def test_both_sides_of_every_window(window: Window, start: datetime) -> None:
    """One thing is said up to its end, and another from there on: to the microsecond."""
    end = start + window.length
    at = window.before if window.ends_after else window.after
    assert {
        "a second before": window.look(start, end - SECOND),
        "a tick before": window.look(start, end - TICK),
        "at it": window.look(start, end),
        "a tick after": window.look(start, end + TICK),
        "a second after": window.look(start, end + SECOND),
    } == {
        "a second before": window.before,
        "a tick before": window.before,
        "at it": at,
        "a tick after": window.after,
        "a second after": window.after,
    }


@pytest.mark.parametrize("start", STARTS, ids=lambda start: f"{start:%Y-%m-%d}")
def test_the_day_of_deletion_is_the_utc_day_on_which_the_window_ends(start: datetime) -> None:
    """Days left fall at midnight, whatever the hour of the last call; the day itself is that of the last second."""
    last = (start + 90 * DAY).date()
    midnight = datetime(last.year, last.month, last.day, tzinfo=UTC)
    left = {}
    for now in (midnight - TICK, midnight, midnight + DAY - TICK, midnight + DAY):
        found = judge(of(born=start - DAY), [call(start)], [seen(start - DAY, now)], now=now)
        assert found.deletes_on == last
        left[now] = found.days_left
    assert list(left.values()) == [1, 0, 0, -1]
