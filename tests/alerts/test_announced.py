"""When a client secret ends by Amazon's own word, before and after there is a new one."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from keywatch.alerts.deadline_problems import endings
from keywatch.alerts.held import Held
from keywatch.model.alert import Problem
from keywatch.model.finding import Severity
from keywatch.model.key import Handle, HandleSpace, KeyKind, SourceId
from keywatch.model.secret_notice import NoticeKind, SecretNotice
from tests.alerts.builders import DAY, NOW, SECOND, key, standing

CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2
QUEUE = SourceId("application-notices:sp-api")
SECRET = replace(key("orders", KeyKind.LWA_CLIENT_SECRET), handles=(Handle(HandleSpace.LWA_CLIENT_ID, CLIENT),))


def expiry(*, at: datetime, ends: datetime, client: str = CLIENT) -> SecretNotice:
    return SecretNotice(client_id=client, kind=NoticeKind.EXPIRY, at=at, ends_at=ends, source=QUEUE)


def new_secret(*, at: datetime, old_ends: datetime | None = None) -> SecretNotice:
    ends = at + 180 * DAY
    return SecretNotice(
        client_id=CLIENT, kind=NoticeKind.NEW_SECRET, at=at, ends_at=ends, old_ends_at=old_ends, source=QUEUE
    )


def told(*notices: SecretNotice, made: datetime | None, dated: bool = True, now: datetime = NOW) -> list[Problem]:
    """What is wrong with a secret that was made then."""
    one = Held(standing=standing(of=replace(SECRET, created_at=made)), dated=dated)
    return endings([one], now=now, notices=notices)[0]


def test_amazons_word_counts_before_the_calendar() -> None:
    """Sooner or later than 180 days after the date that somebody wrote down."""
    young, old = NOW - 10 * DAY, NOW - 179 * DAY
    soon = expiry(at=NOW - DAY, ends=NOW + 20 * DAY)
    (problem,) = told(soon, made=young)
    assert (problem.severity, problem.stage) == (Severity.MEDIUM, "warning")
    assert "expires in 20 days" in problem.title
    assert dict(problem.facts)["Evidence"] == "Amazon announced it on 2026-11-22 14:18 UTC"
    assert told(expiry(at=NOW - DAY, ends=NOW + 61 * DAY), made=old) == []
    assert len(told(made=old)) == 1


def test_what_is_younger_than_the_notice_is_not_what_it_speaks_of() -> None:
    """It was rotated since; a notice of the day itself is about the secret before."""
    notice = expiry(at=NOW - 30 * DAY, ends=NOW + DAY)
    assert told(notice, made=NOW - 29 * DAY) == []
    assert len(told(notice, made=NOW - 30 * DAY)) == 1
    assert len(told(notice, made=NOW - 29 * DAY, dated=False)) == 1


def test_after_a_rotation_the_old_secret_has_a_week() -> None:
    """Until the store shows a younger one; who still keeps the old one then is told that it has ended."""
    rotated = new_secret(at=NOW - 2 * DAY, old_ends=NOW + 5 * DAY)
    before = NOW - 170 * DAY
    (problem,) = told(rotated, made=before)
    assert (problem.severity, "the old one ends in 5 days" in problem.title) == (Severity.CRITICAL, True)
    assert "Put the new client secret wherever the old one is kept" in problem.next_step
    assert "what is kept is of 2026-06-06" in dict(problem.facts)["Evidence"]
    assert told(rotated, made=NOW - 2 * DAY) == []
    (problem,) = told(rotated, made=before, now=NOW + 6 * DAY)
    assert problem.title.endswith("it has ended")


@pytest.mark.parametrize(("later", "is_told"), [(7 * DAY - SECOND, True), (7 * DAY, False)])
def test_where_nobody_says_how_old_it_is_the_old_one_ends_by_itself(later: timedelta, is_told: bool) -> None:
    """After seven days, where Amazon did not say when."""
    rotated = new_secret(at=NOW)
    assert bool(told(rotated, made=NOW - 100 * DAY, dated=False, now=NOW + later)) == is_told


def test_notices_of_the_old_secret_do_not_speak_of_the_new_one() -> None:
    """Whether they were sent before the rotation or remind of the old one's end after it."""
    rotated = new_secret(at=NOW - 2 * DAY, old_ends=NOW + 5 * DAY)
    for at in (NOW - 3 * DAY, NOW - DAY):
        old = expiry(at=at, ends=NOW + 5 * DAY)
        assert told(rotated, old, made=NOW - 2 * DAY) == []
    (problem,) = told(rotated, expiry(at=NOW - DAY, ends=NOW + 50 * DAY), made=NOW - 2 * DAY)
    assert "expires in 50 days" in problem.title


def test_an_application_that_no_inventory_has_is_told_by_its_client_id() -> None:
    """Amazon says that it is there."""
    other = "amzn1.application-oa2-client." + "f" * 32
    (problem,) = told(expiry(at=NOW, ends=NOW + DAY, client=other), made=NOW)
    assert f"LWA client secret {other} (in no inventory)" in problem.title
    assert (problem.id, problem.owner) == (f"key-expiring:lwa-client-id:{other}", None)
    ended = expiry(at=NOW, ends=NOW + DAY, client=other)
    for later, is_told in ((31 * DAY, True), (31 * DAY + SECOND, False)):
        assert bool(told(ended, made=NOW, now=NOW + later)) == is_told
