"""What an answer says of the credential, from its status and from what is logged of its body; and how it is counted."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from keywatch import reporter
from keywatch.collect.calls.answers import Tally, answer_of, error_text
from keywatch.collect.calls.request_line import RequestLayout, read_line
from keywatch.model.answer import Answer, DayCount, Streak
from keywatch.model.key import SourceId

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LOG = SourceId("request-log:orders")


def sp_api(message: str, details: str = "", code: str = "Unauthorized") -> dict[str, object]:
    """The body of an error as SP-API writes it."""
    return {"errors": [{"code": code, "message": message, "details": details}]}


def lwa(error: str) -> dict[str, object]:
    """The body of an error as Login with Amazon writes it."""
    return {"error_description": "The request has an invalid parameter", "error": error}


DENIED = "Access to requested resource is denied."
BODIES = [
    (True, 401, lwa("invalid_client"), Answer.INVALID_CLIENT),
    (True, 400, lwa("invalid_client"), Answer.INVALID_CLIENT),
    (True, 400, lwa("invalid_grant"), Answer.INVALID_GRANT),
    (True, 400, lwa("unauthorized_client"), Answer.UNAUTHORIZED_CLIENT),
    (True, 400, lwa("invalid_scope"), None),
    (False, 403, sp_api(DENIED), Answer.DENIED),
    (False, 403, sp_api(DENIED, "The access token you provided is revoked, malformed or invalid."), Answer.REVOKED),
    (False, 403, sp_api(DENIED, "The access token you provided has expired."), Answer.EXPIRED),
    (
        False,
        400,
        sp_api("Application does not have access to one or more requested data elements: [x]", code="InvalidInput"),
        Answer.RESTRICTED,
    ),
    (False, 400, sp_api("Value 'x' is invalid", code="InvalidInput"), Answer.OTHER),
]


@pytest.mark.parametrize(("exchange", "status", "body", "answer"), BODIES)
def test_a_body_says_why(exchange: bool, status: int, body: dict[str, object], answer: Answer | None) -> None:
    """As an object, as the text of one, and as the word that our own reporter sends instead."""
    for error in (body, json.dumps(body), json.dumps(body, indent=2)):
        assert answer_of(status, error_text(error), exchange=exchange) is answer  # type: ignore[arg-type]
    word = reporter._error(json.dumps(body).encode())
    assert answer_of(status, word or "", exchange=exchange) is answer


@pytest.mark.parametrize(
    ("exchange", "status", "answer"),
    [
        (True, 200, Answer.EXCHANGED),
        (True, 401, Answer.INVALID_CLIENT),
        (True, 400, Answer.NOT_EXCHANGED),
        (True, 429, None),
        (True, 500, None),
        (True, 302, None),
        (False, 200, Answer.ACCEPTED),
        (False, 204, Answer.ACCEPTED),
        (False, 302, Answer.OTHER),
        (False, 400, Answer.OTHER),
        (False, 401, Answer.DENIED),
        (False, 403, Answer.DENIED),
        (False, 404, Answer.OTHER),
        (False, 429, Answer.THROTTLED),
        (False, 503, Answer.OTHER),
    ],
)
def test_a_status_alone_says_as_much_as_it_can(exchange: bool, status: int, answer: Answer | None) -> None:
    """Login with Amazon has 401 for a wrong client secret alone; a proxy's log knows no more than that."""
    assert answer_of(status, "", exchange=exchange) is answer


def test_a_refused_grant_is_no_word_inside_another() -> None:
    """Nor is it one in a call to SP-API, whose bodies hold what sellers write."""
    assert answer_of(400, "not_invalid_grant_at_all", exchange=True) is Answer.NOT_EXCHANGED
    assert answer_of(403, "invalid_client", exchange=False) is Answer.DENIED


def test_the_error_of_a_line_is_read_and_not_kept() -> None:
    """Whatever field the layout says it is in; and what is too long is cut, not searched for ever."""
    line = {"time": NOW.isoformat(), "status": 400, "application": "orders", "seller": "A1", "host": "api.amazon.com"}
    line |= {"path": "/auth/o2/token", "error": {"error": "invalid_grant", "note": "canary-of-a-buyer"}}
    request = read_line(json.dumps(line).encode(), RequestLayout(), NOW)
    assert request is not None
    assert request.answer is Answer.INVALID_GRANT
    assert "canary" not in repr(request)
    assert len(error_text("x" * 100_000)) == len(error_text(["x" * 100_000])) <= 4000
    assert error_text(None) == error_text(42) == error_text({}) == ""


def test_an_error_that_is_nested_too_deeply_says_nothing() -> None:
    """What could be decoded may be too deep to be written again: it breaks no more than its line."""
    line = f'{{"time": "{NOW.isoformat()}", "status": 403, "host": "sellingpartnerapi-eu.amazon.com", "error": '
    read = set()
    for depth in range(1, 4000, 3):
        with suppress(ValueError):  # too deep to be read at all
            request = read_line((line + "[" * depth + "]" * depth + "}").encode(), RequestLayout(), NOW)
            read.add(request.answer if request else None)
    assert read == {Answer.DENIED}


def counted(
    *told: tuple[Answer, int, int], seller: str | None = "A1"
) -> dict[str, tuple[dict[Answer, Streak], int, int]]:
    """What is kept of answers at some minutes before now, so many times."""
    tally = Tally()
    for answer, ago, times in told:
        tally.add(answer, NOW - ago * MINUTE, application="orders", client_id=None, seller=seller, count=times)
    return {
        str(one.handle): (dict(one.streaks), *(one.days.get(NOW.toordinal(), DayCount(0, 0))))
        for one in tally.answered(LOG)
    }


def test_an_answer_is_counted_for_whom_it_concerns() -> None:
    """A client secret is the application's, a grant the seller's; a call is both's, an exchange is no call."""
    found = counted(
        (Answer.INVALID_CLIENT, 9, 1), (Answer.INVALID_GRANT, 8, 2), (Answer.THROTTLED, 7, 5), (Answer.ACCEPTED, 6, 95)
    )
    accepted = Streak(NOW - 6 * MINUTE, NOW - 6 * MINUTE, 95)
    application, seller = found["application:orders"], found["authorisation:orders/A1"]
    assert application == (
        {Answer.INVALID_CLIENT: Streak(NOW - 9 * MINUTE, NOW - 9 * MINUTE, 1), Answer.ACCEPTED: accepted}, 100, 5
    )  # fmt: skip
    assert seller == (
        {Answer.INVALID_GRANT: Streak(NOW - 8 * MINUTE, NOW - 8 * MINUTE, 2), Answer.ACCEPTED: accepted}, 100, 5
    )  # fmt: skip
    nameless = counted((Answer.INVALID_GRANT, 8, 2), seller=None)
    assert list(nameless["application:orders"][0]) == [Answer.INVALID_GRANT]


def test_a_refusal_after_a_success_is_the_first_again() -> None:
    """What was refused before it is over, and no part of the streak."""
    found = counted(
        (Answer.INVALID_CLIENT, 9, 1),
        (Answer.INVALID_CLIENT, 8, 1),
        (Answer.EXCHANGED, 5, 1),
        (Answer.INVALID_CLIENT, 3, 1),
        (Answer.INVALID_CLIENT, 2, 1),
    )
    assert found["application:orders"][0][Answer.INVALID_CLIENT] == Streak(NOW - 3 * MINUTE, NOW - 2 * MINUTE, 2)
