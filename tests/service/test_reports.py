"""`POST /v1/calls` over HTTP: who may report, what is answered, and that what was answered is kept."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest

from keywatch.model.source import Skipped
from keywatch.model.standing import Basis
from keywatch.reporter import Reporter
from keywatch.service.assembly import Keywatch
from keywatch.service.receiving import LARGEST
from tests.service.installation import DAY, Installation

TOKEN = "a-token-of-a-test-" + "0" * 10
CONFIG = """
[http]
listen = "127.0.0.1:0"
[[key]]
name = "orders secret"
kind = "lwa-client-secret"
application = "orders"
created = 2026-01-01
[[reporter]]
name = "orders"
token = "file:HERE/token"
applications = ["orders"]
"""
ORDER = {
    "id": "1",
    "time": "2026-11-23T11:59:00Z",
    "status": 200,
    "application": "orders",
    "host": "sellingpartnerapi-eu.amazon.com",
}


@contextmanager
def serving(here: Installation) -> Iterator[tuple[Keywatch, httpx.Client]]:
    """A daemon's HTTP server without its schedule, and a client with the token."""
    here.configure(CONFIG)
    if not (here.directory / "token").exists():
        here.write("token", TOKEN + "\n")
    with here.open() as keywatch:
        _, web = keywatch.daemon()
        with web, httpx.Client(base_url=web.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            yield keywatch, client


def test_a_reported_call_makes_a_standing(here: Installation) -> None:
    """Once it is answered it is in the store, and counted; telling it again changes nothing."""
    with serving(here) as (keywatch, client):
        answers = [client.post("/v1/calls", json={"calls": [ORDER]}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == {"accepted": 1, "ignored": 0, "repeated": 0, "rejected": 0, "reasons": []}
        assert answers[1].json() == {"accepted": 0, "ignored": 0, "repeated": 1, "rejected": 0, "reasons": []}
        assert len(keywatch._store.evidence()) == 1
        assert (
            'keywatch_reported_calls_total{outcome="success",source="reported:orders"} 1.0'
            in client.get("/metrics").text
        )
        assert keywatch._news.is_set()
    here.cycle()
    assert here.standings()["orders secret"].basis is Basis.PROVEN


def test_a_reporter_may_speak_for_several_keys(here: Installation) -> None:
    """What it covers is kept with the names of them all."""
    config = CONFIG.replace('applications = ["orders"]', 'keys = ["first key", "second key"]')
    declared = "".join(f'[[key]]\nname = "{name} key"\nkind = "other"\n' for name in ("first", "second"))
    here.configure(config + declared)
    here.write("token", TOKEN + "\n")
    with here.open() as keywatch:
        _, web = keywatch.daemon()
        with web, httpx.Client(base_url=web.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            call = {"id": "1", "time": "2026-11-23T11:59:00Z", "outcome": "success", "key": "second key"}
            answer = client.post("/v1/calls", json={"calls": [call]})
            assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    here.cycle()
    assert here.source("reported:orders").failing_since is None
    assert here.standings()["second key"].basis is Basis.PROVEN


def test_lines_may_be_sent_and_bad_ones_are_told(here: Installation) -> None:
    """The answer says which, and why; only a report without anything good in it is refused."""
    with serving(here) as (_, client):
        lines = {"Content-Type": "application/x-ndjson"}
        body = json.dumps(ORDER) + "\n{}\n"
        answer = client.post("/v1/calls", content=body, headers=lines)
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
        assert answer.json()["reasons"] == [{"index": 1, "id": None, "why": "no time"}]
        assert client.post("/v1/calls", content="{}\n", headers=lines).status_code == 422


def test_without_the_token_nothing_is_taken(here: Installation) -> None:
    """And it is said how to show it."""
    with serving(here) as (keywatch, client):
        for shown in ("Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9", ""):
            headers = {"Authorization": shown.encode("latin-1")}
            answer = client.post("/v1/calls", json={"calls": [ORDER]}, headers=headers)  # type: ignore[arg-type]
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert "Bearer TOKEN" in answer.json()["hint"]
        assert keywatch._store.evidence() == []


def test_a_new_token_needs_no_restart_and_a_short_one_opens_nothing(here: Installation) -> None:
    """It is read for each request."""
    with serving(here) as (_, client):
        here.write("token", "another-" + TOKEN)
        assert client.post("/v1/calls", json={"calls": []}).status_code == 401
        here.write("token", "short")
        assert (
            client.post("/v1/calls", json={"calls": []}, headers={"Authorization": "Bearer short"}).status_code == 401
        )
        (here.directory / "token").unlink()
        assert client.post("/v1/calls", json={"calls": []}).status_code == 401


REFUSED = [
    (b"{", {"Content-Type": "application/json"}, 400),
    (b"x=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    (b"{}", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
    (b" " * (LARGEST + 1), {"Content-Type": "application/json"}, 413),
]


def test_what_is_no_report_is_refused_with_a_sentence(here: Installation) -> None:
    """By the status that fits, and what to do."""
    with serving(here) as (_, client):
        for body, headers, status in REFUSED:
            answer = client.post("/v1/calls", content=body, headers=headers)
            assert answer.status_code == status
            assert answer.json()["error"]
            assert answer.json()["hint"]
        assert client.get("/v1/calls").status_code == 405


def test_check_says_whether_the_token_can_be_used(here: Installation) -> None:
    """Without telling it."""
    with serving(here) as (keywatch, _):
        (source,) = [planned.build() for planned in keywatch.sources if planned.id == "reported:orders"]
        assert list(source.check()) == ["bearer token"]
        here.write("token", "short")
        (missing,) = source.check()
        assert isinstance(missing, Skipped)
        assert "less than 16" in missing.why


def test_an_endless_body_is_cut_off_where_it_is_too_long(here: Installation) -> None:
    """Whoever sends without a length is stopped as well; and the server serves the next one."""
    with serving(here) as (_, client):
        address = urlsplit(str(client.base_url))
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as raw:
            head = f"POST /v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
            raw.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            with suppress(OSError):  # it hangs up, as it should
                for _ in range(4 * LARGEST // 65536):
                    raw.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        assert client.post("/v1/calls", json={"calls": []}).status_code == 200


def test_where_nobody_may_report_there_is_no_such_address(here: Installation) -> None:
    """An installation without a reporter has nothing to attack."""
    here.configure('[http]\nlisten = "127.0.0.1:0"\n[[key]]\nname = "x"\nkind = "other"\n')
    with here.open() as keywatch:
        _, web = keywatch.daemon()
        with web:
            assert httpx.post(f"{web.url}/v1/calls", json={}).status_code == 404


def test_a_reporter_that_falls_silent_is_told_of_once_and_again_when_it_speaks(here: Installation) -> None:
    """A dead program looks like an idle key otherwise."""
    with serving(here) as (_, client):
        assert client.post("/v1/calls", json={"calls": [ORDER]}).status_code == 200
    assert not any("reported:orders" in line for line in here.news())
    here.now += 2 * DAY
    assert next(line for line in here.news() if "reported:orders" in line).startswith("fired: ")
    assert here.standings()["orders secret"].basis is Basis.UNKNOWN
    assert here.news() == []
    with serving(here) as (_, client):
        assert client.post("/v1/calls", json={"calls": []}).status_code == 200
    assert next(line for line in here.news() if "reported:orders" in line).startswith("resolved: ")
    assert here.standings()["orders secret"].basis is Basis.PROVEN


def test_a_program_reports_what_it_calls(here: Installation, caplog: pytest.LogCaptureFixture) -> None:
    """The reporter that comes with keywatch is understood by keywatch, and says what is not taken."""
    call = {"status": 200, "host": "sellingpartnerapi-na.amazon.com", "method": "GET", "path": "/orders/v0/orders?a=b"}
    here.now = datetime.now(UTC)
    with serving(here) as (keywatch, client):
        reporter = Reporter(str(client.base_url), TOKEN, application="orders", interval=3600)
        reporter.call(**call)  # type: ignore[arg-type]
        assert reporter.flush(20)
        assert [item.handle.value for item in keywatch._store.evidence()] == ["orders"]
        assert not caplog.records
        reporter.call(**call | {"application": "prices"})  # type: ignore[arg-type]
        assert reporter.flush(20)
        assert "not of an application that this reporter speaks for" in caplog.text
        reporter.close()
