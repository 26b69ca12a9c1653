"""When a refusal holds and when it is over: what shows that a credential works, and what does not."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from keywatch.alerts.refusal_problems import refusal_problem
from keywatch.alerts.refusals import refusals
from keywatch.model.alert import AlertId, ProblemKind
from keywatch.model.answer import Answer, Answered, Streak
from keywatch.model.call import Coverage
from keywatch.model.finding import Severity
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, SourceId
from tests.alerts.builders import DAY, NOW, SECOND, key

LOG, APP = SourceId("request-log:orders"), SourceId("reported:orders")
HOUR = timedelta(hours=1)
APPLICATION, CLIENT = Handle(HandleSpace.APPLICATION, "orders"), Handle(HandleSpace.LWA_CLIENT_ID, "client")
SELLER = Handle(HandleSpace.AUTHORISATION, "orders/A1EXAMPLE")
SECRET = replace(
    key("secret", KeyKind.LWA_CLIENT_SECRET, application="orders", owner="orders-team"), handles=(APPLICATION, CLIENT)
)
AT = NOW - 2 * HOUR


def one(at: datetime = AT, calls: int = 1, since: datetime | None = None) -> Streak:
    return Streak(since or at, at, calls)


def told(
    streaks: dict[Answer, Streak],
    handle: Handle = APPLICATION,
    *,
    source: SourceId = LOG,
) -> Answered:
    return Answered(handle=handle, source=source, streaks=streaks)


def covered(until: datetime = NOW, source: SourceId = LOG) -> Coverage:
    return Coverage(source=source, kinds=frozenset(), since=NOW - 90 * DAY, until=until)


def held(
    *answers: Answered,
    keys: tuple[Key, ...] = (SECRET,),
    until: datetime = NOW,
    came_back: tuple[str, ...] = (),
) -> list[str]:
    """The alerts that hold."""
    coverages = [covered(until), covered(until, APP)]
    found, _ = refusals(answers, keys, coverages, came_back=[AlertId(name) for name in came_back])
    return sorted(refusal.id for refusal in found)


DOWN, GONE = "application-refused:application:orders", "seller-refused:authorisation:orders/A1EXAMPLE"
REFUSED = {Answer.INVALID_CLIENT: one()}


@pytest.mark.parametrize(
    ("seen", "holds"),
    [
        pytest.param({}, True, id="nothing-since"),
        pytest.param({Answer.EXCHANGED: one(AT - SECOND)}, True, id="an-exchange-before"),
        pytest.param({Answer.EXCHANGED: one(AT + SECOND)}, False, id="an-exchange-after"),
        pytest.param({Answer.ACCEPTED: one(AT + HOUR)}, True, id="a-call-with-a-token-from-before"),
        pytest.param({Answer.ACCEPTED: one(AT + HOUR + SECOND)}, False, id="a-call-with-a-token-from-after"),
    ],
)
def test_what_shows_that_a_client_secret_works(seen: dict[Answer, Streak], holds: bool) -> None:
    """A token that is given; or a call that no older token can have made."""
    assert held(told(REFUSED | seen)) == [DOWN] * holds


def test_all_names_of_an_application_are_one_application() -> None:
    """A log knows its client id, a reporter its name; the inventory knows both."""
    by_id = told(REFUSED, CLIENT, source=APP)
    assert held(by_id) == [DOWN]
    assert held(by_id, told(REFUSED)) == [DOWN]
    assert held(by_id, keys=()) == ["application-refused:lwa-client-id:client"]


@pytest.mark.parametrize(("quiet", "holds"), [(DAY - SECOND, True), (DAY, False)], ids=["less-than-a-day", "a-day"])
def test_what_another_source_sees_counts_when_the_refusals_have_stopped(quiet: timedelta, holds: bool) -> None:
    """Until then it may be another program, with the new secret, that works."""
    other = told({Answer.EXCHANGED: one(NOW)}, source=APP)
    assert held(told({Answer.INVALID_CLIENT: one(NOW - quiet, 2)}), other) == [DOWN] * holds


def test_a_single_refusal_is_over_when_anybody_sees_the_credential_work() -> None:
    """As when a probe met a secret that is being replaced."""
    other = told({Answer.EXCHANGED: one(AT + SECOND)}, source=APP)
    assert held(told(REFUSED), other) == []
    assert held(told(REFUSED), told({Answer.EXCHANGED: one(AT)}, source=APP)) == [DOWN]


@pytest.mark.parametrize(("quiet", "holds"), [(7 * DAY - SECOND, True), (7 * DAY, False)])
def test_what_nobody_tries_any_more_is_over(quiet: timedelta, holds: bool) -> None:
    """As far as somebody looked: a source that is blind sees nobody try."""
    refused = told({Answer.INVALID_CLIENT: one(NOW - quiet)})
    assert held(refused) == [DOWN] * holds
    assert held(refused, until=NOW - DAY) == [DOWN]


@pytest.mark.parametrize(("quiet", "holds"), [(HOUR - SECOND, True), (HOUR, False)])
def test_what_came_back_is_over_after_a_quiet_hour(quiet: timedelta, holds: bool) -> None:
    """As long as a program lives on one token, it may still be the other one that works."""
    both = told({Answer.INVALID_CLIENT: one(NOW - quiet), Answer.EXCHANGED: one(NOW)})
    assert held(both, came_back=(DOWN,)) == [DOWN] * holds
    assert held(both) == []


@pytest.mark.parametrize(
    ("calls", "span", "accepted", "holds"),
    [
        (5, timedelta(minutes=10), AT - HOUR, True),
        (4, timedelta(minutes=10), AT - HOUR, False),
        (5, timedelta(minutes=10) - SECOND, AT - HOUR, False),
        (5, timedelta(minutes=10), AT + SECOND, False),
    ],
)
def test_a_403_is_told_when_nothing_else_comes(calls: int, span: timedelta, accepted: datetime, holds: bool) -> None:
    """One operation that is denied says nothing of the credential."""
    streaks = {Answer.DENIED: one(AT, calls, AT - span), Answer.ACCEPTED: one(accepted)}
    assert held(told(streaks, SELLER)) == [GONE] * holds
    assert held(told(streaks)) == [DOWN] * holds


def test_while_an_application_is_down_its_sellers_stay_as_they_are() -> None:
    """They are neither told one by one nor taken back."""
    sellers = told({Answer.INVALID_GRANT: one()}, SELLER)
    found, hidden = refusals([told(REFUSED), sellers], (SECRET,), [covered()], came_back=())
    assert [refusal.id for refusal in found] == [DOWN]
    assert GONE in hidden
    found, hidden = refusals([sellers], (SECRET,), [covered()], came_back=())
    assert ([refusal.id for refusal in found], hidden) == ([GONE], frozenset())


def test_a_grant_of_nobody_knows_which_seller_is_told_of_the_application_for_a_day() -> None:
    """That other sellers work says nothing of that one."""
    some = {Answer.INVALID_GRANT: one(NOW - DAY + SECOND), Answer.EXCHANGED: one(NOW)}
    assert held(told(some)) == ["seller-refused:application:orders"]
    assert held(told(some | {Answer.INVALID_GRANT: one(NOW - DAY)})) == []
    (refusal,), _ = refusals([told(some)], (SECRET,), [covered()], came_back=())
    assert refusal_problem(refusal).title.startswith("a seller of application orders: ")


@pytest.mark.parametrize(
    ("handle", "answer", "severity"),
    [
        (APPLICATION, Answer.INVALID_CLIENT, Severity.CRITICAL),
        (APPLICATION, Answer.DENIED, Severity.CRITICAL),
        (APPLICATION, Answer.RESTRICTED, Severity.LOW),
        (SELLER, Answer.INVALID_GRANT, Severity.HIGH),
        (SELLER, Answer.UNAUTHORIZED_CLIENT, Severity.HIGH),
        (SELLER, Answer.REVOKED, Severity.HIGH),
        (SELLER, Answer.NOT_EXCHANGED, Severity.HIGH),
        (SELLER, Answer.DENIED, Severity.HIGH),
    ],
)
def test_each_refusal_says_whom_it_concerns_and_what_to_do(handle: Handle, answer: Answer, severity: Severity) -> None:
    """To the owner of the token, or of the application where the token has none."""
    streaks = {answer: one(NOW - HOUR, 1234, NOW - 3 * HOUR)}
    (refusal,), _ = refusals([told(streaks, handle)], (SECRET,), [covered()], came_back=())
    problem = refusal_problem(refusal)
    assert (problem.severity, problem.owner) == (severity, "orders-team")
    assert problem.next_step
    facts = dict(problem.facts)
    assert facts["Evidence"] == (
        "request-log:orders saw it 1,234 times, from 2026-11-23 11:18 UTC to 2026-11-23 13:18 UTC"
    )
    assert ("which no inventory has" in facts["What"]) == (handle == SELLER)


def test_the_token_of_one_region_is_the_sellers() -> None:
    """Whoever owns it hears of it."""
    token = key("eu", KeyKind.LWA_REFRESH_TOKEN, owner="sales-team")
    token = replace(token, handles=(Handle(HandleSpace.AUTHORISATION, "orders/A1EXAMPLE/eu"),))
    (refusal,), _ = refusals([told({Answer.INVALID_GRANT: one()}, SELLER)], (SECRET, token), [], came_back=())
    assert (refusal.subject.owner, refusal.subject.key) == ("sales-team", token)


def test_an_access_key_that_aws_refuses_is_told_until_a_call_succeeds() -> None:
    """To its owner, by the end of its id where no inventory has it."""
    access = replace(key("ci", owner="ci-team"), handles=(Handle(HandleSpace.AWS_ACCESS_KEY_ID, "AKIAEXAMPLE7WXYZ"),))
    refused = {Answer.INVALID_KEY: one(calls=3)}
    answered = told(refused, access.handles[0], source=APP)
    (refusal,), _ = refusals([answered], (access,), [covered(source=APP)], came_back=())
    problem = refusal_problem(refusal)
    assert (problem.id, problem.owner, problem.severity) == (
        "key-refused:aws-access-key-id:AKIAEXAMPLE7WXYZ",
        "ci-team",
        Severity.HIGH,
    )
    assert problem.title.startswith("AWS access key ci (…WXYZ): AWS does not accept it")
    (nameless,), _ = refusals([answered], (), [], came_back=())
    assert refusal_problem(nameless).title.startswith("access key …WXYZ: ")
    assert held(told(refused | {Answer.ACCEPTED: one(AT + SECOND)}, access.handles[0], source=APP)) == []


def test_a_key_that_is_in_no_inventory_is_told_to_nobody_in_particular() -> None:
    """It is told all the same; and a name with a slash in it is cut at its last."""
    odd = Handle(HandleSpace.AUTHORISATION, "acme/orders/A1\u202eEXAMPLE")
    (refusal,), _ = refusals([told({Answer.INVALID_GRANT: one()}, odd)], (), [], came_back=())
    problem = refusal_problem(refusal)
    assert (problem.owner, problem.kind) == (None, ProblemKind.SELLER_REFUSED)
    assert problem.title.startswith("seller A1\ufffdEXAMPLE of application acme/orders: ")
