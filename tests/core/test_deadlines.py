"""The clocks beside the baseline: both sides of every step, to the second."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.alerts.deadline_problems import deadline_problem
from keywatch.deadlines import Clocks, Deadline, deadline
from keywatch.model.finding import Severity
from keywatch.model.key import Key, KeyKind, KeyStatus
from keywatch.model.standing import Level
from tests.alerts.builders import DAY, NOW, SECOND, key

SECRET, TOKEN = KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN


def of(kind: KeyKind, age: timedelta | None, seen: timedelta | None = None, **more: object) -> Deadline | None:
    since = age or seen
    made = replace(key(kind=kind), created_at=None if since is None else NOW - since, **more)  # type: ignore[arg-type]
    return deadline(made, now=NOW, certain=age is not None)


@pytest.mark.parametrize(("kind", "life"), [(SECRET, 180 * DAY), (TOKEN, 365 * DAY)])
@pytest.mark.parametrize(
    ("left", "level"),
    [
        (60 * DAY + SECOND, Level.GOOD),
        (60 * DAY, Level.NOTICE),
        (30 * DAY + SECOND, Level.NOTICE),
        (30 * DAY, Level.WARNING),
        (14 * DAY + SECOND, Level.WARNING),
        (14 * DAY, Level.URGENT),
        (5 * DAY + SECOND, Level.URGENT),
        (5 * DAY, Level.CRITICAL),
        (SECOND, Level.CRITICAL),
        (0 * DAY, Level.LAPSED),
        (-900 * DAY, Level.LAPSED),
    ],
)
def test_each_step_begins_at_its_second(kind: KeyKind, life: timedelta, left: timedelta, level: Level) -> None:
    """180 days for a client secret, 365 for an authorisation."""
    found = of(kind, life - left)
    assert found is not None
    assert (found.level, found.at) == (level, NOW + left)
    assert (deadline_problem(found) is None) == (level is Level.GOOD)


def test_days_are_those_of_the_calendar() -> None:
    """What ends at one in the morning ends tomorrow, be it in two hours."""
    late = datetime(2026, 12, 31, 23, tzinfo=UTC)
    made = replace(key(kind=SECRET), created_at=late + timedelta(hours=2) - 180 * DAY)
    found = deadline(made, now=late)
    assert found is not None
    assert (found.days_left, str(found.day)) == (1, "2027-01-01")


def test_a_key_whose_age_nobody_tells_ends_at_the_latest_when_counted_from_first_sight() -> None:
    """Which is said; and nothing is known of one that was never seen."""
    found = of(SECRET, None, seen=170 * DAY)
    assert found is not None
    assert (found.level, found.certain) == (Level.URGENT, False)
    problem = deadline_problem(found)
    assert problem is not None
    assert "at the latest" in problem.title
    assert of(SECRET, None) is None


@pytest.mark.parametrize("kind", [KeyKind.AWS_ACCESS_KEY, KeyKind.MWS_KEY, KeyKind.VAULT_TOKEN, KeyKind.OTHER])
def test_other_kinds_have_no_such_clock(kind: KeyKind) -> None:
    """However old they are, unless a person gives them one."""
    assert of(kind, 4000 * DAY) is None
    clocks = Clocks(lives={kind: 10 * DAY})
    made: Key = replace(key(kind=kind), created_at=NOW - 9 * DAY)
    found = deadline(made, now=NOW, clocks=clocks)
    assert found is not None
    assert found.level is Level.CRITICAL


@pytest.mark.parametrize("status", [KeyStatus.INACTIVE, KeyStatus.EXPIRED])
def test_what_is_over_already_does_not_end_again(status: KeyStatus) -> None:
    """It is left over, which is another problem."""
    assert of(SECRET, 200 * DAY, status=status) is None


def test_what_is_told_says_what_happens_and_what_to_do() -> None:
    """In the words of the kind; worse with each step, and after the end."""
    secret, token = of(SECRET, 176 * DAY), of(TOKEN, 365 * DAY)
    assert secret is not None
    assert token is not None
    first, second = deadline_problem(secret), deadline_problem(token)
    assert first is not None
    assert second is not None
    assert first.title.endswith("expires in 4 days")
    assert (first.severity, first.stage) == (Severity.CRITICAL, "critical")
    assert "for any seller" in dict(first.facts)["So what"]
    assert "lives for 180 days" in dict(first.facts)["Evidence"]
    assert "Rotate the client secret" in first.next_step
    assert second.title.endswith("it has ended")
    assert "authorised again" in dict(second.facts)["So what"]
    assert first.id == f"key-expiring:{secret.key.id}"


@pytest.mark.parametrize("kind", [SECRET, TOKEN, KeyKind.OTHER])
def test_a_key_that_says_when_it_ends_is_believed(kind: KeyKind) -> None:
    """Whatever its age, and whatever its kind."""
    ends = of(kind, 900 * DAY, expires_at=NOW + 20 * DAY)
    assert ends is not None
    assert (ends.level, ends.days_left) == (Level.WARNING, 20)
    problem = deadline_problem(ends)
    assert problem is not None
    assert dict(problem.facts)["Evidence"] == "whoever holds it says when it ends"
