"""What answers give away at once: a client secret or a seller that Amazon refuses, and a seller who is throttled."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.calls.test_application_notices import Queue
from tests.calls.test_secret_notice import SECRET, expiry, new_secret
from tests.service.installation import DAY, Installation

HOST = "sellingpartnerapi-eu.amazon.com"
CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2
CONFIG = f"""
[[key]]
name = "orders secret"
kind = "lwa-client-secret"
application = "orders"
client_id = "{CLIENT}"
owner = "orders-team"
created = 2026-11-01
[[key]]
name = "seller one"
kind = "lwa-refresh-token"
application = "orders"
seller = "A1EXAMPLE"
owner = "sales-team"
created = 2026-11-01
[[request_log]]
name = "orders"
path = "HERE/requests.jsonl"
"""
DOWN = "application orders: Amazon refuses its client secret (invalid_client)"
GONE = "seller A1EXAMPLE of application orders: Amazon refuses the refresh token (invalid_grant)"


@pytest.fixture
def orders(here: Installation) -> Installation:
    here.configure(CONFIG)
    (here.directory / "requests.jsonl").write_text("")
    log(here)
    here.cycle()
    return here


def log(here: Installation, status: int = 200, *, ago: float = 0, times: int = 1, **more: object) -> None:
    """The application makes a call to SP-API, `ago` seconds before now."""
    record = {
        "time": (here.now - timedelta(seconds=ago)).isoformat(),
        "status": status,
        "application": "orders",
        "seller": "A1EXAMPLE",
        "host": HOST,
        "path": "/orders/v0/orders",
    }
    with Path(here.directory / "requests.jsonl").open("a") as file:
        file.write((json.dumps(record | more) + "\n") * times)


def exchange(here: Installation, status: int = 200, error: object = None, **more: object) -> None:
    """The application asks for an access token."""
    log(here, status, host="api.amazon.com", path="/auth/o2/token", error=error, **more)  # type: ignore[arg-type]


def test_an_application_that_is_refused_is_told_at_once_and_once(orders: Installation) -> None:
    """To its owner, until a token is given again."""
    exchange(orders, 401, {"error": "invalid_client", "error_description": "Client authentication failed"})
    assert [f"fired: {DOWN} -> console"] == orders.news()
    with orders.open() as keywatch:
        (alert,) = [alert for alert in keywatch._store.alerts() if alert.problem.title == DOWN]
    assert ("orders-team", "critical") == (alert.problem.owner, alert.problem.severity.value)
    exchange(orders, 401, "invalid_client")
    assert [] == orders.news()
    exchange(orders)
    assert [f"resolved: {DOWN} -> console"] == orders.news()


def test_a_call_with_an_older_token_does_not_show_that_the_secret_works(orders: Installation) -> None:
    """Access tokens outlive the secret by an hour; a call that succeeds after that was made with a new one."""
    exchange(orders, 401)
    assert [f"fired: {DOWN} -> console"] == orders.news()
    log(orders)
    assert [] == orders.news()
    orders.now += timedelta(hours=1, minutes=5)
    log(orders)
    assert [f"resolved: {DOWN} -> console"] == orders.news()


def test_a_seller_who_ended_the_authorisation_is_one_seller(orders: Installation) -> None:
    """The token's owner hears of it, with what to do; the other sellers go on."""
    exchange(orders, 400, '{"error":"invalid_grant"}')
    log(orders, seller="A2EXAMPLE")
    assert [f"fired: {GONE} -> console"] == orders.news()
    exchange(orders, seller="A2EXAMPLE")
    assert [] == orders.news()
    exchange(orders)
    assert [f"resolved: {GONE} -> console"] == orders.news()


def test_two_programs_of_which_one_has_the_old_secret_are_not_told_each_hour(orders: Installation) -> None:
    """What came back once is over when an hour has brought no refusal."""
    told = []
    for _ in range(4):
        for status in (401, 200):
            exchange(orders, status)
            told += [line.partition(":")[0] for line in orders.news()]
    assert ["fired", "resolved", "regressed"] == told
    orders.now += timedelta(hours=1, minutes=5)
    exchange(orders)
    assert [f"resolved: {DOWN} -> console"] == orders.news()


def test_while_an_application_is_refused_nothing_is_said_of_its_sellers(orders: Installation) -> None:
    """They are neither told, thousands of them, nor taken back."""
    exchange(orders, 400, "invalid_grant")
    assert [f"fired: {GONE} -> console"] == orders.news()
    exchange(orders, 401, "invalid_client")
    exchange(orders, 400, "invalid_grant", seller="A2EXAMPLE")
    assert [f"fired: {DOWN} -> console"] == orders.news()
    exchange(orders)
    news = orders.news()
    assert f"resolved: {DOWN} -> console" in news
    assert f"resolved: {GONE} -> console" in news


def test_a_seller_whose_calls_are_throttled_is_told_with_figures(orders: Installation) -> None:
    """Of so many calls so many, by whom it was counted, and as of when."""
    log(orders, times=180)
    log(orders, 429, times=20)
    title = "seller A1EXAMPLE of application orders: 10.0% of its calls are throttled"
    assert [f"fired: {title} -> console"] == [line for line in orders.news() if "throttled" in line]
    with orders.open() as keywatch:
        (alert,) = [alert for alert in keywatch._store.alerts() if alert.problem.kind.value == "seller-throttled"]
    facts = dict(alert.problem.facts)
    assert "20 of 201 calls were answered 429; up to 5.0% may be" == facts["What"]
    assert "from 2026-11-17 to 2026-11-23, UTC" in facts["Evidence"]
    assert "request-log:orders counted 20 of 201 (has seen calls since 2026-11-23 only)" in facts["Evidence"]
    assert ("low", "sales-team") == (alert.problem.severity.value, alert.problem.owner)
    log(orders, times=400)
    assert [f"resolved: {title} -> console"] == orders.news()


def test_a_notice_of_amazons_sets_when_a_client_secret_ends(
    here: Installation, aws_url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """And a new one, of which nothing is kept but its date, gives the old one a week."""
    queue = Queue(aws_url)
    here.configure(
        CONFIG + f'[[application_notices]]\nname = "sp-api"\nqueue = "{queue.url}"\nendpoint_url = "{aws_url}"\n'
    )
    (here.directory / "requests.jsonl").write_text("")
    ends = expiry(clientSecretExpiryTime=(here.now + 20 * DAY).isoformat())
    queue.say(ends | {"eventTime": here.now.isoformat()})
    title = "LWA client secret orders secret: "

    def news() -> list[str]:
        return [line.replace(title, "") for line in here.news() if title in line]

    assert ["fired: expires in 20 days -> console"] == news()
    rotated = new_secret(oldClientSecretExpiryTime=(here.now + 7 * DAY).isoformat())
    queue.say(rotated | {"eventTime": here.now.isoformat()})
    assert ["changed: the old one ends in 7 days -> console"] == news()
    here.configure(here.config.replace("created = 2026-11-01", "created = 2026-11-23", 1))
    assert [f"resolved: {title}the old one ends in 7 days -> console"] == [
        line for line in here.news() if title in line
    ]
    written = capfd.readouterr()
    assert SECRET not in caplog.text + written.out + written.err
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in here.directory.rglob("*") if path.is_file())
